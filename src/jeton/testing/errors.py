"""What may be wrong with a schedule. Owns the exceptions; knows not how they are found."""

from dataclasses import dataclass


class Deadlock(AssertionError):  # noqa: N818  the name says what is the case
    """Every thread waits for another. The message says who waits for what, and where."""


class ThreadsLeft(AssertionError):  # noqa: N818  likewise
    """The scenario has returned, and a thread that it started waits for ever."""


class Livelock(AssertionError):  # noqa: N818  likewise
    """The threads went on past the limit of steps, although each had its turn in the second half of them."""


class NotHeld(RuntimeError):  # noqa: N818  likewise
    """A lock was released by a thread that does not hold it."""


class Stalled(AssertionError):  # noqa: N818  likewise
    """A thread did not come back: it waits for something that is not of `jeton.sync`, or it computes for long."""


class Diverged(AssertionError):  # noqa: N818  likewise
    """The same choices led elsewhere: the scenario depends on something beside them, or its code has changed."""


class Uncontrolled(RuntimeError):  # noqa: N818  likewise
    """An operation came from a thread that the schedule did not start, or after the schedule's end."""


class Abandoned(BaseException):
    """Thrown into the threads of a schedule that has failed, so that they end. Not to be caught for good."""


@dataclass(frozen=True, slots=True)
class Step:
    """One switch point of a schedule."""

    thread: str
    what: str
    """The operation, with the name of its lock, signal or thread."""
    where: str
    """File and line in the scenario's code."""
    then: str | None
    """Who ran next, where it was another thread."""
    preempted: bool
    """Whether `thread` could have gone on itself."""


class ScheduleFailed(AssertionError):  # noqa: N818  likewise
    """A schedule went wrong. The cause is what was raised in it.

    `replay` is the value of JETON_SCHEDULE that brings it back, `steps` the whole way there.
    """

    def __init__(self, message: str, replay: str, steps: tuple[Step, ...]) -> None:
        super().__init__(message)
        self.replay = replay
        self.steps = steps
