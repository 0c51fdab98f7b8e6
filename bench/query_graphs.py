"""The measured programs on jeton.query that are about many nodes: a wide graph, a deep chain, and a store of them.

Owns those. The same graph and chain on peers are in query_peers.py.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.query_costs import Figures, Program, cost_of, least
from bench.query_peers import CHAIN, WIDTH, picked

from jeton.query import Db, Engine, input, query  # noqa: A004  the package's own word

INPUTS = 1_800
CELLS = 98_200
READS = 400_000
RECALLED = 10_000

_PICKS: list[list[list[int]]] = []


@input
def source(at: int) -> int:
    return at


@query
def cell(db: Db, layer: int, at: int) -> int:
    total = 0
    for other in _PICKS[layer][at]:
        total += source(db, other) if layer == 0 else cell(db, layer - 1, other)
    return total


@query
def everything(db: Db) -> int:
    return sum(cell(db, 2, at) for at in range(WIDTH))


def graph() -> Figures:
    """50,000 nodes with 200,000 reads: built, one input set, and 12,500 roots asked for."""
    _PICKS.extend(picked())
    sets, roots, tops = [], [], []
    with Engine(jobs=1) as engine:
        with engine.begin() as db:
            built = cost_of(lambda: everything(db), 4 * WIDTH)
            again = cost_of(lambda: everything(db), 1)
        for number in range(1, 6):
            sets.append(cost_of(lambda number=number: engine.set(source.at(number), -1), 1))  # type: ignore[misc]
            with engine.begin() as db:
                work = lambda db=db: [cell(db, 2, at) for at in range(WIDTH)]  # noqa: E731
                roots.append(cost_of(work, 1))
                tops.append(cost_of(lambda db=db: everything(db), 1))  # type: ignore[misc]
    return {"build": built, "again": again, "set": least(sets), "roots": least(roots), "top": least(tops)}


# ---- depth


@input
def bottom() -> int:
    return 0


@query
def link(db: Db, depth: int) -> int:
    return bottom(db) if depth == 0 else 1 + link(db, depth - 1)


def depth() -> Figures:
    """A chain of 100,000 queries: from nothing, and after a change at its bottom."""
    with Engine(jobs=1) as engine:
        with engine.begin() as db:
            cold = cost_of(lambda: link(db, CHAIN), CHAIN)
        marked = cost_of(lambda: engine.set(bottom.at(), 1), CHAIN)
        with engine.begin() as db:
            changed = cost_of(lambda: link(db, CHAIN), CHAIN)
            assert link(db, CHAIN) == CHAIN + 1
    return {"cold": cold, "marked": marked, "changed": changed}


# ---- a store


def _stamp(at: int) -> int:
    return at


@input(stamp=_stamp)
def stamped(at: int) -> int:
    return at


@query
def entry(db: Db, at: int) -> int:
    """Read four others, of the inputs or of what comes before it; some read five."""
    total = 0
    for step in range(5 if at < READS - 4 * CELLS else 4):
        other = at * 7919 % (at + INPUTS) + step * 31
        total += stamped(db, other % INPUTS) if other < INPUTS else entry(db, (other - INPUTS) % max(at, 1))
    return total


def store() -> Figures:
    """100,000 nodes with 400,000 reads: saved, opened, asked for again."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        engine = Engine(jobs=1, store=folder)
        with engine.begin() as db:
            for at in range(CELLS):
                entry(db, at)
        saved = cost_of(engine.close, 1)
        opened = least(cost_of(lambda: Engine(jobs=1, store=folder), 1) for _ in range(5))
        begun, recalled, first = [], [], []
        for _ in range(3):
            engine = Engine(jobs=1, store=folder)
            begun.append(cost_of(engine.begin, 1))
            with engine.begin() as db:
                first.append(cost_of(lambda db=db: entry(db, CELLS - 1), 1))  # type: ignore[misc]
                work = lambda db=db: [entry(db, at) for at in range(RECALLED)]  # noqa: E731
                recalled.append(cost_of(work, RECALLED))
            engine.close()
        engine = Engine(jobs=1, store=folder)
        with engine.begin() as db:
            pass
        engine.set(stamped.at(0), -1)
        with engine.begin() as db:
            entry(db, 1)
        changed = cost_of(engine.close, 1)
    return {
        "save": saved,
        "open": opened,
        "begin": least(begun),
        "first": least(first),
        "recall": least(recalled),
        "save_again": changed,
    }


PROGRAMS: dict[tuple[str, str], Program] = {
    ("graph", "jeton"): graph,
    ("depth", "jeton"): depth,
    ("store", "jeton"): store,
}
"""By topic and name."""
