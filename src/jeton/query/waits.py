"""Who waits for whom. Owns the frames that are asleep, and finds the ring that one more would close.

A thread looks before it sleeps, under one lock, so that of the threads which would close a ring together exactly the
last one sees it (as salsa's dependency graph and Go's detector do at block time; rustc looks when all have stopped).
"""

from jeton.query.node import Frame, Node, Session, Wake
from jeton.sync import Primitives

ORDER = 40
"""The place of its lock in the order of locks."""


class Waits:
    """The frames that sleep, each with the node that it wants."""

    def __init__(self, sync: Primitives) -> None:
        self._lock = sync.lock(ORDER, "waits")
        # Guarded by _lock. Invariant: no ring: who would close one is told instead of entered.
        self._asleep: dict[Frame, tuple[Node, Wake]] = {}
        # Guarded by _lock: what ends the errands of frames that wait for one.
        self._errands: dict[Frame, Wake] = {}

    def enter(self, frame: Frame, node: Node, wake: Wake) -> Frame | None:
        """Note that `frame` is about to sleep until `node` is settled, which `wake` is called for.

        If `node` cannot be settled before `frame` goes on, note nothing and return the frame of its chain whose node
        the others in the ring wait for: the outermost, where there are several.
        """
        with self._lock:
            closing = self._closes(frame, node)
            if closing is None:
                self._asleep[frame] = (node, wake)
            return closing

    def leave(self, frame: Frame) -> None:
        """Note that it woke up."""
        with self._lock:
            del self._asleep[frame]

    def enter_errand(self, frame: Frame, cancel: Wake) -> None:
        """Note that `frame` waits for an errand, which `cancel` ends."""
        with self._lock:
            self._errands[frame] = cancel

    def leave_errand(self, frame: Frame) -> None:
        """Note that the errand has ended."""
        with self._lock:
            del self._errands[frame]

    def wake(self, session: Session | None = None) -> None:
        """Wake the sleepers of a session, or all, so that they see that it is over."""
        with self._lock:
            sleepers = [wake for frame, (_, wake) in self._asleep.items() if session in (None, frame.session)]
            sleepers += [wake for frame, wake in self._errands.items() if session in (None, frame.session)]
        for wake in sleepers:
            wake()

    def snapshot(self) -> list[tuple[str, str]]:
        """Return who waits for what, for people."""
        with self._lock:
            return [(repr(frame.node), repr(node)) for frame, (node, _) in self._asleep.items()]

    def _closes(self, frame: Frame, node: Node) -> Frame | None:
        """Search from what `node` waits for to a frame of the chain. A node waits for all that sleeps below its frame.

        A frame that is not asleep will go on by itself, so only sleepers are edges; their chains stand still.
        """
        chain = frame.chain()
        found: Frame | None = None
        seen = {node}
        ahead = [node]
        while ahead:
            owner = ahead.pop().frame
            if owner is None:  # settled, and its waiters are on their way
                continue
            if owner in chain:
                if found is None or owner.depth < found.depth:
                    found = owner
                continue
            for sleeper, (wanted, _) in self._asleep.items():
                if wanted not in seen and sleeper.is_below(owner):
                    seen.add(wanted)
                    ahead.append(wanted)
        return found
