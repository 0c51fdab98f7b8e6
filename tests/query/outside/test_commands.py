"""Covers what a command is given and what becomes of it: its folder, its files, its output, its status."""

import os
import signal
import sys
from pathlib import Path

import pytest
from tests.query.outside.world import World, command_folders, is_alive, temporary_files_in, wait_until_gone

from jeton.query import Db, Engine
from jeton.query.outside import Command, CommandFailed, Made, process

MIB = 1 << 20


def run(engine: Engine, command: Command) -> Made:
    """Run one command as a query."""

    @process
    def described(db: Db) -> Command:
        return command

    with engine.begin() as db:
        return described(db)


def test_a_compiler_makes_an_object_and_a_linker_a_program(engine: Engine) -> None:
    unit = "int main(void) { return 42; }\n"
    made = run(engine, Command(("cc", "-c", "unit.c", "-o", "unit.o"), files={"unit.c": unit}, outputs=("unit.o",)))
    assert made.files["unit.o"].startswith(b"\x7fELF")
    linked = run(engine, Command(("cc", "unit.o", "-o", "unit"), files=made.files, outputs=("unit",)))
    words = ("sh", "-c", "chmod +x unit && ./unit")
    assert run(engine, Command(words, files=linked.files, check=False)).status == 42


def test_the_folder_holds_the_files_and_nothing_else(engine: Engine) -> None:
    files: dict[str, str | bytes] = {"a": "one", "deep/er/b": b"two"}
    assert run(engine, Command(("find", ".", "-type", "f"), files=files)).output.split() in (
        [b"./a", b"./deep/er/b"],
        [b"./deep/er/b", b"./a"],
    )


def test_files_come_and_go_byte_for_byte(engine: Engine) -> None:
    content = bytes(range(256)) + b"\r\n\0"
    made = run(engine, Command(("cp", "in", "out"), files={"in": content}, outputs=("out",)))
    assert made.files == {"out": content}


def test_text_is_written_as_utf_8_with_its_line_ends_as_they_are(engine: Engine) -> None:
    assert run(engine, Command(("cat", "in"), files={"in": "grüße\r\n"})).output == "grüße\r\n".encode()


def test_an_output_may_be_in_a_folder_that_the_command_does_not_make(engine: Engine) -> None:
    made = run(engine, Command(("sh", "-c", "echo x > out/deep/file"), outputs=("out/deep/file",)))
    assert made.files == {"out/deep/file": b"x\n"}


def test_a_file_that_is_not_named_as_an_output_is_not_kept(engine: Engine) -> None:
    assert run(engine, Command(("sh", "-c", "echo > a; echo > b"), outputs=("a",))).files.keys() == {"a"}


def test_an_input_that_is_an_output_too_is_what_the_command_left_of_it(engine: Engine) -> None:
    words = ("sh", "-c", "echo more >> file")
    assert run(engine, Command(words, files={"file": "some\n"}, outputs=("file",))).files["file"] == b"some\nmore\n"


def test_output_and_error_output_come_in_the_order_of_their_writing(engine: Engine) -> None:
    script = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"
    expected = "".join(f"out {i}\nerr {i}\n" for i in range(1, 6))
    assert run(engine, Command(("sh", "-c", script))).output == expected.encode()


def test_a_command_has_nothing_to_read(engine: Engine) -> None:
    assert run(engine, Command(("cat",))).output == b""


def test_without_a_check_a_status_is_a_result(engine: Engine) -> None:
    assert run(engine, Command(("sh", "-c", "exit 3"), check=False)) == Made({}, b"", 3)


def test_without_a_check_an_output_may_be_missing(engine: Engine) -> None:
    assert run(engine, Command(("true",), outputs=("gone",), check=False)) == Made({}, b"", 0)


def test_the_environment_goes_on_top_of_the_engines() -> None:
    with Engine(jobs=1, environ={"PATH": "/usr/bin:/bin", "A": "engine", "B": "engine"}) as engine:
        made = run(engine, Command(("sh", "-c", "echo $A $B $C"), environ={"B": "own", "C": "own"}))
    assert made.output == b"engine own own\n"


def test_a_large_file_and_a_flood_of_output_are_had_whole(engine: Engine) -> None:
    script = "import sys; open('out', 'wb').write(b'o' * (10 << 20)); sys.stdout.write('x' * (10 << 20))"
    made = run(engine, Command((sys.executable, "-c", script), outputs=("out",)))
    assert made.files["out"] == b"o" * 10 * MIB
    assert made.output == b"x" * 10 * MIB


def test_a_command_that_leaves_a_child_with_its_output_open_is_done_when_it_ends(
    engine: Engine, tmp_path: Path
) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path / 'pid'}; echo done"
    made = run(engine, Command(("sh", "-c", script)))
    pid = int((tmp_path / "pid").read_text())
    try:
        assert made.output == b"done\n"
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
            wait_until_gone(pid)


def test_no_folder_is_left_whatever_became_of_the_command(engine: Engine, tmp_path: Path) -> None:
    with temporary_files_in(tmp_path):
        run(engine, Command(("true",), files={"a/b": "x"}))
        with pytest.raises(CommandFailed):
            run(engine, Command(("sh", "-c", "mkdir d; chmod 0 d; exit 1"), files={"a/b": "x"}))
        with pytest.raises(OSError, match="File exists"):
            run(engine, Command(("true",), files={"a": "x", "a/b": "x"}))
        assert command_folders(tmp_path) == []


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_a_path_outside_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name files relative to it"):
        Command(("true",), files={name: ""})
    with pytest.raises(ValueError, match="name files relative to it"):
        Command(("true",), outputs=(name,))


def test_a_command_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least the program"):
        Command(())


def test_words_or_outputs_that_are_one_string_are_refused() -> None:
    with pytest.raises(TypeError, match="argv"):
        Command("echo x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="outputs"):
        Command(("echo",), outputs="out")  # type: ignore[arg-type]


def test_a_command_shows_itself_as_a_shell_would_read_it() -> None:
    assert str(Command(("cc", "a b.c", "-o", "x"))) == "cc 'a b.c' -o x"


def test_commands_get_their_own_folders(engine: Engine, world: World) -> None:
    @process
    def where(db: Db, key: int) -> Command:
        return Command(world.noting(key, "pwd"))

    with engine.begin() as db:
        assert len({made.output for made in db.map(where, range(8))}) == 8
