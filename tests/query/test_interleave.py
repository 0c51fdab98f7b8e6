"""Covers what threads may do in another order, under the model checker: each scenario in hundreds of schedules.

And that the checker would see it: with a lock left out, or a wake-up lost, the same scenarios fail.
"""

import random
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest
from tests.query.scenario import Runs, engine_of, outcome

from jeton.query import Cancelled, Db, Engine, Fixpoint, compute, demand, input, query  # noqa: A004  the engine's word
from jeton.query.gate import Gate
from jeton.query.node import RUNNING, Frame, Node, State, Wake
from jeton.query.waits import Waits
from jeton.sync import primitives
from jeton.testing import Explorer, ScheduleFailed

pytestmark = pytest.mark.concurrency

NOTED = Runs()


@input
def level() -> int:
    return 1


@query
def bottom(db: Db) -> int:
    NOTED.note("bottom")
    return level(db)


@query
def top(db: Db) -> int:
    NOTED.note("top")
    return bottom(db) + level(db)


@query(transient=(OSError,))
def shaky(db: Db) -> int:
    NOTED.note("shaky")
    if len(NOTED._noted) == 1:
        raise OSError("once")
    return level(db)


@query
def broken(db: Db) -> int:
    NOTED.note("broken")
    raise ValueError("always")


@query
def ring_of_two(db: Db, at: int) -> int:
    return ring_of_two(db, 1 - at)


@query
def ring_of_three(db: Db, at: int) -> int:
    return ring_of_three(db, (at + 1) % 3)


@query(on_cycle=Fixpoint(lambda _at: frozenset()))
def reach(db: Db, at: int) -> frozenset[int]:
    return frozenset({at}) | reach(db, 1 - at)


@query
def item(db: Db, at: int) -> int:
    NOTED.note(at)
    return bottom(db) + at


@query
def mapped(db: Db, at: int) -> int:
    return sum(db.map(item, range(at, at + 3)))


@query
def left(db: Db) -> int:
    return right(db)


@query
def right(db: Db) -> int:
    return sum(db.map(way_back, [1, 2, 3]))


@query
def way_back(db: Db, at: int) -> int:
    return left(db) if at == 2 else at


@query(lru=1)
def narrow(db: Db, at: int) -> int:
    return at + level(db)


@query
def reads_narrow(db: Db, at: int) -> int:
    return narrow(db, at) + narrow(db, at + 1) + narrow(db, at)


@input
def edges(at: int) -> tuple[int, ...]:
    return ()


@query
def adds(db: Db, at: int) -> int:
    return at + sum(adds(db, one) for one in edges(db, at))


@query
def adds_by_maps(db: Db, at: int) -> int:
    return at + sum(db.map(adds_by_maps, edges(db, at)))


@query(on_cycle=Fixpoint(lambda _at: frozenset()))
def collects(db: Db, at: int) -> frozenset[int]:
    return frozenset({at}).union(*(collects(db, one) for one in edges(db, at)))


Ask = Callable[[], Any]


def all_at_once(*asks: Ask) -> list[Any]:
    """Make the calls on threads of the schedule, and return what they give or fail with."""
    found: list[Any] = [None] * len(asks)

    def run(at: int) -> None:
        found[at] = outcome(asks[at])

    sync = primitives()
    threads = [sync.start(lambda at=at: run(at), f"asks {at}") for at in range(len(asks))]  # type: ignore[misc]
    for thread in threads:
        thread.join()
    return found


def fresh(jobs: int = 2) -> Engine:
    NOTED.take()
    return engine_of(jobs, shards=1)


# Scenarios. Each makes an engine and asserts what holds in every order.


def two_ask_for_one() -> None:
    with fresh() as engine:
        assert all_at_once(lambda: top(engine.begin()), lambda: top(engine.begin())) == [2, 2]
        assert sorted(NOTED.take()) == ["bottom", "top"]


def two_ask_after_a_change() -> None:
    with fresh() as engine:
        top(engine.begin())
        engine.set(level.at(), 5)
        NOTED.take()
        assert all_at_once(lambda: top(engine.begin()), lambda: bottom(engine.begin())) == [10, 5]
        assert sorted(NOTED.take()) == ["bottom", "top"]


def a_failure_wakes_all() -> None:
    with fresh() as engine:
        assert all_at_once(*[lambda: broken(engine.begin())] * 3) == ["ValueError: always"] * 3
        assert NOTED.take() == ["broken"]


def who_waits_takes_over_from_a_transient_failure() -> None:
    with fresh() as engine:
        assert sorted(map(str, all_at_once(*[lambda: shaky(engine.begin())] * 2))) == ["1", "OSError: once"]
        assert NOTED.take() == ["shaky", "shaky"]


def two_close_a_ring() -> None:
    with fresh() as engine:
        found = all_at_once(*[lambda at=at: ring_of_two(engine.begin(), at) for at in range(2)])
        assert set(found) == {
            "CycleError: ring_of_two(0): depends on itself: ring_of_two(0) -> ring_of_two(1) -> ring_of_two(0)"
        }


def three_close_a_ring() -> None:
    with fresh(3) as engine:
        found = all_at_once(*[lambda at=at: ring_of_three(engine.begin(), at) for at in range(3)])
        assert len(set(found)) == 1
        assert str(found[0]).startswith("CycleError: ring_of_three(0)")


def two_enter_a_fixpoint() -> None:
    with fresh() as engine:
        found = all_at_once(*[lambda at=at: reach(engine.begin(), at) for at in range(2)])
        assert found == [frozenset({0, 1})] * 2


def a_map_with_a_helper() -> None:
    with fresh() as engine:
        db = engine.begin()
        assert mapped(db, 0) == 6
        assert sorted(map(str, NOTED.take())) == ["0", "1", "2", "bottom"]


def two_maps_that_share() -> None:
    with fresh() as engine:
        assert all_at_once(*[lambda at=at: mapped(engine.begin(), at) for at in range(2)]) == [6, 9]
        assert sorted(map(str, NOTED.take())) == ["0", "1", "2", "3", "bottom"]


def helpers_that_help_into_a_ring() -> None:
    with fresh() as engine:
        found = all_at_once(lambda: left(engine.begin()), lambda: right(engine.begin()))
        assert set(found) == {"CycleError: left(): depends on itself: left() -> right() -> way_back(2) -> left()"}


def a_cancel_beside_two() -> None:
    with fresh() as engine:
        found = all_at_once(lambda: top(engine.begin()), lambda: top(engine.begin()), engine.cancel)
        assert set(map(str, found)) <= {"2", "Cancelled", "None"}
        assert top(engine.begin()) == 2


def a_set_beside_two() -> None:
    def see(engine: Engine) -> tuple[int, int]:
        db = engine.begin()
        return level(db), top(db)

    with fresh() as engine:
        found = all_at_once(lambda: see(engine), lambda: see(engine), lambda: engine.set(level.at(), 5))
        assert set(map(str, found[:2])) <= {"(1, 2)", "(5, 10)", "Cancelled"}
        assert see(engine) == (5, 10)


def two_sets_at_once() -> None:
    with fresh() as engine:
        top(engine.begin())
        all_at_once(lambda: engine.set(level.at(), 5), lambda: engine.set(level.at(), 7), engine.refresh)
        db = engine.begin()
        assert level(db) in (5, 7)
        assert top(db) == 2 * level(db)


def a_cancel_beside_a_map() -> None:
    with fresh() as engine:
        found = all_at_once(lambda: mapped(engine.begin(), 0), engine.cancel)
        assert found[0] in (6, "Cancelled")
        assert mapped(engine.begin(), 0) == 6


def a_close_beside_a_map() -> None:
    engine = fresh()
    found = all_at_once(lambda: mapped(engine.begin(), 0), engine.close)
    assert str(found[0]).startswith(("6", "Cancelled", "EngineClosedError"))
    engine.close()


def two_push_values_out() -> None:
    with fresh() as engine:
        assert all_at_once(*[lambda at=at: reads_narrow(engine.begin(), at) for at in (0, 1)]) == [4, 7]


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        two_ask_for_one,
        two_ask_after_a_change,
        a_failure_wakes_all,
        who_waits_takes_over_from_a_transient_failure,
        two_close_a_ring,
        three_close_a_ring,
        two_enter_a_fixpoint,
        a_map_with_a_helper,
        two_maps_that_share,
        helpers_that_help_into_a_ring,
        a_cancel_beside_two,
        a_set_beside_two,
        two_sets_at_once,
        a_cancel_beside_a_map,
        a_close_beside_a_map,
        two_push_values_out,
    )
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_it_holds_in_every_order(scenario: Callable[[], None], explore_threads: Explorer) -> None:
    explore_threads(scenario, schedules=300)


# Random graphs, with rings.


def a_graph(seed: int) -> tuple[dict[int, tuple[int, ...]], list[int]]:
    """Draw a graph, and at which of its nodes two or three threads enter it."""
    draw = random.Random(seed)
    size = draw.randrange(2, 6)
    graph = {at: tuple(draw.randrange(size) for _ in range(draw.choice([0, 1, 1, 2, 2, 3]))) for at in range(size)}
    return graph, [draw.randrange(size) for _ in range(draw.choice([2, 2, 3]))]


FOUND_ONCE = {
    "helpers asleep in a ring": ({0: (2, 2, 1), 1: (2, 1), 2: (0,)}, [2, 0]),
    "an untrue demand": ({0: (1, 2, 2), 1: (0,), 2: (0,)}, [2, 1]),
    "a provisional value": ({0: (1,), 1: (0,)}, [0, 1]),
    "three in two rings": ({0: (4, 3), 1: (), 2: (4, 3), 3: (4,), 4: (0, 1, 4)}, [0, 1, 3]),
}


@pytest.mark.parametrize("of", [adds, adds_by_maps, collects], ids=["adds", "maps", "fixpoint"])
@pytest.mark.parametrize(
    ("graph", "entries"),
    [*FOUND_ONCE.values(), *(a_graph(seed) for seed in range(12))],
    ids=[*FOUND_ONCE, *map(str, range(12))],
)
def test_a_graph_gives_the_same_whoever_enters_it_where(
    of: Any, graph: dict[int, tuple[int, ...]], entries: list[int], explore_threads: Explorer
) -> None:
    def made(jobs: int) -> Engine:
        engine = fresh(jobs)
        engine.set_all([(edges.at(at), graph[at]) for at in graph])
        return engine

    with made(1) as engine:
        expected = {at: outcome(lambda: of(engine.begin(), at)) for at in graph}  # noqa: B023  called at once

    def scenario() -> None:
        with made(2) as engine:
            found = all_at_once(*[lambda at=at: of(engine.begin(), at) for at in entries])
            assert found == [expected[at] for at in entries]
            db = engine.begin()
            assert {at: outcome(lambda: of(db, at)) for at in graph} == expected  # noqa: B023  called at once

    explore_threads(scenario, schedules=60)


# Planted bugs.


class NoLock:
    """Stands where a lock ought to be."""

    def acquire(self) -> bool:
        primitives().switch("without a lock")
        return True

    def release(self) -> None:
        primitives().switch("without a lock")

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.release()


# Each does what the function of its name does, with another thread let in where its lock keeps them out.


def claim_in_two_steps(node: Node, state: State) -> None:
    primitives().switch("has seen a node that nobody computes")
    NODE_BECOME(node, state)


def look_for_a_ring_and_then_sleep(waits: Waits, frame: Frame, node: Node) -> Any:
    found = LOOK_FOR_RING(waits, frame, node)
    primitives().switch("has seen no ring")
    return found


def leave_and_tell_nobody(gate: Gate) -> None:
    with gate.lock:
        gate._inside -= 1


def list_oneself_too_late(node: Node, wake: Wake) -> bool:
    if node.state is not RUNNING:
        return False
    primitives().switch("has seen that the node runs")
    with node.shard.lock:
        node.shard.waiting.setdefault(node, []).append(wake)
    return True


def settle_and_wake_nobody(node: Node, state: State) -> None:
    with node.shard.lock:
        node.become(state)
        node.frame = None
        node.shard.waiting.pop(node, None)


NODE_BECOME = Node.become
LOOK_FOR_RING = Waits._ring


def unlocked(engine: Engine, part: str) -> Engine:
    """Take a lock out of an engine."""
    if part == "shard":
        engine._core.shards[0].lock = NoLock()
    else:
        engine._core.waits._lock = NoLock()
    return engine


@pytest.mark.parametrize(
    ("part", "where", "name", "bug", "scenario"),
    [
        pytest.param("shard", Node, "become", claim_in_two_steps, two_ask_for_one, id="claim"),
        pytest.param("waits", Waits, "_ring", look_for_a_ring_and_then_sleep, two_close_a_ring, id="ring"),
        pytest.param("", Gate, "leave", leave_and_tell_nobody, a_cancel_beside_two, id="gate"),
        pytest.param("", demand, "wait_for", list_oneself_too_late, two_ask_for_one, id="wake-up"),
        pytest.param("", compute, "settle", settle_and_wake_nobody, a_failure_wakes_all, id="failure"),
    ],
)
def test_a_planted_bug_is_found(
    part: str,
    where: Any,
    name: str,
    bug: Any,
    scenario: Callable[[], None],
    explore_threads: Explorer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if part:
        monkeypatch.setitem(globals(), "fresh", lambda jobs=2, make=fresh: unlocked(make(jobs), part))
    monkeypatch.setattr(where, name, bug)
    with pytest.raises(ScheduleFailed):
        explore_threads(scenario, schedules=3000, max_steps=5000)


def test_cancelled_is_what_a_stale_db_raises_in_every_order(explore_threads: Explorer) -> None:
    def scenario() -> None:
        with fresh() as engine:
            db = engine.begin()
            level(db)

            def ask() -> int:
                return level(db)

            found = all_at_once(ask, lambda: engine.set(level.at(), 5))
            assert found[0] in (1, "Cancelled")
            with pytest.raises(Cancelled):
                level(db)

    explore_threads(scenario, schedules=500)
