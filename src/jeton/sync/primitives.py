"""What a program of threads may synchronise by: four operations. Owns the protocols; knows no implementation.

There are few of them on purpose. Whatever two threads may do in another order is seen by a model checker only if it
passes through here, so a program that keeps to these can be explored, and one that also waits on a queue or on a
condition of the standard library cannot. Both are built of these in some lines.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol


class Lock(Protocol):
    """A mutex. Not reentrant: who takes it twice waits for ever. Released by the thread that took it."""

    def acquire(self) -> bool:
        """Take it, and wait for that as long as it lasts. Always true."""

    def release(self) -> None:
        """Let the next one take it. Raises RuntimeError where it is not held."""

    def __enter__(self) -> bool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class Signal(Protocol):
    """Something that happens once. Whoever waits, before or after it, goes on."""

    @property
    def is_set(self) -> bool:
        """Whether it has happened. Never goes back to false."""

    def set(self) -> None:
        """Let it have happened, and wake all who wait. A second time it does nothing."""

    def wait(self) -> None:
        """Return when it has happened."""


class Thread(Protocol):
    """A thread that was started."""

    def join(self) -> None:
        """Return when it has ended. Raises RuntimeError on itself."""


class Primitives(Protocol):
    """Makes locks, signals and threads. Any thread may call."""

    def lock(self, order: int, name: str) -> Lock:
        """Make a lock. A thread may take it while each lock that it holds is of a smaller `order`."""

    def signal(self, name: str) -> Signal:
        """Make a signal that has not happened."""

    def start(self, target: Callable[[], None], name: str, *, stack_size: int | None = None) -> Thread:
        """Run `target` on a new daemon thread with so many bytes of stack (None: what is usual).

        Raises RuntimeError where the system has no more threads, ValueError for a size that it does not have.
        """

    def switch(self, what: str) -> None:
        """Mark a place where it matters who runs next: a read or write of shared state without a lock.

        Does nothing on real threads. A model checker may run another thread here, and shows `what` in its trace.
        """
