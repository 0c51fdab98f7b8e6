"""The scheduler: one thread, one loop, one ready queue. Owns which task runs next; knows nothing of what wakes them.

Ready tasks are stepped in batches inside one callback of the loop, so that a switch between tasks costs a
queue operation and not a turn of the loop; between batches the loop serves timers and descriptors.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count, repeat
from types import coroutine
from typing import Any, TypeVar

from jeton.runtime.asyncio_loop import default_loop
from jeton.runtime.current import Timer, Wakeable, current_scheduler, set_current
from jeton.runtime.loop import EventLoop, Undo
from jeton.runtime.task import Task, Trap

T = TypeVar("T")

BATCH = 128
"""Steps between two turns of the loop: the loop's own cost is spread thin, and I/O waits for some 50 µs at most."""
_UNWIND_S = 10.0
"""How long the tasks may take to end after an error of the runtime itself, which may have lost one of them."""
_UNWIND_FAILURES = 64
"""How many more errors of the runtime may come meanwhile: a watch that fails does so at every turn of the loop."""
_SWEEP = 1024
"""How many timers may be kept before those that were taken back are looked for."""


class Scheduler:
    """Runs tasks on the thread that calls `run`. Everything but `call_from_thread` belongs to that thread."""

    def __init__(self, loop: EventLoop) -> None:
        self.loop = loop
        self.current: Task[Any] | None = None
        self._ready: deque[Task[Any]] = deque()
        # Invariant: True while a call of _run_batch is on its way or under way; so while _ready is not empty.
        self._scheduled = False
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_order = count()
        # Invariant: the loop will call _fire at _armed_for, which is not after the first timer.
        self._armed_for = float("inf")
        self._disarm: Undo | None = None
        self._sweep_at = _SWEEP
        self._given_up = False  # tasks were left where they stood; what their coroutines still do as they go is in vain

    def run(self, main: Callable[..., Coroutine[Any, Any, T]], *args: object) -> T:
        """Run `main(*args)` and all it starts to the end; return its result or raise its error.

        An interrupt, or an error of a callback of the loop, cancels every task and is raised when all have ended;
        a second interrupt is raised at once, and then nothing more can be run here.
        """
        if self._given_up:
            raise RuntimeError("this scheduler gave up its tasks when it was interrupted; make another")
        set_current(self)
        try:
            root = _Root(self.loop.stop)
            task: Task[T] = Task(main(*args), self, root, "main")
            self.make_ready(task)
            try:
                self.loop.run()
            except BaseException as failure:
                try:
                    if not task.done:
                        self._unwind(root, task, failure)
                finally:
                    self._given_up = not task.done
                raise
        finally:
            set_current(None)
        return task.result()

    def make_ready(self, task: Task[Any]) -> None:
        """Put a task at the end of the queue. It must be in no queue."""
        self._ready.append(task)
        if not self._scheduled and not self._given_up:
            self._scheduled = True
            self.loop.call_soon(self._run_batch)

    def call_from_thread(self, callback: Callable[[], object]) -> None:
        """Call back soon on this scheduler's thread. May be called from any thread."""
        self.loop.call_from_thread(callback)

    def wake_at(self, when: float, target: Wakeable) -> Timer:
        """Wake `target` when the loop's clock has reached `when`; the timer that is returned takes it back."""
        timer = Timer(target)
        if len(self._timers) >= self._sweep_at:
            self._sweep()
        heappush(self._timers, (when, next(self._timer_order), timer))
        if when < self._armed_for:
            self._arm(when)
        return timer

    def _run_batch(self) -> None:
        ready = self._ready
        chooses = self.loop.chooses
        try:
            for _ in repeat(None, BATCH if chooses is None else 1):
                if not ready:
                    break
                if chooses is not None:
                    ready.rotate(-chooses(len(ready)))
                self.current = task = ready.popleft()
                try:
                    trap = task.step()
                except StopIteration as end:
                    task.finish(end.value, None)
                except BaseException as error:  # noqa: BLE001  kept for whoever awaits the task
                    task.finish(None, error)
                else:
                    if trap is None:
                        ready.append(task)
                    else:
                        task.park(trap)
        finally:
            self.current = None
            if ready:
                self.loop.call_soon(self._run_batch)
            else:
                self._scheduled = False

    def _unwind(self, root: "_Root", main: Task[Any], failure: BaseException) -> None:
        """Cancel every task and run on until all have ended."""
        root.cancel(main)
        if isinstance(failure, Exception):
            self.loop.call_at(self.loop.time() + _UNWIND_S, self.loop.stop)
        for _ in range(_UNWIND_FAILURES):
            with suppress(Exception):  # the first failure is the one to tell of
                self.loop.run()
                return

    def _arm(self, when: float) -> None:
        if self._disarm is not None:
            self._disarm()
        self._armed_for = when
        self._disarm = self.loop.call_at(when, self._fire)

    def _fire(self) -> None:
        timers = self._timers
        now = self.loop.time()
        self._disarm = None
        self._armed_for = float("inf")
        try:
            while timers and timers[0][0] <= now:
                timer = heappop(timers)[2]
                if timer.target is not None:
                    timer.target.wake()
        finally:
            while timers and timers[0][2].target is None:
                heappop(timers)
            if timers:
                self._arm(timers[0][0])

    def _sweep(self) -> None:
        """Forget the timers that were taken back; not again until as many more have come."""
        self._timers[:] = [entry for entry in self._timers if entry[2].target is not None]
        heapify(self._timers)
        self._sweep_at = max(_SWEEP, 2 * len(self._timers))


class _Root:
    """What encloses the first task: it stops the loop when that task ends, and only an interrupt cancels it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.cancelling = False
        self.nested: dict[Any, None] = {}
        self._stop = stop

    def cancel(self, main: Task[Any]) -> None:
        """Cancel the first task and all that it encloses."""
        self.cancelling = True
        for scope in self.nested:
            scope.enclosing_cancelled()
        if main.scope is self:
            main.scope_cancelled()

    def child_done(self, task: Task[Any]) -> None:
        """Stop the loop: scopes see to it that the first task is the last to end."""
        del task
        self._stop()


def run(main: Callable[..., Coroutine[Any, Any, T]], *args: object, loop: EventLoop | None = None) -> T:
    """Run `main(*args)` as a program of tasks on this thread and return its result.

    The loop is libuv's where uvloop is installed; one that is passed is closed too.
    """
    chosen: EventLoop = default_loop() if loop is None else loop
    try:
        return Scheduler(chosen).run(main, *args)
    finally:
        chosen.close()


@coroutine
def checkpoint() -> Generator[None, None, None]:
    """Let every other ready task run first."""
    yield


@coroutine
def sleep(seconds: float) -> Generator[Trap, None, None]:
    """Wait for that long by the loop's clock."""
    yield partial(_park_for, seconds)


def _park_for(seconds: float, task: Task[Any]) -> Undo:
    scheduler = current_scheduler()
    return scheduler.wake_at(scheduler.loop.time() + seconds, task)
