"""Measures what parallel queries pay, on this interpreter and, with --also, on another, such as a free-threaded one.

    python bench/query_parallel.py                              every case with one slot and with two
    python bench/query_parallel.py --also python3.13t           and on that interpreter
    python bench/query_parallel.py --markdown FILE              the table into a file as well

A case is a map of equal pieces of work. It runs in processes of its own, by turns with one slot and with two; what
counts is the median of the wall time and of the CPU time, this process's and its children's. The pieces are large, so
that what is measured is who runs them and not the engine. Owns the cases and the table.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from jeton.query import Db, Engine, query
from jeton.query.outside import Command, process
from jeton.runtime import sleep

PIECES = 12
_LOOPS = 700_000
_WAIT_S = 0.1


def _work(seed: int) -> int:
    """Keep one core busy with Python for some 60 ms."""
    value = seed
    for step in range(_LOOPS):
        value = (value * 1103515245 + step) & 0x7FFFFFFF
    return value


@query
def computed(db: Db, seed: int) -> int:
    """Compute a piece on a thread of this process."""
    del db
    return _work(seed)


@query(offload=True)
def offloaded(db: Db, seed: int) -> int:
    """Compute the same in a worker process, where threads do not run in parallel."""
    del db
    return _work(seed)


@process
def compiled(db: Db, seed: int) -> Command:
    """Compile a unit of C."""
    del db
    lines = [f"int f{number}(int x) {{ return x * {seed} + {number}; }}" for number in range(250)]
    return Command(("cc", "-O1", "-c", "unit.c", "-o", "unit.o"), {"unit.c": "\n".join(lines)}, ("unit.o",))


@query
async def waited(db: Db, seed: int) -> int:
    """Wait for something that is slow."""
    del db
    await sleep(_WAIT_S)
    return seed


@query
async def all_waited(db: Db) -> int:
    """Wait for all of it."""
    return len(await db.gather(waited, range(PIECES)))


@dataclass(frozen=True)
class Case:
    """A kind of work. `title` is what the table says."""

    name: str
    title: str


CASES = (
    Case("computed", "Python, on threads"),
    Case("offloaded", "Python, `offload=True`"),
    Case("compiled", "commands (cc -O1 -c)"),
    Case("waited", f"coroutines that wait {_WAIT_S * 1000:.0f} ms"),
)


@dataclass(frozen=True)
class Sample:
    """One run, in seconds."""

    wall_s: float
    cpu_s: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="query_parallel.py", description="Measure what parallel queries pay.")
    parser.add_argument("--also", action="append", default=[], metavar="PYTHON", help="measure on this interpreter too")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each, of which the median counts (%(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to this file too")
    parser.add_argument("--run", nargs=2, metavar=("CASE", "JOBS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(_run(options.run[0], int(options.run[1]))))
        return 0
    load = os.getloadavg()[0]
    rows = []
    for python in (sys.executable, *options.also):
        for case in CASES:
            print(f"{case.title} on {python} ...", file=sys.stderr, flush=True)
            one, two = _measured(python, case, options.repeats)
            rows.append(
                f"| {_version(python)} | {case.title} | {one.wall_s:.2f} / {one.cpu_s:.2f} |"
                f" {two.wall_s:.2f} / {two.cpu_s:.2f} | {one.wall_s / two.wall_s:.2f}x |"
            )
    loads = f"load average {load:.1f} before and {os.getloadavg()[0]:.1f} after"
    made = "Made by `python bench/query_parallel.py`."
    table = [
        f"{PIECES} pieces; wall / CPU in seconds, median of {options.repeats}; {os.cpu_count()} cores, {loads}. {made}",
        "",
        "| interpreter | work | `jobs=1` | `jobs=2` | faster |",
        "|---|---|---|---|---|",
        *rows,
    ]
    print("\n".join(table))
    if options.markdown:
        options.markdown.write_text("\n".join([*table, ""]))
    return 0


def _measured(python: str, case: Case, repeats: int) -> tuple[Sample, Sample]:
    samples: dict[int, list[Sample]] = {1: [], 2: []}
    for _ in range(repeats):
        for jobs, found in samples.items():
            command = [python, str(Path(__file__).resolve()), "--run", case.name, str(jobs)]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(Sample(*json.loads(text)))
    one, two = (
        Sample(median(sample.wall_s for sample in found), median(sample.cpu_s for sample in found))
        for found in samples.values()
    )
    return one, two


def _run(case: str, jobs: int) -> tuple[float, float]:
    """Run one case once; return wall and CPU seconds."""
    cpu, started = _cpu_s(), time.perf_counter()
    with Engine(jobs=jobs) as engine, engine.begin() as db:
        if case == "waited":
            db.wait(all_waited)
        elif case == "compiled":
            db.map(compiled, range(PIECES))
        else:
            db.map(computed if case == "computed" else offloaded, range(PIECES))
        wall = time.perf_counter() - started
    return wall, _cpu_s() - cpu


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _version(python: str) -> str:
    program = (
        "import platform, sys; has_gil = getattr(sys, '_is_gil_enabled', lambda: True)();"
        "print(platform.python_version() + ('' if has_gil else ' free-threaded'))"
    )
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
