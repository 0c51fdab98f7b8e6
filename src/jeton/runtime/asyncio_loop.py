"""Two event loops behind one adapter: libuv (through uvloop) and the standard library's. Owns no callbacks itself."""

import asyncio
import time
from collections.abc import Callable
from importlib.util import find_spec

from jeton.runtime.loop import Callback, Undo


class AsyncioLoop:
    """An `EventLoop` over any asyncio loop that can watch descriptors."""

    chooses: Callable[[int], int] | None = None

    def __init__(self, inner: asyncio.AbstractEventLoop, name: str) -> None:
        self.name = name
        self.inner = inner
        self.call_soon = inner.call_soon
        self.call_from_thread = inner.call_soon_threadsafe
        # uvloop's own clock is cached and counts milliseconds; what is measured by must be finer.
        self.time = time.monotonic

    def call_at(self, when: float, callback: Callback) -> Undo:
        """See `EventLoop.call_at`."""
        return self.inner.call_later(max(0.0, when - time.monotonic()), callback).cancel

    def watch_readable(self, fd: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_readable`."""
        self.inner.add_reader(fd, callback)
        return lambda: self._forget(self.inner.remove_reader(fd))

    def watch_writable(self, fd: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_writable`."""
        self.inner.add_writer(fd, callback)
        return lambda: self._forget(self.inner.remove_writer(fd))

    def watch_signal(self, signum: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_signal`."""
        self.inner.add_signal_handler(signum, callback)
        return lambda: self._forget(self.inner.remove_signal_handler(signum))

    def run(self) -> None:
        """See `EventLoop.run`."""
        self.inner.run_forever()

    def stop(self) -> None:
        """See `EventLoop.stop`."""
        self.inner.stop()

    def close(self) -> None:
        """See `EventLoop.close`."""
        self.inner.close()

    @staticmethod
    def _forget(_removed: bool) -> None:
        return None


def stdlib_loop() -> AsyncioLoop:
    """Make the standard library's selector loop."""
    return AsyncioLoop(asyncio.SelectorEventLoop(), "stdlib")


def libuv_loop() -> AsyncioLoop:
    """Make a libuv loop. Raises ModuleNotFoundError where uvloop is not installed."""
    import uvloop  # noqa: PLC0415  optional: it has no wheel for some interpreters

    return AsyncioLoop(uvloop.new_event_loop(), "libuv")


def default_loop() -> AsyncioLoop:
    """Make a libuv loop where uvloop is installed, else the standard library's."""
    return libuv_loop() if find_spec("uvloop") else stdlib_loop()
