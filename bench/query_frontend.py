"""Measures jeton.query under a real front end, examples/pyfront over a tree of Python, beside its peers in one run.

    python bench/query_frontend.py                        over this interpreter's standard library
    python bench/query_frontend.py --tree DIR --rounds 5
    python bench/query_frontend.py --free-threaded PYTHON  one thread against two, on a build without the lock
    python bench/query_frontend.py --cascade PYTHON        an interpreter that has query-cascade (3.12 or newer)

The peers: the same front end with a dictionary for each query instead of an engine, and on query-cascade. All are
processes of their own that take turns, on a copy of the tree. Of the rounds the fastest counts: what else runs on the
machine only ever makes it slower. CPU time is the process's, all its threads together. Whether a mark is met is
printed and never decides the exit status: time is no test.

Owns the command line, the turns and the tables; what one process does is in query_front.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

# Run as a script, from any folder.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FRONT = Path(__file__).resolve().with_name("query_front.py")
STEPS = "unchanged,looked,comment,signature,edits"
SKIPPED = ("site-packages", "__pycache__", "*.so", "*.pyc", "*.a")

Figures = dict[str, Any]

_HEAD = ("", "jeton", "beside", "ratio", "mark")


class Row(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    beside: str = ""
    ratio: str = ""
    mark: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="jeton-query-") as temporary:
        folder = Path(temporary)
        tree = folder / "tree"
        shutil.copytree(options.tree, tree, ignore=shutil.ignore_patterns(*SKIPPED))
        files = sum(1 for _ in tree.rglob("*.py"))
        print(f"{files} files of {options.tree} ({_machine()})")
        rows = [*_alone(options, tree, folder), *_new_process(options, tree, folder / "store")]
        if options.cascade:
            rows += _cascade(options, tree)
        if options.free_threaded:
            rows += _threads(options, tree, folder)
    print("\n".join(aligned([_HEAD, *rows], numbers=False)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="query_frontend.py", description="Measure jeton.query under a front end.")
    library = Path(sysconfig.get_paths()["stdlib"])
    parser.add_argument("--tree", type=Path, default=library, help="what is checked (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts (%(default)s)")
    parser.add_argument("--sample", type=int, default=40, help="files that are edited one by one (%(default)s)")
    parser.add_argument("--cascade", metavar="PYTHON", help="compare with query-cascade, on this interpreter")
    parser.add_argument("--free-threaded", metavar="PYTHON", help="compare one thread with two, on this interpreter")
    return parser


def _machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.system()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"


# ---- what is compared


def _alone(options: argparse.Namespace, tree: Path, folder: Path) -> list[Row]:
    """Compare a full run with one without engine, and what comes after it with that."""
    steps = ["--steps", STEPS, "--sample", str(options.sample)]
    runs: dict[str, list[Figures]] = {"none": [], "jeton": []}
    for _ in range(options.rounds):
        for engine, found in runs.items():
            found.append(_front(sys.executable, engine, tree, *(steps if engine == "jeton" else [])))
    assert len({run["lines"] for found in runs.values() for run in found}) == 1, "both find the same"
    counted = _front(sys.executable, "jeton", tree, "--count", *steps)
    stored = _front(sys.executable, "jeton", tree, "--store", str(folder / "store"))
    none, full = _least(runs["none"], "full"), _least(runs["jeton"], "full")
    rows = [
        Row("full, CPU", _s(full), f"{_s(none)} without engine", f"{(full / none - 1) * 100:+.1f} %", "+6 % or less"),
        Row(
            "full, with a store",
            _s(stored["full"]["cpu"]),
            f"{_s(none)} without engine",
            f"{(stored['full']['cpu'] / none - 1) * 100:+.1f} %",
            f"and {_ms(stored['close'])} to save it",
        ),
    ]
    for step, what in (
        ("unchanged", "again, unchanged"),
        ("looked", "again, after a look at every file's stamp"),
        ("comment", "a comment in typing.py"),
        ("signature", "the signature of re.compile"),
    ):
        took = _least(runs["jeton"], step)
        rows.append(Row(f"{what}, CPU", _ms(took), f"{counted[step]['ran']} queries ran", f"{full / took:.0f}x"))
    took = min(median(edit["cpu"] for edit in run["edits"]) for run in runs["jeton"])
    ran = median(edit["ran"] for edit in counted["edits"])
    what = f"one file's edit, median of {len(counted['edits'])}"
    rows.append(Row(what, _ms(took), f"{ran:.0f} queries ran", f"{full / took:.0f}x", "200x or more"))
    return rows


def _new_process(options: argparse.Namespace, tree: Path, store: Path) -> list[Row]:
    """Check an unchanged tree in a new process."""
    starts, programs, runs = [], [], []
    program = [sys.executable, str(FRONT), "jeton", str(tree), "--store", str(store)]
    for _ in range(max(3, options.rounds)):
        starts.append(_clocked([sys.executable, "-c", "pass"]))
        programs.append(_clocked(program))
        runs.append(_front(sys.executable, "jeton", tree, "--store", str(store)))
    took = _least(runs, "full", "wall")
    rest = f"{_ms(min(starts))} to start Python, {_ms(min(run['imports'] for run in runs))} to import"
    return [
        Row("unchanged, in a new process", _ms(took), rest, "", "30 ms or less for 1,800 files"),
        Row("the same, the whole process", _ms(min(programs))),
    ]


def _cascade(options: argparse.Namespace, tree: Path) -> list[Row]:
    """Compare with query-cascade, on an interpreter that has it."""
    steps = ["--steps", "unchanged,comment,signature,edits", "--sample", str(options.sample)]
    runs: dict[str, list[Figures]] = {"none": [], "jeton": [], "cascade": []}
    for _ in range(options.rounds):
        for engine, found in runs.items():
            found.append(_front(options.cascade, engine, tree, *(steps if engine != "none" else [])))
    none = _least(runs["none"], "full")
    rows = []
    for step in ("full", "unchanged", "comment", "signature"):
        ours, theirs = (_least(runs[engine], step, "cpu") for engine in ("jeton", "cascade"))
        show = _s if step == "full" else _ms
        rows.append(Row(f"{step}, CPU", show(ours), f"{show(theirs)} query-cascade", f"{theirs / ours:.1f}x"))
    ours, theirs = (
        min(median(edit["cpu"] for edit in run["edits"]) for run in runs[engine]) for engine in ("jeton", "cascade")
    )
    rows.append(Row("one file's edit, CPU", _ms(ours), f"{_ms(theirs)} query-cascade", f"{theirs / ours:.1f}x"))
    over = [f"{(_least(runs[engine], 'full') / none - 1) * 100:+.1f} %" for engine in ("jeton", "cascade")]
    rows.append(Row("full, over no engine", over[0], f"{over[1]} query-cascade"))
    return rows


def _threads(options: argparse.Namespace, tree: Path, folder: Path) -> list[Row]:
    """Compare one thread with two: all from nothing, and all again after an edit of every file."""
    runs: dict[int, list[Figures]] = {1: [], 2: []}
    for number in range(options.rounds):
        for jobs, found in runs.items():
            copy = folder / f"copy-{number}-{jobs}"
            shutil.copytree(tree, copy)
            found.append(_front(options.free_threaded, "jeton", copy, "--jobs", str(jobs), "--steps", "red"))
            shutil.rmtree(copy)
    rows = []
    for step, what in (("full", "full, two threads"), ("red", "every file edited, two threads")):
        one, two = (_least(runs[jobs], step, "wall") for jobs in (1, 2))
        rows.append(Row(what, _s(two), f"{_s(one)} one thread", f"{one / two:.2f}x", "1.8x or more"))
    return rows


# ---- processes and numbers


def _front(python: str, engine: str, tree: Path, *more: str) -> Figures:
    print(f"{engine} {' '.join(more)} ...", file=sys.stderr, flush=True)
    command = [python, str(FRONT), engine, str(tree), *more]
    environ = {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{engine}: failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout)
    return figures


def _clocked(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _least(runs: Iterable[Figures], step: str, clock: str = "cpu") -> float:
    return min(float(run[step][clock]) for run in runs)


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else _s(seconds)


if __name__ == "__main__":
    sys.exit(main())
