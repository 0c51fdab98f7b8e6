"""The world around a test's commands: a folder that they can name, a note of which ran, fifos to meet them at.

Commands run in folders of their own; what they tell the test goes by absolute paths into this one. Nothing here waits
by the clock: a test reads from a fifo until a command has written to it, and a command reads until the test has.
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.census import process_of
from tests.peers.jobserver_command import environment

from jeton.query import Engine
from jeton.query.outside import Command
from jeton.sync import primitives

PATIENCE_S = 30.0
"""How long a child of a test may take before the test calls it stuck."""


class World:
    """One test's folder. `script` makes commands that note themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "log"

    def noting(self, what: object, then: str = ":") -> tuple[str, ...]:
        """Return the words of a command that notes `what` and goes on with `then`."""
        return "sh", "-c", f"echo {what} >> {self._log}; {then}"

    def ran(self) -> list[str]:
        """Return what was noted since the last time, in order."""
        noted = self._log.read_text().split() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return noted


class Stop:
    """A place where a command tells its process id, and waits until the test lets it go on or makes it end."""

    def __init__(self, folder: Path, name: str = "stop") -> None:
        self._begun, self._through = folder / f"{name}-begun", folder / f"{name}-through"
        for fifo in (self._begun, self._through):
            os.mkfifo(fifo)
        # Both ends open, so that nobody waits for the other to open, and no end of file comes.
        self._reader = os.open(self._begun, os.O_RDWR | os.O_CLOEXEC)
        self._writer = os.open(self._through, os.O_RDWR | os.O_CLOEXEC)
        self.recipe = f"echo $$ > {self._begun}; read go < {self._through}"
        self.command = Command(("sh", "-c", self.recipe))

    def reached(self) -> int:
        """Wait until a command is here; return its process id."""
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._reader, 1)
        return int(line)

    def let_through(self, count: int = 1) -> None:
        """Let so many go on."""
        os.write(self._writer, b"\n" * count)

    def close(self) -> None:
        """Free the fifos."""
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def engine_of(jobs: int, **options: Any) -> Iterator[Engine]:
    """Give an engine with a real pool of its own, whatever pool the tests themselves are run in."""
    with Engine(jobs=jobs, environ=environment(), **options) as engine:
        yield engine


def take_all_slots(engine: Engine) -> int:
    """Take every slot of the engine's pool, as soon as it is given back, and give all back; return how many.

    One that never comes back is a deadlock, which the caller's patience ends.
    """
    slots = engine._crew.seats.slots
    taken = []
    for _ in range(slots.jobs):
        signal = primitives().signal("a slot for the test")
        slot = slots.take(signal)
        if slot is None:
            signal.wait()
            slot = slots.taken(signal)
        taken.append(slot)
    for slot in taken:
        slots.give(slot)
    return len(taken)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs: not gone, and no zombie."""
    return process_of(pid) is not None


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is not ours to reap."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended = select_readable(watch)
    finally:
        os.close(watch)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"process {pid} runs on")


def select_readable(fd: int) -> bool:
    """Wait until there is something to read, with the tests' patience."""
    return bool(select.select([fd], [], [], PATIENCE_S)[0])


def command_folders(where: Path) -> list[str]:
    """Return the folders of commands that are left where temporary files are put."""
    return [path.name for path in where.glob("jeton-command-*")]


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[Path]:
    """Have temporary files made in a folder of the test's own, so that it sees what is left of them."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before


def run_script(text: str, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a program of queries in a process of its own, and return what it said. Raises where it fails."""
    with started_script(text, folder, env) as child:
        said, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, said
    return said


@contextmanager
def started_script(text: str, folder: Path, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
    """Start a program of queries in a process group of its own; what is left of the group ends with the block."""
    path = folder / "program.py"
    path.write_text(text)
    child = subprocess.Popen(
        [sys.executable, path],
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
