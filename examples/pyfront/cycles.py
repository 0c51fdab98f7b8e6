"""Cycles of the import graph, each told once and in one way. Pure but for the query that asks for the graph."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from jeton.query import Db, query

from .modules import graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Cycle = tuple[str, ...]


@query
def cycles(db: Db) -> dict[str, Cycle]:
    """Find one cycle of each knot of modules, by its first file: the shortest one through the first file of the knot.

    It is found in sorted order, so that it depends on the files alone, and not on who was asked first.
    """
    edges = graph(db)
    found = {}
    for knot in _knots(edges):
        start = min(knot)
        found[start] = _shortest(edges, knot, start)
    return found


def _shortest(edges: Mapping[str, tuple[str, ...]], knot: set[str], start: str) -> Cycle:
    """Find the shortest way from a file back to itself, by breadth-first search."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        path = waiting.popleft()
        for after in sorted(knot.intersection(edges[path])):
            if after == start:
                way = [path]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if after not in came_from:
                came_from[after] = path
                waiting.append(after)
    raise AssertionError("each file of a knot reaches itself")


def _knots(edges: Mapping[str, tuple[str, ...]]) -> Iterator[set[str]]:
    """Find the strongly connected components of more than one file: Tarjan's algorithm, without recursion."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    stacked: set[str] = set()
    for root in edges:
        if root in order:
            continue
        order[root] = lowest[root] = len(order)
        stack.append(root)
        stacked.add(root)
        path = [(root, iter(edges[root]))]
        while path:
            node, rest = path[-1]
            for after in rest:
                if after not in order:
                    order[after] = lowest[after] = len(order)
                    stack.append(after)
                    stacked.add(after)
                    path.append((after, iter(edges[after])))
                    break
                if after in stacked:
                    lowest[node] = min(lowest[node], order[after])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == order[node]:
                    start = stack.index(node)
                    knot = set(stack[start:])
                    del stack[start:]
                    stacked -= knot
                    if len(knot) > 1:
                        yield knot
