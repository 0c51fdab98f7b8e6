"""A job: one map, or one call of a coroutine. Owns which of its items were taken; knows nothing of threads.

Its state is guarded by the lock of the crew that works on it, which all methods but `settle` and `finished` expect to
be held. What was taken and not begun goes back when a thread has to wait, so that a slow item holds up no other.
"""

from bisect import insort
from collections.abc import Callable
from typing import Any

from jeton.query.errors import Cancelled, Retreat, Undecided
from jeton.query.node import Failure, Frame, Node
from jeton.sync import Signal


class Job:
    """The nodes that one frame wants, and how far they are. Guarded by the crew's lock, but for `frame` and `nodes`."""

    __slots__ = ("active", "end", "errors", "frame", "nodes", "quiet", "ranges", "stop", "want")

    def __init__(self, frame: Frame, nodes: list[Node], *, want: bool) -> None:
        self.frame = frame
        self.nodes = nodes
        self.want = want
        # The items that nobody has taken, in ascending order; those from `end` on are wanted no more.
        self.ranges = [(0, len(nodes))]
        self.end = len(nodes)
        # How many threads are at an item, and who is to be told when there are none any more.
        self.active = 0
        self.quiet: Signal | None = None
        # By item: what is no result, and so is not in the node.
        self.errors: dict[int, Exception] = {}
        # What ends all of it.
        self.stop: BaseException | None = None

    def take(self, helpers: int) -> "Chunk | None":
        """Take some items: few where few are left, so that the last ones are shared (guided self-scheduling).

        After Polychronopoulos and Kuck, "Guided Self-Scheduling", IEEE Transactions on Computers, 1987.
        """
        left = self.left
        if not left or self.stop is not None:
            return None
        first, end = self.ranges.pop(0)
        upto = min(end, self.end, first + max(1, left // (4 * (helpers + 1))))
        if upto < end:
            self.ranges.insert(0, (upto, end))
        self.active += 1
        return Chunk(self, first, upto)

    def take_back(self, chunk: "Chunk") -> None:
        """Let others have what was taken and not begun."""
        if chunk.next < chunk.end:
            insort(self.ranges, (chunk.next, chunk.end))
            chunk.end = chunk.next

    def stop_for(self, reason: BaseException) -> None:
        """Let nobody take another item."""
        if self.stop is None or not isinstance(reason, (Cancelled, Retreat, Undecided)):
            self.stop = reason  # an interrupt is told before what came of it
        self.ranges.clear()

    early = True
    """Its items are had before their turn, which may never come."""

    @property
    def left(self) -> int:
        """How many items nobody has taken."""
        return sum(max(0, min(end, self.end) - first) for first, end in self.ranges)

    def settle(self, stand_in: Frame, at: int) -> None:
        """Settle one item, for a frame that stands for the job's on this thread."""
        self.frame.asks.bring(stand_in, self.nodes[at], self.want)

    def is_failed(self, at: int) -> bool:
        """Whether the items after this one are wanted no more."""
        return self.want and type(self.nodes[at].value) is Failure

    def finished(self) -> None:
        """Hear that nobody is at an item any more, and none is left."""


class Call(Job):
    """Something that a thread is to do for a coroutine, which waits for it: a job of one item."""

    __slots__ = ("_action", "_done", "_value")
    early = False

    def __init__(self, frame: Frame, action: Callable[[Frame], Any], done: Callable[[], object]) -> None:
        """`done` is called once it was done, or dropped."""
        super().__init__(frame, [], want=False)
        self.ranges, self.end = [(0, 1)], 1
        self._action = action
        self._done = done
        self._value: Any = None

    def settle(self, stand_in: Frame, at: int) -> None:
        """Do it."""
        del at
        self._value = self._action(stand_in)

    def finished(self) -> None:
        """Tell who waits."""
        self._done()

    def result(self) -> Any:
        """Return what came of it, or raise it."""
        failure = self.stop or self.errors.get(0)
        if failure is not None:
            raise failure
        return self._value


class Chunk:
    """Some items of a job that one thread has taken: those from `next` to `end` it has yet to begin."""

    __slots__ = ("end", "job", "next")

    def __init__(self, job: Job, first: int, end: int) -> None:
        self.job = job
        self.next = first
        self.end = end
