"""Covers effects: told again whenever a result is used, in the order of demand, once for each query, and never lost."""

import pytest
from tests.query.scenario import Runs, engine_of

from jeton.query import CycleError, Db, Effect, Engine, MisuseError, input, query  # noqa: A004  the engine's word

NOTES = Effect[str]("notes")
OTHER = Effect[int]("other")


@input
def text(name: str) -> str:
    return name


@query
def leaf(db: Db, name: str) -> int:
    db.emit(NOTES, f"{name}: {text(db, name)}")
    return len(text(db, name))


@query
def pair(db: Db, one: str, other: str) -> int:
    db.emit(NOTES, "before")
    first = leaf(db, one)
    db.emit(NOTES, "between")
    second = leaf(db, other)
    db.emit(NOTES, "after")
    return first + second


def test_effects_come_in_the_order_of_demand(engine: Engine) -> None:
    assert engine.begin().effects(NOTES, pair, "b", "a") == ["before", "b: b", "between", "a: a", "after"]


def test_each_query_counts_once(engine: Engine) -> None:
    @query
    def twice(db: Db) -> int:
        return pair(db, "a", "b") + leaf(db, "b") + leaf(db, "c")

    assert engine.begin().effects(NOTES, twice) == ["before", "a: a", "between", "b: b", "after", "c: c"]


def test_a_repeated_demand_does_not_move_what_is_told(engine: Engine) -> None:
    @query
    def again(db: Db) -> int:
        leaf(db, "a")
        leaf(db, "a")
        db.emit(NOTES, "then")
        leaf(db, "a")
        db.emit(NOTES, "last")
        return leaf(db, "b")

    assert engine.begin().effects(NOTES, again) == ["a: a", "then", "last", "b: b"]


def test_effects_are_told_again_where_nothing_runs(engine: Engine, runs: Runs) -> None:
    @query
    def noted(db: Db) -> int:
        runs.note("ran")
        return leaf(db, "a")

    for _ in range(3):
        assert engine.begin().effects(NOTES, noted) == ["a: a"]
        engine.cancel()
    engine.set(text.at("elsewhere"), "x")
    assert engine.begin().effects(NOTES, noted) == ["a: a"]
    assert runs.take() == ["ran"]


def test_effects_of_a_query_that_was_verified_are_told(engine: Engine) -> None:
    @query
    def length(db: Db) -> int:
        return leaf(db, "a")

    @query
    def top(db: Db) -> int:
        db.emit(NOTES, "top")
        return length(db)

    top(engine.begin())
    engine.set(text.at("a"), "b")  # of the same length
    assert engine.begin().effects(NOTES, top) == ["top", "a: b"]


def test_only_the_asked_effect_is_told(engine: Engine) -> None:
    @query
    def both(db: Db) -> int:
        db.emit(NOTES, "words")
        db.emit(OTHER, 7)
        return leaf(db, "a")

    db = engine.begin()
    assert db.effects(OTHER, both) == [7]
    assert db.effects(NOTES, both) == ["words", "a: a"]
    assert db.effects(Effect[int]("never told"), both) == []


def test_effects_of_one_name_are_one_effect(engine: Engine) -> None:
    leaf(engine.begin(), "a")
    assert engine.begin().effects(Effect[str]("notes"), leaf, "a") == ["a: a"]


def test_the_same_value_may_be_told_twice(engine: Engine) -> None:
    @query
    def echo(db: Db) -> int:
        db.emit(NOTES, "x")
        db.emit(NOTES, "x")
        return 0

    assert engine.begin().effects(NOTES, echo) == ["x", "x"]


def test_another_effect_with_the_same_value_runs_no_reader(engine: Engine, runs: Runs) -> None:
    @query
    def reader(db: Db) -> int:
        runs.note("reader")
        return leaf(db, "a")

    reader(engine.begin())
    engine.set(text.at("a"), "b")
    db = engine.begin()
    assert reader(db) == 1
    assert db.effects(NOTES, reader) == ["a: b"]
    assert runs.take() == ["reader"]


def test_an_effect_that_begins_below_what_stays_green_is_seen_from_above(engine: Engine) -> None:
    """Whether to look below a node is remembered in the node, and this one does not run again."""

    @query
    def warns(db: Db) -> int:
        if text(db, "a") == "bad":
            db.emit(OTHER, 1)
        return 0

    @query
    def level(db: Db, number: int) -> int:
        return level(db, number - 1) if number else warns(db)

    assert engine.begin().effects(OTHER, level, 20) == []
    for _ in range(3):
        engine.set(text.at("a"), "bad")
        assert engine.begin().effects(OTHER, level, 20) == [1]
        engine.set(text.at("a"), "good")
        assert engine.begin().effects(OTHER, level, 20) == []


def test_an_effect_that_begins_is_seen_by_another_root_that_was_not_demanded_in_between(engine: Engine) -> None:
    @query
    def warns(db: Db) -> int:
        if text(db, "a") == "bad":
            db.emit(OTHER, 1)
        return 0

    @query
    def one(db: Db) -> int:
        return warns(db)

    @query
    def two(db: Db) -> int:
        return one(db)

    engine.begin().effects(OTHER, two)
    engine.set(text.at("a"), "bad")
    assert engine.begin().effects(OTHER, one) == [1]
    assert engine.begin().effects(OTHER, two) == [1]


def test_an_effect_in_what_is_newly_read_is_seen(engine: Engine) -> None:
    @query
    def chooser(db: Db) -> int:
        return leaf(db, "b") if text(db, "which") == "b" else 1

    @query
    def top(db: Db) -> int:
        return chooser(db)

    assert engine.begin().effects(NOTES, top) == []
    engine.set(text.at("which"), "b")
    assert engine.begin().effects(NOTES, top) == ["b: b"]
    engine.set(text.at("which"), "none")
    assert engine.begin().effects(NOTES, top) == []


@pytest.mark.parametrize("count", [63, 64, 65, 300])
def test_hundreds_of_effects_are_kept_apart(engine: Engine, count: int) -> None:
    effects = [Effect[int](f"effect {number}") for number in range(count)]

    @query
    def tells(db: Db, number: int) -> int:
        db.emit(effects[number], number)
        return number

    @query
    def top(db: Db, numbers: tuple[int, ...]) -> int:
        return sum(tells(db, number) for number in numbers)

    db = engine.begin()
    everything = tuple(range(count))
    top(db, everything)
    assert [db.effects(effect, top, everything) for effect in effects] == [[number] for number in range(count)]
    assert db.effects(effects[0], top, (1,)) == []


def test_what_a_failing_query_told_before_counts(engine: Engine) -> None:
    @query
    def fails(db: Db) -> int:
        db.emit(NOTES, "before")
        leaf(db, "a")
        raise ValueError("no")

    @query
    def catches(db: Db) -> int:
        try:
            return fails(db)
        except ValueError:
            db.emit(NOTES, "caught")
            return 0

    for _ in range(2):
        assert engine.begin().effects(NOTES, catches) == ["before", "a: a", "caught"]
        engine.cancel()


def test_the_asked_query_raises_what_it_raised(engine: Engine) -> None:
    @query
    def fails(db: Db) -> int:
        db.emit(NOTES, "before")
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            engine.begin().effects(NOTES, fails)


def test_effects_of_a_map_come_in_the_order_of_its_keys(engine: Engine) -> None:
    names = [f"n{number:02}" for number in range(40)]

    @query
    def every(db: Db) -> int:
        db.emit(NOTES, "first")
        total = sum(db.map(leaf, names))
        db.emit(NOTES, "last")
        return total

    expected = ["first", *(f"{name}: {name}" for name in names), "last"]
    assert engine.begin().effects(NOTES, every) == expected
    engine.set(text.at("n20"), "x")
    expected[21] = "n20: x"
    assert engine.begin().effects(NOTES, every) == expected


def test_a_map_that_fails_tells_what_its_keys_up_to_the_failing_one_told(engine: Engine) -> None:
    @query
    def item(db: Db, number: int) -> int:
        db.emit(OTHER, number)
        if number in (3, 5):
            raise ValueError(number)
        return number

    @query
    def every(db: Db) -> int:
        try:
            return sum(db.map(item, range(10)))
        except ValueError:
            return -1

    assert engine.begin().effects(OTHER, every) == [0, 1, 2, 3]


def test_effects_with_a_dropped_value_are_told(engine: Engine, runs: Runs) -> None:
    @query(lru=1)
    def dropped(db: Db, name: str) -> int:
        runs.note(name)
        return leaf(db, name)

    db = engine.begin()
    dropped(db, "a"), dropped(db, "b")
    assert db.effects(NOTES, dropped, "a") == ["a: a"]
    assert runs.take() == ["a", "b"], "its effects are known without its value"


def test_effects_of_a_ring_are_those_of_all_its_members_wherever_it_is_entered(engine: Engine) -> None:
    @query
    def one(db: Db) -> int:
        db.emit(NOTES, "one")
        leaf(db, "a")
        return other(db)

    @query
    def other(db: Db) -> int:
        db.emit(NOTES, "other")
        leaf(db, "b")
        return one(db)

    @query
    def watch(db: Db, name: str) -> str:
        try:
            (one if name == "one" else other)(db)
        except CycleError as error:
            return str(error)
        raise AssertionError

    found = []
    for order in (("one", "other"), ("other", "one")):
        with engine_of() as fresh:
            db = fresh.begin()
            effects = {name: db.effects(NOTES, watch, name) for name in order}
        db = engine.begin()
        assert {name: db.effects(NOTES, watch, name) for name in order} == effects
        assert sorted(effects["one"]) == sorted(effects["other"]) == ["a: a", "b: b", "one", "other"]
        found.append(effects)
    assert found[0] == found[1]


def test_effects_cannot_be_read_inside_a_query(engine: Engine) -> None:
    @query
    def nosy(db: Db) -> list[str]:
        return db.effects(NOTES, leaf, "a")

    with pytest.raises(MisuseError, match="do it outside"):
        nosy(engine.begin())


def test_nothing_can_be_told_outside_a_query(engine: Engine) -> None:
    with pytest.raises(MisuseError, match="outside a query"):
        engine.begin().emit(NOTES, "x")


def test_effects_take_a_querys_keywords_and_defaults(engine: Engine) -> None:
    @query
    def area(db: Db, width: int, height: int = 2) -> int:
        db.emit(OTHER, width * height)
        return width * height

    db = engine.begin()
    assert db.effects(OTHER, area, 3) == [6]
    assert db.effects(OTHER, area, height=2, width=3) == [6]
    assert db.effects(OTHER, area, 3, 5) == [15]
