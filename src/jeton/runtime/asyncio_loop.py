"""Two event loops behind one adapter: libuv (through uvloop) and the standard library's. Owns no callbacks itself."""

import asyncio
import time
from collections.abc import Callable
from importlib.util import find_spec
from math import ceil
from typing import Any

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
        self._failure: BaseException | None = None
        self._watched: set[tuple[str, int]] = set()

    def call_at(self, when: float, callback: Callback) -> Undo:
        """See `EventLoop.call_at`."""
        delay = max(0.0, when - time.monotonic())
        # Both loops wait in milliseconds. libuv would round down, fire early, and again and again until it is time.
        return self.inner.call_later(ceil(delay * 1000) / 1000, callback).cancel

    def watch_readable(self, fd: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_readable`."""
        self._watch("reader", fd)
        self.inner.add_reader(fd, callback)
        return lambda: self._unwatch("reader", fd, self.inner.remove_reader)

    def watch_writable(self, fd: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_writable`."""
        self._watch("writer", fd)
        self.inner.add_writer(fd, callback)
        return lambda: self._unwatch("writer", fd, self.inner.remove_writer)

    def watch_signal(self, signum: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_signal`."""
        self._watch("signal", signum)
        self.inner.add_signal_handler(signum, callback)
        return lambda: self._unwatch("signal", signum, self.inner.remove_signal_handler)

    def run(self) -> None:
        """See `EventLoop.run`."""
        handler = self.inner.get_exception_handler()
        self.inner.set_exception_handler(self._on_error)
        try:
            self.inner.run_forever()
        finally:
            self.inner.set_exception_handler(handler)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def stop(self) -> None:
        """See `EventLoop.stop`."""
        self.inner.stop()

    def close(self) -> None:
        """See `EventLoop.close`."""
        self.inner.close()

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Stop for a callback that failed: asyncio would print its error and go on without what it was to do."""
        failure = context.get("exception")
        if failure is None or "handle" not in context or self._failure is not None:
            loop.default_exception_handler(context)
        else:
            self._failure = failure
            loop.stop()

    def _watch(self, kind: str, number: int) -> None:
        assert (kind, number) not in self._watched, f"{kind} {number}: a second watch would put out the first"
        self._watched.add((kind, number))

    def _unwatch(self, kind: str, number: int, remove: Callable[[int], object]) -> None:
        self._watched.remove((kind, number))
        if not self.inner.is_closed():
            remove(number)


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
