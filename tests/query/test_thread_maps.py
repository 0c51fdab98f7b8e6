"""Covers maps and rings in many threads: nothing that can be seen depends on how many there are."""

import threading
from typing import Any

import pytest
from tests.query.collatz import NOTES, collatz, level, number
from tests.query.scenario import engine_of, outcome, together

from jeton.query import Db, Fixpoint, query

pytestmark = pytest.mark.concurrency


def shape(jobs: int) -> list[Any]:
    """Return all that can be seen of a program with maps, before and after a change."""

    @query
    def item(db: Db, at: int) -> int:
        db.emit(NOTES, at)
        value = number(db, at) + collatz(db, at + 1)
        if value % 11 == 3:
            raise ValueError(f"at {at}")
        return value

    @query
    def block(db: Db, at: int) -> int:
        try:
            return sum(db.map(item, range(10 * at, 10 * at + 10)))
        except ValueError as error:
            db.emit(NOTES, -at)
            return len(str(error))

    @query
    def top(db: Db) -> int:
        return sum(db.map(block, range(20)))

    seen: list[Any] = []
    with engine_of(jobs) as engine:
        for change in ([], [(number.at(15), 3), (number.at(77), 1)], [(level.at(), 5)], [(level.at(), 0)]):
            engine.set_all(change)
            db = engine.begin()
            seen.append(top(db))
            seen.append(outcome(lambda: db.map(item, range(200))))  # noqa: B023  called at once
            seen.append(db.effects(NOTES, top))
            nodes = {repr(node): node for node in engine._core.nodes()}
            blocks = ["top()", *(f"block({at})" for at in range(20))]
            seen += [(name, [repr(read) for read in nodes[name].reads]) for name in blocks]
    return seen


def test_a_map_has_the_same_results_failures_effects_and_reads_with_any_number_of_threads() -> None:
    alone = shape(1)
    for jobs in (2, 8):
        for _ in range(3):
            assert shape(jobs) == alone


def test_the_first_failure_in_the_keys_order_is_raised() -> None:
    late = threading.Event()

    @query
    def item(db: Db, at: int) -> int:
        if at == 2:
            late.wait(0.2)  # so that the other one is first in time, where there are helpers
            raise ValueError("the first by key")
        if at == 7:
            late.set()
            raise ValueError("the first by time")
        return at

    for jobs in (1, 8):
        with engine_of(jobs) as engine, pytest.raises(ValueError, match="the first by key"):
            engine.begin().map(item, range(10))


def test_a_key_that_fails_after_an_earlier_one_closes_no_ring() -> None:
    """With helpers the second key is run although the map has failed at the first: that must not show."""

    @query
    def top(db: Db) -> int:
        return sum(db.map(item, [1, 2]))

    @query
    def item(db: Db, at: int) -> int:
        if at == 1:
            started.wait(0.1)
            raise ValueError("the first")
        started.set()
        return top(db)

    for jobs in (1, 8, 8, 8):
        started = threading.Event()
        with engine_of(jobs) as engine:
            db = engine.begin()
            assert outcome(lambda: top(db)) == "ValueError: the first"  # noqa: B023  called at once
            assert outcome(lambda: item(db, 2)) == "ValueError: the first"  # noqa: B023  likewise


def test_of_two_rings_through_a_map_the_first_by_key_counts() -> None:
    @query
    def top(db: Db) -> int:
        return sum(db.map(item, [1, 2]))

    @query
    def item(db: Db, at: int) -> int:
        if at == 1:
            started.wait(0.1)
        started.set()
        return top(db)

    messages = set()
    for jobs in (1, 8, 8, 8):
        started = threading.Event()
        with engine_of(jobs) as engine:
            db = engine.begin()
            messages |= {str(outcome(lambda: top(db))), str(outcome(lambda: item(db, 2)))}  # noqa: B023
    assert messages == {"CycleError: item(1): depends on itself: item(1) -> top() -> item(1)"}


def test_two_threads_that_help_each_other_into_a_ring_see_it() -> None:
    """One waits for the other's map, helps with it, and takes the very key that demands what it is computing."""

    @query
    def left(db: Db) -> int:
        return right(db)

    @query
    def right(db: Db) -> int:
        return sum(db.map(item, [1, 2, 3]))

    @query
    def item(db: Db, at: int) -> int:
        return left(db) if at == 2 else at

    for _ in range(100):
        with engine_of(2) as engine:
            found = together(
                lambda: outcome(lambda: left(engine.begin())), lambda: outcome(lambda: right(engine.begin()))
            )
            assert set(found) == {"CycleError: item(2): depends on itself: item(2) -> left() -> right() -> item(2)"}


# Rings of threads.


@pytest.mark.parametrize("size", [2, 3, 8, 32, 64])
def test_threads_that_demand_each_other_in_a_ring_all_fail_with_one_message(size: int) -> None:
    @query
    def ring(db: Db, at: int) -> int:
        return ring(db, (at + 1) % size)

    for jobs in (2, 8):
        with engine_of(jobs) as engine:
            found = together(*[lambda at=at: outcome(lambda: ring(engine.begin(), at)) for at in range(size)])
            assert len(set(found)) == 1
            assert str(found[0]).startswith("CycleError: ring(0): depends on itself: ring(0) -> ring(1)")
            assert str(found[0]).count("->") == size


@pytest.mark.parametrize("size", [2, 5, 16])
def test_threads_that_enter_a_fixpoint_everywhere_all_have_it(size: int) -> None:
    @query(on_cycle=Fixpoint(lambda _at: frozenset()))
    def reach(db: Db, at: int) -> frozenset[int]:
        return frozenset({at}) | reach(db, (at + 1) % size) | reach(db, at * 2 % size)

    for _ in range(5):
        with engine_of(4) as engine:
            found = together(*[lambda at=at: reach(engine.begin(), at) for at in range(size)])
            assert found == [frozenset(range(size))] * size
