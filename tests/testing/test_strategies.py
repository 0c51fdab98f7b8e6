"""Covers the strategies: that depth first runs each schedule once and says when it has, and that chance repeats."""

from collections import Counter
from itertools import pairwise
from math import comb

import pytest

from jeton.sync import primitives
from jeton.testing import DepthFirst, Pct, Random, Replay, Strategy, explore

pytestmark = pytest.mark.concurrency


class Orders:
    """A scenario of threads that each note some steps of theirs; counts the orders that came about."""

    def __init__(self, *steps: int) -> None:
        self.steps = steps
        self.seen: Counter[str] = Counter()

    def __call__(self) -> None:
        sync = primitives()
        order: list[str] = []

        def note(name: str, times: int) -> None:
            for _ in range(times):
                sync.switch("before a step")
                order.append(name)

        threads = [
            sync.start(lambda name="abc"[number], times=times: note(name, times), "abc"[number])  # type: ignore[misc]
            for number, times in enumerate(self.steps)
        ]
        for thread in threads:
            thread.join()
        self.seen["".join(order)] += 1


def switches(order: str) -> int:
    return sum(left != right for left, right in pairwise(order))


def test_depth_first_without_a_bound_sees_every_order() -> None:
    orders = Orders(3, 3)
    explored = explore(orders, strategies=[DepthFirst(None)], schedules=100_000)
    assert explored.is_complete
    assert len(orders.seen) == comb(6, 3)


def test_depth_first_runs_no_schedule_twice_within_a_bound() -> None:
    """The names of schedules are their choices, so two of one name are one schedule."""
    names: list[str] = []

    class Noting(DepthFirst):
        def begin(self) -> str | None:
            name = super().begin()
            if name is not None:
                names.append(name)
            return name

    explore(Orders(2, 2), strategies=[Noting(None)], schedules=100_000)
    assert len(set(names)) == len(names) > comb(4, 2)


def test_depth_first_keeps_to_its_bound() -> None:
    for bound in range(3):
        orders = Orders(3, 3)
        strategy = DepthFirst(bound)
        explored = explore(orders, strategies=[strategy], schedules=100_000)
        assert strategy.is_exhausted
        assert not explored.is_complete
        # A thread's end gives one switch for nothing, and nothing else does.
        assert max(map(switches, orders.seen)) == bound + 1


def test_bound_that_cut_nothing_is_complete() -> None:
    strategy = DepthFirst(50)
    explored = explore(Orders(2, 1), strategies=[strategy], schedules=100_000)
    assert explored.is_complete
    assert strategy.is_exhausted


def test_mix_ends_when_all_has_been_seen() -> None:
    explored = explore(lambda: None)
    assert (explored.schedules, explored.is_complete) == (1, True)


def test_depth_first_goes_by_the_number_of_preemptions() -> None:
    orders = Orders(3, 3)
    explore(orders, strategies=[DepthFirst(2)], schedules=100_000)
    first_seen = [switches(order) for order in orders.seen]  # a Counter keeps the order of arrival
    assert first_seen == sorted(first_seen)


@pytest.mark.parametrize("strategy", [Random, Pct])
def test_one_seed_gives_one_order(strategy: type[Random | Pct]) -> None:
    def orders(seed: int) -> list[str]:
        found = Orders(2, 2, 2)
        explore(found, strategies=[strategy(seed)], schedules=30)
        return list(found.seen.items())  # type: ignore[arg-type]

    assert orders(5) == orders(5)
    assert orders(5) != orders(500)


def test_next_schedule_is_that_of_the_next_seed() -> None:
    later, both = Orders(3, 3), Orders(3, 3)
    explore(both, strategies=[Random(8)], schedules=2)
    explore(later, strategies=[Random(9)], schedules=1)
    assert set(later.seen) <= set(both.seen)


def test_random_sees_every_order_of_few() -> None:
    orders = Orders(2, 2)
    explore(orders, strategies=[Random()], schedules=300)
    assert len(orders.seen) == comb(4, 2)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_pct_preempts_fewer_times_than_its_depth(depth: int) -> None:
    """Its main thread starts the others, which are higher or lower: that is one switch each beside the changes."""
    orders = Orders(4, 4)
    explore(orders, strategies=[Pct(0, depth)], schedules=300)
    assert max(map(switches, orders.seen)) <= depth


def test_replay_takes_numbers_or_a_list() -> None:
    strategies: list[Strategy] = [Replay([0, 0, 0, 0, 1]), Replay({4: 1})]
    assert len({strategy.begin() for strategy in strategies}) == 1
    listed, numbered = Orders(2, 2), Orders(2, 2)
    explore(listed, strategies=[strategies[0]], schedules=1)
    explore(numbered, strategies=[strategies[1]], schedules=1)
    assert listed.seen == numbered.seen == Counter({"abba": 1})


def test_what_stands_around_set_is_seen_with_the_signal_and_without() -> None:
    seen: set[tuple[str, bool]] = set()

    def scenario() -> None:
        sync = primitives()
        signal = sync.signal("flag")
        log = [""]

        def setter() -> None:
            log[0] = "before"
            signal.set()
            log[0] = "after"

        thread = sync.start(setter, "setter")
        is_set = signal.is_set
        seen.add((log[0], is_set))
        thread.join()

    assert explore(scenario, strategies=[DepthFirst(None)]).is_complete
    assert seen == {("", False), ("before", False), ("before", True), ("after", True)}
