"""Covers queries that depend on themselves: what comes of a ring is the same wherever and whenever it is entered."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.query.scenario import Runs, engine_of, outcome

from jeton.query import CycleError, Db, Engine, Fallback, Fixpoint, input, query  # noqa: A004  the engine's word

Graph = dict[int, tuple[int, ...]]


@input
def edges(node: int) -> tuple[int, ...]:
    return ()


@query
def strict(db: Db, node: int) -> int:
    """Adds up what is below, and fails in a ring."""
    return node + sum(strict(db, one) for one in edges(db, node))


@query
def careful(db: Db, node: int) -> int:
    """The same, but catches."""
    total = node
    for one in edges(db, node):
        try:
            total += (careful if one % 2 else strict)(db, one)
        except CycleError:
            total += 1000
    return total


@query(on_cycle=Fallback(lambda node: -node))
def bounded(db: Db, node: int) -> int:
    """The same, with a value to fall back on."""
    return node + sum((bounded if one % 2 else careful)(db, one) for one in edges(db, node))


@query(on_cycle=Fixpoint(lambda _node: frozenset()))
def reach(db: Db, node: int) -> frozenset[int]:
    """What can be reached, itself included."""
    found = {node}
    for one in edges(db, node):
        found |= reach(db, one)
    return frozenset(found)


@query
def passes(db: Db, node: int) -> frozenset[int]:
    """Stands between two of `half`, and has no policy of its own."""
    return half(db, node)


@query(on_cycle=Fixpoint(lambda _node: frozenset()))
def half(db: Db, node: int) -> frozenset[int]:
    found = {node}
    for one in edges(db, node):
        found |= (half if one % 2 else passes)(db, one)
    return frozenset(found)


def set_graph(engine: Engine, graph: Graph) -> None:
    engine.set_all([(edges.at(node), graph[node]) for node in graph])


def ring_of(size: int) -> Graph:
    return {node: ((node + 1) % size,) for node in range(size)}


def closure(graph: Graph, node: int) -> frozenset[int]:
    seen = {node}
    ahead = [node]
    while ahead:
        for one in graph[ahead.pop()]:
            if one not in seen:
                seen.add(one)
                ahead.append(one)
    return frozenset(seen)


# Errors.


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_an_error_has_one_message_from_every_entry(size: int) -> None:
    messages = set()
    for entry in range(size):
        with engine_of() as engine:
            set_graph(engine, ring_of(size))
            db = engine.begin()
            for node in (entry, *range(size)):
                with pytest.raises(CycleError) as caught:
                    strict(db, node)
                messages.add(str(caught.value))
    path = " -> ".join(f"strict({node % size})" for node in range(size + 1))
    assert messages == {f"strict(0): depends on itself: {path}"}


def test_who_demands_a_ring_without_being_in_it_fails_with_its_error(engine: Engine) -> None:
    set_graph(engine, {0: (1,), 1: (2,), 2: (1,)})
    with pytest.raises(CycleError) as caught:
        strict(engine.begin(), 0)
    assert caught.value.ring == ("strict(1)", "strict(2)")


def test_who_is_not_in_the_ring_may_catch_its_error(engine: Engine) -> None:
    set_graph(engine, {1: (2,), 2: (4,), 4: (2,)})
    assert careful(engine.begin(), 1) == 1001


def test_catching_inside_a_ring_changes_nothing(engine: Engine) -> None:
    @query
    def one(db: Db) -> int:
        try:
            return other(db)
        except CycleError:
            return 1

    @query
    def other(db: Db) -> int:
        try:
            return one(db)
        except BaseException:  # noqa: BLE001  even so
            return 2

    for first, second in itertools.permutations((one, other)):
        with engine_of() as fresh:
            db = fresh.begin()
            found = {outcome(partial(of, db)) for of in (first, second)}
            assert found == {"CycleError: one(): depends on itself: one() -> other() -> one()"}


def test_the_error_of_a_ring_is_remembered(engine: Engine, runs: Runs) -> None:
    @query
    def loop(db: Db, node: int) -> int:
        runs.note(node)
        return loop(db, 1 - node)

    for _ in range(3):
        with pytest.raises(CycleError):
            loop(engine.begin(), 0)
        engine.cancel()
    assert sorted(runs.take()) == [0, 1]


def test_a_query_that_demands_itself_by_a_map_is_a_ring(engine: Engine) -> None:
    @query
    def mapped(db: Db, node: int) -> int:
        return sum(db.map(mapped, [node + 1, node + 2, 0])) if node < 3 else node

    with pytest.raises(CycleError, match=r"mapped\(0\) -> mapped\(1\) -> mapped\(2\) -> mapped\(0\)"):
        mapped(engine.begin(), 0)


# Fallback.


def test_every_participant_with_a_fallback_gives_it(engine: Engine) -> None:
    set_graph(engine, {1: (3,), 3: (5,), 5: (1,), 7: (1,)})
    db = engine.begin()
    assert [bounded(db, node) for node in (1, 3, 5, 7)] == [-1, -3, -5, 6]


@pytest.mark.parametrize("entry", [1, 2])
def test_a_ring_of_which_some_have_a_fallback(entry: int) -> None:
    @query(on_cycle=Fallback(lambda: 7))
    def first(db: Db) -> int:
        return second(db)

    @query
    def second(db: Db) -> int:
        return first(db)

    with engine_of() as engine:
        db = engine.begin()
        found = [outcome(partial(one, db)) for one in ((first, second) if entry == 1 else (second, first))]
        assert sorted(map(str, found)) == [
            "7",
            "CycleError: first(): depends on itself: first() -> second() -> first()",
        ]


def test_a_fallback_that_raises_is_a_failure(engine: Engine) -> None:
    def refuse() -> int:
        raise ValueError("no fallback")

    @query(on_cycle=Fallback(refuse))
    def loop(db: Db) -> int:
        return loop(db)

    with pytest.raises(ValueError, match="no fallback"):
        loop(engine.begin())


# Fixpoints.


def test_reachability_in_a_ring_with_tails(engine: Engine) -> None:
    graph: Graph = {0: (1,), 1: (2, 5), 2: (3,), 3: (1, 4), 4: (), 5: (5,)}
    set_graph(engine, graph)
    db = engine.begin()
    assert {node: reach(db, node) for node in graph} == {node: closure(graph, node) for node in graph}


def test_rules_that_feed_each_other_come_to_their_least_fixpoint(engine: Engine) -> None:
    """Even and odd numbers below twenty, each by the other."""

    @query(on_cycle=Fixpoint(frozenset))
    def even(db: Db) -> frozenset[int]:
        return frozenset({0}) | {number + 1 for number in odd(db) if number < 20}

    @query(on_cycle=Fixpoint(frozenset))
    def odd(db: Db) -> frozenset[int]:
        return frozenset(number + 1 for number in even(db) if number < 20)

    for first in (even, odd):
        with engine_of() as fresh:
            db = fresh.begin()
            first(db)
            assert even(db) == frozenset(range(0, 21, 2))
            assert odd(db) == frozenset(range(1, 20, 2))


def test_a_greatest_fixpoint_may_be_asked_for(engine: Engine) -> None:
    """Nodes from which every path stays among the even ones: assumed to be, until shown not to be."""

    @query(on_cycle=Fixpoint(lambda _node: True))
    def safe(db: Db, node: int) -> bool:
        return node % 2 == 0 and all(safe(db, one) for one in edges(db, node))

    set_graph(engine, {0: (2,), 2: (0,), 4: (6,), 6: (4, 1), 1: ()})
    db = engine.begin()
    assert [safe(db, node) for node in (0, 2, 4, 6, 1)] == [True, True, False, False, False]


def test_what_is_not_monotone_ends_at_the_cap(engine: Engine) -> None:
    @query(on_cycle=Fixpoint(lambda: False, cap=10))
    def liar(db: Db) -> bool:
        return not liar(db)

    for _ in range(2):
        with pytest.raises(CycleError, match="no fixpoint after 10 rounds"):
            liar(engine.begin())
        engine.cancel()


def test_the_cap_allows_as_many_rounds(engine: Engine) -> None:
    @query(on_cycle=Fixpoint(lambda: 0, cap=10))
    def climbs(db: Db) -> int:
        return min(9, climbs(db) + 1)

    assert climbs(engine.begin()) == 9


def test_a_failure_in_a_round_is_the_rings_result(engine: Engine) -> None:
    @query(on_cycle=Fixpoint(lambda: 0))
    def breaks(db: Db) -> int:
        value = breaks(db) + 1
        if value > 3:
            raise ValueError("too high")
        return value

    assert outcome(lambda: breaks(engine.begin())).startswith(("ValueError: too high", "CycleError"))


def test_what_a_ring_assumed_is_never_seen_outside(engine: Engine, runs: Runs) -> None:
    @query
    def watcher(db: Db, node: int) -> int:
        runs.note(len(reach(db, node)))
        return 0

    set_graph(engine, ring_of(5))
    db = engine.begin()
    for node in range(5):
        watcher(db, node)
    assert runs.take() == [5] * 5


# Changes.


@pytest.mark.parametrize("of", [strict, careful, bounded, reach, half], ids=lambda of: of.__name__)
def test_a_change_opens_a_ring_and_another_closes_it(engine: Engine, of: Callable[[Db, int], Any]) -> None:
    closed, opened = ring_of(4), {**ring_of(4), 2: ()}
    for graph in (opened, closed, opened, closed, closed):
        set_graph(engine, graph)
        with engine_of() as fresh:
            set_graph(fresh, graph)
            for node in (3, 0, 1, 2):
                expected = outcome(partial(of, fresh.begin(), node))
                assert outcome(partial(of, engine.begin(), node)) == expected


def test_a_ring_member_is_not_verified_by_what_only_its_partners_read(engine: Engine) -> None:
    """After the change `one` demands nobody; its partner's read would demand it, and seem to be a ring."""

    @input
    def closed() -> bool:
        return True

    @input
    def crooked() -> bool:
        return False

    @query
    def one(db: Db) -> str:
        return other(db) if closed(db) else "open"

    @query
    def other(db: Db) -> str:
        aside(db)
        return one(db)

    @query
    def aside(db: Db) -> str:
        return one(db) if crooked(db) else "straight"

    with pytest.raises(CycleError):
        one(engine.begin())
    engine.set_all([(closed.at(), False), (crooked.at(), True)])
    assert one(engine.begin()) == "open"


def test_an_unrelated_change_leaves_a_ring_alone(engine: Engine, runs: Runs) -> None:
    @query(on_cycle=Fixpoint(lambda _node: frozenset()))
    def noted(db: Db, node: int) -> frozenset[int]:
        runs.note(node)
        return frozenset({node}).union(*(noted(db, one) for one in edges(db, node)))

    set_graph(engine, ring_of(3))
    noted(engine.begin(), 0)
    runs.take()
    engine.set(edges.at(77), (1,))
    assert noted(engine.begin(), 1) == {0, 1, 2}
    assert runs.take() == []


def test_an_interrupt_in_a_round_leaves_nothing_behind(engine: Engine) -> None:
    stops = [True]

    @query(on_cycle=Fixpoint(lambda _node: frozenset()))
    def noted(db: Db, node: int) -> frozenset[int]:
        found = frozenset({node}).union(*(noted(db, one) for one in edges(db, node)))
        if stops[0] and len(found) > 1:
            raise KeyboardInterrupt
        return found

    set_graph(engine, ring_of(3))
    with pytest.raises(KeyboardInterrupt):
        noted(engine.begin(), 0)
    stops[0] = False
    db = engine.begin()
    assert [noted(db, node) for node in range(3)] == [frozenset({0, 1, 2})] * 3


SIZE = 6
GRAPHS = st.fixed_dictionaries(
    {node: st.lists(st.integers(0, SIZE - 1), max_size=3).map(tuple) for node in range(SIZE)}
)
ORDERS = st.permutations(range(SIZE))


@pytest.mark.parametrize("of", [strict, careful, bounded, reach, half], ids=lambda of: of.__name__)
@settings(max_examples=60, deadline=None)
@given(graph=GRAPHS, order=ORDERS, change=GRAPHS, changed=st.sets(st.integers(0, SIZE - 1)), again=ORDERS)
def test_any_graph_gives_the_same_in_any_order_and_after_any_change(
    of: Callable[[Db, int], Any], graph: Graph, order: list[int], change: Graph, changed: set[int], again: list[int]
) -> None:
    def ask(engine: Engine, nodes: list[int]) -> dict[int, Any]:
        db = engine.begin()
        return {node: outcome(partial(of, db, node)) for node in nodes}

    with engine_of() as engine:
        set_graph(engine, graph)
        found = ask(engine, order)
        with engine_of() as fresh:
            set_graph(fresh, graph)
            assert ask(fresh, list(range(SIZE))) == found
        if of in (reach, half):
            assert found == {node: closure(graph, node) for node in range(SIZE)}
        after = graph | {node: change[node] for node in changed}
        set_graph(engine, {node: after[node] for node in changed})
        found = ask(engine, again[:3])
        with engine_of() as fresh:
            set_graph(fresh, after)
            assert ask(fresh, again[2::-1]) == found
