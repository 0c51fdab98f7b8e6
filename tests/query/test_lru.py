"""Covers values that are dropped from memory: no more than so many are kept, and nothing else changes."""

import gc
import weakref
from collections.abc import Iterator
from typing import ClassVar

import pytest
from tests.query.scenario import Runs, engine_of

from jeton.query import Db, Engine, input, query  # noqa: A004  the engine's word

NOTED = Runs()


class Value:
    """A value that can be counted while it is alive."""

    alive: ClassVar["weakref.WeakSet[Value]"] = weakref.WeakSet()

    def __init__(self, number: int) -> None:
        self.number = number
        Value.alive.add(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.number == other.number

    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[type["Value"], tuple[int]]:
        return Value, (self.number,)


def living() -> int:
    gc.collect()
    return len(Value.alive)


@input
def level() -> int:
    return 0


@query(lru=2)
def value(db: Db, number: int) -> Value:
    NOTED.note(number)
    return Value(number + 0 * level(db))


@query
def total(db: Db, count: int) -> int:
    NOTED.note("total")
    return sum(value(db, number).number for number in range(count))


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    NOTED.take()
    yield
    gc.collect()


def test_no_more_are_kept_than_were_asked_for(engine: Engine) -> None:
    db = engine.begin()
    for number in range(20):
        value(db, number)
    assert living() == 2


def test_the_one_used_last_stays(engine: Engine) -> None:
    db = engine.begin()
    value(db, 0), value(db, 1), value(db, 0), value(db, 2)
    NOTED.take()
    value(db, 0), value(db, 2)
    assert NOTED.take() == []
    assert value(db, 1).number == 1
    assert NOTED.take() == [1]


def test_a_dropped_value_is_computed_when_it_is_wanted(engine: Engine) -> None:
    db = engine.begin()
    assert [value(db, number).number for number in (0, 1, 2, 0)] == [0, 1, 2, 0]
    assert NOTED.take() == [0, 1, 2, 0]


def test_a_reader_does_not_need_a_dropped_value_to_be_green(engine: Engine) -> None:
    total(engine.begin(), 10)
    engine.cancel()
    NOTED.take()
    assert total(engine.begin(), 10) == 45
    assert NOTED.take() == []


def test_a_dropped_value_that_is_unchanged_stops_a_change(engine: Engine) -> None:
    """The fingerprint of a plain value is kept. So each runs again, once, and who read them does not."""

    @query(lru=2)
    def plain(db: Db, number: int) -> tuple[int, str]:
        NOTED.note(number)
        return number + 0 * level(db), "text"

    @query
    def reader(db: Db) -> int:
        NOTED.note("reader")
        return sum(plain(db, number)[0] for number in range(10))

    reader(engine.begin())
    engine.set(level.at(), 1)
    NOTED.take()
    assert reader(engine.begin()) == 45
    assert NOTED.take() == list(range(10))


def test_values_that_come_by_verification_are_dropped_too(engine: Engine) -> None:
    for round_ in range(1, 4):
        total(engine.begin(), 30)
        assert living() <= 2
        engine.set(level.at(), round_)


def test_values_of_before_a_change_do_not_stay(engine: Engine) -> None:
    for round_ in range(1, 12):
        db = engine.begin()
        value(db, 2 * round_), value(db, 2 * round_ + 1)
        engine.set(level.at(), round_)
    assert living() <= 2


def test_a_map_over_many_keeps_no_more(engine: Engine) -> None:
    @query
    def mapped(db: Db) -> int:
        return sum(one.number for one in db.map(value, range(50)))

    assert mapped(engine.begin()) == 1225
    assert living() <= 2
    engine.set(level.at(), 1)
    assert mapped(engine.begin()) == 1225
    assert living() <= 2


def test_readers_see_a_value_that_is_dropped_while_they_use_it(engine: Engine) -> None:
    @query
    def holder(db: Db) -> int:
        mine = value(db, 0)
        for number in range(1, 10):
            value(db, number)
        return mine.number + 1

    assert holder(engine.begin()) == 1


def test_failures_are_not_among_the_values(engine: Engine) -> None:
    @query(lru=1)
    def fails(db: Db, number: int) -> int:
        NOTED.note(number)
        if number % 2:
            raise ValueError(number)
        return number

    db = engine.begin()
    for number in (0, 1, 3, 5):
        if number:
            with pytest.raises(ValueError):
                fails(db, number)
    fails(db, 0)
    NOTED.take()
    for number in (1, 3, 5):
        with pytest.raises(ValueError):
            fails(db, number)
    fails(db, 0)
    assert NOTED.take() == []


def test_two_values_that_push_each_other_out_are_both_given(engine: Engine) -> None:
    @query(lru=1)
    def narrow(db: Db, number: int) -> int:
        return narrow(db, number - 1) + 1 if number else level(db)

    assert narrow(engine.begin(), 30) == 30
    engine.set(level.at(), 5)
    assert narrow(engine.begin(), 30) == 35


def test_an_lru_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        query(lru=0)(lambda _db, number: number)


def test_a_dropped_value_that_comes_back_different_is_reported(engine: Engine) -> None:
    count = [0]

    @query(lru=1)
    def unsteady(db: Db, number: int) -> int:
        count[0] += 1
        return count[0]

    db = engine.begin()
    unsteady(db, 0), unsteady(db, 1), unsteady(db, 0)
    assert len(engine.reported) == 1
    assert "unsteady(0)" in engine.reported[0]


def test_many_engines_have_each_their_own() -> None:
    with engine_of() as one, engine_of() as other:
        for number in range(5):
            value(one.begin(), number), value(other.begin(), number)
        assert living() == 4
