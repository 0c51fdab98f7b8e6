"""Covers stores that are damaged, at rest and while an engine reads them: the results are right in any case.

At most one line is told for each file, nobody sees a traceback, and the next engine works without a word.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.query.persist.loops import FOLDER, INPUTS, TOLD, given, plain, total, write_number
from tests.query.persist.loops import number as number_of

from jeton.query import Engine


class Damaged:
    """A store with a snapshot and a log, the inputs that it knows, and what was said of it."""

    def __init__(self, folder: Path) -> None:
        self.inputs, self.store = folder / "inputs", folder / "store"
        self.inputs.mkdir()
        FOLDER[0] = self.inputs
        self.numbers = [1, 5, 3, 10, 20, 31]
        for at, value in enumerate(self.numbers):
            write_number(self.inputs, at, value)
        self.warnings: list[str] = []
        self.ask()
        self.change(2, 12)
        self.ask()
        self.change(4, 15)
        self.ask()
        assert self.warnings == []
        self.files = {path.name: path.read_bytes() for path in self.store.iterdir()}
        assert {"facts", "facts.log"} <= set(self.files)

    def change(self, at: int, value: int) -> None:
        self.numbers[at] = value
        write_number(self.inputs, at, value)

    def lay(self) -> None:
        """Put the files back as they were."""
        for path in self.store.iterdir():
            path.unlink()
        for name, data in self.files.items():
            (self.store / name).write_bytes(data)
        self.warnings.clear()

    def flip(self, name: str, drawn: random.Random, flips: int) -> None:
        """Change bytes in place: whoever has mapped the file sees it."""
        with (self.store / name).open("r+b") as file:
            for _ in range(flips):
                at = drawn.randrange(len(self.files[name]))
                file.seek(at)
                (byte,) = file.read(1)
                file.seek(at)
                file.write(bytes([byte ^ (1 << drawn.randrange(8))]))

    def wipe(self) -> None:
        """Make zeros of the snapshot, in place."""
        with (self.store / "facts").open("r+b") as file:
            file.write(bytes(len(self.files["facts"])))

    def open(self) -> Engine:
        return Engine(jobs=1, store=self.store, warn=self.warnings.append)

    def look(self, engine: Engine) -> None:
        with engine.begin() as db:
            assert (total(db), db.effects(TOLD, total)) == plain(self.numbers)

    def ask(self) -> None:
        with self.open() as engine:
            self.look(engine)

    def assert_told_at_most_once_for_each_file(self) -> None:
        assert len(self.warnings) <= 2, self.warnings
        for line in self.warnings:
            assert line.startswith(f"{self.store}/facts"), line
            assert "\n" not in line
        assert sum(line.startswith(f"{self.store}/facts:") for line in self.warnings) <= 1, self.warnings

    def is_told_and_mended(self) -> bool:
        """Tell whether the damage was told of, and hold the processes that follow to right results and fewer words."""
        self.assert_told_at_most_once_for_each_file()
        told = bool(self.warnings)
        self.warnings.clear()
        changes_one_input(self)
        self.ask()
        self.assert_told_at_most_once_for_each_file()
        self.warnings.clear()
        self.ask()
        assert self.warnings == []
        return told


@pytest.fixture
def damaged(tmp_path: Path) -> Damaged:
    return Damaged(tmp_path)


def changes_nothing(_damaged: Damaged) -> None:
    pass


def changes_one_input(damaged: Damaged) -> None:
    damaged.change(3, damaged.numbers[3] + 1)


@pytest.mark.parametrize("name", ["facts", "facts.log"])
@pytest.mark.parametrize("then", [changes_nothing, changes_one_input])
@pytest.mark.parametrize("flips", [1, 20])
def test_a_store_that_is_damaged_at_rest_gives_right_results(
    damaged: Damaged, name: str, then: Callable[[Damaged], None], flips: int
) -> None:
    drawn = random.Random(f"{name} {then.__name__} {flips}")
    noticed = 0
    for _ in range(60):
        damaged.lay()
        damaged.flip(name, drawn, flips)
        then(damaged)
        damaged.ask()
        noticed += damaged.is_told_and_mended()
    assert noticed


@pytest.mark.parametrize("name", ["facts", "facts.log"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_store_that_is_damaged_while_it_is_open_gives_right_results(damaged: Damaged, name: str, begun: bool) -> None:
    drawn = random.Random(f"{name} {begun}")
    noticed = 0
    for _ in range(60):
        damaged.lay()
        with damaged.open() as engine:
            if begun:
                damaged.look(engine)
            damaged.flip(name, drawn, 20)
            changes_one_input(damaged)
            if begun:
                engine.refresh()
            damaged.look(engine)
            changes_one_input(damaged)
            engine.refresh()
            damaged.look(engine)
        noticed += damaged.is_told_and_mended()
    assert noticed


def test_what_was_recalled_before_the_damage_was_found_hears_of_later_changes(damaged: Damaged) -> None:
    damaged.lay()
    with damaged.open() as engine:
        damaged.look(engine)
        damaged.wipe()
        for at in range(INPUTS):
            engine.set(number_of.at(at), 8 + at)
            damaged.numbers[at] = 8 + at
            damaged.look(engine)
        for at in range(INPUTS):
            engine.unset(number_of.at(at))
            damaged.numbers[at] = int((damaged.inputs / str(at)).read_text())
            damaged.look(engine)
    changes_one_input(damaged)
    damaged.ask()
    damaged.assert_told_at_most_once_for_each_file()
    damaged.warnings.clear()
    damaged.ask()
    assert damaged.warnings == []


def test_damage_just_before_the_save_costs_the_store_and_nothing_else(damaged: Damaged) -> None:
    damaged.lay()
    with damaged.open() as engine:
        changes_one_input(damaged)
        damaged.look(engine)
        damaged.wipe()
    damaged.ask()
    damaged.assert_told_at_most_once_for_each_file()
    damaged.warnings.clear()
    changes_one_input(damaged)
    damaged.ask()
    assert damaged.warnings == []


def test_what_was_set_in_the_process_outlasts_the_damage(damaged: Damaged) -> None:
    damaged.lay()
    with damaged.open() as engine:
        engine.set(given.at(0), 100)
        damaged.wipe()
        with engine.begin() as db:
            before = total(db)
    assert before[0] == plain(damaged.numbers)[0][0] + 100
    with damaged.open() as engine, engine.begin() as db:
        assert total(db) == before
