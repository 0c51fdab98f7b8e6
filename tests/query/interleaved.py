"""Scenarios for the model checker: each makes an engine, lets threads at it, and asserts what holds in every order."""

from collections.abc import Callable
from typing import Any

from tests.query.scenario import Runs, engine_of, outcome

from jeton.query import Db, Engine, Fixpoint, input, query  # noqa: A004  the engine's word
from jeton.sync import primitives

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


# Scenarios.


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
