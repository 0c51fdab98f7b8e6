"""Who waits for whom. Owns the frames that are asleep, and finds the ring that one more would close.

A thread looks before it sleeps, under one lock, so that of the threads which would close a ring together exactly the
last one sees it (as salsa's dependency graph and Go's detector do at block time; rustc looks when all have stopped).
"""

from typing import NamedTuple

from jeton.query.errors import Retreat
from jeton.query.node import Frame, Node, Session, Wake
from jeton.sync import Primitives

ORDER = 40
"""The place of its lock in the order of locks."""


class _Sleep(NamedTuple):
    """What a sleeper waits for, what wakes it, and whether its thread does nothing else meanwhile."""

    node: Node
    wake: Wake
    is_idle: bool = True


class _Link(NamedTuple):
    """A part of a ring: a chain from `top`, whose node others wait for, down to `sleeper`, which waits for `wanted`."""

    sleeper: Frame
    top: Frame
    wanted: Node


class Waits:
    """The frames that sleep, each with the node that it wants."""

    def __init__(self, sync: Primitives) -> None:
        self._lock = sync.lock(ORDER, "waits")
        # Guarded by _lock. Invariant: no ring: who would close one is told instead of entered.
        self._asleep: dict[Frame, _Sleep] = {}
        # Guarded by _lock: the same by what they want.
        self._wanted: dict[Node, dict[Frame, None]] = {}
        # Guarded by _lock: what ends the errands of frames that wait for one.
        self._errands: dict[Frame, Wake] = {}

    def enter(self, frame: Frame, node: Node, wake: Wake) -> Retreat | None:
        """Note that `frame` is about to sleep until `node` is settled, which `wake` is called for.

        If that closes a ring, the chain of the ring that comes last in `Frame.precedence` has to retreat: then what
        comes first never does, and gets on. (It is "wound-wait": Rosenkrantz, Stearns, Lewis, "System Level Concurrency
        Control for Distributed Database Systems", ACM TODS, 1978.) If that is this one, nothing is noted and its
        retreat returned; another one, which sleeps, is told. A frame whose thread helps meanwhile is not asked to: what
        the thread does on top of it may wait for this very ring.
        """
        told: list[Wake] = []
        with self._lock:
            # It may close several at once, where helpers sleep below one map.
            while ring := self._ring(frame, node):
                able = [link for link in ring if link.sleeper is frame or self._asleep[link.sleeper].is_idle]
                sleeper, top, wanted = max(able, key=lambda link: link.sleeper.precedence())
                reason = Retreat(top, other=wanted)
                if sleeper is frame:
                    break
                # It stands still, so its frames may be marked; and it looks at them when it wakes.
                sleeper.doom_up_to(top, reason)
                told.append(self._asleep[sleeper].wake)
            else:
                self._asleep[frame] = _Sleep(node, wake)
                self._wanted.setdefault(node, {})[frame] = None
        for wake_up in told:
            wake_up()
        return reason if ring else None

    def help(self, frame: Frame) -> bool:
        """Note that the thread of a frame that has entered helps meanwhile; False where the frame is to retreat."""
        with self._lock:
            if frame.doom is not None:
                return False
            self._asleep[frame] = self._asleep[frame]._replace(is_idle=False)
            return True

    def leave(self, frame: Frame) -> None:
        """Note that it woke up."""
        with self._lock:
            node = self._asleep.pop(frame).node
            sleepers = self._wanted[node]
            del sleepers[frame]
            if not sleepers:
                del self._wanted[node]

    def enter_errand(self, frame: Frame, cancel: Wake) -> None:
        """Note that `frame` waits for an errand, which `cancel` ends."""
        with self._lock:
            self._errands[frame] = cancel

    def leave_errand(self, frame: Frame) -> None:
        """Note that the errand has ended."""
        with self._lock:
            self._errands.pop(frame, None)

    def wake(self, session: Session | None = None) -> None:
        """Wake the sleepers of a session, or all, so that they see that it is over."""
        with self._lock:
            sleepers = [one.wake for frame, one in self._asleep.items() if session in (None, frame.session)]
            sleepers += [wake for frame, wake in self._errands.items() if session in (None, frame.session)]
        for wake in sleepers:
            wake()

    def snapshot(self) -> list[tuple[str, str]]:
        """Return who waits for what, for people."""
        with self._lock:
            return [(repr(frame.node), repr(one.node)) for frame, one in self._asleep.items()]

    def _ring(self, frame: Frame, node: Node) -> list[_Link]:
        """Return the ring that `frame` would close by waiting for `node`, link by link; nothing where there is none.

        A node waits for all that sleeps below its frame. A frame that is not asleep goes on by itself, so only sleepers
        are edges; their chains stand still.
        """
        mine = frame.chain()
        # From a node to the one that waits for it, by way of a sleeper below the frame of that one.
        came: dict[Node, tuple[Node, Frame] | None] = {node: None}
        ahead = [node]
        while ahead:
            wanted = ahead.pop()
            owner = wanted.frame
            if owner is None:  # settled, and its waiters are on their way
                continue
            if owner in mine:
                return self._links(frame, owner, wanted, node, came)
            for other, sleepers in self._wanted.items():
                if other not in came:
                    below = (one for one in sleepers if one.doom is None and one.is_below(owner))
                    sleeper = next(below, None)
                    if sleeper is not None:
                        came[other] = (wanted, sleeper)
                        ahead.append(other)
        return []

    def _links(
        self, frame: Frame, owner: Frame, last: Node, node: Node, came: dict[Node, tuple[Node, Frame] | None]
    ) -> list[_Link]:
        links = [_Link(frame, owner, node)]
        wanted = last
        while (step := came[wanted]) is not None:
            before, sleeper = step
            assert before.frame is not None
            links.append(_Link(sleeper, before.frame, wanted))
            wanted = before
        return links
