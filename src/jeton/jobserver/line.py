"""Who in this process gets the next slot: first come, first served. Owns the queue and the one waiter.

However many threads and tasks of a process wait, one thread polls, so that a token wakes one of them and no herd. That
thread alone takes for those in the queue and watches the pool; who comes or goes changes the queue and calls it.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from jeton.jobserver.pool import Pool, Slot
from jeton.jobserver.waiter import WaiterThread


class Request:
    """One wish for a slot. `wake` is called once, on any thread, when `slot` or `error` is set."""

    __slots__ = ("error", "slot", "wake")

    def __init__(self, wake: Callable[[], object]) -> None:
        """Raises nothing; `wake` may raise RuntimeError where nobody waits any more: its loop is closed."""
        self.wake = wake
        self.slot: Slot | None = None
        self.error: Exception | None = None

    def result(self) -> Slot:
        """Return the slot after `wake` was called. Raises what went wrong in its place."""
        if self.slot is None:
            assert self.error is not None, "woken with a slot or an error"
            raise self.error
        return self.slot


class Line:
    """The queue in front of one pool. Any thread may call."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # Guarded by _lock: the queue, the waiter (it starts with the first request), and each request's outcome.
        self._lock = Lock()
        self._queue: OrderedDict[Request, None] = OrderedDict()
        self._waiter: WaiterThread | None = None
        self._closed: Exception | None = None
        # The waiter thread's own. Invariant: the pool is watched exactly while somebody waits.
        self._unwatch: Callable[[], None] | None = None

    def try_take(self) -> Slot | None:
        """Take a slot if there is one and nobody waits for it. Raises PoolUnusable where the pool has died."""
        if self._closed is not None:
            raise self._closed
        return None if self._queue else self._pool.try_take()

    def enter(self, request: Request) -> None:
        """Go to the end of the queue. Raises OSError or RuntimeError where the waiter cannot start."""
        with self._lock:
            if self._closed is not None:
                raise self._closed
            if self._waiter is None:
                self._waiter = WaiterThread()
            self._queue[request] = None
            self._waiter.call_from_thread(self._serve)

    def leave(self, request: Request) -> None:
        """Go out of the queue. Where a slot came at the same moment, it goes back to the pool."""
        with self._lock:
            waited = request in self._queue
            if waited:
                del self._queue[request]
            slot, request.slot = request.slot, None
        if slot is not None:
            self.give(slot)
        elif waited:
            self._call()

    def give(self, slot: Slot) -> None:
        """Give a slot back to the pool; others there have the same chance at it as the next in this queue."""
        self._pool.give(slot)
        if slot.token is None and self._queue:  # no watch tells of the implicit slot
            self._call()

    def call(self, callback: Callable[[], object]) -> None:
        """Call back on the waiter thread, which is started for it. Safe in a signal handler if it runs already."""
        if self._waiter is None:
            with self._lock:
                self._waiter = self._waiter or WaiterThread()
        self._waiter.call_from_thread(callback)

    def close(self, why: Exception) -> None:
        """Send everybody home: who waits or comes later gets `why` raised. Ends the waiter; not to be called on it."""
        with self._lock:
            self._closed = why
            waiter, self._waiter = self._waiter, None
            waiting, self._queue = self._queue, OrderedDict()
        for request in waiting:
            self._fail(request, why)
        if waiter is not None:
            waiter.close()
        self._stop_watching()

    def _call(self) -> None:
        with self._lock:
            if self._waiter is not None:
                self._waiter.call_from_thread(self._serve)

    # On the waiter thread.

    def _serve(self) -> None:
        """Hand what the pool has to those who wait; where it fails, tell them all."""
        while self._queue:
            try:
                slot = self._pool.try_take()
                if slot is None:
                    self._watch()
                    return
            except Exception as error:  # noqa: BLE001  each who waits gets it raised
                self._fail_all(error)
                break
            with self._lock:
                request = self._queue.popitem(last=False)[0] if self._queue else None
                if request is not None:
                    request.slot = slot
            if request is None:
                self._pool.give(slot)  # the last one left meanwhile
            elif not _wake(request):
                self.leave(request)
        self._stop_watching()

    def _watch(self) -> None:
        waiter = self._waiter
        if self._unwatch is None and waiter is not None:
            self._unwatch = self._pool.watch(waiter, self._serve)

    def _stop_watching(self) -> None:
        if self._unwatch is not None:
            unwatch, self._unwatch = self._unwatch, None
            unwatch()

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            waiting, self._queue = self._queue, OrderedDict()
        for request in waiting:
            self._fail(request, error)

    @staticmethod
    def _fail(request: Request, error: Exception) -> None:
        request.error = error
        _wake(request)


def _wake(request: Request) -> bool:
    """Wake who made the request; False where its event loop is closed and nobody is left to wake."""
    try:
        request.wake()
    except RuntimeError:
        return False
    return True
