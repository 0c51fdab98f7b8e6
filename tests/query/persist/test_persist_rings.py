"""Covers rings on random graphs over engines on one store: each gives what an engine gives that remembers nothing."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.query.persist.remembered import kill, stored
from tests.query.scenario import engine_of, outcome

from jeton.query import Db, Effect, Engine, Fallback, Fixpoint, input, query  # noqa: A004  see there

SIZE = 5
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
VISITS = Effect[int]("visits")
GRAPH: dict[int, tuple[int, ...]] = {}


@input
def edges(node: int) -> tuple[int, ...]:
    return GRAPH[node]


@query(on_cycle=Fixpoint(initial=lambda _node: frozenset()))
def reach(db: Db, node: int) -> frozenset[int]:
    found = {node}
    for other in edges(db, node):
        found |= reach(db, other)
    return frozenset(found)


@query
def strict(db: Db, node: int) -> int:
    return 1 + sum(strict(db, other) for other in edges(db, node))


@query(on_cycle=Fallback(lambda node: -node))
def mild(db: Db, node: int) -> int:
    db.emit(VISITS, node)
    return 1 + sum(db.map(mild, edges(db, node)))


@query(persist=False)
def above(db: Db, node: int) -> tuple[Any, ...]:
    return len(reach(db, node)), outcome(lambda: strict(db, node)), mild(db, (node + 1) % SIZE)


QUERIES: list[Any] = [reach, strict, mild, above]
NODES = st.integers(0, SIZE - 1)
NEIGHBOURS = st.lists(NODES, max_size=3).map(tuple)
CHANGES = st.dictionaries(NODES, NEIGHBOURS, max_size=2)
DEMANDS = st.lists(st.tuples(st.sampled_from(range(len(QUERIES))), NODES), max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["refresh", "close", "kill"]), CHANGES, DEMANDS), min_size=2, max_size=5)


def answers(engine: Engine, demands: list[tuple[int, int]]) -> list[Any]:
    """Ask, in this order; then for the effects below each, whose order in a ring is not that of demand."""
    with engine.begin() as db:
        found: list[Any] = [outcome(partial(QUERIES[kind], db, node)) for kind, node in demands]
        return found + [sorted(db.effects(VISITS, mild, node)) for _, node in demands]


@pytest.mark.concurrency
@pytest.mark.parametrize("jobs", [1, 4])
@settings(max_examples=40, deadline=None)
@given(graph=st.tuples(*[NEIGHBOURS] * SIZE), steps=STEPS, verify=st.sampled_from([0.0, 0.0, 1.0]))
def test_rings_are_as_an_engine_that_remembers_nothing_has_them(
    jobs: int, graph: tuple[tuple[int, ...], ...], steps: list[Any], verify: float
) -> None:
    GRAPH.clear()
    GRAPH.update(enumerate(graph))
    warnings: list[str] = []
    everything = [(kind, node) for kind in range(len(QUERIES)) for node in range(SIZE)]
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        engine = stored(Path(folder), warnings.append, jobs=jobs)
        for way, changes, demands in [*steps, ("close", {}, everything), ("close", {}, everything)]:
            if way != "refresh":
                (kill if way == "kill" else Engine.close)(engine)
            GRAPH.update(changes)
            if way == "refresh":
                engine.refresh()
            else:
                engine = stored(Path(folder), warnings.append, jobs=jobs, verify=verify)
            with engine_of(jobs) as cold:
                assert answers(engine, demands) == answers(cold, demands)
        engine.close()
    assert warnings == []
