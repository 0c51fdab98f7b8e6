"""The scheduler: one thread, one loop, one ready queue. Owns which task runs next; knows nothing of what wakes them.

Ready tasks are stepped in batches inside one callback of the loop, so that a switch between tasks costs a
queue operation and not a turn of the loop; between batches the loop serves timers and descriptors.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import repeat
from math import ceil, inf
from types import coroutine
from typing import Any, TypeVar

from jeton.runtime.asyncio_loop import default_loop
from jeton.runtime.current import Wakeable, current_scheduler, set_current
from jeton.runtime.loop import EventLoop, Undo
from jeton.runtime.task import Forget, Task, Trap

T = TypeVar("T")

BATCH = 256
"""Steps between two turns of the loop: the loop's own cost is spread thin, and I/O waits for some 50 µs at most."""
_UNWIND_S = 10.0
"""How long the tasks may take to end after an error of the runtime itself, which may have lost one of them."""
_UNWIND_FAILURES = 64
"""How many more errors of the runtime may come meanwhile: a watch that fails does so at every turn of the loop."""
_SWEEP = 1024
"""How many ticks may be kept before those that nobody waits for any more are looked for."""


class Scheduler:
    """Runs tasks on the thread that calls `run`. Everything but `call_from_thread` belongs to that thread."""

    def __init__(self, loop: EventLoop) -> None:
        self.loop = loop
        self.current: Task[Any] | None = None
        self._ready: deque[Task[Any]] = deque()
        # Invariant: True while a call of _run_batch is on its way or under way; so while _ready is not empty.
        self._scheduled = False
        # In milliseconds of the loop's clock. Nobody is in two of them at once.
        self._timers: dict[float, _Tick] = {}
        # Invariant: a heap of the keys of _timers.
        self._ticks: list[float] = []
        # Invariant: the loop will call _fire at _armed_for, which is not after the first tick.
        self._armed_for = inf
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

    def wake_at(self, when: float, target: Wakeable) -> Forget:
        """Wake `target` when the loop's clock has reached `when`; calling what is returned with it takes that back."""
        return self.until(when)(target)

    def until(self, when: float) -> Callable[[Wakeable], Forget]:
        """Return the trap that waits for the first tick not before `when`.

        Ticks are whole milliseconds, which is what the loops wait in. All who wait for one are one entry of the
        heap, so that a timer costs the same however many there are.
        """
        # A nanosecond is forgiven, for 0.1 + 0.2 is more than 0.3.
        tick = ceil(when * 1000 - 1e-6) if -inf < when < inf else when
        timer = self._timers.get(tick)
        if timer is None:
            timer = self._add_tick(tick)
        return timer.add

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
                    trap = task.context.run(task.step, None)
                except StopIteration as end:
                    task.finish(end.value, None)
                except BaseException as error:  # noqa: BLE001  kept for whoever awaits the task
                    task.finish(None, error)
                else:
                    # While its scope is cancelling, a task waits for nothing, unless inside a shield.
                    if trap is None or task.scope.cancelling:
                        ready.append(task)
                        continue
                    try:
                        task.undo = trap(task)
                    except BaseException as error:  # noqa: BLE001  it is the coroutine's to handle
                        task.throw_next(error)
                        ready.append(task)
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

    def _arm(self, tick: float) -> None:
        if self._disarm is not None:
            self._disarm()
            self._disarm = None
        self._armed_for = tick
        if tick < inf:
            self._disarm = self.loop.call_at(tick / 1000, self._fire)

    def _fire(self) -> None:
        self._disarm = None
        self._armed_for = inf
        now = self.loop.time()
        try:
            while (tick := self._first_tick()) / 1000 <= now:
                targets = self._timers[tick].targets
                for target in [*targets]:
                    if target in targets:  # waking one may have taken another back
                        del targets[target]
                        target.wake()
        finally:
            self._arm(self._first_tick())

    def _first_tick(self) -> float:
        """Return the first tick that somebody waits for, or infinity; drop those before it."""
        while self._ticks:
            if self._timers[self._ticks[0]].targets:
                return self._ticks[0]
            del self._timers[heappop(self._ticks)]
        return inf

    def _add_tick(self, tick: float) -> "_Tick":
        if len(self._ticks) >= self._sweep_at:
            self._sweep()
        self._timers[tick] = timer = _Tick()
        heappush(self._ticks, tick)
        if tick < self._armed_for:
            self._arm(tick)
        return timer

    def _sweep(self) -> None:
        """Drop the ticks that nobody waits for any more; not again until as many more have come."""
        self._timers = {tick: timer for tick, timer in self._timers.items() if timer.targets}
        self._ticks = sorted(self._timers)
        self._sweep_at = max(_SWEEP, 2 * len(self._ticks))


class _Tick:
    """Who is woken at one millisecond, in the order of asking, and the undo that serves them all."""

    __slots__ = ("forget", "targets")

    def __init__(self) -> None:
        self.targets: dict[Wakeable, None] = {}
        self.forget: Forget = self.targets.pop

    def add(self, target: Wakeable) -> Forget:
        """Wake `target` too, which waits for no other."""
        self.targets[target] = None
        return self.forget


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
def sleep(seconds: float) -> Generator[Trap | None, None, None]:
    """Wait for that long by the loop's clock, up to the next millisecond; for 0 or less, as `checkpoint` does."""
    if seconds > 0:
        scheduler = current_scheduler()
        yield scheduler.until(scheduler.loop.time() + seconds)
    else:
        yield None
