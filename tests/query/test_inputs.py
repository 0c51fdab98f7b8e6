"""Covers inputs: loaders, stamps, set, unset and refresh, and what becomes of one that has no value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.query.scenario import Runs

from jeton.query import Db, Durability, Engine, MisuseError, Unset, input, query  # noqa: A004  the engine's word


class Shelf:
    """What the loaders of this file read: by name, a stamp and a value."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[int, Any]] = {}
        self.loads: list[str] = []

    def empty(self) -> None:
        self.values.clear()
        self.loads.clear()

    def put(self, name: str, value: Any, *, stamp: int = 0) -> None:
        self.values[name] = (stamp, value)

    def stamp(self, name: str) -> int:
        if name not in self.values:
            raise FileNotFoundError(name)
        return self.values[name][0]

    def load(self, name: str) -> Any:
        self.loads.append(name)
        if name not in self.values:
            raise FileNotFoundError(name)
        return self.values[name][1]


SHELF = Shelf()


@pytest.fixture(autouse=True)
def shelf() -> Shelf:
    SHELF.empty()
    SHELF.put("a", "one")
    SHELF.put("b", "two")
    return SHELF


@input
def bare(name: str) -> Any:
    return SHELF.load(name)


@input(stamp=SHELF.stamp)
def stamped(name: str) -> Any:
    return SHELF.load(name)


@input(durability=Durability.HIGH)
def lasting(name: str) -> Any:
    return SHELF.load(name)


@input
def option(name: str) -> int:
    raise Unset


@query
def shout(db: Db, name: str) -> str:
    return str(bare(db, name)).upper()


@query
def shout_stamped(db: Db, name: str) -> str:
    return str(stamped(db, name)).upper()


# Loading and setting.


def test_a_loader_runs_once_and_only_when_it_is_asked(engine: Engine, shelf: Shelf) -> None:
    db = engine.begin()
    assert shelf.loads == []
    assert [bare(db, "a"), bare(db, "a"), shout(db, "a")] == ["one", "one", "ONE"]
    assert shelf.loads == ["a"]


def test_what_is_set_before_it_is_asked_is_never_loaded(engine: Engine, shelf: Shelf) -> None:
    engine.set(bare.at("a"), "given")
    assert shout(engine.begin(), "a") == "GIVEN"
    assert shelf.loads == []


def test_set_changes_who_read_it(engine: Engine) -> None:
    shout(engine.begin(), "a")
    engine.set(bare.at("a"), "given")
    assert shout(engine.begin(), "a") == "GIVEN"


def test_set_of_the_same_value_changes_nothing(engine: Engine, runs: Runs) -> None:
    @query
    def reader(db: Db) -> Any:
        runs.note("reader")
        return bare(db, "a")

    reader(engine.begin())
    engine.set(bare.at("a"), "one")
    assert reader(engine.begin()) == "one"
    assert runs.take() == ["reader"]


def test_set_of_an_equal_value_of_another_type_is_a_change(engine: Engine) -> None:
    @query
    def name(db: Db) -> str:
        return type(bare(db, "a")).__name__

    names = []
    for value in (1, True, 1.0):
        engine.set(bare.at("a"), value)
        names.append(name(engine.begin()))
    assert names == ["int", "bool", "float"]


def test_set_all_is_one_change(engine: Engine, runs: Runs) -> None:
    @query
    def both(db: Db) -> str:
        runs.note("both")
        return f"{bare(db, 'a')} {bare(db, 'b')}"

    both(engine.begin())
    engine.set_all([(bare.at("a"), "x"), (bare.at("b"), "y")])
    assert both(engine.begin()) == "x y"
    assert runs.take() == ["both", "both"]


def test_set_all_of_nothing_ends_the_sessions_and_changes_nothing(engine: Engine) -> None:
    shout(engine.begin(), "a")
    engine.set_all([])
    assert shout(engine.begin(), "a") == "ONE"


def test_the_last_of_two_values_for_one_input_counts(engine: Engine) -> None:
    engine.set_all([(bare.at("a"), "x"), (bare.at("a"), "y")])
    assert shout(engine.begin(), "a") == "Y"


@pytest.mark.parametrize("wrong", [shout.at("a"), shout, "a", None], ids=["cell", "query", "text", "nothing"])
def test_what_is_no_input_cannot_be_set(engine: Engine, wrong: Any) -> None:
    changes: list[Callable[[], None]] = [lambda: engine.set(wrong, "x"), lambda: engine.unset(wrong)]
    for change in changes:
        with pytest.raises(MisuseError, match="not an input"):
            change()


def test_a_refused_pair_leaves_the_others_unset(engine: Engine) -> None:
    wrong: Any = shout.at("a")
    with pytest.raises(MisuseError):
        engine.set_all([(bare.at("a"), "x"), (wrong, "y")])
    assert bare(engine.begin(), "a") == "one"


def test_an_input_may_hold_an_exception_as_a_value(engine: Engine) -> None:
    engine.set(bare.at("a"), ValueError("a value"))
    assert isinstance(bare(engine.begin(), "a"), ValueError)


# Unset.


def test_unset_brings_the_loader_back(engine: Engine) -> None:
    engine.set(bare.at("a"), "given")
    assert shout(engine.begin(), "a") == "GIVEN"
    engine.unset(bare.at("a"))
    assert shout(engine.begin(), "a") == "ONE"


def test_unset_of_what_was_never_set_or_asked_does_nothing(engine: Engine, shelf: Shelf) -> None:
    engine.unset(bare.at("a"))
    assert shelf.loads == []
    assert bare(engine.begin(), "a") == "one"


def test_unset_brings_a_stamped_value_back_even_where_the_stamp_is_old(engine: Engine) -> None:
    assert shout_stamped(engine.begin(), "a") == "ONE"
    engine.set(stamped.at("a"), "given")
    engine.unset(stamped.at("a"))
    assert shout_stamped(engine.begin(), "a") == "ONE"


def test_an_input_without_default_fails_until_it_is_set(engine: Engine) -> None:
    @query
    def twice(db: Db) -> int:
        return 2 * option(db, "level")

    with pytest.raises(Unset):
        twice(engine.begin())
    engine.set(option.at("level"), 4)
    assert twice(engine.begin()) == 8
    engine.unset(option.at("level"))
    with pytest.raises(Unset):
        twice(engine.begin())


# Refresh.


def test_refresh_finds_what_changed_and_says_how_many(engine: Engine, shelf: Shelf) -> None:
    shout(engine.begin(), "a"), shout(engine.begin(), "b")
    assert engine.refresh() == 0
    shelf.put("a", "new")
    assert engine.refresh() == 1
    assert [shout(engine.begin(), name) for name in "ab"] == ["NEW", "TWO"]


def test_refresh_leaves_what_was_set(engine: Engine, shelf: Shelf) -> None:
    engine.set(bare.at("a"), "given")
    shelf.put("a", "new")
    assert engine.refresh() == 0
    assert bare(engine.begin(), "a") == "given"
    engine.unset(bare.at("a"))
    assert bare(engine.begin(), "a") == "new"


def test_refresh_asks_the_loader_again_only_with_another_stamp(engine: Engine, shelf: Shelf) -> None:
    shout_stamped(engine.begin(), "a")
    shelf.put("a", "unseen", stamp=0)
    assert engine.refresh() == 0
    assert shelf.loads == ["a"]
    shelf.put("a", "seen", stamp=1)
    assert engine.refresh() == 1
    assert shout_stamped(engine.begin(), "a") == "SEEN"


def test_another_stamp_with_the_same_value_is_no_change(engine: Engine, shelf: Shelf) -> None:
    shout_stamped(engine.begin(), "a")
    shelf.put("a", "one", stamp=7)
    assert engine.refresh() == 0
    assert engine.refresh() == 0
    assert shelf.loads == ["a", "a"], "the second refresh knows the new stamp"


def test_a_stamp_is_taken_before_the_value(engine: Engine, shelf: Shelf) -> None:
    """A change between the two is then found at the next refresh; the other way round it never would."""

    @input(stamp=shelf.stamp)
    def racing(name: str) -> Any:
        value = shelf.load(name)
        if len(shelf.loads) == 1:
            shelf.put(name, "changed while it was read", stamp=1)
        return value

    assert racing(engine.begin(), "a") == "one"
    engine.refresh()
    assert racing(engine.begin(), "a") == "changed while it was read"


def test_inputs_of_high_durability_are_asked_only_by_a_durable_refresh(engine: Engine, shelf: Shelf) -> None:
    assert lasting(engine.begin(), "a") == "one"
    shelf.put("a", "new")
    assert engine.refresh() == 0
    assert lasting(engine.begin(), "a") == "one"
    assert engine.refresh(durable=True) == 1
    assert lasting(engine.begin(), "a") == "new"


@pytest.mark.parametrize("source", [bare, stamped], ids=["bare", "stamped"])
def test_an_input_that_goes_and_comes_back(engine: Engine, shelf: Shelf, source: Any) -> None:
    """Moved away and back, a file has the same stamp as before: the failure in between must not be taken for it."""

    @query
    def size(db: Db) -> int:
        return len(source(db, "a"))

    assert size(engine.begin()) == 3
    del shelf.values["a"]
    assert engine.refresh() == 1
    with pytest.raises(FileNotFoundError):
        size(engine.begin())
    assert engine.refresh() == 0, "it is as missing as it was"
    shelf.put("a", "one")
    assert engine.refresh() == 1
    assert size(engine.begin()) == 3


@pytest.mark.parametrize("source", [bare, stamped], ids=["bare", "stamped"])
def test_a_missing_input_that_appears_is_found(engine: Engine, shelf: Shelf, source: Any) -> None:
    with pytest.raises(FileNotFoundError):
        source(engine.begin(), "new")
    shelf.put("new", "here")
    assert engine.refresh() == 1
    assert source(engine.begin(), "new") == "here"


def test_a_refresh_that_is_interrupted_loses_no_change(engine: Engine, shelf: Shelf) -> None:
    interrupts = [False]

    @input
    def last(name: str) -> Any:
        if interrupts[0]:
            raise KeyboardInterrupt
        return 0

    shout(engine.begin(), "a"), last(engine.begin(), "z")
    shelf.put("a", "new")
    interrupts[0] = True
    with pytest.raises(KeyboardInterrupt):
        engine.refresh()
    interrupts[0] = False
    engine.refresh()
    assert shout(engine.begin(), "a") == "NEW"


def test_a_real_file_is_read_again_after_it_changed(engine: Engine, tmp_path: Path) -> None:
    def stamp(path: str) -> tuple[int, int]:
        status = Path(path).stat()
        return status.st_mtime_ns, status.st_size

    @input(stamp=stamp)
    def content(path: str) -> str:
        return Path(path).read_text()

    @query
    def lines(db: Db, path: str) -> int:
        return content(db, path).count("\n")

    path = tmp_path / "file"
    path.write_text("a\nb\n")
    assert lines(engine.begin(), str(path)) == 2
    path.write_text("a\nb\nc\n")
    assert engine.refresh() == 1
    assert lines(engine.begin(), str(path)) == 3
