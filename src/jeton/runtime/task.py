"""A task: one coroutine that a scheduler steps. Owns its state; does not know where or when it is stepped.

The gate between a coroutine and the scheduler is one `yield`. A coroutine yields either None (put me at the end of the
queue) or a *trap*: a function that is called with the task, arranges its wake-up, and returns the undo, which is
called with the task too. The idea that suspending returns its own undo is curio's (dabeaz/curio, curio/sched.py).

Cancellation is level-triggered: a task whose scope is cancelling gets `Cancelled` thrown at every yield until
it has left the scope. It costs a running task nothing, because it is done by exchanging the function that steps it.
"""

from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from enum import Enum
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
Forget = Callable[[Any], object]
"""An undo that is told whom to take out, so that one serves all who wait in one place. To be called at most once."""
Trap = Callable[["Task[Any]"], Forget]
Step = Callable[[None], Trap | None]


class Cancelled(BaseException):
    """Thrown into a task whose scope is cancelling. Let it pass: the scope takes it up."""


class TaskCancelled(Exception):  # noqa: N818  the name says what is the case
    """The task that was awaited has no result: its scope was cancelled."""


class TaskState(Enum):
    """Where a task is. Derived from its fields, so that the state and the fields cannot disagree."""

    READY = "ready"
    """It is in its scheduler's queue once and will be stepped."""
    RUNNING = "running"
    """It is being stepped; it is in no queue."""
    PARKED = "parked"
    """It is in no queue; what it waits for holds it, and its undo takes it out of there."""
    DONE = "done"
    """Its coroutine has ended; it has a result or an error and never changes again."""


class Home(Protocol):
    """The scheduler, as a task sees it."""

    current: "Task[Any] | None"

    def make_ready(self, task: "Task[Any]") -> None:
        """Put the task at the end of the queue."""


class Domain(Protocol):
    """A scope, as a task or another scope inside it sees it."""

    cancelling: bool
    nested: "dict[Any, None]"
    """The scopes entered directly inside it. A dict for its order, so that a seed decides the whole of a run."""

    def child_done(self, task: "Task[Any]") -> None:
        """Hear that the task has ended."""


class Task(Generic[T]):
    """One coroutine with its context. Await it for its result; start it with `Scope.spawn`."""

    __slots__ = (
        "_coro",
        "_value",
        "_waiters",
        "context",
        "done",
        "error",
        "home",
        "name",
        "scheduler",
        "scope",
        "step",
        "undo",
    )

    def __init__(self, coro: Coroutine[Any, Any, T], scheduler: Home, scope: Domain, name: str | None) -> None:
        self.scheduler = scheduler
        self.home = scope
        """The scope that it was spawned in, which hears of its end."""
        self.scope = scope
        """The innermost scope that encloses the point where it stands. Changed by `enter_scope` alone."""
        self.name = name
        self.done = False
        self._coro = coro
        self.context: Context = copy_context()
        # Invariant: `step` is `_step_cancelling` while `scope.cancelling`, else `send`, or once the error of a trap.
        self.step: Step = self._step_cancelling if scope.cancelling else coro.send
        """What the scheduler calls inside `context`, with None, to run it up to its next yield."""
        # Invariant: not None exactly while PARKED.
        self.undo: Forget | None = None
        """What the trap returned. Set by the scheduler, taken by who wakes or cancels the task."""
        self._waiters: dict[Task[Any], None] | None = None
        self._value: T | None = None
        self.error: BaseException | None = None
        """What the coroutine ended with, or None."""

    @property
    def state(self) -> TaskState:
        """See `TaskState`."""
        if self.done:
            return TaskState.DONE
        if self.undo is not None:
            return TaskState.PARKED
        return TaskState.RUNNING if self.scheduler.current is self else TaskState.READY

    def throw_next(self, error: BaseException) -> None:
        """Let the next step throw the error of a trap into the coroutine."""
        self.step = partial(self._step_throwing, error)

    def wake(self) -> None:
        """PARKED to READY: what it waited for has come. On the scheduler's thread."""
        assert self.undo is not None, f"{self!r}: woken while {self.state.value}"
        self.undo = None
        self.scheduler.make_ready(self)

    def finish(self, value: T | None, error: BaseException | None) -> None:
        """Go from RUNNING to DONE."""
        self.done = True
        self._value = value
        self.error = error
        self.home.child_done(self)
        if self._waiters is not None:
            for waiter in self._waiters:
                waiter.wake()

    def enter_scope(self, scope: Domain) -> None:
        """Make `scope` the innermost one, on the way in or out. Only while RUNNING."""
        self.scope = scope
        self.step = self._step_cancelling if scope.cancelling else self._coro.send

    def scope_cancelled(self) -> None:
        """Hear that the innermost scope is cancelling: every yield from now on is answered by Cancelled."""
        self.step = self._step_cancelling
        if self.undo is not None:
            undo, self.undo = self.undo, None
            undo(self)
            self.scheduler.make_ready(self)

    def __await__(self) -> Generator[Trap, None, T]:
        """Wait for the end. Returns the result, raises the task's own error, or TaskCancelled."""
        if not self.done:
            yield self._park_waiter
        return self.result()

    def result(self) -> T:
        """Return what a task that is DONE came to, or raise its own error, or TaskCancelled."""
        assert self.done, f"{self!r}: has no result yet"
        if self.error is None:
            return self._value  # type: ignore[return-value]  # None only where T is
        if isinstance(self.error, Cancelled):
            raise TaskCancelled(f"{self!r} was cancelled")
        raise self.error

    def _park_waiter(self, waiter: "Task[Any]") -> Forget:
        if waiter is self:
            raise RuntimeError(f"{self!r}: a task that awaits itself waits for ever")
        if self._waiters is None:
            self._waiters = {}
        self._waiters[waiter] = None
        return self._waiters.pop

    def _step_cancelling(self, _: None) -> Trap | None:
        trap: Trap | None = self._coro.throw(Cancelled())
        return trap

    def _step_throwing(self, error: BaseException, _: None) -> Trap | None:
        self.step = self._coro.send
        trap: Trap | None = self._coro.throw(error)
        return trap

    def __repr__(self) -> str:
        name = self.name or getattr(self._coro, "__qualname__", "coroutine")
        return f"<Task {name} {self.state.value}>"
