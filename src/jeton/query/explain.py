"""Why a query ran again. Owns the words; the reasons are noted when things run."""

from jeton.query.db import Explanation
from jeton.query.definition import Kind
from jeton.query.node import GREEN, HOLLOW, NEW, Node

REMEMBERED = "it was remembered"
"""Why a node has its value that did not run in this process."""


def explain(node: Node) -> Explanation:
    """Tell why the node's query ran when it last ran."""
    if node.state is NEW:
        return Explanation((f"{node!r}: has not run",))
    lines = []
    seen: set[Node] = set()
    while True:
        why = node.why
        lines.append(_line(node, why))
        if not isinstance(why, Node) or why in seen:
            return Explanation(tuple(lines))
        seen.add(node)
        node = why


def _line(node: Node, why: Node | str) -> str:
    if isinstance(why, Node):
        verb = "ran again in" if node.changed_at == node.verified_at else "last ran before"
        since = node.changed_at if verb == "ran again in" else node.verified_at
        return f"{node!r}: {verb} revision {since}, because {why!r} changed"
    if why == REMEMBERED:
        return f"{node!r}: was remembered from an earlier run; unchanged since revision {node.changed_at}"
    if node.query.kind is Kind.INPUT:
        return f"{node!r}: {why} in revision {node.changed_at}"
    checked = f"; unchanged since revision {node.changed_at}" if node.state in (GREEN, HOLLOW) else ""
    return f"{node!r}: ran because {why}{checked}"
