"""Runs the real command `jeton jobserver`. Owns its environment and the recipes that count how many run at once."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "jeton", "jobserver"]
POOLS = {"MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS", "MAKELEVEL", "GNUMAKEFLAGS", "NINJA_STATUS"}


def environment(**more: str) -> dict[str, str]:
    """Give this process's environment without any pool, and with jeton in it."""
    return {
        **{name: value for name, value in os.environ.items() if name not in POOLS},
        "PYTHONPATH": str(TOP / "src"),
        **more,
    }


def run(
    *words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `jeton jobserver` with these words to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        env=environment() if env is None else env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def started(*words: str | Path, cwd: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `jeton jobserver` with a pipe to write to and one for all that it says; it ends with the block."""
    child = subprocess.Popen(
        [*COMMAND, *words],
        env=environment(),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        process_group=0,
    )
    try:
        yield child
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    finally:
        child.communicate()


def ninja() -> Path | None:
    """Find the ninja of these tests: 1.13 or later, beside the interpreter or on PATH."""
    for path in (Path(sys.executable).with_name("ninja"), Path(shutil.which("ninja") or "ninja")):
        if path.exists():
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
            if tuple(map(int, said.split(".")[:2])) >= (1, 13):
                return path
    return None


class Gate:
    """A place where recipes meet: each says that it has begun, and goes on when it is let through.

    recipe: log "+", say begun, wait to be let through, log "-"
    test:            hear begun (all N of the pool), let one through, hear the next begun, ...

    The log is appended to by one write a line, so its order is the order in which they ran.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        begun, through = folder / "begun", folder / "through"
        for fifo in (begun, through):
            os.mkfifo(fifo)
        self._begun = os.open(begun, os.O_RDWR | os.O_CLOEXEC)
        self._through = os.open(through, os.O_RDWR | os.O_CLOEXEC)
        self.recipe = f"echo + >> {self._log}; echo > {begun}; read go < {through}; echo - >> {self._log}"

    def meet(self, jobs: int, recipes: int) -> None:
        """Wait until `jobs` recipes have begun, then let one through for each other one that begins."""
        for _ in range(jobs):
            os.read(self._begun, 1)
        for _ in range(recipes - jobs):
            os.write(self._through, b"\n")
            os.read(self._begun, 1)
        os.write(self._through, b"\n" * jobs)

    def meet_once(self, jobs: int, recipes: int) -> None:
        """Wait until `jobs` recipes have begun, then let all through: ninja leaves a token that others return alone."""
        for _ in range(jobs):
            os.read(self._begun, 1)
        os.write(self._through, b"\n" * recipes)

    def most_at_once(self) -> int:
        """Count from the log."""
        running = most = 0
        for line in self._log.read_text().split():
            running += 1 if line == "+" else -1
            most = max(most, running)
        assert running == 0
        return most

    def close(self) -> None:
        os.close(self._begun)
        os.close(self._through)


def makefile(folder: Path, gate: Gate, recipes: int) -> None:
    """Write a Makefile with so many targets that pass the gate."""
    folder.mkdir(exist_ok=True)
    targets = " ".join(f"t{number}" for number in range(recipes))
    folder.joinpath("Makefile").write_text(f"all: {targets}\n.PHONY: all {targets}\n{targets}:\n\t@{gate.recipe}\n")


def ninja_manifest(folder: Path, gate: Gate, recipes: int) -> None:
    """Write a build.ninja with so many steps that pass the gate."""
    folder.mkdir(exist_ok=True)
    steps = "".join(f"build t{number}: pass\n" for number in range(recipes))
    folder.joinpath("build.ninja").write_text(f"rule pass\n  command = {gate.recipe}; touch $out\n{steps}")
