"""Covers chains far deeper than a thread's stack, and functions that recurse by themselves within queries."""

import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.query.scenario import Runs, engine_of, outcome, together

from jeton.query import CycleError, Db, Engine, input, query  # noqa: A004  the engine's word

LONG = 100_000
NOTED = Runs()


@input
def bottom() -> int:
    return 0


@query
def chain(db: Db, number: int) -> int:
    NOTED.note(number)
    return bottom(db) if number == 0 else chain(db, number - 1) + 1


@query
def flat(db: Db, number: int) -> int:
    NOTED.note(number)
    return bottom(db) % 2 if number == 0 else flat(db, number - 1)


@pytest.fixture(autouse=True)
def _limit_is_restored() -> Iterator[None]:
    before = sys.getrecursionlimit()
    NOTED.take()
    yield
    NOTED.take()
    assert sys.getrecursionlimit() == before
    assert not [thread for thread in threading.enumerate() if "deep" in thread.name]


def test_a_chain_of_a_hundred_thousand_is_computed_and_again_after_a_change_at_its_bottom() -> None:
    with engine_of() as engine:
        assert chain(engine.begin(), LONG) == LONG
        engine.set(bottom.at(), 5)
        assert chain(engine.begin(), LONG) == LONG + 5
        assert len(NOTED.take()) == 2 * (LONG + 1)
        engine.cancel()
        assert chain(engine.begin(), LONG) == LONG + 5
        assert NOTED.take() == []


def test_a_long_chain_is_cut_off_at_its_bottom() -> None:
    with engine_of() as engine:
        assert flat(engine.begin(), LONG) == 0
        NOTED.take()
        engine.set(bottom.at(), 2)
        assert flat(engine.begin(), LONG) == 0
        assert NOTED.take() == [0]


def test_a_long_ring_is_one_error() -> None:
    size = 1_000

    @query
    def ring(db: Db, number: int) -> int:
        return ring(db, (number + 1) % size)

    with engine_of() as engine, pytest.raises(CycleError) as caught:
        ring(engine.begin(), 17)
    assert len(caught.value.ring) == size


def test_a_failure_at_the_bottom_comes_to_the_top(engine: Engine) -> None:
    @query
    def falls(db: Db, number: int) -> int:
        if number == 0:
            raise ValueError("at the bottom")
        return falls(db, number - 1)

    for _ in range(2):
        with pytest.raises(ValueError, match="at the bottom"):
            falls(engine.begin(), 3_000)
        engine.cancel()


def test_an_interrupt_at_the_bottom_leaves_nothing_behind(engine: Engine) -> None:
    stops = [True]

    @query
    def interrupted(db: Db, number: int) -> int:
        if number == 0 and stops[0]:
            raise KeyboardInterrupt
        return 0 if number == 0 else interrupted(db, number - 1) + 1

    with pytest.raises(KeyboardInterrupt):
        interrupted(engine.begin(), 5_000)
    stops[0] = False
    assert interrupted(engine.begin(), 5_000) == 5_000


def test_a_deep_chain_below_a_map(engine: Engine) -> None:
    @query
    def wide(db: Db) -> int:
        return sum(db.map(chain, [1_999, 2_000, 2_500, 3_000]))

    assert wide(engine.begin()) == 9_499


def test_maps_in_maps_in_maps(engine: Engine) -> None:
    @query
    def nested(db: Db, number: int) -> int:
        return 1 if number == 0 else sum(db.map(nested, [number - 1, max(0, number - 2)]))

    assert nested(engine.begin(), 80) > 0


def by_itself(times: int, then: Callable[[], int]) -> int:
    """Recurse so often, then call."""
    return then() if times == 0 else by_itself(times - 1, then)


@pytest.mark.parametrize("own", [10, 100, 300])
def test_functions_that_recurse_by_themselves_have_room(engine: Engine, own: int) -> None:
    @query
    def mixed(db: Db, number: int) -> int:
        return 0 if number == 0 else by_itself(own, lambda: mixed(db, number - 1)) + 1

    assert mixed(engine.begin(), 600) == 600


def test_a_query_that_needs_most_of_an_ordinary_stack_has_it(engine: Engine) -> None:
    @query
    def deep_leaf(db: Db, number: int) -> int:
        return by_itself(800, lambda: number)

    @query
    def level(db: Db, number: int) -> int:
        return deep_leaf(db, number) if number == 0 else level(db, number - 1)

    assert level(engine.begin(), 500) == 0
    with engine_of() as fresh:
        assert [level(fresh.begin(), number) for number in range(0, 200, 3)] == [0] * 67


@pytest.mark.parametrize("room", range(20, 460, 11))
def test_a_caller_near_the_end_of_its_stack_gets_the_value_or_its_own_error(room: int) -> None:
    """And what it gets is not remembered: with more room the same engine gives the value."""

    def depth() -> int:
        frame, count = sys._getframe(), 0
        while frame is not None:
            frame, count = frame.f_back, count + 1  # type: ignore[assignment]
        return count

    with engine_of() as engine:
        db = engine.begin()
        times = sys.getrecursionlimit() - depth() - room
        found = outcome(lambda: by_itself(times, lambda: chain(db, 30)))
        assert found == 30 or str(found).startswith("RecursionError")
        assert chain(db, 30) == 30


def test_recursion_without_end_is_an_error_that_ends(engine: Engine) -> None:
    def endless() -> int:
        return endless() + 1

    @query
    def runaway(db: Db) -> int:
        return endless()

    db = engine.begin()
    with pytest.raises(RecursionError):
        runaway(db)
    assert chain(db, 10) == 10


def test_chains_in_many_threads_at_once() -> None:
    with engine_of(4) as engine:
        found = together(*[lambda top=top: chain(engine.begin(), top) for top in (3_000, 4_000, 5_000, 4_500)])
    assert found == [3_000, 4_000, 5_000, 4_500]
