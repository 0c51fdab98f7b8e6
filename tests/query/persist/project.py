"""A program of queries in a folder, run by one real process after the other, as a user runs it.

Owns the processes' environment and what they tell: each line that a script says or a query notes, and each warning.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import jeton

SRC = Path(jeton.__file__).resolve().parents[1]
_WARNING = "jeton: warning: "

WORLD = '''\
"""What every program of a test has: a way to tell, a file as an input, an engine on the folder's store."""
import os
from pathlib import Path
from jeton.query import *

def say(*values):
    os.write(1, ("said " + " ".join(map(str, values)) + "\\n").encode())

def ran(what):
    os.write(1, f"ran {what}\\n".encode())

def tried(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def opened(**options):
    return Engine(**{"jobs": 1, "store": "store", **options})

def stamp(path):
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino

@input(stamp=stamp)
def text(path: str) -> str:
    ran(f"load {path}")
    return Path(path).read_text()

@input
def bare(path: str) -> str:
    return Path(path).read_text()
'''


@dataclass(frozen=True)
class Told:
    """What one process told."""

    said: list[str]
    ran: list[str]
    warnings: list[str]


class Project:
    """The folder of the program, where its processes run and keep their store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.environ = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONHASHSEED": "random"}
        self._ticks = 0
        self.write("world.py", WORLD)

    def write(self, name: str, content: str) -> None:
        """Write a file of the program, or one that it reads.

        Its time is always another one, by whole seconds: that is how Python knows its own bytecode to be outdated.
        """
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
        self._ticks += 1
        os.utime(path, ns=(self._ticks * 10**9, self._ticks * 10**9))

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def run(self, script: str) -> Told:
        """Run a script to its end, which is to be a good one; warnings are all that it may write to standard error."""
        done = subprocess.run(
            [sys.executable, "-c", dedent(script)],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        warnings = done.stderr.splitlines()
        for line in warnings:
            assert line.startswith(_WARNING), done.stderr
        told: dict[str, list[str]] = {"said": [], "ran": []}
        for line in done.stdout.splitlines():
            kind, _, what = line.partition(" ")
            told[kind].append(what)
        return Told(told["said"], told["ran"], [line.removeprefix(_WARNING) for line in warnings])

    def asks(self, *demands: str, options: str = "") -> Told:
        """Run a script that imports `program`, begins one session and says what each demand gives."""
        lines = "\n".join(f"    say(tried(lambda: {demand}))" for demand in demands)
        return self.run(f"from program import *\nwith opened({options}) as engine, engine.begin() as db:\n{lines}\n")
