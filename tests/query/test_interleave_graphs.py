"""Covers random graphs with rings that several threads enter at once: in every order, all see what one sees."""

import random
from functools import partial
from typing import Any

import pytest
from tests.query.interleaved import all_at_once, fresh
from tests.query.scenario import outcome

from jeton.query import Db, Engine, Fixpoint, input, query  # noqa: A004  the engine's word
from jeton.testing import Explorer

pytestmark = pytest.mark.concurrency


@input
def edges(at: int) -> tuple[int, ...]:
    return ()


@query
def adds(db: Db, at: int) -> int:
    return at + sum(adds(db, one) for one in edges(db, at))


@query
def adds_by_maps(db: Db, at: int) -> int:
    return at + sum(db.map(adds_by_maps, edges(db, at)))


@query(on_cycle=Fixpoint(lambda _at: frozenset()))
def collects(db: Db, at: int) -> frozenset[int]:
    return frozenset({at}).union(*(collects(db, one) for one in edges(db, at)))


def a_graph(seed: int) -> tuple[dict[int, tuple[int, ...]], list[int]]:
    """Draw a graph, and at which of its nodes two or three threads enter it."""
    draw = random.Random(seed)
    size = draw.randrange(2, 6)
    graph = {at: tuple(draw.randrange(size) for _ in range(draw.choice([0, 1, 1, 2, 2, 3]))) for at in range(size)}
    return graph, [draw.randrange(size) for _ in range(draw.choice([2, 2, 3]))]


FOUND_ONCE = {
    "helpers asleep in a ring": ({0: (2, 2, 1), 1: (2, 1), 2: (0,)}, [2, 0]),
    "an untrue demand": ({0: (1, 2, 2), 1: (0,), 2: (0,)}, [2, 1]),
    "a provisional value": ({0: (1,), 1: (0,)}, [0, 1]),
    "three in two rings": ({0: (4, 3), 1: (), 2: (4, 3), 3: (4,), 4: (0, 1, 4)}, [0, 1, 3]),
}


@pytest.mark.parametrize("of", [adds, adds_by_maps, collects], ids=["adds", "maps", "fixpoint"])
@pytest.mark.parametrize(
    ("graph", "entries"),
    [*FOUND_ONCE.values(), *(a_graph(seed) for seed in range(12))],
    ids=[*FOUND_ONCE, *map(str, range(12))],
)
def test_a_graph_gives_the_same_whoever_enters_it_where(
    of: Any, graph: dict[int, tuple[int, ...]], entries: list[int], explore_threads: Explorer
) -> None:
    def made(jobs: int) -> Engine:
        engine = fresh(jobs)
        engine.set_all([(edges.at(at), graph[at]) for at in graph])
        return engine

    with made(1) as engine:
        expected = {at: outcome(lambda: of(engine.begin(), at)) for at in graph}  # noqa: B023  called at once

    def scenario() -> None:
        with made(2) as engine:
            found = all_at_once(*[lambda at=at: of(engine.begin(), at) for at in entries])
            assert found == [expected[at] for at in entries]
            db = engine.begin()
            assert {at: outcome(lambda: of(db, at)) for at in graph} == expected  # noqa: B023  called at once

    explore_threads(scenario, schedules=60)


@input
def ways(at: int) -> tuple[tuple[int, bool], ...]:
    return ()


@query
def passes_on(db: Db, at: int) -> frozenset[int]:
    return gathers(db, at)


@query(on_cycle=Fixpoint(lambda _at: frozenset()))
def gathers(db: Db, at: int) -> frozenset[int]:
    return frozenset({at}).union(*((passes_on if aside else gathers)(db, one) for one, aside in ways(db, at)))


@pytest.mark.parametrize(
    ("graph", "entries"),
    [
        (
            {
                0: (),
                1: ((1, False), (3, False), (0, False)),
                2: ((0, True), (3, False), (3, True), (1, False)),
                3: ((2, False), (2, False)),
            },
            [2, 1],
        ),
        (
            {
                0: ((3, False), (4, False)),
                1: ((0, False), (4, False)),
                2: ((4, False), (3, False)),
                3: ((1, False), (3, True), (4, True)),
                4: ((2, False),),
            },
            [2, 3],
        ),
    ],
    ids=["four nodes", "five nodes"],
)
def test_rings_in_which_some_have_a_policy_come_to_an_end_whoever_enters_them(
    graph: dict[int, tuple[tuple[int, bool], ...]], entries: list[int], explore_threads: Explorer
) -> None:
    everything = frozenset(graph)

    def scenario() -> None:
        with fresh() as engine:
            engine.set_all([(ways.at(at), graph[at]) for at in graph])
            found = all_at_once(*[partial(gathers_at, engine, at) for at in entries])
            assert found == [everything] * len(entries)

    explore_threads(scenario, schedules=100)


def gathers_at(engine: Engine, at: int) -> frozenset[int]:
    return gathers(engine.begin(), at)
