"""The command line of the compiler of `examples/compiler`: what it tells, and its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.compiler_project import COMPILER, Project, built_project

pytestmark = pytest.mark.peer


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def built(tmp_path: Path) -> Project:
    return built_project(tmp_path)


def test_explain_names_the_file_that_changed(built: Project) -> None:
    built.edit("geometry", "side * side", "side + side")
    ran = built.compiler("build", "main.sou", "-o", "prog", "--cache", "cache", "--explain", "geometry.area")
    assert ran.status == 0
    assert "checked(geometry.area)" in ran.err
    assert "source('geometry.sou')" in ran.err
    missing = built.compiler("build", "main.sou", "--check", "--explain", "nothing")
    assert missing.err == "main.sou: no function `nothing` to explain\n"


def test_stats_count_what_ran(built: Project) -> None:
    built.edit("geometry", "side * side", "side + side")
    ran = built.compiler("build", "main.sou", "-o", "prog", "--cache", "cache", "--stats")
    rows = {words[0]: words[1:] for words in map(str.split, ran.err.splitlines())}
    assert rows["query"] == ["ran", "unchanged", "changed", "ms"]
    assert [rows[name][0] for name in ("parsed", "checked", "emitted", "c_text")] == ["1", "1", "1", "1"]


def test_watch_builds_again_when_a_file_changes(built: Project) -> None:
    command = [sys.executable, str(COMPILER), "watch", "main.sou", "-o", "prog", "--cache", "cache"]
    with subprocess.Popen(
        command, cwd=built.folder, env=built.environ(), stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stderr is not None
        try:
            assert "up to date" in watching.stderr.readline()
            built.edit("geometry", "side * side", "side + side")
            line = watching.stderr.readline()
            assert "up to date" in line
            assert "1 checked" in line
            assert built.program() == "a square of 6\n4 3.0\n"
            built.edit("geometry", "side + side", "side + sid")
            assert "there is no `sid` here" in watching.stderr.readline()
            while "waiting for a change" not in (line := watching.stderr.readline()):
                assert line, "it goes on after an error"
        finally:
            watching.terminate()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: build|run|watch"),
        (["build"], "the following arguments are required: FILE.sou"),
        (["build", "main.sou", "-j0"], "argument -j/--jobs: '0' is no number of jobs"),
        (["frob", "main.sou"], "invalid choice: 'frob'"),
        (["run", "main.sou", "-o", "x"], "unrecognized arguments: -o"),
        (["build", "nothing.sou"], "nothing.sou: no such file"),
        (["build", "main.c"], "main.c: not a file of Sou; name one that ends in .sou"),
        (["build", "my-main.sou"], "my-main.sou: a module's file is called as a name of the language"),
    ],
)
def test_misuse_is_told_in_a_line_with_status_2(project: Project, arguments: list[str], complaint: str) -> None:
    project.write(main="fn main() {}\n")
    ran = project.compiler(*arguments)
    assert ran.status == 2
    assert complaint in ran.err.splitlines()[-1]


def test_unwritable_output_is_a_line_with_status_1(project: Project) -> None:
    project.write(main="fn main() {}\n")
    ran = project.compiler("build", "main.sou", "-o", "missing/prog")
    assert ran.status == 1
    assert ran.err.endswith(": no such file or directory\n")
    assert len(ran.err.splitlines()) == 1


def test_failing_c_compiler_is_told_with_status_1(project: Project) -> None:
    project.write(main="fn main() {}\n")
    project.cc.write_text("#!/bin/sh\necho the compiler is out of order >&2\nexit 3\n")
    ran = project.compiler("build", "main.sou", "-o", "prog")
    assert ran.status == 1
    assert "the compiler is out of order" in ran.err
    assert not (project.folder / "prog").exists()
