"""The values of `lru` queries. Owns which of them stay in memory; what was dropped is HOLLOW and can be had again."""

from collections import OrderedDict

from jeton.query.core import Core
from jeton.query.node import ABSENT, GREEN, HOLLOW, SUSPECT, Failure, Node
from jeton.store.fingerprint import plain_digest


def touch(core: Core, node: Node) -> None:
    """Note that a value was used, and drop the one that was not for the longest time, where there are too many."""
    most = node.query.options.lru
    assert most is not None
    with core.notes:
        recent = core.recent.setdefault(node.query, OrderedDict())
        recent[node] = None
        recent.move_to_end(node)
        oldest = recent.popitem(last=False)[0] if len(recent) > most else None
    if oldest is not None:
        _drop(core, oldest)


def _drop(core: Core, node: Node) -> None:
    """Drop a value, keeping its fingerprint where that is cheap."""
    value = node.value
    if value is ABSENT or type(value) is Failure:
        return
    known = plain_digest(value)
    if core.kept is not None:
        core.kept.pack(node, value)
    with node.shard.lock:
        if node.value is value and node.state in (GREEN, SUSPECT):
            if node.state is GREEN:
                node.become(HOLLOW)
            node.known = known
            node.value = ABSENT
