"""Covers what may be a key, and that a query can be called as the function that it stands for."""

import inspect
from dataclasses import dataclass
from typing import Any

import pytest
from tests.query.scenario import Runs

from jeton.query import Db, Engine, input, query  # noqa: A004  the engine's word


@query
def box(db: Db, width: int, height: int = 2, *, depth: int = 3) -> tuple[int, int, int]:
    return width, height, depth


@query
def nothing(db: Db) -> str:
    return "nothing"


@query
def positional(db: Db, left: int, right: int, /) -> int:
    return left - right


@query
def keyword(db: Db, *, name: str) -> str:
    return name


@input
def setting(name: str = "level", *, place: str = "here") -> str:
    return f"{name} {place}"


def test_all_spellings_of_a_call_are_one_key(engine: Engine, runs: Runs) -> None:
    @query
    def area(db: Db, width: int, height: int = 2) -> int:
        runs.note((width, height))
        return width * height

    db = engine.begin()
    assert {area(db, 3), area(db, 3, 2), area(db, 3, height=2), area(db, height=2, width=3)} == {6}
    assert runs.take() == [(3, 2)]


def test_defaults_keywords_and_keyword_only_parameters(engine: Engine) -> None:
    db = engine.begin()
    assert box(db, 1) == (1, 2, 3)
    assert box(db, 1, 5) == (1, 5, 3)
    assert box(db, 1, depth=7) == (1, 2, 7)
    assert box(db, depth=7, height=6, width=5) == (5, 6, 7)
    assert keyword(db, name="x") == "x"
    assert positional(db, 5, 3) == 2


def test_no_key_at_all(engine: Engine) -> None:
    db = engine.begin()
    assert nothing(db) == "nothing"
    assert nothing(db) is nothing(db)


def test_a_tuple_as_the_one_key_is_not_taken_apart(engine: Engine) -> None:
    @query
    def length(db: Db, parts: tuple[int, ...]) -> int:
        return len(parts)

    db = engine.begin()
    assert [length(db, ()), length(db, (1,)), length(db, (1, 2))] == [0, 1, 2]
    assert db.map(length, [(), (1, 2, 3)]) == [0, 3]


def test_inputs_have_defaults_and_keywords_too(engine: Engine) -> None:
    assert setting(engine.begin()) == "level here"
    engine.set(setting.at(), "set")
    assert setting(engine.begin(), "level", place="here") == "set"
    engine.set(setting.at("level", place="there"), "elsewhere")
    assert setting(engine.begin(), place="there") == "elsewhere"


def test_at_names_the_key_that_a_call_has() -> None:
    assert box.at(1) == box.at(width=1, height=2) == box.at(1, 2, depth=3)
    assert box.at(1) != box.at(2)
    assert str(box.at(1)) == "box(1, 2, 3)"
    assert str(nothing.at()) == "nothing()"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"colour": 1}), ((1,), {"width": 1})],
    ids=["missing", "too many", "unknown", "twice"],
)
def test_a_wrong_call_is_refused_as_python_does(engine: Engine, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    entry: Any = box
    with pytest.raises(TypeError):
        entry(engine.begin(), *args, **kwargs)
    with pytest.raises(TypeError):
        entry.at(*args, **kwargs)


@pytest.mark.parametrize("key", [[1], {"a": 1}, {1}, ([],)], ids=repr)
def test_an_unhashable_key_is_refused_and_leaves_the_engine_well(engine: Engine, key: Any) -> None:
    @query
    def taking(db: Db, what: Any) -> str:
        return repr(what)

    @query
    def asking(db: Db) -> str:
        return taking(db, key)

    db = engine.begin()
    for ask in (lambda: taking(db, key), lambda: asking(db), lambda: db.map(taking, [1, key, 2])):
        with pytest.raises(TypeError, match="unhashable"):
            ask()
    assert taking(db, 1) == "1"


def test_a_key_whose_hash_raises_is_refused(engine: Engine) -> None:
    class Bad:
        def __hash__(self) -> int:
            raise ArithmeticError("no hash")

    @query
    def taking(db: Db, what: Any) -> int:
        return 1

    with pytest.raises(ArithmeticError, match="no hash"):
        taking(engine.begin(), Bad())
    assert taking(engine.begin(), 1) == 1


def test_keys_of_colliding_hashes_are_kept_apart(engine: Engine) -> None:
    @dataclass(frozen=True)
    class Clash:
        name: str

        def __hash__(self) -> int:
            return 7

    @query
    def name(db: Db, what: Clash) -> str:
        return what.name

    db = engine.begin()
    assert [name(db, Clash(word)) for word in "abab"] == ["a", "b", "a", "b"]


def test_an_equal_key_that_is_another_object_is_the_same_key(engine: Engine, runs: Runs) -> None:
    @query
    def once(db: Db, what: Any) -> int:
        runs.note(what)
        return 1

    db = engine.begin()
    once(db, ("a", 1)), once(db, tuple(iter(("a", 1))))
    assert len(runs.take()) == 1


@pytest.mark.parametrize(
    "function",
    [lambda _db, *_paths: 0, lambda _db, **_options: 0, lambda _db, _one, *_rest: 0, lambda: 0, lambda *, _db: 0],
    ids=["*args", "**kwargs", "one and *args", "no db", "db by keyword"],
)
def test_parameters_that_are_no_key_are_refused(function: Any) -> None:
    with pytest.raises(TypeError):
        query(function)


def test_a_loader_with_any_number_of_arguments_is_refused() -> None:
    with pytest.raises(TypeError, match="name each parameter, or pass a tuple"):
        input(lambda *_names: 0)


@pytest.mark.parametrize(
    "name", ["_query", "_node", "_entry", "query", "node", "key", "self", "_LookupError", "_default_x", "db_", "asks"]
)
def test_a_parameter_may_have_any_name(engine: Engine, name: str) -> None:
    names: dict[str, Any] = {"__name__": "made", "query": query}
    exec(f"@query\ndef made(db, {name}, x=1):\n    return {name}, x", names)
    made = names["made"]
    assert made(engine.begin(), 5) == (5, 1)
    assert made(engine.begin(), **{name: 6, "x": 2}) == (6, 2)


def test_an_inputs_parameter_may_be_called_db(engine: Engine) -> None:
    @input
    def odd(db: int, _db: int) -> int:
        return db - _db

    assert odd(engine.begin(), 5, 3) == 2
    assert odd(engine.begin(), db=5, _db=3) == 2


def test_the_db_may_have_any_name(engine: Engine) -> None:
    @query
    def named(q: Db, db: int) -> int:
        return db + len(nothing(q))

    assert named(engine.begin(), 1) == 8


def test_static_methods_local_functions_and_lambdas_are_queries(engine: Engine) -> None:
    class Room:
        @staticmethod
        @query
        def size(db: Db, width: int) -> int:
            return width * len(nothing(db))

    doubled = query(lambda _db, number: number * 2)
    tripled = query(lambda _db, number: number * 3)
    db = engine.begin()
    assert Room.size(db, 4) == 28
    assert [doubled(db, 1), tripled(db, 1)] == [2, 3]


def test_two_makings_of_one_local_function_are_two_queries(engine: Engine) -> None:
    def make(factor: int) -> Any:
        @query
        def times(db: Db, number: int) -> int:
            return number * factor

        return times

    db = engine.begin()
    assert [make(2)(db, 5), make(3)(db, 5)] == [10, 15]


def test_what_is_decorated_looks_as_the_function_did() -> None:
    assert box.__name__ == "box"  # type: ignore[attr-defined]
    assert list(inspect.signature(box).parameters) == ["db", "width", "height", "depth"]


def test_a_mutable_default_is_refused_at_its_use(engine: Engine) -> None:
    @query
    def odd(db: Db, parts: Any = []) -> int:  # noqa: B006  what is tested
        return len(parts)

    with pytest.raises(TypeError, match="unhashable"):
        odd(engine.begin())
