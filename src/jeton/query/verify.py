"""From suspicion to certainty. Owns the look at what a suspect node had read, in the order in which it was read.

The order matters: as long as all reads so far are unchanged, the query would make the next one again, so settling that
one does nothing that running the query would not do. This is what makes it safe to run what a suspect node read
before the node itself (Mokhov, Mitchell, Peyton Jones: "Build Systems à la Carte", on verifying traces).
"""

from jeton.query.core import Core
from jeton.query.node import GREEN, HOLLOW, LAZY, Frame, Node


def first_changed(core: Core, frame: Frame, node: Node) -> Node | str | None:
    """Settle, for `frame`, what the claimed node had read; return the first that has changed since it was verified.

    Returns words where what it read cannot be told any more.
    """
    if node.trace is not None and node.trace.in_ring:
        return "it is in a ring, and something that the ring read may have changed"
    if node.reads is LAZY:
        reads = core.kept.reads(node) if core.kept is not None else None
        if reads is None:
            return "what it had read is not known any more"
        node.reads = reads
    since = node.verified_at
    if node.trace is not None and node.trace.spans:
        return _first_changed_in_spans(core, frame, node)
    bring = core.asks.bring
    for read in node.reads:
        state = read.state
        if state is not GREEN and state is not HOLLOW:
            bring(frame, read, False)
        if read.changed_at > since:
            return read
    return None


def _first_changed_in_spans(core: Core, frame: Frame, node: Node) -> Node | None:
    """Do as above, and settle what was read by one map at once: all of it would be demanded again."""
    since = node.verified_at
    assert node.trace is not None
    spans = dict(node.trace.spans)
    ends = 0
    for at, read in enumerate(node.reads):
        if at in spans and at >= ends:
            ends = spans[at]
            core.asks.bring_all(frame, [one for one in node.reads[at:ends] if one.state not in (GREEN, HOLLOW)])
        if read.state not in (GREEN, HOLLOW):
            core.asks.bring(frame, read, False)
        if read.changed_at > since:
            return read
    return None
