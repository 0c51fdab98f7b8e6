"""Covers one engine in many threads: each result is computed once, and nothing depends on how many compute."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.query.collatz import collatz, level
from tests.query.scenario import Gate, Runs, beside, engine_of, outcome, together, wait_until

from jeton.query import Cancelled, Db, Engine, EngineClosedError, MisuseError, query

pytestmark = pytest.mark.concurrency


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
        assert len(engine._core.gate._sessions) <= 2


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
