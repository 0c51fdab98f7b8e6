"""Queries that depend on themselves. Owns what becomes of a ring, so that it is the same wherever it was entered.

A ring is seen when a frame demands the node of a frame above it. What then happens is asked of the participants:

- one has a `Fixpoint`: the one whose name sorts first is the head. A head runs with its own value assumed, again and
  again until it gives what was assumed. If the ring was not entered at the head, its frames retreat, and it is.
- else all have come to one CycleError, whatever they make of the exception; those with a `Fallback` give that instead.

Until the head has ended, what depends on the assumption is PROVISIONAL: read inside the ring only. Then one of it
gets, as its reads, what the whole ring has read and the ring itself, in an order of their names; the others read it.
Such a node is not verified when it is suspect, but run: the order of its own demands, which would make that safe, is
lost.
"""

from collections.abc import Iterable
from typing import Any, NoReturn, cast

from jeton.query.core import Core
from jeton.query.definition import Fallback, Fixpoint
from jeton.query.errors import CycleError, Retreat, Undecided
from jeton.query.node import ABSENT, GREEN, PROVISIONAL, STALE, Failure, Frame, Node, Ring, Told, Trace
from jeton.query.settle import settle


def meet(core: Core, frame: Frame, owner: Frame) -> None:
    """Let `frame` demand the node of `owner`, a frame above it: return where its assumed value may be read.

    Raises CycleError in an error, Retreat where the ring is to be entered at its head.
    """
    ring = owner.ring
    if ring is None:
        chain = [one for one in frame.chain_to(owner) if one.node is not None]
        nodes = [one.node for one in reversed(chain) if one.node is not None]
        heads = [node for node in nodes if isinstance(node.query.options.on_cycle, Fixpoint)]
        if not heads:
            _refuse_in_helper(frame, owner)
            error = CycleError(_names(nodes))
            ring = Ring(owner, error)
            for one in chain:
                one.ring, one.doom = ring, error
        else:
            head = min(heads, key=_order)
            if head is not owner.node:
                retreat(frame, Retreat(owner, head=head))
            ring = owner.ring = Ring(owner, None)
            ring.replaced = head.value
            head.value = _assumed(head)
    if ring.error is not None:
        _depend(core, frame, [ring])
        raise ring.error
    assert ring.head is owner, "only the head of a fixpoint knows of it"
    _depend(core, frame, [ring])


def _refuse_in_helper(frame: Frame, owner: Frame) -> None:
    """Raise Undecided where a map below `owner` has run this item early."""
    for one in reversed(frame.chain_to(owner)):
        if one.early:
            raise Undecided(one)


def retreat(frame: Frame, reason: Retreat) -> NoReturn:
    """Unwind from `frame` to the target, whatever the queries between them catch."""
    frame.doom_up_to(cast("Frame", reason.target), reason)
    raise reason


def outcome(frame: Frame) -> Any:
    """Return what a participant of an error has come to."""
    assert frame.ring is not None
    assert frame.node is not None
    policy = frame.node.query.options.on_cycle
    if isinstance(policy, Fallback):
        try:
            return frame.node.query.apply(policy.make, frame.node.key)
        except Exception as error:  # noqa: BLE001  an exception is a result
            return Failure(error)
    assert frame.ring.error is not None
    return Failure(frame.ring.error)


def conclude(core: Core, frame: Frame, value: Any) -> Any:
    """Return what the frame of a ring has come to; ABSENT where it is to run another round."""
    ring, node = frame.ring, frame.node
    assert ring is not None
    assert node is not None
    if ring.error is not None or ring.head is not frame:
        return value
    policy = node.query.options.on_cycle
    assert isinstance(policy, Fixpoint)
    with core.rings:
        ring.reads |= dict.fromkeys(frame.reads)
    if node.agrees(node.value, value):
        node.value = ring.replaced
        return value
    ring.rounds += 1
    if ring.rounds > policy.cap:
        ring.error = CycleError(_names([node]), f"no fixpoint after {policy.cap} rounds")
        node.value = ring.replaced
        return Failure(ring.error)
    _release_members(core, ring)
    node.value = value
    frame.begin_again()
    if frame.heads is not None:
        frame.heads.discard(ring)
    return ABSENT


def close(core: Core, frame: Frame) -> None:
    """Settle a node that was computed in a ring, or from what one assumes; its result is written."""
    node = frame.node
    assert node is not None
    own = frame.ring if frame.ring is not None and frame.ring.head is frame else None
    others = set(frame.heads or ()) - {own}
    if frame.ring is not None and own is None:
        others.add(frame.ring)
    with core.rings:
        for ring in others:
            ring.members |= {node: None} if own is None else {node: None, **own.members}
            ring.reads |= dict.fromkeys(frame.reads)
            if own is not None:
                ring.reads |= own.reads
        if others:
            for one in (node, *(own.members if own is not None else ())):
                core.open_rings.setdefault(one, set()).update(others)
                if own is not None:
                    core.open_rings[one].discard(own)
        elif own is not None:
            own.reads |= dict.fromkeys(frame.reads)
    if others:
        settle(node, PROVISIONAL)
    elif own is not None:
        _seal(core, own, node)
    else:
        settle(node, GREEN)


def abandon(core: Core, frame: Frame) -> None:
    """Forget what was computed in a ring whose head ends without a result."""
    ring = frame.ring
    assert ring is not None
    if ring.head is frame:
        _release_members(core, ring)
        if ring.error is None and frame.node is not None:
            frame.node.value = ring.replaced


def inherit(core: Core, frame: Frame, node: Node) -> bool | Node:
    """Let `frame` read a PROVISIONAL node, if it is still that; or return the head that has to end first, elsewhere."""
    with core.rings:
        rings = list(core.open_rings.get(node, ()))
    for ring in rings:
        if not frame.is_below(ring.head):
            return ring.head.node or False
    _depend(core, frame, rings)
    return bool(rings)


def _depend(core: Core, frame: Frame, rings: Iterable[Ring]) -> None:
    with core.rings:
        if frame.heads is None:
            frame.heads = set()
        frame.heads.update(ring for ring in rings if ring.head is not frame)


def _seal(core: Core, ring: Ring, head: Node) -> None:
    """Make the ring's members GREEN, each with all that was read outside, and settle the head."""
    with core.rings:
        members = [node for node in ring.members if node is not head]
    inside = sorted((head, *members), key=_order)
    ring_itself = set(inside)
    outside = sorted((node for node in ring.reads if node not in ring_itself), key=_order)
    below = 0
    for node in (*inside, *outside):
        below |= node.below
    # The first of them reads what the ring read, and the others; the others read the first. So a change of anything
    # reaches all, with edges that are as many as the nodes.
    first, *others = inside
    first.reads = (*outside, *others)
    for node in inside:
        if node is not first:
            node.reads = (first,)
        told = node.trace.told if node.trace is not None else ()
        node.trace = Trace((), tuple(Told(0, one.effect, one.value) for one in told), in_ring=True)
        node.below = below
        for read in node.reads:
            read.readers.add(node)
        if ring.rounds and ring.error is not None:  # the rounds came to nothing, so neither did what went by them
            node.value = Failure(ring.error)
    for node in inside:
        node.loud = tuple(at for at, read in enumerate(node.reads) if read.below)
    for node in members:
        with node.shard.lock:
            node.become(GREEN)
    _leave(core, ring, members)
    settle(head, GREEN)


def _leave(core: Core, ring: Ring, members: Iterable[Node]) -> None:
    """Let nodes that are PROVISIONAL no more go by this ring no more.

    After that, and not before: a PROVISIONAL node without a ring would be anybody's. Another session may have computed
    one of them anew by now, in a ring of its own, which stays.
    """
    with core.rings:
        for node in members:
            rings = core.open_rings.get(node)
            if rings is not None:
                rings.discard(ring)
                if not rings:
                    del core.open_rings[node]


def _release_members(core: Core, ring: Ring) -> None:
    with core.rings:
        members = list(ring.members)
        ring.members.clear()
    for node in members:
        with node.shard.lock:
            if node.state is PROVISIONAL:
                node.become(STALE)
    _leave(core, ring, members)


def _assumed(head: Node) -> Any:
    policy = head.query.options.on_cycle
    assert isinstance(policy, Fixpoint)
    return head.query.apply(policy.initial, head.key)


def _order(node: Node) -> tuple[str, str]:
    return node.query.name, repr(node.key)


def _names(nodes: list[Node]) -> list[str]:
    """Return the ring as people read it, from the participant whose name sorts first."""
    first = min(range(len(nodes)), key=lambda at: _order(nodes[at]))
    return [repr(node) for node in nodes[first:] + nodes[:first]]
