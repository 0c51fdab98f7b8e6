"""Who runs on this thread. Owns the one thread-local of the floor; the scheduler sets it, everything else asks."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from jeton.runtime.loop import EventLoop
from jeton.runtime.task import Forget, Task


class Wakeable(Protocol):
    """What a timer wakes."""

    def wake(self) -> None:
        """Hear that the time has come."""


class Running(Protocol):
    """A scheduler, as what runs on it sees it."""

    loop: EventLoop
    current: Task[Any] | None

    def make_ready(self, task: Task[Any]) -> None:
        """Put the task at the end of the queue."""

    def wake_at(self, when: float, target: Wakeable) -> Forget:
        """Wake `target` when the loop's clock has reached `when`; calling what is returned with it takes that back."""

    def until(self, when: float) -> Callable[[Wakeable], Forget]:
        """Return the trap of a task that waits until then."""


class _Thread(threading.local):
    scheduler: Running | None = None


_thread = _Thread()


def set_current(scheduler: Running | None) -> None:
    """Name the scheduler that runs on this thread. For schedulers alone. Raises RuntimeError where one runs already."""
    if scheduler is not None and _thread.scheduler is not None:
        raise RuntimeError("a scheduler runs on this thread already; start tasks in it with Scope.spawn")
    _thread.scheduler = scheduler


def current_scheduler() -> Running:
    """Return the scheduler that runs on this thread. Raises RuntimeError where none does."""
    scheduler = _thread.scheduler
    if scheduler is None:
        raise RuntimeError("no scheduler runs on this thread; start one with jeton.runtime.run(main)")
    return scheduler


def current_task() -> Task[Any]:
    """Return the task that calls. Raises RuntimeError outside of tasks."""
    task = current_scheduler().current
    if task is None:
        raise RuntimeError("this is not a task; start one with Scope.spawn")
    return task
