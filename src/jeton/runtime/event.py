"""A flag that tasks wait for. Owns its waiters; belongs to one scheduler's thread."""

from collections.abc import Generator
from types import coroutine
from typing import Any

from jeton.runtime.task import Forget, Task, Trap


class Event:
    """Set or not; `wait` returns when it is set, in the order of asking."""

    __slots__ = ("_waiters", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        # Invariant: empty while is_set.
        self._waiters: dict[Task[Any], None] = {}

    def set(self) -> None:
        """Set the flag and wake every waiter. Setting it again changes nothing."""
        self.is_set = True
        for waiter in self._waiters:
            waiter.wake()
        self._waiters.clear()

    def clear(self) -> None:
        """Let later waiters wait."""
        self.is_set = False

    @coroutine
    def wait(self) -> Generator[Trap, None, None]:
        """Return once the flag is set."""
        if not self.is_set:
            yield self._park

    def _park(self, task: Task[Any]) -> Forget:
        self._waiters[task] = None
        return self._waiters.pop
