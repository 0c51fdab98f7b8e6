"""Covers that a query is computed once for each key, and again only where something that it read has changed."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.query.scenario import Runs, engine_of

from jeton.query import Cancelled, Db, Effect, Engine, MisuseError, input, query  # noqa: A004  the engine's word

NOTED = Runs()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    NOTED.take()


@input
def source(path: str) -> str:
    return f"text of {path}"


@query
def words(db: Db, path: str) -> tuple[str, ...]:
    NOTED.note(("words", path))
    return tuple(source(db, path).split())


@query
def count(db: Db, path: str) -> int:
    NOTED.note(("count", path))
    return len(words(db, path))


@query
def total(db: Db, paths: tuple[str, ...]) -> int:
    NOTED.note(("total", paths))
    return sum(count(db, path) for path in paths)


def test_a_query_runs_once_for_each_key(engine: Engine) -> None:
    with engine.begin() as db:
        assert [count(db, "a"), count(db, "b"), count(db, "a")] == [3, 3, 3]
    assert NOTED.take() == [("count", "a"), ("words", "a"), ("count", "b"), ("words", "b")]


def test_two_queries_share_what_they_read(engine: Engine) -> None:
    with engine.begin() as db:
        words(db, "a")
        NOTED.take()
        count(db, "a")
        assert NOTED.take() == [("count", "a")]


def test_another_session_finds_everything(engine: Engine) -> None:
    for _ in range(3):
        with engine.begin() as db:
            assert count(db, "a") == 3
    assert len(NOTED.take()) == 2


def test_results_outlive_a_cancelled_session(engine: Engine) -> None:
    count(engine.begin(), "a")
    engine.cancel()
    assert count(engine.begin(), "a") == 3
    assert len(NOTED.take()) == 2


def test_a_value_is_the_one_object_at_every_demand(engine: Engine) -> None:
    db = engine.begin()
    assert words(db, "a") is words(db, "a")
    engine.cancel()
    assert words(engine.begin(), "a") is words(engine.begin(), "a")


def test_only_what_reads_a_changed_input_runs_again(engine: Engine) -> None:
    db = engine.begin()
    total(db, ("a", "b"))
    NOTED.take()
    engine.set(source.at("a"), "longer than it was")
    assert total(engine.begin(), ("a", "b")) == 7
    assert sorted(map(str, NOTED.take())) == ["('count', 'a')", "('total', ('a', 'b'))", "('words', 'a')"]


def test_nothing_runs_for_a_change_that_nobody_demands(engine: Engine) -> None:
    count(engine.begin(), "a")
    NOTED.take()
    engine.set(source.at("a"), "x")
    count(engine.begin(), "b")
    assert ("count", "a") not in NOTED.take()


def test_two_changes_before_a_demand_are_one_run(engine: Engine) -> None:
    count(engine.begin(), "a")
    NOTED.take()
    for text in ("x", "x y", "x y z w"):
        engine.set(source.at("a"), text)
    assert count(engine.begin(), "a") == 4
    assert NOTED.take() == [("words", "a"), ("count", "a")]


def test_two_engines_share_nothing(engine: Engine) -> None:
    with engine_of() as other:
        engine.set(source.at("a"), "x")
        assert count(engine.begin(), "a") == 1
        assert count(other.begin(), "a") == 3


def test_an_engine_may_be_used_inside_a_query_of_another(engine: Engine) -> None:
    inner = engine_of()

    @query
    def nested(db: Db, path: str) -> int:
        with inner.begin() as other:
            return count(other, path) + count(db, path)

    with inner:
        inner.set(source.at("a"), "x")
        assert nested(engine.begin(), "a") == 4


@input
def fork(name: str) -> bool:
    return True


@query
def either(db: Db, name: str) -> str:
    NOTED.note("either")
    return source(db, "yes") if fork(db, name) else source(db, "no")


def test_what_is_read_is_what_was_read_last(engine: Engine) -> None:
    either(engine.begin(), "f")
    engine.set(fork.at("f"), value=False)
    either(engine.begin(), "f")
    NOTED.take()
    engine.set(source.at("yes"), "changed, and read no more")
    assert either(engine.begin(), "f") == "text of no"
    assert NOTED.take() == []
    engine.set(source.at("no"), "changed")
    assert either(engine.begin(), "f") == "changed"
    assert NOTED.take() == ["either"]


def test_an_input_that_was_read_first_decides_before_the_others_are_looked_at(engine: Engine) -> None:
    """What a query read after a changed read may be something that it would not demand any more."""

    @input
    def divisor() -> int:
        return 1

    @query
    def quotient(db: Db) -> int:
        NOTED.note("quotient")
        return 10 // divisor(db)

    @query
    def guarded(db: Db) -> int:
        return quotient(db) if divisor(db) else 0

    assert guarded(engine.begin()) == 10
    NOTED.take()
    engine.set(divisor.at(), 0)
    assert guarded(engine.begin()) == 0
    assert NOTED.take() == []


def test_a_demand_without_keeping_the_value_counts_as_a_read(engine: Engine) -> None:
    @query
    def watcher(db: Db) -> int:
        NOTED.note("watcher")
        source(db, "a")
        return 0

    watcher(engine.begin())
    engine.set(source.at("a"), "x")
    watcher(engine.begin())
    assert NOTED.take() == ["watcher", "watcher"]


def test_a_reader_of_many_is_marked_by_each(engine: Engine) -> None:
    paths = tuple(f"p{number}" for number in range(300))
    total(engine.begin(), paths)
    for number in (0, 150, 299):
        NOTED.take()
        engine.set(source.at(f"p{number}"), "one two three four")
        assert total(engine.begin(), paths) == 901
        assert NOTED.take() == [("words", f"p{number}"), ("count", f"p{number}"), ("total", paths)]
        engine.set(source.at(f"p{number}"), "text of p")
        assert total(engine.begin(), paths) == 900


def test_a_diamond_is_computed_once(engine: Engine) -> None:
    @query
    def bottom(db: Db) -> int:
        NOTED.note("bottom")
        return len(source(db, "a"))

    @query
    def side(db: Db, name: str) -> int:
        NOTED.note(name)
        return bottom(db)

    @query
    def top(db: Db) -> int:
        NOTED.note("top")
        return side(db, "left") + side(db, "right")

    for text in ("x", "xy", "xyz"):
        engine.set(source.at("a"), text)
        assert top(engine.begin()) == 2 * len(text)
        assert sorted(NOTED.take()) == ["bottom", "left", "right", "top"]


def test_interned_values_are_one_object_for_each_engine(engine: Engine) -> None:
    db = engine.begin()
    first, second = ("a", 1), tuple(iter(("a", 1)))
    assert first is not second
    assert db.intern(first) is db.intern(second)


def test_what_a_program_interns_is_no_concern_of_its_effects(engine: Engine) -> None:
    effect = Effect[int]("x")

    @query
    def tells(db: Db) -> int:
        db.intern(("effect", "x"))
        db.emit(effect, 1)
        return 1

    db = engine.begin()
    assert tells(db) == 1
    assert db.effects(effect, tells) == [1]


def test_the_db_of_a_session_is_refused_inside_a_query(engine: Engine) -> None:
    db = engine.begin()

    @query
    def smuggler(_: Db) -> int:
        return count(db, "a")

    with pytest.raises(MisuseError, match="use the query's"):
        smuggler(db)


def test_a_session_is_over_after_its_block(engine: Engine) -> None:
    with engine.begin() as db:
        count(db, "a")
    with pytest.raises(Cancelled):
        count(db, "a")
    with pytest.raises(Cancelled):
        db.map(count, ["a"])


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.set(source.at("other"), "x"),
        lambda engine: engine.unset(source.at("other")),
        lambda engine: engine.refresh(),
        lambda engine: engine.cancel(),
    ],
    ids=["set", "unset", "refresh", "cancel"],
)
def test_a_db_from_before_a_change_is_cancelled_even_at_a_hit(engine: Engine, change: Callable[[Engine], Any]) -> None:
    db = engine.begin()
    count(db, "a")
    change(engine)
    for use in (
        lambda: count(db, "a"),
        lambda: source(db, "a"),
        lambda: db.map(count, ["a", "b"]),
        lambda: db.explain(count, "a"),
    ):
        with pytest.raises(Cancelled):
            use()


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_a_share_out_of_range_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        Engine(verify=wrong)


def test_no_jobs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one thread computes"):
        Engine(jobs=0)


def test_a_real_pool_serves_as_counted_slots_do() -> None:
    with Engine(jobs=3) as engine:
        assert engine.begin().map(count, [f"p{number}" for number in range(50)]) == [3] * 50
