"""Covers chains of plain and coroutine queries that demand each other: deep ones, rings, and many threads at once."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from tests.query.scenario import beside, outcome, together

from jeton.query import Db, Engine, Fallback, Fixpoint, MisuseError, Unset, input, query  # noqa: A004
from jeton.runtime import sleep

pytestmark = pytest.mark.concurrency


@pytest.fixture(params=[1, 2], ids=["jobs=1", "jobs=2"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of its own pool."""
    with Engine(jobs=request.param, environ={}) as made:
        yield made


@input
def edges(key: int) -> tuple[int, ...]:
    raise Unset


def in_time(call: Callable[[], Any]) -> Any:
    """Make the call on another thread: one that does not come back fails the test and holds up no other."""
    with beside(lambda: outcome(call)) as results:
        pass
    return results[0]


def ask(engine: Engine, call: Callable[[Db], Any]) -> Any:
    def session() -> Any:
        with engine.begin() as db:
            return call(db)

    return in_time(session)


# Depth.


@query
def down(db: Db, level: int) -> int:
    return 1 + db.wait(down_awaited, level - 1) if level else 0


@query
async def down_awaited(db: Db, level: int) -> int:
    return 1 + await db.call(down, level - 1) if level else 0


@query
async def steps(db: Db, level: int) -> int:
    return 1 + await steps(db, level - 1) if level else 0


@pytest.mark.parametrize("levels", [2, 9, 60])
def test_a_chain_of_plain_and_coroutine_queries_comes_to_its_end(engine: Engine, levels: int) -> None:
    assert ask(engine, lambda db: down(db, levels)) == levels


def test_a_long_chain_of_coroutines_comes_to_its_end(engine: Engine) -> None:
    assert ask(engine, lambda db: db.wait(steps, 1000)) == 1000


# Rings. Each function calls those after it; `ring` has one entry of each kind.


@query
def plain(db: Db, key: int) -> int:
    return max(awaited_by_wait(db, one) for one in db_edges(db, key))


@query
async def coroutine(db: Db, key: int) -> int:
    return max([await called(db, one) for one in await db.call(edges, key)])


@query
async def gathering(db: Db, key: int) -> int:
    return max(await db.gather(coroutine, await db.call(edges, key)))


def db_edges(db: Db, key: int) -> tuple[int, ...]:
    return edges(db, key)


def awaited_by_wait(db: Db, key: int) -> int:
    return db.wait(coroutine, key) if key % 2 else db.wait(gathering, key)


async def called(db: Db, key: int) -> int:
    return await db.call(plain, key) if key % 3 else await gathering(db, key)


ENTRIES: list[Callable[[Db, int], Any]] = [
    plain,
    lambda db, key: db.wait(coroutine, key),
    lambda db, key: db.wait(gathering, key),
]


@pytest.mark.parametrize(
    "graph", [{1: (1,)}, {3: (3,)}, {1: (2,), 2: (1,)}, {1: (2, 3), 2: (3,), 3: (1,)}, {4: (3,), 3: (4,)}]
)
def test_a_ring_of_both_kinds_has_one_outcome_from_each_entry(graph: dict[int, tuple[int, ...]]) -> None:
    key = next(iter(graph))
    outcomes = set()
    for jobs in (1, 2):
        for at, entry in enumerate(ENTRIES):
            with Engine(jobs=jobs, environ={}) as engine:
                engine.set_all([(edges.at(one), ends) for one, ends in graph.items()])
                first = ask(engine, partial(with_key, entry, key))
                for other in (*ENTRIES, entry):
                    again = ask(engine, partial(with_key, other, key))
                assert first == again
                outcomes.add((at, first))
    assert all(said.startswith("CycleError: ") for _, said in outcomes)
    assert len(outcomes) == len(ENTRIES), "the same with one thread and with more"


def with_key(entry: Callable[[Db, int], Any], key: int, db: Db) -> Any:
    return entry(db, key)


@query
def first_of_ring(db: Db) -> int:
    return db.wait(second_of_ring)


@query
async def second_of_ring(db: Db) -> int:
    return await db.call(third_of_ring)


@query
def third_of_ring(db: Db) -> int:
    return first_of_ring(db)


RING = "first_of_ring() -> second_of_ring() -> third_of_ring() -> first_of_ring()"


def test_a_ring_says_the_same_wherever_it_was_entered(engine: Engine) -> None:
    calls: list[Callable[[Db], Any]] = [first_of_ring, lambda db: db.wait(second_of_ring), third_of_ring]
    for call in calls:
        assert ask(engine, call) == f"CycleError: first_of_ring(): depends on itself: {RING}"
        engine.cancel()


def test_a_ring_that_threads_enter_at_once_says_the_same(engine: Engine) -> None:
    calls: list[Callable[[Db], Any]] = [first_of_ring, lambda db: db.wait(second_of_ring), third_of_ring]

    def session(call: Callable[[Db], Any]) -> Any:
        with engine.begin() as db:
            return outcome(lambda: call(db))

    said = together(*(lambda call=call: session(call) for call in calls * 2))
    assert set(said) == {f"CycleError: first_of_ring(): depends on itself: {RING}"}


@query(on_cycle=Fixpoint(lambda _: 0))
def climbing(db: Db, key: int) -> int:
    return min(5, 1 + db.wait(climbing_awaited, key))


@query
async def climbing_awaited(db: Db, key: int) -> int:
    return await db.call(climbing_called, key)


@query
def climbing_called(db: Db, key: int) -> int:
    return climbing(db, key)


@query(on_cycle=Fallback(lambda key: -key))
def falling(db: Db, key: int) -> int:
    return db.wait(falling_awaited, key)


@query
async def falling_awaited(db: Db, key: int) -> int:
    return await db.call(falling, key)


def test_a_fixpoint_goes_through_a_coroutine(engine: Engine) -> None:
    assert ask(engine, lambda db: climbing(db, 1)) == 5
    assert ask(engine, lambda db: db.wait(climbing_awaited, 1)) == 5


def test_a_fixpoint_that_is_entered_at_a_coroutine_is_the_same(engine: Engine) -> None:
    assert ask(engine, lambda db: db.wait(climbing_awaited, 1)) == 5
    assert ask(engine, lambda db: climbing_called(db, 1)) == 5


def test_a_fallback_goes_through_a_coroutine(engine: Engine) -> None:
    assert ask(engine, lambda db: falling(db, 7)) == -7


def test_a_ring_that_an_edit_opens_is_none_any_more(engine: Engine) -> None:
    @query
    def looking(db: Db, key: int) -> int:
        ends = edges(db, key)
        return db.wait(looking_awaited, ends[0]) if ends else key

    @query
    async def looking_awaited(db: Db, key: int) -> int:
        return await db.call(looking, key)

    engine.set_all([(edges.at(1), (2,)), (edges.at(2), (1,))])
    assert ask(engine, lambda db: looking(db, 1)).startswith("CycleError")
    engine.set(edges.at(2), ())
    assert ask(engine, lambda db: looking(db, 1)) == 2


# Many at once.


def test_two_thousand_coroutines_wait_at_once(engine: Engine) -> None:
    @query
    async def leaf(db: Db, key: int) -> int:
        await sleep(0)
        return await shared(db, key % 7)

    @query
    async def shared(db: Db, key: int) -> int:
        runs.append(key)
        return await db.call(squared, key)

    @query
    def squared(db: Db, key: int) -> int:
        return key * key

    @query
    async def all_of(db: Db, count: int) -> int:
        return sum(await db.gather(leaf, range(count)))

    runs: list[int] = []
    assert ask(engine, lambda db: db.wait(all_of, 2000)) == sum((key % 7) ** 2 for key in range(2000))
    assert sorted(runs) == list(range(7))


def test_what_threads_and_tasks_demand_at_once_runs_once(engine: Engine) -> None:
    @query
    async def slow(db: Db, key: int) -> int:
        runs.append(key)
        await sleep(0.001)
        return key

    @query
    def waiting(db: Db, key: int) -> int:
        return db.wait(slow, key)

    @query
    async def gathered(db: Db) -> int:
        return sum(await db.gather(slow, range(20)))

    def session(at: int) -> int:
        with engine.begin() as db:
            return db.wait(gathered) if at % 2 else sum(db.map(waiting, range(20)))

    runs: list[int] = []
    assert together(*(lambda at=at: session(at) for at in range(6))) == [190] * 6
    assert sorted(runs) == list(range(20))


# Slots.


def test_what_follows_a_wait_holds_a_slot(engine: Engine) -> None:
    @query
    def after(db: Any, key: int) -> bool:
        before = db.lane.slot is not None
        db.wait(steps, key)
        return before and db.lane.slot is not None

    assert ask(engine, lambda db: [after(db, key) for key in (1, 1, 2)]) == [True] * 3


def test_an_input_cannot_be_set_after_a_wait_in_a_query(engine: Engine) -> None:
    @query
    def setting(db: Db) -> None:
        db.wait(steps, 1)
        engine.set(edges.at(1), ())

    assert ask(engine, setting).startswith("MisuseError: cannot change an input inside a query")


def test_a_map_in_a_coroutine_is_refused_before_anything_runs(engine: Engine) -> None:
    @query
    def item(db: Db, key: int) -> int:
        runs.append(key)
        return db.wait(steps, key)

    @query
    async def mapping(db: Db) -> list[int]:
        return db.map(item, [1, 2, 3])

    runs: list[int] = []
    assert ask(engine, lambda db: db.wait(mapping)).startswith(MisuseError.__name__)
    assert runs == []
