"""A folder with a build in it, and the ninja under test run there.

The program under test is the command line in ``JETON_TEST_NINJA``, or ``jeton ninja`` of this checkout.

Time is never waited for. Sources are dated well into the past, and `Scenario.touch` dates a file with the
file system's own clock after one tick of it, so that the file is newer than all that was built before and
not newer than what is built next.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHOSEN: Final = os.environ.get("JETON_TEST_NINJA", "")
COMMAND: Final = shlex.split(CHOSEN) if CHOSEN else [sys.executable, "-m", "jeton", "ninja"]
IS_JETON: Final = any(Path(word).name.startswith("jeton") for word in COMMAND)

SOURCES: Final = Path(__file__).parents[3] / "src"
FORGOTTEN: Final = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "NINJA_STATUS", "CLICOLOR_FORCE")
PATIENCE: Final = 60.0

RULES: Final = """\
rule cat
  command = cat $in /dev/null > $out && echo $out >> ran.log
rule touch
  command = touch $out && echo $out >> ran.log
rule say
  command = printf '%s\\n' "$text" > $out && echo $out >> ran.log
rule fail
  command = echo $out >> ran.log; exit 1
"""


@dataclass(frozen=True)
class Result:
    """What one run of ninja did and said; `ran` holds the outputs of each step, in the order they ended."""

    status: int
    stdout: str
    stderr: str
    ran: list[str]

    @property
    def said(self) -> str:
        return self.stdout + self.stderr

    @property
    def idle(self) -> bool:
        return self.status == 0 and not self.ran and "no work to do" in self.stdout

    def blames(self, file: str, line: int) -> bool:
        """Whether the error names the line of the file, with or without a column."""
        return re.search(rf"{re.escape(file)}:{line}(:\d+)?: ", self.stderr) is not None


class Scenario:
    """A build folder under test."""

    def __init__(self, base: Path) -> None:
        self.root = base / "work"
        self.root.mkdir()
        self._clock = base / "clock"
        self._past = time.time_ns() - 1000 * 10**9

    def path(self, name: str) -> Path:
        return self.root / name

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def read(self, name: str) -> str:
        return self.path(name).read_text(encoding="utf-8")

    def write(self, name: str, text: str = "") -> None:
        """Write a source that is older than anything the build will make."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        self._past += 10**6
        os.utime(path, ns=(self._past, self._past))

    def edit(self, name: str, text: str) -> None:
        """Write a file anew after a build, so that it is newer than what was built."""
        self.write(name, text)
        self.touch(name)

    def touch(self, name: str) -> None:
        now = self._tick()
        os.utime(self.path(name), ns=(now, now))

    def age(self, name: str) -> None:
        """Date a file back into the past, newer than the sources written so far."""
        self._past += 10**6
        os.utime(self.path(name), ns=(self._past, self._past))

    def remove(self, *names: str) -> None:
        for name in names:
            self.path(name).unlink()

    def records(self) -> list[Path]:
        """Return the files at the top of the folder in which ninja keeps what it knows between runs."""
        kept = [path for path in self.root.iterdir() if path.name.startswith((".ninja", ".jeton"))]
        return [file for path in kept for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]

    def manifest(self, text: str, name: str = "build.ninja") -> None:
        """Write a manifest as it stands, dedented."""
        self.write(name, textwrap.dedent(text))

    def edges(self, text: str, name: str = "build.ninja") -> None:
        """Write a manifest that opens with `RULES`."""
        self.write(name, RULES + textwrap.dedent(text))

    def ninja(self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Result:
        """Run ninja to its end."""
        self._tick()
        done = subprocess.run(
            [*COMMAND, *args],
            cwd=self.root,
            env=_environment(env),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr, self._take_ran())

    def built(self, *args: str) -> Result:
        """Run ninja, which must succeed."""
        result = self.ninja(*args)
        assert result.status == 0, result.said
        return result

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start ninja and return at once; it will heed SIGINT even where this process ignores it."""
        self._tick()
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            return subprocess.Popen(
                [*COMMAND, *args],
                cwd=self.root,
                env=_environment(None),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    def finish(self, process: subprocess.Popen[str]) -> Result:
        out, _ = process.communicate(timeout=PATIENCE)
        return Result(process.returncode, out, "", self._take_ran())

    def gate(self, name: str) -> Gate:
        """Make a named pipe that a step can read from, to be held until the test lets it go."""
        os.mkfifo(self.path(name))
        return Gate(self.path(name))

    def _take_ran(self) -> list[str]:
        log = self.path("ran.log")
        if not log.exists():
            return []
        lines = log.read_text(encoding="utf-8").splitlines()
        log.unlink()
        return lines

    def _tick(self) -> int:
        first = self._now()
        while (now := self._now()) <= first:
            pass
        return now

    def _now(self) -> int:
        self._clock.write_bytes(b"")
        return self._clock.stat().st_mtime_ns


class Gate:
    """The test's end of a named pipe; see `Scenario.gate`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def reached(self, process: subprocess.Popen[str]) -> None:
        """Return once a step has come to read the pipe; fail when ninja ends before that."""
        for _ in self._attempts(process):
            try:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                continue
            return
        raise AssertionError("ninja ended without starting the step")

    def open(self) -> None:
        """Let the step read the end of the file and go on, and no later step wait."""
        os.close(self._fd)
        self._path.unlink()

    def _attempts(self, process: subprocess.Popen[str]) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            yield


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in FORGOTTEN}
    env |= {"LC_ALL": "C.UTF-8", "TERM": "dumb"}
    if not CHOSEN:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCES), env.get("PYTHONPATH", "")]))
    return env | dict(extra or {})
