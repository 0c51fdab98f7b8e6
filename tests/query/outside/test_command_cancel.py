"""Covers commands that are wanted no more: their processes end, nothing is remembered, the next session runs them."""

import os
import signal
from pathlib import Path

import pytest
from tests.query.outside.world import (
    PATIENCE_S,
    Stop,
    World,
    command_folders,
    engine_of,
    started_script,
    temporary_files_in,
    wait_until_gone,
)
from tests.query.scenario import beside

from jeton.query import Cancelled, Db, Engine, Unset, input, query  # noqa: A004
from jeton.query.outside import Command, Made, process

pytestmark = pytest.mark.concurrency


@input
def text(name: str) -> str:
    raise Unset


@process
def waiting(db: Db, recipe: str) -> Command:
    return Command(("sh", "-c", f"{recipe}; cat in"), files={"in": text(db, "a")})


def ask(engine: Engine, stop: Stop) -> bytes | str:
    """Ask in a session of its own."""
    try:
        with engine.begin() as db:
            return waiting(db, stop.recipe).output
    except Cancelled:
        return "cancelled"


def test_setting_an_input_ends_the_command_and_the_next_session_runs_the_new_one(engine: Engine, stop: Stop) -> None:
    engine.set(text.at("a"), "old")
    with beside(lambda: ask(engine, stop)) as first:
        pid = stop.reached()
        engine.set(text.at("a"), "new")
        wait_until_gone(pid)
    with beside(lambda: ask(engine, stop)) as second:
        stop.reached()
        stop.let_through()
    assert (first, second) == (["cancelled"], [b"new"])


def test_a_cancelled_command_is_not_remembered(engine: Engine, stop: Stop) -> None:
    engine.set(text.at("a"), "same")
    with beside(lambda: ask(engine, stop)) as first:
        wait_until_gone_after(engine, stop)
    with beside(lambda: ask(engine, stop)) as second:
        stop.reached()
        stop.let_through()
    assert (first, second) == (["cancelled"], [b"same"])


def wait_until_gone_after(engine: Engine, stop: Stop) -> None:
    """Cancel while the command waits; it ends."""
    pid = stop.reached()
    engine.cancel()
    wait_until_gone(pid)


def test_closing_the_engine_ends_the_command(stop: Stop, tmp_path: Path) -> None:
    with engine_of(2, store=tmp_path / "store") as engine:
        engine.set(text.at("a"), "same")
        with beside(lambda: ask(engine, stop)) as first:
            pid = stop.reached()
            engine.close()
            wait_until_gone(pid)
    with engine_of(2, store=tmp_path / "store") as engine, beside(lambda: ask(engine, stop)) as second:
        stop.reached()
        stop.let_through()
    assert (first, second) == (["cancelled"], [b"same"])


def test_no_folder_is_left_of_a_cancelled_command(engine: Engine, stop: Stop, tmp_path: Path) -> None:
    engine.set(text.at("a"), "same")
    with temporary_files_in(tmp_path), beside(lambda: ask(engine, stop)):
        stop.reached()
        assert len(command_folders(tmp_path)) == 1
        engine.cancel()
    assert command_folders(tmp_path) == []


def test_all_commands_of_a_map_end(tmp_path: Path) -> None:
    stops = [Stop(tmp_path, str(number)) for number in range(3)]

    @query
    def item(db: Db, number: int) -> Made:
        return waiting(db, stops[number].recipe)

    def ask_all() -> str:
        try:
            with engine.begin() as db:
                db.map(item, range(3))
        except Cancelled:
            return "cancelled"
        return "done"

    with engine_of(3) as engine:
        engine.set(text.at("a"), "x")
        with beside(ask_all) as answer:
            pids = [stop.reached() for stop in stops]
            engine.cancel()
            for pid in pids:
                wait_until_gone(pid)
    for stop in stops:
        stop.close()
    assert answer == ["cancelled"]


def test_another_session_that_waits_for_the_same_command_gets_it(engine: Engine, stop: Stop) -> None:
    engine.set(text.at("a"), "x")
    with beside(lambda: ask(engine, stop)) as first:
        stop.reached()
        with beside(lambda: ask(engine, stop)) as second:
            stop.let_through()
    assert (first, second) == ([b"x"], [b"x"])


def test_what_a_cancelled_command_had_started_ends_too(engine: Engine, world: World) -> None:
    os.mkfifo(world.folder / "pid")

    @process
    def parent(db: Db) -> Command:
        return Command(("sh", "-c", f"sleep 1000 & echo $! > {world.folder / 'pid'}; wait"))

    def ask_parent() -> None:
        with engine.begin() as db, pytest.raises(Cancelled):
            parent(db)

    with beside(ask_parent):
        pid = int((world.folder / "pid").read_text())
        engine.cancel()
    wait_until_gone(pid)


# An interrupt of the program.

PROGRAM = """
from pathlib import Path
from jeton.query import Db, Engine
from jeton.query.outside import Command, process

@process
def waiting(db: Db, recipe: str) -> Command:
    return Command(("sh", "-c", recipe))

@process
def quick(db: Db) -> Command:
    return Command(("sh", "-c", "echo ran >> {folder}/log; echo quick"))

with Engine(jobs=3, store="{folder}/store") as engine, engine.begin() as db:
    print(quick(db).output.decode(), end="", flush=True)
    {call}
"""


def interrupted(folder: Path, stops: list[Stop], call: str) -> str:
    """Run the program until its commands wait, interrupt it, and return what it said; its commands are gone."""
    program = PROGRAM.format(folder=folder, call=call)
    with started_script(program, folder) as child:
        pids = [stop.reached() for stop in stops]
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=PATIENCE_S)
        for pid in pids:
            wait_until_gone(pid)
    assert child.returncode in (130, -signal.SIGINT), said
    return said


def test_an_interrupt_ends_the_command_and_leaves_the_store_whole(world: World, stop: Stop) -> None:
    said = interrupted(world.folder, [stop], f"waiting(db, {stop.recipe!r})")
    assert said.startswith("quick\nTraceback (most recent call last):\n")
    assert said.count("Traceback") == 1
    assert said.rstrip().endswith("KeyboardInterrupt")
    interrupted(world.folder, [stop], f"waiting(db, {stop.recipe!r})")
    assert world.ran() == ["ran"]


def test_an_interrupt_of_a_map_ends_all_its_commands(world: World, stop: Stop) -> None:
    stops = [stop, Stop(world.folder, "second"), Stop(world.folder, "third")]
    said = interrupted(world.folder, stops, f"db.map(waiting, {[one.recipe for one in stops]!r})")
    assert said.count("Traceback") == 1
    for one in stops[1:]:
        one.close()
