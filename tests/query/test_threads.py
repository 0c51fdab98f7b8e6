"""Covers one engine in many threads: each result is computed once, and nothing depends on how many compute."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.query.scenario import Gate, Runs, beside, engine_of, outcome, together

from jeton.query import Cancelled, Db, Effect, Engine, EngineClosedError, Fixpoint, MisuseError, input, query  # noqa: A004  the engine's word

pytestmark = pytest.mark.concurrency

NOTES = Effect[int]("notes")


@input
def level() -> int:
    return 0


@input
def number(at: int) -> int:
    return at


@query
def collatz(db: Db, at: int) -> int:
    """A tree with much sharing."""
    if at <= 1:
        return level(db)
    return 1 + collatz(db, at // 2 if at % 2 == 0 else 3 * at + 1)


def test_sessions_in_many_threads_compute_each_result_once(runs: Runs) -> None:
    @query
    def noted(db: Db, at: int) -> int:
        runs.note(at)
        return 1 if at < 2 else noted(db, at - 1) + noted(db, at // 2)

    with engine_of(4) as engine:
        found = together(*[lambda: noted(engine.begin(), 300)] * 8)
        assert len(set(found)) == 1
        assert sorted(runs.take()) == list(range(1, 301))


def test_who_waits_gets_the_value(runs: Runs) -> None:
    gate = Gate()

    @query
    def slow(db: Db) -> int:
        runs.note("slow")
        gate.pass_through()
        return 7

    with engine_of(4) as engine, beside(lambda: slow(engine.begin())) as first:
        gate.reached()
        with beside(lambda: slow(engine.begin())) as second:
            wait_until(lambda: engine._core.waits.snapshot() != [])
            gate.open()
    assert first == second == [7]
    assert runs.take() == ["slow"]


def test_who_waits_gets_the_exception(runs: Runs) -> None:
    gate = Gate()

    @query
    def fails(db: Db) -> int:
        runs.note("fails")
        gate.pass_through()
        raise ValueError("for both")

    with engine_of(4) as engine, beside(lambda: outcome(lambda: fails(engine.begin()))) as first:
        gate.reached()
        with beside(lambda: outcome(lambda: fails(engine.begin()))) as second:
            wait_until(lambda: engine._core.waits.snapshot() != [])
            gate.open()
    assert first == second == ["ValueError: for both"]
    assert runs.take() == ["fails"]


def test_who_waits_takes_over_from_one_that_was_interrupted(runs: Runs) -> None:
    gate = Gate()

    @query
    def once(db: Db) -> int:
        runs.note("once")
        if len(runs._noted) == 1:
            gate.pass_through()
            raise KeyboardInterrupt
        return 7

    def interrupted(engine: Engine) -> str:
        with pytest.raises(KeyboardInterrupt):
            once(engine.begin())
        return "interrupted"

    with engine_of(4) as engine, beside(lambda: interrupted(engine)) as first:
        gate.reached()
        with beside(lambda: once(engine.begin())) as second:
            wait_until(lambda: engine._core.waits.snapshot() != [])
            gate.open()
    assert (first, second) == (["interrupted"], [7])


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.cancel(),
        lambda engine: engine.set(level.at(), 1),
        lambda engine: engine.refresh(),
        lambda engine: engine.unset(level.at()),
        lambda engine: engine.close(),
    ],
    ids=["cancel", "set", "refresh", "unset", "close"],
)
def test_a_change_waits_for_what_runs_which_is_cancelled_at_its_next_demand(change: Callable[[Engine], Any]) -> None:
    gate = Gate()

    @query
    def long_lasting(db: Db) -> int:
        gate.pass_through()
        return collatz(db, 27)

    engine = engine_of(4)
    with beside(lambda: outcome(lambda: long_lasting(engine.begin()))) as found:
        gate.reached()
        with beside(lambda: change(engine)):
            wait_until(lambda: engine._core.gate._quiet is not None)
            gate.open()
    assert found == ["Cancelled"]


def test_who_waits_for_a_result_is_cancelled_too() -> None:
    gate = Gate()

    @query
    def slow(db: Db) -> int:
        gate.pass_through()
        return level(db)

    with engine_of(4) as engine:
        with beside(lambda: outcome(lambda: slow(engine.begin()))) as first:
            gate.reached()
            with beside(lambda: outcome(lambda: slow(engine.begin()))) as second:
                wait_until(lambda: engine._core.waits.snapshot() != [])
                with beside(engine.cancel):
                    wait_until(lambda: second != [])
                    gate.open()
        assert first == second == ["Cancelled"]
        assert slow(engine.begin()) == 0


def test_one_session_that_ends_does_not_end_another() -> None:
    gate = Gate()

    @query
    def slow(db: Db) -> int:
        gate.pass_through()
        return level(db)

    with engine_of(4) as engine, beside(lambda: slow(engine.begin())) as found:
        gate.reached()
        with engine.begin() as other:
            collatz(other, 9)
        gate.open()
    assert found == [0]


def test_inputs_change_while_many_ask() -> None:
    """Each answer belongs to one state of the inputs, and the last one to the last."""

    @query
    def seen(db: Db, at: int) -> tuple[int, int]:
        return level(db), collatz(db, at) - collatz(db, at // 2 if at % 2 == 0 else 3 * at + 1) + level(db)

    with engine_of(4) as engine:
        done = threading.Event()

        def ask() -> int:
            answers = 0
            while not done.is_set() or not answers:
                try:
                    db = engine.begin()
                    for at in range(2, 30):
                        one, other = seen(db, at)
                        assert other == one + 1
                        answers += 1
                except Cancelled:
                    pass
            return answers

        def change() -> int:
            for value in range(60):
                engine.set(level.at(), value)
            done.set()
            return 1

        assert min(together(ask, ask, ask, change)) > 0
        assert seen(engine.begin(), 9) == (59, 60)


# Maps.


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


# What is refused.


@pytest.mark.parametrize(
    "misuse",
    [
        lambda engine: engine.begin(),
        lambda engine: engine.set(level.at(), 1),
        lambda engine: engine.unset(level.at()),
        lambda engine: engine.refresh(),
        lambda engine: engine.cancel(),
        lambda engine: engine.close(),
    ],
    ids=["begin", "set", "unset", "refresh", "cancel", "close"],
)
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_query_cannot_change_its_engine(jobs: int, misuse: Callable[[Engine], Any]) -> None:
    with engine_of(jobs) as engine:

        @query
        def meddles(db: Db, at: int) -> int:
            misuse(engine)
            return at

        with pytest.raises(MisuseError, match="inside a query"):
            meddles(engine.begin(), 0)
        with pytest.raises(MisuseError, match="inside a query"):
            engine.begin().map(meddles, range(1, 5))
        assert level(engine.begin()) == 0


def test_closing_twice_is_as_once() -> None:
    engine = engine_of(4)
    collatz(engine.begin(), 27)
    together(engine.close, engine.close, engine.close)
    with pytest.raises(EngineClosedError):
        engine.begin()


def test_closing_lets_every_helper_go() -> None:
    before = threading.active_count()
    for _ in range(5):
        with engine_of(8) as engine:
            engine.begin().map(collatz, range(1, 200))
    wait_until(lambda: threading.active_count() <= before)


def test_a_session_that_is_forgotten_is_no_burden() -> None:
    with engine_of() as engine:
        for _ in range(200):
            level(engine.begin())
        gc.collect()
        assert len(engine._core.gate.sessions()) <= 2


# Interrupts.


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread")
@pytest.mark.parametrize("where", ["in a deep chain", "in a map"])
def test_an_interrupt_comes_back_only_when_nothing_runs_any_more(where: str) -> None:
    gate = Gate()
    main = threading.main_thread()

    @query
    def chain(db: Db, at: int) -> int:
        if at:
            return chain(db, at - 1) + 1
        if not gate._opened.is_set():
            gate.pass_through()
        return level(db)

    @query
    def item(db: Db, at: int) -> int:
        if threading.current_thread() is main:
            gate.reached()
        else:
            gate.pass_through()
        return level(db) + at

    def interrupt() -> None:
        gate.reached()
        time.sleep(0.2)  # the main thread has nothing left to do but to wait: whether it does is not seen from here
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        gate.open()

    with engine_of(2) as engine, beside(interrupt):
        try:
            with pytest.raises(KeyboardInterrupt):
                _ = chain(engine.begin(), 600) if where == "in a deep chain" else engine.begin().map(item, [1, 2])
        finally:
            inside = engine._core.gate._inside
            gate.open()
        assert inside == 0
        assert gate._opened.is_set(), "who computed for it had not ended"
        assert chain(engine.begin(), 600) == 600


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what must come about by itself. Looks again and again: it is seen from outside only."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.001)
