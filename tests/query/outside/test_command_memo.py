"""Covers when a command runs, and when what it made before is the answer: across queries, edits and processes."""

from pathlib import Path

import pytest
from tests.query.outside.world import World, engine_of, run_script

from jeton.query import Db, Engine, Unset, input, query  # noqa: A004
from jeton.query.outside import Command, Made, process


@input
def text(name: str) -> str:
    raise Unset


def echo(engine: Engine, world: World, name: str = "a") -> bytes:
    """Ask for a command that shows an input's text."""
    with engine.begin() as db:
        return shown(db, str(world.folder), name).output


@process
def shown(db: Db, folder: str, name: str) -> Command:
    return Command(World(Path(folder)).noting(name, "cat in"), files={"in": text(db, name)})


def test_a_command_runs_once_in_all_sessions(engine: Engine, world: World) -> None:
    engine.set(text.at("a"), "x")
    assert [echo(engine, world) for _ in range(3)] == [b"x"] * 3
    assert world.ran() == ["a"]


def test_another_text_runs_it_again_and_the_old_one_is_still_known(engine: Engine, world: World) -> None:
    for value in ("x", "y", "x", "y"):
        engine.set(text.at("a"), value)
        assert echo(engine, world) == value.encode()
    assert world.ran() == ["a", "a"]


def test_two_queries_with_one_command_run_it_once(engine: Engine, world: World) -> None:
    command = Command(world.noting("once", "cat in"), files={"in": "x"})

    @process
    def one(db: Db) -> Command:
        return command

    @process
    def other(db: Db, key: int) -> Command:
        return Command(command.argv, files={"in": "x"})

    with engine.begin() as db:
        assert one(db) == other(db, 1) == other(db, 2)
    assert world.ran() == ["once"]


def test_every_part_of_a_command_tells_it_from_others(engine: Engine, world: World) -> None:
    words = world.noting("ran", "touch out; true $0")
    variants = [
        Command(words, outputs=("out",)),
        Command((*words, "word"), outputs=("out",)),
        Command(words),
        Command(words, outputs=("out",), files={"x": ""}),
        Command(words, outputs=("out",), files={"y": ""}),
        Command(words, outputs=("out",), environ={"X": "1"}),
        Command(words, outputs=("out",), check=False),
    ]

    @process
    def variant(db: Db, at: int) -> Command:
        return variants[at]

    with engine.begin() as db:
        for at in range(len(variants)):
            variant(db, at)
    assert len(world.ran()) == len(variants)


def test_an_edit_that_leaves_the_description_as_it_was_runs_nothing(engine: Engine, world: World) -> None:
    described = []

    @process
    def first_line(db: Db) -> Command:
        described.append(1)
        return Command(world.noting("ran", "cat in"), files={"in": text(db, "a").splitlines()[0]})

    for value in ("one\ntwo", "one\nthree", "one\nfour"):
        engine.set(text.at("a"), value)
        with engine.begin() as db:
            assert first_line(db).output == b"one"
    assert (len(described), world.ran()) == (3, ["ran"])


def test_a_reader_of_the_same_outputs_does_not_run_again(engine: Engine, world: World) -> None:
    readers = []

    @process
    def sorted_words(db: Db) -> Command:
        return Command(world.noting("ran", "sort in > out"), files={"in": text(db, "a")}, outputs=("out",))

    @query
    def first(db: Db) -> bytes:
        readers.append(1)
        return sorted_words(db).files["out"].split()[0]

    for value in ("a\nb\n", "b\na\n"):
        engine.set(text.at("a"), value)
        with engine.begin() as db:
            assert first(db) == b"a"
    assert (world.ran(), readers) == (["ran", "ran"], [1])


def test_what_a_command_made_is_the_input_of_the_next(engine: Engine, world: World) -> None:
    @process
    def doubled(db: Db, steps: int) -> Command:
        before = doubled(db, steps - 1).output if steps else b"x"
        return Command(world.noting(steps, "cat in in"), files={"in": before})

    with engine.begin() as db:
        assert doubled(db, 3).output == b"x" * 16
    assert world.ran() == ["0", "1", "2", "3"]


def test_a_store_remembers_commands_and_what_was_before_the_last_edit(world: World) -> None:
    for value in ("x", "x", "y", "x"):
        with engine_of(2, store=world.folder / "store") as engine:
            engine.set(text.at("a"), value)
            assert echo(engine, world) == value.encode()
    assert world.ran() == ["a", "a"]


PROGRAM = """
import sys
from jeton.query import Db, Engine, input
from jeton.query.outside import Command, file_text, process

@process
def sorted_lines(db: Db, path: str) -> Command:
    return Command(("sh", "-c", "echo ran >> {log}; sort -u in"), files={{"in": file_text(db, path)}})

with Engine(jobs=2, store="{store}") as engine, engine.begin() as db:
    print(sorted_lines(db, "{path}").output.decode(), end="")
"""


def test_another_process_runs_only_what_is_new(world: World) -> None:
    path = world.folder / "lines"
    program = PROGRAM.format(log=world.folder / "log", store=world.folder / "store", path=path)
    said = []
    for text_ in ("b\na\n", "b\na\n", "c\n", "b\na\n"):
        path.write_text(text_)
        said.append(run_script(program, world.folder))
    assert said == ["a\nb\n", "a\nb\n", "c\n", "a\nb\n"]
    assert world.ran() == ["ran", "ran"]


# The program itself.


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program on a private PATH."""
    path = tmp_path / "bin" / "tool"
    path.parent.mkdir()
    write_tool(path, "one")
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def write_tool(path: Path, says: str) -> None:
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


@process
def by_name(db: Db) -> Command:
    return Command(("tool",))


@process
def by_path(db: Db, path: str) -> Command:
    return Command((path,))


def said(engine: Engine, path: Path | None = None) -> bytes:
    with engine.begin() as db:
        return (by_name(db) if path is None else by_path(db, str(path))).output


def test_another_program_of_the_same_name_runs_the_command_again(tool: Path) -> None:
    with engine_of(1) as engine:
        assert said(engine) == b"one\n"
        write_tool(tool, "other")
        assert said(engine) == b"one\n"  # what comes with the system is looked at when somebody asks for it
        engine.refresh(durable=True)
        assert said(engine) == b"other\n"


def test_a_program_named_by_its_path_is_seen_to_change_too(tool: Path) -> None:
    with engine_of(1) as engine:
        assert said(engine, tool) == b"one\n"
        write_tool(tool, "other")
        engine.refresh(durable=True)
        assert said(engine, tool) == b"other\n"


def test_a_store_sees_that_the_program_is_another(tool: Path, world: World) -> None:
    for says in ("one", "other", "other"):
        if tool.read_text().split()[-1] != says:
            write_tool(tool, says)
        with engine_of(1, store=world.folder / "store") as engine:
            assert said(engine) == f"{says}\n".encode()


def test_a_program_that_was_missing_is_found_once_it_is_there(tool: Path) -> None:
    tool.unlink()
    with engine_of(1) as engine:
        with pytest.raises(FileNotFoundError, match="tool: not found on PATH; install it first"):
            said(engine)
        write_tool(tool, "there")
        engine.refresh(durable=True)
        assert said(engine) == b"there\n"


def test_the_program_is_looked_for_on_the_path_that_the_command_has(
    tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    @process
    def with_path(db: Db) -> Command:
        return Command(("tool",), environ={"PATH": f"{tool.parent}:/usr/bin:/bin"})

    with engine_of(1) as engine, engine.begin() as db:
        assert with_path(db).output == b"one\n"


# Keys.


@process
def pair(db: Db, left: str, right: str = "r", *, end: str = "e") -> Command:
    return Command(("echo", left, right, end))


def test_a_key_of_several_parameters_is_one_key_however_it_is_written(engine: Engine) -> None:
    with engine.begin() as db:
        calls: list[Made] = [pair(db, "l"), pair(db, "l", "r"), pair(db, right="r", left="l"), pair(db, "l", end="e")]
    assert {made.output for made in calls} == {b"l r e\n"}
    assert all(made is calls[0] for made in calls)
    assert str(pair.at("l", end="x")) == "pair('l', 'r', 'x')"
