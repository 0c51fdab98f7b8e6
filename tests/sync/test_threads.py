"""Covers the real primitives: signals that nobody misses, threads with another stack, and which are in force."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from jeton.sync import ORDERED, THREADS, Primitives, primitives, using

pytestmark = pytest.mark.concurrency

KINDS: list[Primitives] = [THREADS, ORDERED]


@pytest.fixture(params=KINDS, ids=["threads", "ordered"])
def sync(request: pytest.FixtureRequest) -> Primitives:
    kind: Primitives = request.param
    return kind


def test_lock_is_a_bare_one() -> None:
    assert type(THREADS.lock(1, "bare")) is type(threading.Lock())


def test_lock_keeps_others_out(sync: Primitives) -> None:
    lock = sync.lock(1, "counter")
    count = 0

    def add() -> None:
        nonlocal count
        for _ in range(2000):
            with lock:
                count += 1

    together(sync, [add] * 4)
    assert count == 8000


def test_signal_set_before_the_wait_is_not_lost(sync: Primitives) -> None:
    signal = sync.signal("early")
    assert not signal.is_set
    signal.set()
    assert signal.is_set
    signal.wait()
    signal.wait()


def test_signal_wakes_all_who_wait(sync: Primitives) -> None:
    signal = sync.signal("go")
    threads = [sync.start(signal.wait, f"waiter {number}") for number in range(8)]
    signal.set()
    for thread in threads:
        thread.join()


def test_signal_set_by_many_at_once_lets_all_through(sync: Primitives) -> None:
    for _ in range(200):
        signal = sync.signal("go")
        together(sync, [signal.wait, signal.set, signal.wait, signal.set])
        signal.wait()


def test_what_was_done_before_set_is_seen_after_wait(sync: Primitives) -> None:
    for _ in range(200):
        signal = sync.signal("written")
        box: list[int] = []

        def write(box: list[int] = box, done: Callable[[], None] = signal.set) -> None:
            box.append(1)
            done()

        thread = sync.start(write, "writer")
        signal.wait()
        assert box == [1]
        thread.join()


def test_thread_is_a_daemon_of_that_name(sync: Primitives) -> None:
    seen: list[threading.Thread] = []
    sync.start(lambda: seen.append(threading.current_thread()), "by name").join()
    assert seen[0].name == "by name"
    assert seen[0].daemon


def test_stack_of_one_thread_is_not_that_of_the_next(sync: Primitives) -> None:
    before = threading.stack_size()
    ran: list[str] = []
    sync.start(lambda: ran.append("deep"), "deep", stack_size=16 << 20).join()
    assert ran == ["deep"]
    assert threading.stack_size() == before


def test_stack_that_cannot_be_is_refused_and_changes_nothing(sync: Primitives) -> None:
    before = threading.stack_size()
    with pytest.raises(ValueError, match="size not valid"):
        sync.start(lambda: None, "tiny", stack_size=1)
    assert threading.stack_size() == before


def test_switch_does_nothing(sync: Primitives) -> None:
    assert sync.switch("here") is None  # type: ignore[func-returns-value]


def test_using_puts_others_into_force_until_its_end() -> None:
    before = primitives()
    with using(ORDERED) as given:
        assert given is ORDERED
        assert primitives() is ORDERED
        with using(THREADS):
            assert primitives() is THREADS
        assert primitives() is ORDERED
    assert primitives() is before


@pytest.mark.parametrize(("value", "expected"), [("1", "OrderedThreads"), ("0", "RealThreads"), ("", "RealThreads")])
def test_environment_asks_for_the_order_of_locks(value: str, expected: str) -> None:
    program = "from jeton.sync import primitives; print(type(primitives()).__name__)"
    environment = {**os.environ, "JETON_LOCK_ORDER": value, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == expected


def together(sync: Primitives, targets: list[Callable[[], None]]) -> None:
    threads = [sync.start(target, f"thread {number}") for number, target in enumerate(targets)]
    for thread in threads:
        thread.join()
