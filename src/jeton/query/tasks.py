"""The one thread for what waits: coroutine queries and commands. Owns a scheduler of tasks, and errands given to it.

It is started with the first errand, so that a program of plain queries has no event loop. Whoever gives an errand
waits for it on a thread of its own, and does not compute meanwhile.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from jeton.runtime import Event, Scheduler, Scope, default_loop
from jeton.sync import Primitives, Signal

_Call = Callable[[Callable[[], object]], None]


class Errand:
    """One coroutine that a thread waits for."""

    def __init__(self, function: Callable[[], Awaitable[Any]], done: Signal, call: _Call) -> None:
        """`call` calls back on the scheduler's thread."""
        self._function = function
        self._call = call
        self.done = done
        # The scheduler's thread's own, until `done` is set.
        self._scope: Scope | None = None
        self._cancelled = False
        self._value: Any = None
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Run it, and keep what comes of it."""
        try:
            async with Scope() as scope:
                self._scope = scope
                if self._cancelled:
                    scope.cancel()
                try:
                    self._value = await self._function()
                except BaseException as failure:  # noqa: BLE001  raised on the thread that waits
                    self._failure = failure  # as it is: the scope would put it into a group
        except BaseException as failure:  # noqa: BLE001  likewise
            self._failure = self._failure or failure
        finally:
            self._scope = None
            self.done.set()

    def cancel(self) -> None:
        """Cancel it; from any thread."""
        self._call(self._cancel)

    def _cancel(self) -> None:
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    def result(self) -> Any:
        """Return what came of it, or raise it."""
        if self._failure is not None:
            raise self._failure
        return self._value


class Tasks:
    """The thread, from the first errand to `close`."""

    def __init__(self, sync: Primitives, begin: Callable[[], None]) -> None:
        """Start it; `begin` is called on it first. Raises OSError where there can be no event loop."""
        self._begin = begin
        self._sync = sync
        self._ready = sync.signal("the tasks' thread runs")
        self._scheduler: Scheduler | None = None
        self._scope: Scope | None = None
        self._failure: BaseException | None = None
        self._thread = sync.start(self._run, "jeton query tasks")
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def give(self, function: Callable[[], Awaitable[Any]]) -> Errand:
        """Start a coroutine."""
        errand = Errand(function, self._sync.signal("an errand"), self.call)
        self.call(lambda: self._start(errand))
        return errand

    def call(self, callback: Callable[[], object]) -> None:
        """Call back soon on the tasks' thread; from any thread."""
        assert self._scheduler is not None
        self._scheduler.call_from_thread(callback)

    def close(self) -> None:
        """End the thread. An errand that is still under way was interrupted before anybody knew of it."""
        self.call(self._cancel)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._begin()
            loop = default_loop()
        except BaseException as failure:  # noqa: BLE001  no more descriptors, say: raised in the thread that waits
            self._failure = failure
            self._ready.set()
            return
        try:
            self._scheduler = Scheduler(loop)
            self._scheduler.run(self._main)
        finally:
            loop.close()

    async def _main(self) -> None:
        async with Scope() as self._scope:
            self._ready.set()
            await Event().wait()

    def _cancel(self) -> None:
        assert self._scope is not None
        self._scope.cancel()

    def _start(self, errand: Errand) -> None:
        assert self._scope is not None
        self._scope.spawn(errand.run)
