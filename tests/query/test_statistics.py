"""Covers the counts of each query: exact, complete, and nothing where nobody asked for them."""

import pytest
from tests.query.scenario import engine_of, together

from jeton.query import Db, Engine, QueryCount, input, query  # noqa: A004  the engine's word


@input
def source(path: str) -> str:
    return "text"


@query
def length(db: Db, path: str) -> int:
    return len(source(db, path))


@query
def total(db: Db, paths: tuple[str, ...]) -> int:
    return sum(length(db, path) for path in paths)


def counts(engine: Engine) -> dict[str, QueryCount]:
    return {count.query.rpartition(":")[2]: count for count in engine.statistics()}


@pytest.fixture
def counting() -> Engine:
    return engine_of(1, statistics=True)


def test_a_first_run_is_counted(counting: Engine) -> None:
    total(counting.begin(), ("a", "b", "a"))
    found = counts(counting)
    assert (found["total"].runs, found["length"].runs, found["source"].runs) == (1, 2, 2)
    assert (found["length"].demands, found["length"].hits) == (3, 1)
    assert found["source"].demands == 2
    assert all(one.red == one.green == 0 for one in found.values())


def test_what_was_verified_and_what_ran_again_are_told_apart(counting: Engine) -> None:
    total(counting.begin(), ("a", "b"))
    counting.forget_statistics()
    counting.set(source.at("a"), "same")  # as long as before
    total(counting.begin(), ("a", "b"))
    found = counts(counting)
    assert (found["length"].runs, found["length"].red) == (1, 0)
    assert (found["total"].runs, found["total"].green) == (0, 1)
    counting.forget_statistics()
    counting.set(source.at("a"), "longer")
    total(counting.begin(), ("a", "b"))
    found = counts(counting)
    assert (found["length"].runs, found["length"].red) == (1, 1)
    assert (found["total"].runs, found["total"].red) == (1, 1)


def test_forgetting_begins_at_nought(counting: Engine) -> None:
    total(counting.begin(), ("a",))
    counting.forget_statistics()
    assert all(one.runs == one.demands == 0 for one in counting.statistics())


def test_nothing_is_counted_where_nobody_asked() -> None:
    with engine_of(1) as engine:
        total(engine.begin(), ("a",))
        assert engine.statistics() == []


def test_time_of_what_is_demanded_is_not_the_demanders(counting: Engine) -> None:
    @query
    def slow(db: Db) -> int:
        return sum(range(200_000))

    @query
    def caller(db: Db) -> int:
        return slow(db)

    caller(counting.begin())
    found = counts(counting)
    by_name = {name.rpartition(".")[2]: one for name, one in found.items()}
    assert 0 <= by_name["caller"].self_ns < by_name["slow"].self_ns
    assert counting.statistics()[0].query.endswith("slow"), "the one with the most time comes first"


def test_helpers_count_as_one() -> None:
    paths = [f"p{number}" for number in range(100)]
    with engine_of(4, statistics=True) as engine:
        engine.begin().map(length, paths)
        found = counts(engine)
        assert (found["length"].runs, found["source"].runs) == (100, 100)


def test_counts_of_many_threads_are_complete() -> None:
    with engine_of(4, statistics=True) as engine:
        together(
            *[lambda at=at: total(engine.begin(), tuple(f"{at}.{number}" for number in range(50))) for at in range(8)]
        )
        found = counts(engine)
        assert (found["total"].runs, found["length"].runs) == (8, 400)
        assert found["length"].demands == 400
