"""Demand: from a query and its key to a settled node. Owns claiming, and what is done where somebody else has claimed.

Whoever finds a node that is not settled claims it under its shard's lock and computes it. Whoever finds it claimed is
either below the claim's own frame, which is a cycle, or helps with the maps below that frame, or sleeps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import methodcaller
from typing import Any
from zlib import crc32

from jeton.query import count, cycle, deep, recent
from jeton.query.compute import hear, release, run
from jeton.query.core import Core, Kept
from jeton.query.crew import Crew
from jeton.query.definition import COROUTINE, INPUT, Key, Query
from jeton.query.errors import Cancelled, MisuseError, Retreat, TooDeepError
from jeton.query.node import (
    ABSENT,
    GREEN,
    HOLLOW,
    NEW,
    PROVISIONAL,
    RUNNING,
    STALE,
    SUSPECT,
    AwaitingFrame,
    Failure,
    Frame,
    Node,
)
from jeton.query.settle import forget_wait, settle, wait_for
from jeton.query.verify import first_changed

_RETREATS = 1000
"""How often one demand may be tried again before the rings are taken to have no end."""


class Demand:
    """The way to a value, on threads."""

    def __init__(self, core: Core, crew: Crew) -> None:
        self.core = core
        self.crew = crew

    def demand(self, frame: Frame, query: Query, key: Key) -> Any:
        """Return the value of a query for `frame`, which has it not at hand. Raises as the entry does."""
        if frame.doom is not None:
            raise frame.doom
        if frame.session.over:
            raise Cancelled
        if not frame.fronts:
            if frame.parent is None:
                return self._demand_from_outside(frame, query, key)
            self._refuse_in_leaf_and_coroutine(frame, query)
        shard = self.core.shards[hash(key) & self.core.mask]
        child: Frame | None = None
        with shard.lock:
            node: Node | None = None
            if query.index < len(shard.tables):
                node = shard.tables[query.index].get(key)
            if node is None:
                node = shard.table(query.index)[key] = Node(query, key, shard)
            state = node.state
            if state is not GREEN and state is not RUNNING and state is not PROVISIONAL:
                child = self.claim(frame, node)
        frame.reads.append(node)
        if frame.node is None and self.core.kept is not None:
            self.core.kept.asked[node] = None
        if child is not None:
            retreat = self._compute(child, want=True)
            if retreat is not None:
                self._after(frame, retreat)
                self.bring(frame, node, want=True)
            elif node.state is not GREEN:
                self.bring(frame, node, want=True)
        elif state is not GREEN:
            self.bring(frame, node, want=True)
        while (value := node.value) is ABSENT:  # dropped again, to make room for another
            self.bring(frame, node, want=True)
        if type(value) is Failure:
            raise value.error.with_traceback(None)
        if query.options.lru is not None:
            recent.touch(self.core, node)
        elif node.state is GREEN:
            self._put_at_hand(frame, node)
        return value

    def _demand_from_outside(self, root: Frame, query: Query, key: Key) -> Any:
        """Return a settled value to a root, or else have it brought for a frame that is for this call alone.

        While the gate's lock is held and the session is not over, nobody sets a value.
        """
        core = self.core
        shard = core.shards[hash(key) & core.mask]
        if query.index < len(shard.tables) and query.options.lru is None and not core.lane().is_inside:
            with core.gate.lock:
                if root.session.over:
                    raise Cancelled
                node = shard.tables[query.index].get(key)
                if node is not None and node.state is GREEN and type(node.value) is not Failure:
                    if core.kept is not None:
                        core.kept.asked[node] = None
                    return node.value
        call = self._enter(root)
        try:
            return self.demand(call, query, key)
        finally:
            self._leave(call)

    def _refuse_in_leaf_and_coroutine(self, frame: Frame, query: Query) -> None:
        """Raise MisuseError in those that have nothing at hand on purpose; not where nobody has anything yet."""
        node = frame.node
        if node is not None and node.query.options.offload:
            raise MisuseError(f"{query.label}: demanded by {node.query.label}, which says offload: it reads no other")
        if isinstance(frame, AwaitingFrame):
            raise MisuseError(
                f"{query.label}: called in a coroutine, which would block; await db.call({query.label}, …)"
            )

    def obtain(self, frame: Frame, node: Node) -> Any:
        """Return the value of a node for `frame`, which has noted that it reads it. Raises it where it is a failure."""
        self.bring(frame, node, want=True)
        while (value := node.value) is ABSENT:
            self.bring(frame, node, want=True)
        if type(value) is Failure:
            raise value.error.with_traceback(None)
        return value

    def bring(self, frame: Frame, node: Node, want: bool) -> None:
        """Settle a node for `frame`; with `want`, so that its value is there. Raises what is no result."""
        for _ in range(_RETREATS):
            if frame.doom is not None:
                raise frame.doom
            if frame.session.over:
                raise Cancelled
            child: Frame | None = None
            with node.shard.lock:
                state = node.state
                if state is GREEN or (state is HOLLOW and not want):
                    return
                if state is not RUNNING and state is not PROVISIONAL:
                    child = self.claim(frame, node)
                owner = node.frame
            if child is not None:
                retreat = self._compute(child, want=want)
                if retreat is not None:
                    self._after(frame, retreat)
                elif node.state is PROVISIONAL and not self._inherit(frame, node):
                    continue
                else:
                    return
            elif state is PROVISIONAL:
                if self._inherit(frame, node):
                    return
            elif owner is not None and frame.is_below(owner):
                cycle.meet(self.core, frame, owner)
                return
            else:
                self.sleep(frame, node)
        raise RuntimeError(f"{node!r}: the cycles that it is in come to no end")

    def _after(self, frame: Frame, retreat: Retreat) -> None:
        """Do what is to be done before the target of a retreat is tried again."""
        if retreat.head is not None:
            self.bring(frame, retreat.head, want=False)
        elif retreat.other.frame is not None:
            self.sleep(frame, retreat.other)

    def sleep(self, frame: Frame, node: Node) -> None:
        """Let somebody else settle a node: help with its maps, or wait with the slot given back; maybe for nothing."""
        signal = self.core.sync.signal(f"{node!r} settled")
        retreat = self.core.waits.enter(frame, node, signal.set)
        if retreat is not None:
            cycle.retreat(frame, retreat)
        try:
            job = self.crew.job_below(node.frame)
            if job is not None:
                if self.core.waits.help(frame):
                    self.crew.take_part(job, frame.lane)
                return
            if not wait_for(node, signal.set):
                return
            if not frame.session.over:
                self.crew.rise(frame.lane)
                try:
                    signal.wait()
                finally:
                    self.crew.sit(frame.lane)
        finally:
            self.core.waits.leave(frame)
            forget_wait(node, signal.set)

    @contextmanager
    def from_outside(self, root: Frame) -> Iterator[Frame]:
        """Work for a session's root on this thread, counted as under way, on a frame that is for this call alone."""
        frame = self._enter(root)
        try:
            yield frame
        finally:
            self._leave(frame)

    def _enter(self, root: Frame) -> Frame:
        lane = self.core.lane()
        if lane.is_inside:
            raise MisuseError("a session's db was used inside a query, where it records nothing; use the query's own")
        rank = self.core.gate.enter(root.session)
        frame = Frame(root.asks, root.session, lane, root, None)
        frame.rank = rank
        return frame

    def _leave(self, frame: Frame) -> None:
        self.crew.rise(frame.lane)
        self.core.gate.leave()
        deep.set_limit_back()

    def claim(self, frame: Frame, node: Node) -> Frame:
        """Take the claim on a node. Its shard's lock is held."""
        kind = AwaitingFrame if node.query.kind is COROUTINE else Frame
        child = kind(frame.asks, frame.session, frame.lane, frame, node)
        child.before = node.state
        if node.query.options.offload:
            child.fronts = ()  # a leaf: what it demands is refused, at hand or not
        node.become(RUNNING)
        node.frame = child
        return child

    def _compute(self, frame: Frame, *, want: bool) -> Retreat | None:
        """Settle the node of a claim; or give the claim up, and return the retreat that ends at it.

        Goes on on a deep stack where this one is used up. No closures: their variables would cost every call.
        """
        started = count.start(frame) if self.core.counting else 0
        try:
            is_used_up = frame.depth & 7 == 2 and deep.is_deep(frame)
            if not is_used_up:
                try:
                    self._settle(frame, want=want)
                except RecursionError as error:
                    base = frame.lane.base
                    if isinstance(error, TooDeepError) or (base and frame.depth - base < deep.FEW_LEVELS):
                        raise
                    frame.begin_again()
                    is_used_up = True
            if is_used_up:
                deep.hop(self.core, frame, partial(self._settle, frame, want=want))
        except Retreat as reason:
            self._release(frame)
            if reason.target is not frame:
                raise
            return reason
        except BaseException as reason:
            self._release(frame)
            if isinstance(reason, Exception) and frame.parent is not None:
                frame.parent.tainted = True
            raise
        if started:
            count.end(frame, started)
        return None

    def _release(self, frame: Frame) -> None:
        """Give up a claim; and those that were left for want of stack, which this frame has more of."""
        unreleased = frame.lane.unreleased
        unreleased.append(frame)
        try:
            while unreleased:
                release(self.core, unreleased[0])
                del unreleased[0]
        except RecursionError:
            return

    def _settle(self, frame: Frame, *, want: bool) -> None:
        """Recall the node, or verify it, if one of these may do; run it where they do not."""
        core, node = self.core, frame.node
        assert node is not None
        if core.kept is not None and self.is_recalled(core.kept, frame, node, want=want):
            return
        if node.query.kind is COROUTINE:
            self.core.asks.errand(frame, methodcaller("settle", frame, want=want))
            return
        if frame.lane.slot is None:
            self.crew.sit(frame.lane)
        why: Node | str = "it had not run before"
        if frame.before is SUSPECT:
            changed = self._first_changed(frame, node)
            if changed is not None:
                why = changed
            elif self.is_verified(frame, node, want=want):
                return
        run(core, frame, why if frame.before is NEW else self.reason(frame, why))

    def reason(self, frame: Frame, why: Node | str) -> Node | str:
        """Return why the frame's query runs now, `why` if it is for what a suspect node had read."""
        if frame.before is HOLLOW:
            return "its value had been dropped"
        if frame.before is GREEN:
            return "it was chosen to be checked"
        if frame.before is STALE:
            assert frame.node is not None
            if frame.node.query.kind is INPUT:
                return "it was found changed"
            return "it runs again always" if frame.node.query.options.volatile else "its code has changed"
        return why

    def is_recalled(self, kept: Kept, frame: Frame, node: Node, *, want: bool) -> bool:
        """Settle the node by what a store remembers, if that may do."""
        if frame.before is NEW:
            frame.before = kept.recall(node, want=want)
            if frame.before is GREEN or frame.before is HOLLOW:
                return self.is_settled(frame, node, want=want)
        elif frame.before is HOLLOW and want and kept.value(node):
            settle(node, GREEN)
            return True
        return False

    def is_verified(self, frame: Frame, node: Node, *, want: bool) -> bool:
        """Settle a node of whose reads none has changed; False where it has to run."""
        if frame.ring is not None or frame.heads is not None:
            return False  # what it read has come to be a ring, and went by an assumption
        hear(self.core, node)
        return self.is_settled(frame, node, want=want)

    def is_settled(self, frame: Frame, node: Node, *, want: bool) -> bool:
        """Settle a node that is known to be unchanged; False where it has to run for its value, or to be checked."""
        core = self.core
        node.verified_at = frame.session.revision
        if node.value is ABSENT and want and core.kept is not None:
            core.kept.value(node)
        frame.before = HOLLOW if node.value is ABSENT else GREEN
        if (node.value is ABSENT and want) or (core.check and self._is_chosen(node, frame.session.revision)):
            return False
        settle(node, frame.before)
        if node.query.options.lru is not None and frame.before is GREEN:
            recent.touch(core, node)
        return True

    def _is_chosen(self, node: Node, revision: int) -> bool:
        """Tell whether a node is in the share that is computed again, another one in each revision."""
        if node.query.kind is INPUT or (node.trace is not None and node.trace.in_ring):
            return False  # a part of a ring gives what it gave only with the others
        return crc32(f"{node!r} {revision}".encode()) < self.core.check * 2**32

    def _first_changed(self, frame: Frame, node: Node) -> Node | str | None:
        try:
            return first_changed(self.core, frame, node)
        except Exception as error:  # noqa: BLE001  a cycle, or what is no result: running it meets the same
            frame.begin_again()
            return repr(error)

    def _inherit(self, frame: Frame, node: Node) -> bool:
        """Let the frame read a provisional node; or wait for its ring to end, and return False."""
        found = cycle.inherit(self.core, frame, node)
        if isinstance(found, Node):
            self.sleep(frame, found)
            return False
        return found

    def _put_at_hand(self, frame: Frame, node: Node) -> None:
        fronts = frame.lane.fronts
        index = node.query.index
        while len(fronts) <= index:
            fronts.append({})
        fronts[index][node.key] = node
