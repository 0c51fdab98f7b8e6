"""Has threads take, give and watch one pool of this process, with children beside them: no slot is lost or doubled."""

import os
import queue
import threading
from collections.abc import Callable

import pytest

from jeton.jobserver import OwnPool, PipeAuth, Slot

JOBS = 4
pytestmark = pytest.mark.concurrency


class Loop:
    """A loop that does nothing but call back on its own thread."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def watch_readable(self, fd: int, callback: Callable[[], object]) -> Callable[[], None]:
        raise AssertionError(f"an own pool needs no descriptor watched: {fd}, {callback}")

    def call_from_thread(self, callback: Callable[[], object]) -> object:
        self._calls.put(callback)
        return None

    def end(self) -> None:
        self._calls.put(None)
        self.thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


class AtWork:
    """How many work at once, and the most that ever did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = self.done = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1
            self.done += 1


def child(auth: PipeAuth, turns: int, at_work: AtWork) -> None:
    """Take and give as make does, at the ends that a child has."""
    for _ in range(turns):
        assert os.read(auth.read_fd, 1)
        with at_work:
            pass
        os.write(auth.write_fd, b"+")


def taker(pool: OwnPool, turns: int, at_work: AtWork) -> None:
    """Look for a slot, and go on without one."""
    for _ in range(turns):
        slot = pool.try_take()
        if slot is not None:
            with at_work:
                pass
            pool.give(slot)


class Waits:
    """Waits for a slot by watching, uses it, and watches anew, as the queue of a scheduler does.

    Everything runs on the loop's thread. `done` is set when it had so many turns.
    """

    def __init__(self, pool: OwnPool, loop: Loop, turns: int, at_work: AtWork) -> None:
        self._pool, self._loop, self._turns, self._at_work = pool, loop, turns, at_work
        self._unwatch: Callable[[], None] | None = None
        self.done = threading.Event()
        loop.call_from_thread(self._watch)

    def _watch(self) -> None:
        if self._turns:
            self._unwatch = self._pool.watch(self._loop, self._called)
        else:
            self.done.set()

    def _called(self) -> None:
        if self._unwatch is None:
            return  # this call was on its way when the watch ended
        slot: Slot | None = self._pool.try_take()
        if slot is None:
            return  # another thread was faster: the watch goes on
        with self._at_work:
            pass
        self._turns -= 1
        unwatch, self._unwatch = self._unwatch, None
        if self._turns % 3:
            self._pool.give(slot)
            unwatch()
        else:
            unwatch()
            self._pool.give(slot)
        self._watch()


def test_threads_children_and_a_watch_share_one_pool_and_it_is_whole_at_the_end() -> None:
    """The implicit slot is held throughout: a watch tells of tokens, not of it."""
    pool = OwnPool(JOBS)
    implicit = pool.try_take()
    assert implicit is not None
    assert implicit.token is None
    places = [pool.server.sit(f"child {number}") for number in range(2)]
    at_work = AtWork()
    loop = Loop()
    waits = Waits(pool, loop, 300, at_work)
    threads = [threading.Thread(target=taker, args=(pool, 1000, at_work)) for _ in range(3)]
    for place in places:
        assert isinstance(place.pipes.auth, PipeAuth)
        threads.append(threading.Thread(target=child, args=(place.pipes.auth, 500, at_work)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waits.done.wait()
    loop.end()
    for place in places:
        place.leave()
    assert at_work.most <= JOBS - 1
    assert at_work.done >= 300 + 2 * 500
    status = pool.server.status()
    assert (status.free, status.own, status.waiting, status.reclaimed) == (JOBS - 1, 0, 0, 0)
    pool.give(implicit)
    assert pool.held == 0
    pool.close()


def test_a_watch_that_ends_at_any_moment_keeps_no_token() -> None:
    """One thread begins and ends watches while others give and take what would be granted to them."""
    pool = OwnPool(2)
    implicit = pool.try_take()
    assert implicit is not None
    loop = Loop()
    at_work = AtWork()
    threads = [threading.Thread(target=taker, args=(pool, 2000, at_work)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(1000):
        pool.watch(loop, lambda: None)()
    for thread in threads:
        thread.join()
    loop.end()
    status = pool.server.status()
    assert (status.free, status.own, status.waiting) == (1, 0, 0)
    assert at_work.most <= 1
    pool.give(implicit)
    pool.close()
