"""A scope: tasks that end together and fail together. Owns the cancelling of what is inside it; not the stepping.

`async with Scope() as scope:` ends when its body and every task spawned in it have ended. The first failure
cancels all others, and what failed is raised as one ExceptionGroup; only KeyboardInterrupt and SystemExit leave as
they are. The model is Trio's nursery with its cancel scope (N. J. Smith, "Notes on structured concurrency", 2018),
as one object.
"""

from collections.abc import Callable, Coroutine, Generator
from types import TracebackType, coroutine
from typing import Any, NoReturn, Self, TypeVar

from jeton.runtime.current import current_scheduler, current_task
from jeton.runtime.task import Cancelled, Domain, Forget, Task, Trap

T = TypeVar("T")


class _Joining:
    """Where a task stands while it waits for the children of the scope that it leaves: nothing cancels it there."""

    def __init__(self) -> None:
        self.cancelling = False
        self.nested: dict[Any, None] = {}

    def child_done(self, task: Task[Any]) -> None:
        """Never called: nobody is spawned here."""
        raise AssertionError(f"{task!r} was spawned into a scope that is being left")


_JOINING = _Joining()


class Scope:
    """Tasks that end together. With `timeout` in seconds, the scope cancels itself then and raises TimeoutError.

    A `shield` keeps the cancelling of an outer scope out, for what must be finished while all else unwinds.
    """

    def __init__(self, *, timeout: float | None = None, shield: bool = False) -> None:
        self.shield = shield
        self.cancelling = False
        """True from the moment that this scope, or one around it that it is not shielded from, was cancelled."""
        # Invariant: a task is in _children from its spawn to its end, a scope in `nested` from entry to exit.
        self._children: dict[Task[Any], None] = {}
        self.nested: dict[Scope, None] = {}
        self._host: Task[Any] | None = None  # the task whose `async with` this is, from entry to exit
        self._parent: Domain | None = None
        self._asked = False  # cancel() was called on this very scope
        self._expired = False
        self._timeout = timeout
        self._undo_timeout: Forget | None = None
        self._errors: dict[int, BaseException] = {}  # by id: one that passes through several tasks is told of once
        self._joining: Task[Any] | None = None

    def spawn(self, function: Callable[..., Coroutine[Any, Any, T]], *args: object, name: str | None = None) -> Task[T]:
        """Start `function(*args)` as a task of this scope. It runs when the caller next gives way.

        Raises RuntimeError where the scope is not open.
        """
        host = self._host
        if host is None:
            raise RuntimeError("spawn into an open scope: inside its `async with` block, or from one of its tasks")
        task: Task[T] = Task(function(*args), host.scheduler, self, name)
        self._children[task] = None
        host.scheduler.make_ready(task)
        return task

    def cancel(self) -> None:
        """Cancel everything inside. What has ended stays as it is; calling twice changes nothing."""
        self._asked = True
        self._start_cancelling()

    def wake(self) -> None:
        """Hear that the timeout has passed."""
        self._undo_timeout = None
        if not self.cancelling:
            self._expired = True
            self.cancel()

    def enclosing_cancelled(self) -> None:
        """Hear that the scope around this one is cancelling."""
        if not self.shield:
            self._start_cancelling()

    def child_done(self, task: Task[Any]) -> None:
        """Hear that a task of this scope has ended."""
        del self._children[task]
        error = task.error
        if error is not None and not isinstance(error, Cancelled):
            self._errors[id(error)] = error
            self.cancel()
        if self._joining is not None and not self._children:
            joining, self._joining = self._joining, None
            joining.wake()

    async def __aenter__(self) -> Self:
        """Make this the innermost scope of the task that enters."""
        assert self._parent is None, "a scope is entered once"
        host = current_task()
        self._host = host
        self._parent = host.scope
        self._parent.nested[self] = None
        self.cancelling = self._asked or (self._parent.cancelling and not self.shield)
        host.enter_scope(self)
        if self._timeout is not None:
            scheduler = current_scheduler()
            self._undo_timeout = scheduler.wake_at(scheduler.loop.time() + self._timeout, self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Wait for the children; raise what failed, take up the cancelling that began here."""
        host, parent = self._host, self._parent
        assert host is not None
        assert parent is not None
        assert host.scope is self, "scopes are left in the order in which they were entered, by the same task"
        if error is not None:
            if not isinstance(error, Cancelled):
                self._errors[id(error)] = error
            self._start_cancelling()
        # Again after waking: until the host has run, others may spawn here.
        try:
            while self._children and not isinstance(error, GeneratorExit):
                host.enter_scope(_JOINING)
                await _park(self._park_joiner)
        finally:  # the coroutine may be closed where it waits
            if self._undo_timeout is not None:
                self._undo_timeout(self)
            del parent.nested[self]
            host.enter_scope(parent)
            self._host = None
        return self._settle(error, parent)

    def _settle(self, error: BaseException | None, parent: Domain) -> bool:
        """Decide what leaves the scope: True takes up the body's error."""
        if isinstance(error, GeneratorExit):
            return False
        if self._errors:
            self._raise(list(self._errors.values()))
        if self._expired and not parent.cancelling:
            raise TimeoutError(f"not done within {self._timeout} s") from None
        return self._asked and not parent.cancelling

    @staticmethod
    def _raise(errors: list[BaseException]) -> NoReturn:
        """Raise what failed as one group; but an interrupt as itself, for the interpreter knows it by its type."""
        interrupt = next((error for error in errors if isinstance(error, (KeyboardInterrupt, SystemExit))), None)
        if interrupt is None:
            raise BaseExceptionGroup("tasks of one scope failed", errors) from None
        others = [error for error in errors if error is not interrupt]
        cause = BaseExceptionGroup("tasks of one scope failed too", others) if others else interrupt.__cause__
        raise interrupt from cause

    def _start_cancelling(self) -> None:
        reached = [self]  # and no recursion: scopes may be nested deeper than Python's stack
        while reached:
            scope = reached.pop()
            if scope.cancelling:
                continue
            scope._cancel_own()  # noqa: SLF001  its own class
            reached += [inner for inner in scope.nested if not inner.shield]

    def _cancel_own(self) -> None:
        self.cancelling = True
        for task in (*self._children, self._host):
            if task is not None and task.scope is self:
                task.scope_cancelled()

    def _park_joiner(self, host: Task[Any]) -> Forget:
        self._joining = host
        return self._stop_joining

    def _stop_joining(self, _host: Task[Any]) -> None:
        self._joining = None


@coroutine
def _park(trap: Trap) -> Generator[Trap, None, None]:
    yield trap
