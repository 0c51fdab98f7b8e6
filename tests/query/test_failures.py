"""Covers exceptions as results: remembered, told at every reader, and none of those that are no results."""

import gc
import traceback
import weakref
from typing import Any

import pytest
from tests.query.scenario import Runs

from jeton.query import Cancelled, Db, Engine, input, query  # noqa: A004  the engine's word


@input
def text(name: str) -> str:
    return "bad"


class Wrong(Exception):  # noqa: N818  what the queries here fail with
    """A failure with a place."""


@query
def parsed(db: Db, name: str) -> int:
    found = text(db, name)
    if found == "bad":
        raise Wrong(name, found)
    return int(found)


def test_an_exception_is_remembered_and_raised_at_every_reader(engine: Engine, runs: Runs) -> None:
    @query
    def fails(db: Db) -> int:
        runs.note("fails")
        return parsed(db, "a")

    @query
    def reader(db: Db, number: int) -> int:
        return fails(db) + number

    db = engine.begin()
    for number in range(3):
        with pytest.raises(Wrong) as caught:
            reader(db, number)
        assert caught.value.args == ("a", "bad")
    assert runs.take() == ["fails"]


def test_it_is_forgotten_when_what_it_read_changes(engine: Engine) -> None:
    with pytest.raises(Wrong):
        parsed(engine.begin(), "a")
    engine.set(text.at("a"), "7")
    assert parsed(engine.begin(), "a") == 7
    engine.set(text.at("a"), "bad")
    with pytest.raises(Wrong):
        parsed(engine.begin(), "a")


def test_a_query_may_catch_what_another_raised(engine: Engine) -> None:
    @query
    def lenient(db: Db) -> int:
        try:
            return parsed(db, "a")
        except Wrong:
            return -1

    assert lenient(engine.begin()) == -1
    engine.set(text.at("a"), "7")
    assert lenient(engine.begin()) == 7


def test_what_was_raised_is_one_object_whose_traceback_does_not_grow(engine: Engine) -> None:
    @query
    def passes_on(db: Db) -> int:
        return parsed(db, "a")

    db = engine.begin()
    seen = []
    for _ in range(50):
        with pytest.raises(Wrong) as caught:
            passes_on(db)
        seen.append((caught.value, len(traceback.extract_tb(caught.value.__traceback__))))
    assert {id(error) for error, _ in seen} == {id(seen[0][0])}
    assert seen[-1][1] <= seen[1][1]
    assert len(gc.get_referents(seen[0][0].__traceback__)) < 10


def test_a_remembered_exception_gathers_no_contexts(engine: Engine) -> None:
    db = engine.begin()
    for number in range(20):
        try:
            [][number]
        except IndexError:
            with pytest.raises(Wrong) as caught:
                parsed(db, "a")
    depth, context = 0, caught.value.__context__
    while context is not None:
        depth, context = depth + 1, context.__context__
    assert depth <= 2


def test_raising_again_keeps_the_cause(engine: Engine) -> None:
    @query
    def chained(db: Db) -> int:
        try:
            return parsed(db, "a")
        except Wrong as error:
            raise ValueError("for a reason") from error

    for _ in range(2):
        with pytest.raises(ValueError, match="for a reason") as caught:
            chained(engine.begin())
        assert isinstance(caught.value.__cause__, Wrong)
        engine.cancel()


def test_two_threads_of_raising_do_not_hold_the_callers_frames(engine: Engine) -> None:
    class Big:
        pass

    def ask(db: Db) -> Any:
        big = Big()
        try:
            parsed(db, "a")
        except Wrong:
            return weakref.ref(big)
        raise AssertionError

    db = engine.begin()
    first = ask(db)
    for _ in range(2):
        ask(db)
    gc.collect()
    assert first() is None, "a remembered exception holds the frames of whoever caught it"


# What is no result.


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_leaves_nothing_behind(engine: Engine, runs: Runs, kind: type[BaseException]) -> None:
    stops = [True]

    @query
    def stopped(db: Db, name: str) -> str:
        runs.note("stopped")
        found = text(db, name)
        if stops[0]:
            raise kind
        return found

    @query
    def catches(db: Db) -> str:
        runs.note("catches")
        try:
            return stopped(db, "a")
        finally:
            text(db, "b")

    db = engine.begin()
    with pytest.raises(kind):
        catches(db)
    stops[0] = False
    assert catches(db) == "bad"
    assert runs.take() == ["catches", "stopped"] * 2


def test_an_interrupt_in_the_middle_of_a_verification_leaves_nothing_behind(engine: Engine, runs: Runs) -> None:
    stops = [False]

    @query
    def middle(db: Db) -> int:
        found = len(text(db, "a"))
        if stops[0]:
            raise KeyboardInterrupt
        return found

    @query
    def top(db: Db) -> int:
        runs.note("top")
        return middle(db)

    top(engine.begin())
    engine.set(text.at("a"), "four")
    stops[0] = True
    with pytest.raises(KeyboardInterrupt):
        top(engine.begin())
    stops[0] = False
    assert top(engine.begin()) == 4
    engine.set(text.at("a"), "sixteen bytes long"[:5])
    assert top(engine.begin()) == 5
    assert runs.take() == ["top"] * 3


def test_an_interrupt_in_a_map_ends_it_and_leaves_nothing_behind(engine: Engine) -> None:
    stops = [True]

    @query
    def item(db: Db, number: int) -> int:
        if number == 5 and stops[0]:
            raise KeyboardInterrupt
        return number

    @query
    def every(db: Db) -> int:
        return sum(db.map(item, range(20)))

    with pytest.raises(KeyboardInterrupt):
        every(engine.begin())
    stops[0] = False
    assert every(engine.begin()) == 190


def test_a_query_that_swallows_cancelled_is_not_believed(engine: Engine) -> None:
    greedy = [True]

    @query
    def below(db: Db) -> int:
        if greedy[0]:
            raise Cancelled
        return 1

    @query
    def swallows(db: Db) -> int:
        try:
            return below(db)
        except Cancelled:
            return 0

    swallows(engine.begin())
    greedy[0] = False
    engine.cancel()
    assert below(engine.begin()) == 1


# Transient exceptions.


class Outage:
    """Something that may be down."""

    def __init__(self) -> None:
        self.is_down = True
        self.asked = 0


@pytest.fixture
def outage() -> Outage:
    return Outage()


def test_a_transient_exception_is_not_remembered(engine: Engine, outage: Outage) -> None:
    @query(transient=(OSError,))
    def fetched(db: Db) -> int:
        outage.asked += 1
        if outage.is_down:
            raise ConnectionError
        return 1

    db = engine.begin()
    for _ in range(3):
        with pytest.raises(ConnectionError):
            fetched(db)
    outage.is_down = False
    assert [fetched(db), fetched(db)] == [1, 1]
    assert outage.asked == 4


def test_other_exceptions_of_such_a_query_are_remembered(engine: Engine, outage: Outage) -> None:
    @query(transient=(OSError,))
    def fetched(db: Db) -> int:
        outage.asked += 1
        raise ValueError

    db = engine.begin()
    for _ in range(3):
        with pytest.raises(ValueError):
            fetched(db)
    assert outage.asked == 1


@pytest.mark.parametrize("catches", [False, True])
@pytest.mark.parametrize("worked_before", [False, True])
def test_a_reader_of_a_transient_failure_tries_again(
    engine: Engine, outage: Outage, *, catches: bool, worked_before: bool
) -> None:
    """After a refresh, and after a change of what the failing query had read."""

    @query(transient=(OSError,))
    def fetched(db: Db) -> str:
        found = text(db, "url")
        if outage.is_down and found != "elsewhere":
            raise ConnectionError
        return found

    @query
    def reader(db: Db) -> str:
        try:
            return fetched(db)
        except ConnectionError:
            if catches:
                return "nothing"
            raise

    @query
    def top(db: Db) -> str:
        return reader(db)

    def is_down(db: Db) -> bool:
        try:
            return top(db) == "nothing"
        except ConnectionError:
            return True

    if worked_before:
        outage.is_down = False
        assert top(engine.begin()) == "bad"
        outage.is_down = True
        engine.set(text.at("url"), "other")
    assert is_down(engine.begin())
    engine.set(text.at("url"), "elsewhere")
    assert top(engine.begin()) == "elsewhere"
    engine.set(text.at("url"), "third")
    assert is_down(engine.begin())
    outage.is_down = False
    engine.refresh()
    assert top(engine.begin()) == "third"


def test_a_volatile_query_may_fail_transiently_at_any_refresh(engine: Engine, outage: Outage) -> None:
    @query(volatile=True, transient=(OSError,))
    def polled(db: Db) -> int:
        if outage.is_down:
            raise OSError
        return 1

    for is_down in (False, True, True, False, True, False):
        outage.is_down = is_down
        engine.refresh()
        engine.refresh()
        if is_down:
            with pytest.raises(OSError):
                polled(engine.begin())
        else:
            assert polled(engine.begin()) == 1


def test_a_transient_exception_in_a_map_is_the_first_in_the_keys_order(engine: Engine) -> None:
    @query(transient=(OSError,))
    def item(db: Db, number: int) -> int:
        if number in (3, 6):
            raise OSError(number)
        return number

    @query
    def every(db: Db) -> int:
        return sum(db.map(item, range(10)))

    for ask in (lambda db: db.map(item, range(10)), every):
        with pytest.raises(OSError) as caught:
            ask(engine.begin())
        assert caught.value.args == (3,)
