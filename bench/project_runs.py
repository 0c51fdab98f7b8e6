"""Runs the tools: finds their commands, configures a project, and measures one build as a child process.

Owns command lines, the children's environment and the clock.  Knows nothing of what a build should leave
behind or of how results are shown.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.project_sources import SetupError, run_quietly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.projects import Project

OLDEST_NINJA = (1, 13)

DROPPED_VARIABLES = ("MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKELEVEL", "NINJA_STATUS", "NINJA", "DESTDIR")
"""An outer build's settings, which would change what a tool does here."""


class BuildFailedError(Exception):
    """A tool's build ended with an error; the message names the tool and the end of its output."""


@dataclass(frozen=True)
class Tool:
    """One of the build tools under comparison."""

    name: str
    command: tuple[str, ...]
    """Given -C DIR and -jN, it builds DIR's default targets."""
    version: str


@dataclass(frozen=True)
class Cost:
    """What one child process, with all that it waited for, took."""

    wall: float
    cpu: float
    foreign: float
    """Processor time that the rest of the machine used meanwhile, in cores."""


def children_environment(**more: str) -> dict[str, str]:
    """Return the environment that every configure step and build gets."""
    kept = {key: value for key, value in os.environ.items() if key not in DROPPED_VARIABLES}
    # A compiler cache would answer for the compiler from the second build on.
    return {**kept, "LC_ALL": "C", "CCACHE_DISABLE": "1", **more}


def beside_python(name: str) -> str:
    """Return the path of a console script of this interpreter's environment."""
    script = Path(sys.executable).parent / name
    if not script.is_file():
        raise SetupError(f"no {name} beside {sys.executable}: install it into that environment")
    return str(script)


def find_ninja() -> Tool:
    """Return the ninja beside this interpreter; raise SetupError unless it can be a jobserver's client."""
    path = beside_python("ninja")
    version = run_quietly([path, "--version"]).strip()
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_NINJA:
        raise SetupError(f"{path} is version {version}; the comparison needs 1.13 or later")
    return Tool("ninja", (path,), version)


def find_jeton() -> Tool:
    """Return jeton of this interpreter, or the command in JETON_BENCH_JETON in its place."""
    override = os.environ.get("JETON_BENCH_JETON", "")
    if override.strip():
        words = shlex.split(override)
        return Tool("jeton", tuple(words), f"replaced by {Path(words[0]).name}")
    command = (sys.executable, "-m", "jeton")
    version = run_quietly([*command, "--version"]).strip().split()
    return Tool("jeton", (*command, "build"), version[-1] if version else "unknown")


def find_drop_in() -> str:
    """Return the path of jeton-ninja, or the one in JETON_BENCH_DROP_IN in its place."""
    return os.environ.get("JETON_BENCH_DROP_IN") or beside_python("jeton-ninja")


def configurer_command(project: Project) -> str:
    """Return the path of the program that configures a project."""
    if project.configurer == "meson" and (beside := Path(sys.executable).parent / "meson").is_file():
        return str(beside)
    found = shutil.which(project.configurer)
    if found is None:
        raise SetupError(f"{project.name} is configured by {project.configurer}, which is not on PATH")
    return found


def configure(project: Project, source: Path, build: Path, ninja: str) -> None:
    """Make a build directory that this ninja, by path, is to build."""
    program = configurer_command(project)
    if project.configurer == "cmake":
        make = f"-DCMAKE_MAKE_PROGRAM={ninja}"
        command = [program, "-G", "Ninja", make, "-S", str(source), "-B", str(build), *project.options]
    else:
        command = [program, "setup", str(build), str(source), *project.options]
    log = build.with_name("configure.log")
    try:
        run_logged(command, log, cwd=build.parent, environment=children_environment(NINJA=ninja))
    except BuildFailedError as error:
        raise SetupError(f"{project.name}: cannot configure: {error}") from error


def build_with(tool: Tool, build: Path, jobs: int, log: Path) -> Cost:
    """Build a directory's default targets and return what that cost."""
    command = [*tool.command, "-C", str(build), f"-j{jobs}"]
    return run_logged(command, log, cwd=build.parent, environment=children_environment())


def run_logged(command: Sequence[str], log: Path, *, cwd: Path, environment: dict[str, str]) -> Cost:
    """Run a child with its output in a file; return its cost or raise BuildFailedError."""
    with log.open("wb") as output:
        busy, started = _machine_busy(), time.perf_counter()
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise SetupError(f"cannot run {command[0]}: {error.strerror}") from error
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)  # Popen must not wait for it again
    cpu = usage.ru_utime + usage.ru_stime
    if child.returncode:
        last = " | ".join(log.read_text(errors="replace").strip().splitlines()[-4:])
        name = " ".join(Path(word).name for word in command[:4])
        raise BuildFailedError(f"{name} ... failed ({child.returncode}), its output is in {log}: {last}")
    return Cost(wall, cpu, max(0.0, (_machine_busy() - busy - cpu) / wall))


def _machine_busy() -> float:
    """Return the processor seconds that the whole machine has used, or 0 where the kernel does not say."""
    try:
        with Path("/proc/stat").open() as stat:
            ticks = [int(word) for word in stat.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0.0
    # user nice system IDLE IOWAIT irq softirq steal
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
