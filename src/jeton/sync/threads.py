"""The real primitives: threads of the operating system. Owns the cheap signal and the size of a thread's stack."""

import threading
from collections.abc import Callable

from jeton.sync.primitives import Lock, Signal, Thread

_STACK_SIZE = threading.Lock()
"""Guards `threading.stack_size`, which is one number for the process."""

_MAIN = threading.main_thread().ident
_LOOK_S = 0.5
"""So often the main thread looks for signals while it waits: one that comes between CPython's own last look and its
going to sleep wakes nobody."""


class RealSignal:
    """A lock that is held from birth until `set`. Any number may wait: each that comes through opens it for the next.

    It costs a sixth of a `threading.Event`, which makes a condition, its lock and its queue.
    """

    __slots__ = ("_gate", "is_set")

    def __init__(self) -> None:
        self._gate = gate = threading.Lock()
        gate.acquire()
        # Invariant: once it is true, the gate is open or somebody is about to open it.
        self.is_set = False

    def set(self) -> None:
        """Open the gate."""
        if not self.is_set:
            self.is_set = True
            _open(self._gate)

    def wait(self) -> None:
        """Go through the gate."""
        if not self.is_set:
            gate = self._gate
            if threading.get_ident() == _MAIN:
                while not gate.acquire(timeout=_LOOK_S):
                    pass
            else:
                gate.acquire()
            _open(gate)


class RealThread:
    """A thread of the operating system."""

    __slots__ = ("_thread",)

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def join(self) -> None:
        """Return when it has ended. Raises RuntimeError on itself."""
        if threading.get_ident() == _MAIN:
            while self._thread.is_alive():
                self._thread.join(_LOOK_S)
        else:
            self._thread.join()


class RealThreads:
    """Bare locks and threads: what is built on them pays nothing for the layer."""

    def lock(self, order: int, name: str) -> Lock:  # noqa: ARG002  a bare lock knows neither
        """Make a lock."""
        return threading.Lock()

    def signal(self, name: str) -> Signal:  # noqa: ARG002  likewise
        """Make a signal."""
        return RealSignal()

    def start(self, target: Callable[[], None], name: str, *, stack_size: int | None = None) -> Thread:
        """Start a daemon thread. What it raises goes to `threading.excepthook`."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        if stack_size is None:
            thread.start()
            return RealThread(thread)
        with _STACK_SIZE:
            before = threading.stack_size(stack_size)
            try:
                thread.start()
            finally:
                threading.stack_size(before)
        return RealThread(thread)

    def switch(self, what: str) -> None:
        """Nothing: the operating system switches where it likes."""


def _open(gate: threading.Lock) -> None:
    """Unlock, also where it is unlocked: two may set the signal at once, and one of them come after a waiter."""
    try:  # noqa: SIM105  suppress() costs more than all the rest
        gate.release()
    except RuntimeError:
        pass


THREADS = RealThreads()
"""What programs run on."""
