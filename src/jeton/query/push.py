"""Invalidation. Owns the marking of all that read something that changed; runs while nothing else does.

It goes along the reverse edges and marks nodes SUSPECT; whether they have really changed is found when they are
demanded (verify.py). So a change costs what it reaches, and what it does not reach is a hit as before. In a prototype,
pulling through 50,000 nodes to find that nothing had changed took 25 ms, pushing a change to those it reached 0.06.
"""

from collections.abc import Iterable

from jeton.query.core import Core
from jeton.query.node import GREEN, HOLLOW, SUSPECT, Node


def push(core: Core, changed: Iterable[Node | int]) -> int:
    """Mark all that read these nodes, or facts of the store, as suspect. Return how many nodes were marked.

    Invariant, before and after: whoever read a SUSPECT node is SUSPECT or STALE itself, so the walk stops there.
    """
    marked = 0
    ahead: list[Node | int] = list(changed)
    fronts = core.fronts()
    for node in ahead:
        if isinstance(node, Node):
            drop_from(fronts, node)
    kept = core.kept
    while ahead:
        node = ahead.pop()
        if isinstance(node, int):
            readers: Iterable[Node] = kept.pushed([node]) if kept is not None else ()
        elif kept is not None and node.number >= 0:
            readers = [*node.readers, *kept.pushed([node.number])]
        else:
            readers = node.readers
        for reader in readers:
            if reader.state is GREEN or reader.state is HOLLOW:
                reader.become(SUSPECT)
                drop_from(fronts, reader)
                ahead.append(reader)
                marked += 1
    return marked


def drop_from(fronts: Iterable[list[dict[object, Node]]], node: Node) -> None:
    """Take a node out of every thread's table."""
    index = node.query.index
    for front in fronts:
        if index < len(front):
            front[index].pop(node.key, None)
