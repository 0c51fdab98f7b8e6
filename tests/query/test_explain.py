"""Covers what is told about why a query ran: a path from it to what a person changed."""

import pytest

from jeton.query import Cancelled, Db, Engine, input, query  # noqa: A004  the engine's word


@input
def source(path: str) -> str:
    return "text"


@input
def width() -> int:
    return 80


@query
def parsed(db: Db, path: str) -> str:
    return source(db, path)


@query
def length(db: Db, path: str) -> int:
    return len(parsed(db, path))


@query
def check(db: Db, path: str) -> bool:
    return length(db, path) < width(db)


def told(engine: Engine) -> list[str]:
    db = engine.begin()
    check(db, "a.py")
    return str(db.explain(check, "a.py")).split("\n")


def test_what_has_not_run_is_said_to_have_not(engine: Engine) -> None:
    assert str(engine.begin().explain(check, "a.py")) == "check('a.py'): has not run"


def test_a_first_run_says_so(engine: Engine) -> None:
    assert told(engine) == ["check('a.py'): ran because it had not run before; unchanged since revision 1"]


def test_a_second_run_names_each_step_down_to_the_input(engine: Engine) -> None:
    told(engine)
    engine.set(source.at("a.py"), "x" * 100)
    lines = told(engine)
    assert [line.strip().split(":")[0] for line in lines] == [
        "check('a.py')",
        "length('a.py')",
        "parsed('a.py')",
        "source('a.py')",
    ]
    assert "because length('a.py') changed" in lines[0]
    assert "it was set" in lines[-1]
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 4, 6]


def test_of_two_inputs_the_changed_one_is_named(engine: Engine) -> None:
    told(engine)
    engine.set(width.at(), 2)
    lines = told(engine)
    assert [line.strip().split(":")[0] for line in lines] == ["check('a.py')", "width()"]


def test_an_explanation_changes_nothing(engine: Engine) -> None:
    told(engine)
    engine.set(source.at("a.py"), "y")
    db = engine.begin()
    before = str(db.explain(check, "a.py"))
    assert "has not run" not in before
    assert str(db.explain(check, "a.py")) == before
    assert check(db, "a.py") is True


def test_a_volatile_query_is_said_to_run_again_always(engine: Engine) -> None:
    @query(volatile=True)
    def clock(db: Db) -> int:
        return 1

    clock(engine.begin())
    engine.refresh()
    clock(engine.begin())
    assert "runs again" in str(engine.begin().explain(clock))


def test_a_dropped_value_is_said_to_have_been_dropped(engine: Engine) -> None:
    @query(lru=1)
    def narrow(db: Db, number: int) -> int:
        return number

    db = engine.begin()
    for number in (1, 2, 1):
        narrow(db, number)
    assert "dropped" in str(db.explain(narrow, 1))


def test_an_input_says_how_it_came_to_its_value(engine: Engine) -> None:
    width(engine.begin())
    engine.set(width.at(), 3)
    assert str(engine.begin().explain(width)) == "width(): it was set in revision 2"


def test_keywords_name_the_same_key(engine: Engine) -> None:
    told(engine)
    db = engine.begin()
    assert str(db.explain(check, path="a.py")) == str(db.explain(check, "a.py"))


def test_a_ring_is_explained_in_finitely_many_lines(engine: Engine) -> None:
    @query
    def loop(db: Db, number: int) -> int:
        source(db, "a.py")
        return loop(db, 1 - number)

    for text in ("one", "two"):
        engine.set(source.at("a.py"), text)
        db = engine.begin()
        with pytest.raises(Exception, match="depends on itself"):
            loop(db, 0)
        assert 1 <= len(db.explain(loop, 0).lines) <= 10


def test_a_db_that_is_over_explains_nothing(engine: Engine) -> None:
    db = engine.begin()
    engine.cancel()
    with pytest.raises(Cancelled):
        db.explain(check, "a.py")


def test_a_long_path_is_told_whole(engine: Engine) -> None:
    @query
    def level(db: Db, number: int) -> str:
        return source(db, "a.py") if number == 0 else level(db, number - 1)

    level(engine.begin(), 300)
    engine.set(source.at("a.py"), "new")
    db = engine.begin()
    level(db, 300)
    assert len(db.explain(level, 300).lines) == 302
