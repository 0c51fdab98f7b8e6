"""Effects, seen from outside. Owns their order: that of demand, each query once, whatever ran now, on which thread."""

from collections.abc import Callable, Iterator
from typing import Any

from jeton.query.core import Core
from jeton.query.db import Effect
from jeton.query.node import GREEN, HOLLOW, LAZY, STALE, Node, Told


def collect(core: Core, root: Node, effect: Effect[Any], settle: Callable[[Node], None]) -> list[Any]:
    """Return what was told in a settled node and below, depth first in the order in which each read what it read.

    `settle` recalls a node that is as it was in an earlier process. Where nothing was told below a node, it is not
    entered: a tree without diagnostics costs one look.
    """
    bit = core.bit(effect.name)
    found: list[Any] = []
    seen = {root}
    ahead = [_parts(core, root, bit, effect, settle)]
    while ahead:
        part = next(ahead[-1], None)
        if part is None:
            ahead.pop()
        elif isinstance(part, Node):
            if part not in seen:
                seen.add(part)
                settle(part)
                ahead.append(_parts(core, part, bit, effect, settle))
        else:
            found.append(part.value)
    return found


def _parts(
    core: Core, node: Node, bit: int, effect: Effect[Any], settle: Callable[[Node], None]
) -> Iterator[Node | Told]:
    """Yield what was told by the node itself and the nodes it read, in the order of the two."""
    if not node.below & bit:
        return
    told = [one for one in node.trace.told if one.effect.name == effect.name] if node.trace is not None else []
    at = 0
    for number, read in _loud(core, node, settle):
        while at < len(told) and told[at].after <= number:
            yield told[at]
            at += 1
        yield read
    yield from told[at:]


def _loud(core: Core, node: Node, settle: Callable[[Node], None]) -> list[tuple[int, Node]]:
    """Return the reads that have effects below, each with its position."""
    if node.reads is LAZY:
        found = core.kept.reads(node, node.loud) if core.kept is not None else None
        if found is not None:
            return list(zip(node.loud, found, strict=True))
        with node.shard.lock:  # what it had read cannot be told any more, until it has run again
            if node.state in (GREEN, HOLLOW):
                node.become(STALE)
        settle(node)
    return [(at, node.reads[at]) for at in node.loud]
