"""Processes that edit, compute and save until they are killed. Owns their program and what it ought to give.

The program's inputs are files of numbers; a process changes one, asks for everything, closes its engine, which saves,
and says so by a line; then it begins again. Whoever watches kills it at any moment and looks at what is left.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jeton
from jeton.query import Db, Effect, Engine, input, query  # noqa: A004  see there

SRC = Path(jeton.__file__).resolve().parents[1]
ROOT = Path(__file__).resolve().parents[3]
INPUTS = 6
TOLD = Effect[str]("told")
FOLDER = [Path()]
"""Where the inputs are."""


class Odd(Exception):  # noqa: N818  an outcome
    """An outcome that is none."""


def _stamp(at: int) -> tuple[int, int]:
    status = (FOLDER[0] / str(at)).stat()
    return status.st_mtime_ns, status.st_ino


@input(stamp=_stamp)
def number(at: int) -> int:
    return int((FOLDER[0] / str(at)).read_text())


@input
def given(at: int) -> int:
    return 0


@query
def pair(db: Db, at: int) -> int:
    low, high = number(db, at), number(db, (at + 1) % INPUTS)
    if low % 5 == 0:
        db.emit(TOLD, f"five at {at}")
    if low % 7 == 3:
        raise Odd(f"{low} at {at}")
    return (low + high) // 4


@query(persist=False)
def passing(db: Db, at: int) -> tuple[int, ...]:
    return tuple(range(pair(db, at) % 8))


@query
def size(db: Db, at: int) -> int:
    try:
        return len(passing(db, at)) + given(db, at)
    except Odd:
        return -1


@query
def total(db: Db) -> tuple[int, ...]:
    return tuple(db.map(size, range(INPUTS)))


def plain(numbers: list[int]) -> tuple[tuple[int, ...], list[str]]:
    """Return what the engine ought to give: the total and what is told, without an engine."""
    sizes = []
    told = []
    for at in range(INPUTS):
        low, high = numbers[at], numbers[(at + 1) % INPUTS]
        if low % 5 == 0:
            told.append(f"five at {at}")
        sizes.append(-1 if low % 7 == 3 else (low + high) // 4 % 8)
    return tuple(sizes), told


def write_number(folder: Path, at: int, value: int) -> None:
    """Change an input as an editor does: in one step, and with another stamp."""
    new = folder / f"{at}.{os.getpid()}"
    new.write_text(str(value))
    new.replace(folder / str(at))


def loop(folder: Path, store: Path, seed: int) -> None:
    """Edit, compute, save and say so, without end. Each turn is one engine; `said` numbers those that are saved."""
    FOLDER[0] = folder
    drawn = random.Random(seed)
    turn = 0
    while True:
        write_number(folder, drawn.randrange(INPUTS), drawn.randrange(40))
        with Engine(jobs=1, store=store) as engine:
            with engine.begin() as db:
                total(db)
                db.effects(TOLD, total)
            if drawn.random() < 0.2:
                write_number(folder, drawn.randrange(INPUTS), drawn.randrange(40))
                engine.refresh()
                with engine.begin() as db:
                    total(db)
            revision = engine._core.gate.revision
        turn += 1
        os.write(1, f"{turn} {revision}\n".encode())


@dataclass
class Found:
    """What was left after a kill."""

    wrong: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lost: bool = False
    """Whether the state of a save that was told to be complete is not there."""


class Loop:
    """One such process, and its folder, which outlives it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.store = folder / "inputs", folder / "store"
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            for at in range(INPUTS):
                write_number(self.folder, at, at)
        self.seed = seed

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        code = "import sys; from pathlib import Path; from tests.query.persist.loops import loop; "
        code += "loop(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))"
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.folder), str(self.store), str(self.seed)],
            env={**os.environ, "PYTHONPATH": f"{SRC}:{ROOT}"},
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def look(self, saved_revision: int) -> Found:
        """Open the store as the next process does; compare all with a plain evaluation; then check all of it."""
        FOLDER[0] = self.folder
        found = Found()
        numbers = [int((self.folder / str(at)).read_text()) for at in range(INPUTS)]
        expected = plain(numbers)
        for verify in (0.0, 1.0):
            with Engine(jobs=1, store=self.store, warn=found.warnings.append, verify=verify) as engine:
                found.lost = found.lost or engine._core.gate.revision <= saved_revision
                with engine.begin() as db:
                    given = (total(db), db.effects(TOLD, total))
                if given != expected:
                    found.wrong.append(f"{given} is not {expected}, with verify={verify}")
                found.wrong += engine.reported
        return found


def last_of(lines: bytes) -> int:
    """Return the revision that the last whole line says was saved; 0 for none."""
    whole = lines.decode().split("\n")[:-1]
    return int(whole[-1].split()[1]) if whole else 0
