"""Real threads that assert the order of locks. Owns which locks each thread holds.

If every thread takes its locks in one strictly ascending order, no circle of threads can wait for each other by locks
alone. A wrong order is told the first time that a thread takes it, whether or not a second thread was there to make
the deadlock. `JETON_LOCK_ORDER=1` puts this into force for a whole process.
"""

import threading
from collections.abc import Callable
from types import TracebackType

from jeton.sync.primitives import Lock, Signal, Thread
from jeton.sync.threads import RealThreads


class LockOrderError(RuntimeError):
    """A thread took a lock out of order, or released one that it does not hold."""


class OrderedLock:
    """A lock with a place in the order. Two of one order are never held together."""

    __slots__ = ("_lock", "_mine", "name", "order")

    def __init__(self, order: int, name: str, mine: "_Mine") -> None:
        self._lock = threading.Lock()
        self._mine = mine
        self.order = order
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name} ({self.order})"

    def acquire(self) -> bool:
        """Take it. Raises LockOrderError, and takes nothing, where this thread holds one of this order or above."""
        held = self._mine.held
        if held and held[-1].order >= self.order:
            raise LockOrderError(
                f"lock {self!r}: taken after {held[-1]!r}, holding {_names(held)}; take locks in ascending order"
            )
        self._lock.acquire()
        held.append(self)
        return True

    def release(self) -> None:
        """Let it go. Raises LockOrderError where another thread holds it, or none."""
        held = self._mine.held
        if self not in held:
            raise LockOrderError(
                f"lock {self!r}: released by {threading.current_thread().name}, which holds {_names(held)};"
                " release a lock on the thread that took it"
            )
        held.remove(self)
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class _Mine(threading.local):
    """The locks that a thread holds."""

    def __init__(self) -> None:
        # Invariant: strictly ascending by order.
        self.held: list[OrderedLock] = []


class OrderedThreads:
    """Real threads and signals, and locks that assert their order."""

    def __init__(self) -> None:
        self._mine = _Mine()
        self._real = RealThreads()

    def lock(self, order: int, name: str) -> Lock:
        """Make a lock that takes part in the order."""
        return OrderedLock(order, name, self._mine)

    def signal(self, name: str) -> Signal:
        """Make a real signal."""
        return self._real.signal(name)

    def start(self, target: Callable[[], None], name: str, *, stack_size: int | None = None) -> Thread:
        """Start a real thread."""
        return self._real.start(target, name, stack_size=stack_size)

    def switch(self, what: str) -> None:
        """Nothing."""


def _names(held: list[OrderedLock]) -> str:
    return ", ".join(map(repr, held)) or "no lock"


ORDERED = OrderedThreads()
"""The order is one for the whole process, so there is one of these."""
