"""Covers what can be wrong with a schedule, what is told of it, and that a failed one leaves nothing behind."""

import gc
import itertools
import signal
import threading
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from jeton.sync import THREADS, Lock, primitives
from jeton.testing import (
    Deadlock,
    DepthFirst,
    Diverged,
    Explored,
    Explorer,
    Livelock,
    NotHeld,
    Pct,
    Random,
    Replay,
    ScheduleFailed,
    Stalled,
    Strategy,
    ThreadsLeft,
    Uncontrolled,
    explore,
)

pytestmark = pytest.mark.concurrency

Scenario = Callable[[], None]


def failure(scenario: Scenario, expected: type[BaseException], **options: object) -> ScheduleFailed:
    with pytest.raises(ScheduleFailed) as caught:
        explore(scenario, **options)  # type: ignore[arg-type]
    assert isinstance(caught.value.__cause__, expected), repr(caught.value.__cause__)
    return caught.value


def raises() -> None:
    raise ZeroDivisionError("planted")


def test_exception_of_a_thread_fails_the_schedule_and_tells_where() -> None:
    def scenario() -> None:
        primitives().start(raises, "bad").join()

    told = str(failure(scenario, ZeroDivisionError))
    line = raises.__code__.co_firstlineno + 1
    assert told.startswith(f"bad raised ZeroDivisionError: planted, at tests/testing/test_explore.py:{line}\n")


def test_lock_taken_twice_is_a_deadlock() -> None:
    def scenario() -> None:
        lock = primitives().lock(1, "twice")
        with lock:
            lock.acquire()

    assert "main waits for lock twice, held by main" in str(failure(scenario, Deadlock))


def test_lock_released_by_another_thread_is_told() -> None:
    def scenario() -> None:
        lock = primitives().lock(1, "lent")
        with lock:
            primitives().start(lock.release, "borrower").join()

    assert "lock lent: released by borrower, and main holds it" in str(failure(scenario, NotHeld))


def test_lock_released_by_nobody_is_told() -> None:
    def scenario() -> None:
        primitives().lock(1, "free").release()

    assert "lock free: released by main, and nobody holds it" in str(failure(scenario, NotHeld))


def test_thread_that_waits_after_the_scenario_is_told() -> None:
    def scenario() -> None:
        primitives().start(primitives().signal("never").wait, "left")

    assert "left waits for signal never" in str(failure(scenario, ThreadsLeft))


def test_thread_that_only_ends_later_is_none_that_is_left() -> None:
    ended = []

    def scenario() -> None:
        sync = primitives()
        done = sync.signal("done")

        def work() -> None:
            done.set()
            sync.switch("after it")
            ended.append(1)

        sync.start(work, "late")
        done.wait()

    explored = explore(scenario, schedules=50)
    assert len(ended) == explored.schedules


def test_thread_cannot_join_itself() -> None:
    def scenario() -> None:
        sync = primitives()
        ready = sync.signal("ready")

        def work() -> None:
            ready.wait()
            thread.join()

        thread = sync.start(work, "self")
        ready.set()
        thread.join()

    assert "thread self: joins itself" in str(failure(scenario, RuntimeError))


def spin_until_set() -> None:
    """A loop with a look: it comes to an end under every order that is fair."""
    sync = primitives()
    signal = sync.signal("flag")

    def spin() -> None:
        while not signal.is_set:
            pass

    thread = sync.start(spin, "spinner")
    signal.set()
    thread.join()


@pytest.mark.parametrize("strategy", [Random(), Pct(), DepthFirst()], ids=["random", "pct", "depth"])
def test_spinning_is_no_livelock_where_the_other_has_its_turn(strategy: Strategy) -> None:
    assert not explore(spin_until_set, strategies=[strategy], schedules=40, max_steps=400).is_complete


def test_two_that_give_way_for_ever_are_a_livelock() -> None:
    def scenario() -> None:
        sync = primitives()

        def polite() -> None:
            while True:
                sync.switch("after you")

        for name in ("one", "other"):
            sync.start(polite, name)

    told = str(failure(scenario, Livelock, max_steps=200))
    assert told.startswith("Livelock: no end after 200 steps\n")
    assert "one can go on: after you, at tests/testing/test_explore.py:" in told


def test_waiting_outside_of_the_layer_is_told_with_its_line() -> None:
    real = threading.Lock()

    def scenario() -> None:
        real.acquire()

    real.acquire()
    told = str(failure(scenario, Stalled, stall_s=0.05, schedules=1))
    real.release()
    assert "thread main has not come to a switch point for 0.05 s: it waits outside of jeton.sync" in told
    assert f"test_explore.py:{scenario.__code__.co_firstlineno + 1}" in told


def test_thread_from_elsewhere_is_refused() -> None:
    refused: list[BaseException] = []

    def scenario() -> None:
        lock = primitives().lock(1, "ours")

        def take() -> None:
            try:
                lock.acquire()
            except Uncontrolled as error:
                refused.append(error)

        THREADS.start(take, "stranger").join()
        primitives().switch("after it")

    assert "take lock ours: by thread stranger, which the schedule did not start" in str(
        failure(scenario, Uncontrolled)
    )
    assert refused


def test_lock_of_an_earlier_schedule_is_refused() -> None:
    kept: list[Lock] = []

    def scenario() -> None:
        kept.append(primitives().lock(1, "kept"))

    explore(scenario, schedules=1)
    with pytest.raises(Uncontrolled, match="take lock kept: after the end of the schedule that it was made in"):
        kept[0].acquire()


def test_failed_schedule_unwinds_every_thread() -> None:
    unwound: list[str] = []

    def scenario() -> None:
        sync = primitives()
        lock = sync.lock(1, "held")
        started = [sync.signal("started") for _ in range(3)]

        def wait(name: str) -> None:
            try:
                with lock:
                    pass
                started[int(name)].set()
                sync.signal("never").wait()
            finally:
                with lock:  # an operation on the way out throws on
                    unwound.append("not reached")
                unwound.append("nor this")

        def outer(name: str) -> None:
            try:
                wait(name)
            finally:
                unwound.append(name)

        for number in range(3):
            sync.start(lambda name=str(number): outer(name), f"waiter {number}")  # type: ignore[misc]
        for each in started:
            each.wait()
        raises()

    with pytest.raises(ScheduleFailed):
        explore(scenario, strategies=[Replay([])])
    assert set(unwound) == {"0", "1", "2"}


def test_threads_are_used_again() -> None:
    def scenario() -> None:
        sync = primitives()
        for thread in [sync.start(lambda: sync.switch("here"), f"thread {number}") for number in range(3)]:
            thread.join()

    explore(scenario, schedules=100)
    before = threading.active_count()
    explore(scenario, schedules=100)
    assert threading.active_count() == before


def test_stack_size_reaches_the_thread() -> None:
    deepest: list[int] = []

    def scenario() -> None:
        primitives().start(lambda: deepest.append(1), "deep", stack_size=16 << 20).join()

    explore(scenario, schedules=3, strategies=[Random()])
    assert len(deepest) == 3


def test_each_thread_begins_with_an_empty_context() -> None:
    variable = ContextVar("variable", default="fresh")
    seen: set[str] = set()

    def scenario() -> None:
        sync = primitives()

        def work() -> None:
            seen.add(variable.get())
            variable.set("used")

        work()
        sync.start(work, "worker").join()

    explore(scenario, schedules=20)
    assert seen == {"fresh"}


def test_threads_of_a_scenario_see_its_primitives() -> None:
    seen: list[bool] = []

    def scenario() -> None:
        sync = primitives()
        assert sync is not THREADS
        sync.start(lambda: seen.append(primitives() is sync), "worker").join()

    explore(scenario, schedules=1)
    assert seen == [True]
    assert primitives().lock(1, "outside").release is not None


def test_interrupt_sends_the_threads_home_and_goes_on() -> None:
    unwound = threading.Event()

    def scenario() -> None:
        sync = primitives()
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            while True:
                sync.switch("busy")
        finally:
            unwound.set()

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        explore(scenario, strategies=[Random()], max_steps=10**9)
    assert unwound.is_set()


def test_chance_in_the_scenario_is_told() -> None:
    """A scenario that fails once and never again is not the schedule's fault."""
    runs = itertools.count()

    def scenario() -> None:
        assert next(runs) != 3, "the fourth"

    told = str(failure(scenario, AssertionError, strategies=[Random()]))
    assert "the fourth" in told
    assert "led elsewhere when they were replayed: then nothing was wrong" in told
    assert "depends on something beside its schedule" in told


def test_other_threads_in_every_run_are_told_by_depth_first() -> None:
    runs = itertools.count(2)

    def scenario() -> None:
        sync = primitives()
        for number in range(next(runs)):
            sync.start(lambda: sync.switch("here"), f"thread {number}")

    told = str(failure(scenario, Diverged, strategies=[DepthFirst()]))
    assert "threads to choose from" in told
    assert "depends on something beside its schedule" in told


@pytest.mark.parametrize(("replay", "told"), [("at:0=9", "at decision 0"), ("at:500=1", "ended before decision 500")])
def test_string_that_does_not_fit_is_told(replay: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_SCHEDULE", replay)
    assert told in str(failure(spin_until_set, Diverged))


@pytest.mark.parametrize("replay", ["", "at:x", "random:", "pct:1:2", "best"])
def test_string_that_is_none_is_refused(replay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_SCHEDULE", replay)
    with pytest.raises(ValueError, match="not understood; write it as a failure told it"):
        explore(spin_until_set)


@pytest.mark.parametrize("replay", ["at:", "at:0=1", "random:5", "pct:1:3:20"])
def test_string_runs_one_schedule_alone(replay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_SCHEDULE", replay)
    assert explore(spin_until_set).schedules == 1


def test_collector_is_off_in_a_schedule_and_on_again_after_it() -> None:
    seen: list[bool] = []
    explore(lambda: seen.append(gc.isenabled()), schedules=1)
    assert seen == [False]
    assert gc.isenabled()


def test_explorer_scales_the_number_of_schedules() -> None:
    assert Explorer(0.1)(spin_until_set, strategies=[Random()], schedules=50) == Explored(
        5, explore(spin_until_set, strategies=[Random()], schedules=5).steps, is_complete=False
    )
    assert Explorer(0.001)(spin_until_set, strategies=[Random()], schedules=50).schedules == 1
