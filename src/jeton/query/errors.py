"""What the engine raises. Owns the exceptions; knows nothing of how cycles are found or sessions end."""

from collections.abc import Sequence
from typing import Any


class Cancelled(BaseException):
    """The session is over: an input changed, or somebody cancelled it. Begin another one.

    Not an Exception, so that a query that catches failures does not take it for one.
    """


class CycleError(Exception):
    """Queries that demand each other in a ring. The same ring has the same message, wherever it was entered."""

    def __init__(self, ring: Sequence[str], why: str = "depends on itself") -> None:
        """`ring` names the participants in the order of demand, from the one whose name sorts first."""
        super().__init__(ring, why)
        self.ring = tuple(ring)
        self.why = why

    def __str__(self) -> str:
        return f"{self.ring[0]}: {self.why}: {' -> '.join((*self.ring, self.ring[0]))}"


class Unset(Exception):  # noqa: N818  it is raised as a plain answer, `raise Unset`, by loaders without one
    """Raised by the loader of an input that has no default: it is to be set before it is asked for."""


class EngineClosedError(RuntimeError):
    """The engine was closed."""


class MisuseError(RuntimeError):
    """The engine was asked for something that cannot work from where it was asked; the message says what does."""


class Retreat(BaseException):
    """Unwinds this chain of frames up to `target`. Queries are functions, so what was begun can be begun again.

    Two chains of queries that demand each other in a ring would wait for ever. The one that closes the ring gives its
    part of it up, so that the other computes the whole ring in one chain, where a cycle is plain to see. And a ring
    with a fixpoint that was not entered at its head is given up, to be entered there.
    """

    def __init__(self, target: object, *, head: Any = None, other: Any = None) -> None:
        """Before `target`'s node is tried again, `head` is to be had, or `other`, which runs elsewhere, waited for."""
        super().__init__()
        self.target = target
        self.head = head
        self.other = other


class Undecided(BaseException):
    """Unwinds to `stand_in`, whose item closed a ring with the query that maps it.

    Helpers run items early, and which of two rings is met first would depend on them. So the item is put back, and the
    thread whose map it is meets the ring in the order of the keys, if no item before it fails.
    """

    def __init__(self, stand_in: object) -> None:
        super().__init__()
        self.stand_in = stand_in


class TooDeepError(RecursionError):
    """A query recursed without end: even a deep thread's stack was used up."""


class WorkerDiedError(RuntimeError):
    """A worker process ended in the middle of a query. No result: it can be tried again."""
