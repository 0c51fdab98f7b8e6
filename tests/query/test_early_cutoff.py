"""Covers that what gives the same value as before stops a change there, and what counts as the same."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.query.scenario import Runs

from jeton.query import Db, Engine, input, query  # noqa: A004  the engine's word


@input
def text(name: str) -> Any:
    return "x"


@pytest.mark.parametrize(
    ("before", "after"),
    [("one two", "two one"), ("one two", "un deux")],
    ids=["order", "words"],
)
def test_readers_of_an_unchanged_value_do_not_run(engine: Engine, runs: Runs, before: str, after: str) -> None:
    @query
    def count(db: Db) -> int:
        runs.note("count")
        return len(text(db, "a").split())

    @query
    def reader(db: Db) -> int:
        runs.note("reader")
        return count(db)

    engine.set(text.at("a"), before)
    reader(engine.begin())
    runs.take()
    engine.set(text.at("a"), after)
    assert reader(engine.begin()) == 2
    assert runs.take() == ["count"]


def test_a_change_stops_in_the_middle_of_a_chain(engine: Engine, runs: Runs) -> None:
    @query
    def level(db: Db, number: int) -> int:
        runs.note(number)
        below = len(text(db, "a")) if number == 0 else level(db, number - 1)
        return below // 10 if number == 3 else below

    engine.set(text.at("a"), "x" * 10)
    level(engine.begin(), 6)
    runs.take()
    engine.set(text.at("a"), "x" * 11)
    assert level(engine.begin(), 6) == 1
    assert runs.take() == [0, 1, 2, 3]
    engine.set(text.at("a"), "x" * 20)
    assert level(engine.begin(), 6) == 2
    assert runs.take() == [0, 1, 2, 3, 4, 5, 6]


def test_what_was_stopped_is_not_looked_at_again(engine: Engine, runs: Runs) -> None:
    @query
    def shape(db: Db) -> int:
        runs.note("shape")
        return len(text(db, "a"))

    @query
    def top(db: Db) -> int:
        runs.note("top")
        return shape(db)

    top(engine.begin())
    engine.set(text.at("a"), "y")
    top(engine.begin())
    engine.set(text.at("other"), "z")
    runs.take()
    top(engine.begin())
    assert runs.take() == []


def test_a_value_that_changed_and_came_back_between_two_demands_may_run_its_readers(engine: Engine) -> None:
    """It may, because nobody saw the value in between; what is asserted is that they are right."""

    @query
    def double(db: Db) -> str:
        return str(text(db, "a")) * 2

    assert double(engine.begin()) == "xx"
    engine.set(text.at("a"), "y")
    engine.set(text.at("a"), "x")
    assert double(engine.begin()) == "xx"
    engine.set(text.at("a"), "y")
    assert double(engine.begin()) == "yy"


def test_a_value_that_came_back_is_no_change_for_who_saw_only_the_first(engine: Engine, runs: Runs) -> None:
    @query
    def parity(db: Db) -> int:
        return len(text(db, "a")) % 2

    @query
    def early(db: Db) -> int:
        runs.note("early")
        return parity(db)

    assert early(engine.begin()) == 1
    engine.set(text.at("a"), "xy")
    assert parity(engine.begin()) == 0  # seen by others, not by early
    engine.set(text.at("a"), "xyz")
    assert early(engine.begin()) == 1


@dataclass(frozen=True)
class Point:
    x: Any


class Sloppy:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


NAN = float("nan")


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        (0.0, -0.0, False),
        (NAN, float("nan"), True),
        ("a", b"a", False),
        ((1, 2), [1, 2], False),
        ([1, 2], [1, 2], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ({1, 2}, {2, 1}, True),
        ({1}, frozenset({1}), False),
        (Point(1), Point(1), True),
        (Point(1), Point(True), False),
        ((Point([1]),), (Point([1]),), True),
        (None, 0, False),
        ("", None, False),
    ],
    ids=repr,
)
def test_sameness_is_of_structure_and_type(
    engine: Engine, runs: Runs, before: Any, after: Any, *, is_same: bool
) -> None:
    @input
    def given() -> Any:
        raise AssertionError

    @query
    def value(db: Db) -> Any:
        return (before, after)[given(db)]

    @query
    def reader(db: Db) -> str:
        runs.note("reader")
        return repr(value(db))

    engine.set(given.at(), 0)
    reader(engine.begin())
    engine.set(given.at(), 1)
    found = reader(engine.begin())
    assert found == repr(before if is_same else after)
    assert runs.take() == ["reader"] * (1 if is_same else 2)


def test_eq_decides_where_it_is_given(engine: Engine, runs: Runs) -> None:
    @query(eq=lambda old, new: old.lower() == new.lower())
    def name(db: Db) -> str:
        return str(text(db, "a"))

    @query
    def reader(db: Db) -> str:
        runs.note("reader")
        return name(db).lower()

    for given in ("Ada", "ADA", "ada", "Eva"):
        engine.set(text.at("a"), given)
        assert reader(engine.begin()) == given.lower()
    assert runs.take() == ["reader", "reader"]


def test_an_own_eq_is_asked_of_values_and_not_of_what_failures_say(engine: Engine, runs: Runs) -> None:
    @query(eq=lambda old, new: old.lower() == new.lower())
    def shouted(db: Db) -> str:
        raise ValueError(text(db, "a").split()[0])

    @query
    def reader(db: Db) -> str:
        runs.note("reader")
        try:
            return shouted(db)
        except ValueError as error:
            return str(error)

    outcomes = []
    for value in ("bad luck", "bad weather", "worse luck"):
        engine.set(text.at("a"), value)
        outcomes.append((reader(engine.begin()), runs.take()))
    assert outcomes == [("bad", ["reader"]), ("bad", []), ("worse", ["reader"])]


def test_eq_of_an_input_decides_at_set(engine: Engine, runs: Runs) -> None:
    @input(eq=lambda old, new: abs(old - new) < 1)
    def level() -> float:
        return 0.0

    @query
    def reader(db: Db) -> float:
        runs.note("reader")
        return level(db)

    reader(engine.begin())
    engine.set(level.at(), 0.5)
    reader(engine.begin())
    engine.set(level.at(), 5.0)
    assert reader(engine.begin()) == 5.0
    assert runs.take() == ["reader", "reader"]


def test_eq_that_raises_is_told_and_remembers_nothing_wrong(engine: Engine) -> None:
    raising = [True]

    def compare(old: int, new: int) -> bool:
        if raising[0]:
            raise ArithmeticError("cannot compare")
        return old == new

    @query(eq=compare)
    def length(db: Db) -> int:
        return len(text(db, "a"))

    assert length(engine.begin()) == 1
    engine.set(text.at("a"), "xy")
    with pytest.raises(ArithmeticError, match="cannot compare"):
        length(engine.begin())
    raising[0] = False
    assert length(engine.begin()) == 2


def test_a_set_whose_eq_raises_changes_nothing_or_all_that_reads_it(engine: Engine) -> None:
    def compare(old: str, new: str) -> bool:
        if new == "refused":
            raise ArithmeticError("cannot compare")
        return old == new

    @input(eq=compare)
    def word(name: str) -> str:
        return "old"

    @query
    def shout(db: Db, name: str) -> str:
        return word(db, name).upper()

    db = engine.begin()
    assert [shout(db, "a"), shout(db, "b")] == ["OLD", "OLD"]
    with pytest.raises(ArithmeticError):
        engine.set_all([(word.at("a"), "new"), (word.at("b"), "refused")])
    db = engine.begin()
    assert [shout(db, name) for name in "ab"] == [word(db, name).upper() for name in "ab"]


def test_an_object_without_an_order_of_its_own_is_asked_for_equality(engine: Engine, runs: Runs) -> None:
    @query
    def value(db: Db) -> Sloppy:
        text(db, "a")
        return Sloppy()

    @query
    def reader(db: Db) -> int:
        runs.note("reader")
        value(db)
        return 1

    reader(engine.begin())
    engine.set(text.at("a"), "y")
    reader(engine.begin())
    assert runs.take() == ["reader"]


def test_a_failure_of_the_same_form_is_unchanged(engine: Engine, runs: Runs) -> None:
    @query
    def parsed(db: Db) -> int:
        if len(text(db, "a")) > 1:
            raise ValueError("too long", len(text(db, "a")) // 10)
        return 0

    @query
    def reader(db: Db) -> str:
        runs.note("reader")
        try:
            return str(parsed(db))
        except ValueError as error:
            return str(error.args)

    for length in (5, 6, 7, 15, 1):
        engine.set(text.at("a"), "x" * length)
        reader(engine.begin())
    assert runs.take() == ["reader"] * 3
