"""A program of Sou in a folder of its own, and the compiler run on it as by a user. Counts runs of cc."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

REPOSITORY = Path(__file__).parents[2]
COMPILER = REPOSITORY / "examples" / "compiler"


GEOMETRY = """
    struct Point { x: int, y: int }

    fn area(side: int) -> int {
        return side * side
    }

    fn twice[T: number](value: T) -> T {
        return value + value
    }
"""
WORDS = """
    import geometry

    fn describe(side: int) -> str {
        return "a square of " + text(geometry.area(side))
    }
"""
MAIN = """
    import geometry
    import words

    fn main() {
        print(words.describe(3))
        print(geometry.twice(2), geometry.twice(1.5))
    }
"""
PRINTED = "a square of 9\n4 3.0\n"
EVERYTHING = ["geometry", "link", "main", "sou", "words"]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of the compiler ended, and what it wrote."""

    status: int
    out: str
    err: str


class Project:
    """A folder with modules. `cc` is the real one, behind a script that notes each run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self._log = folder / "cc.log"
        self._bin = folder / "bin"
        self._bin.mkdir()
        real = shutil.which("cc")
        assert real is not None, "the tests need a C compiler"
        self.cc = self._bin / "cc"
        self.cc.write_text(f'#!/bin/sh\necho "$@" >>"{self._log}"\nexec {real} "$@"\n')
        self.cc.chmod(0o755)

    def write(self, **modules: str) -> None:
        """Write modules by name."""
        for name, text in modules.items():
            (self.folder / f"{name}.sou").write_text(dedent(text).lstrip("\n"))

    def edit(self, module: str, old: str, new: str) -> None:
        """Put a text in another's place, which must be there once."""
        path = self.folder / f"{module}.sou"
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is to be there once"
        path.write_text(text.replace(old, new))

    def environ(self) -> dict[str, str]:
        """Give the environment of the compiler: no pool but its own."""
        environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "JETON_POOL")}
        search = os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")])
        return environ | {"PATH": f"{self._bin}{os.pathsep}{environ['PATH']}", "PYTHONPATH": search}

    def compiler(self, *arguments: str) -> Ran:
        """Run the compiler in the folder."""
        done = subprocess.run(
            [sys.executable, COMPILER, *arguments],
            cwd=self.folder,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def build(self, *arguments: str) -> list[str]:
        """Build the program, with a cache, and tell what the C compiler was run for."""
        ran = self.compiler("build", "main.sou", "-o", "prog", "--cache", "cache", *arguments)
        assert (ran.status, ran.err) == (0, ""), ran.err
        return self.compiled()

    def program(self) -> str:
        """Run the program and give what it prints."""
        return subprocess.run([self.folder / "prog"], capture_output=True, text=True, check=True).stdout

    def compiled(self) -> list[str]:
        """Give what the C compiler ran for since this was asked last: units by name, and `link`."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return sorted(_purpose(line.split()) for line in lines)


def _purpose(words: list[str]) -> str:
    return Path(words[words.index("-c") + 1]).stem if "-c" in words else "link"


def built_project(folder: Path) -> Project:
    """Make the program of three modules, built once with a cache."""
    project = Project(folder)
    project.write(geometry=GEOMETRY, words=WORDS, main=MAIN)
    assert project.build() == EVERYTHING
    assert project.program() == PRINTED
    return project
