"""Who runs on this thread. Owns the one thread-local of the floor; the scheduler sets it, everything else asks."""

import threading
from typing import Any, Protocol

from jeton.runtime.loop import EventLoop
from jeton.runtime.task import Task


class Wakeable(Protocol):
    """What a timer wakes."""

    def wake(self) -> None:
        """Hear that the time has come."""


class Timer:
    """One entry of a scheduler's timer queue. Called, it takes itself back."""

    __slots__ = ("target",)

    def __init__(self, target: Wakeable) -> None:
        self.target: Wakeable | None = target

    def __call__(self) -> None:
        """Never wake the target."""
        self.target = None


class Running(Protocol):
    """A scheduler, as what runs on it sees it."""

    loop: EventLoop
    current: Task[Any] | None

    def make_ready(self, task: Task[Any]) -> None:
        """Put the task at the end of the queue."""

    def wake_at(self, when: float, target: Wakeable) -> Timer:
        """Wake `target` when the loop's clock has reached `when`; the timer that is returned takes it back."""


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
