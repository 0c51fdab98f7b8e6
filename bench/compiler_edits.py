"""What an edit costs the compiler of examples/compiler, on a program that is generated.

    python bench/compiler_edits.py                       20 modules of 20 functions, three rounds
    python bench/compiler_edits.py --modules 4 --rounds 1 --markdown FILE

Each row is the compiler on the same program: from nothing with one job and with more; with nothing changed; after an
edit. An edit is measured twice: by a new process that has the cache of the last one, and by an engine that stays, as
`watch` has it. The edit is taken back in between, and the C compiler's runs are counted where it is started. Of the
rounds, each in a folder of its own, the fastest counts; what ran has to be the same in all of them.

Exit status: 0; 1 where a build failed; 2 where there is no C compiler.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a script, from any folder

from examples.compiler.generate import generate
from examples.compiler.making import Maker, Wishes

from jeton.query import Engine

_PATH = os.environ.get("PATH", os.defpath)
_CC = shutil.which("cc")
COMPILER = Path(__file__).resolve().parent.parent / "examples" / "compiler"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one module's text."""

    what: str
    module: str
    old: str
    new: str


EDITS = (
    Edit("a comment added", "module1.sou", "fn run1", "# All steps, one after the other.\nfn run1"),
    Edit("a function's body edited", "module1.sou", "i % 2 == 0", "i % 9 == 0"),
    Edit("a generic function's body edited", "module1.sou", "left < right", "not (right <= left)"),
    Edit("a function added", "module1.sou", "fn run1", "fn idle1() -> int {\n    return 1\n}\n\nfn run1"),
    Edit("a generic function's bound changed", "module1.sou", "larger1[T: ordered]", "larger1[T: number]"),
    Edit("a struct changed", "module1.sou", "count: int, sum: int", "sum: int, count: int"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one build took."""

    seconds: float
    cpu: float
    """Seconds of CPU, those of the C compiler included: what is left of a time where others use the machine."""
    ran: int
    checked: int
    units: int


class Bench:
    """A generated program, and the compiler run on it."""

    def __init__(self, folder: Path, modules: int, functions: int) -> None:
        self.root = generate(folder / "program", modules, functions)
        self.functions = modules * (functions + 2) + 1
        self.lines = sum(len(path.read_text().splitlines()) for path in self.root.parent.glob("*.sou"))
        self._folder = folder
        self._log = folder / "cc.log"
        self._log.touch()
        (folder / "bin").mkdir()
        script = folder / "bin" / "cc"
        script.write_text(f'#!/bin/sh\necho "$@" >>"{self._log}"\nexec {_CC} "$@"\n')
        script.chmod(0o755)
        os.environ["PATH"] = f"{script.parent}{os.pathsep}{_PATH}"

    def process(self, cache: str, jobs: int) -> Cost:
        """Build in a new process."""
        command = [sys.executable, str(COMPILER), "build", str(self.root), "--stats"]
        command += ["-o", str(self._folder / "prog"), "--cache", str(self._folder / cache), f"-j{jobs}"]
        began, cpu = time.perf_counter(), _cpu()
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        took, cpu = time.perf_counter() - began, _cpu() - cpu
        if done.returncode:
            raise SystemExit(f"{self.root}: {done.stderr}")
        rows = [line.split() for line in done.stderr.splitlines()]
        counts = {row[0]: int(row[1]) for row in rows if row and row[0] != "query"}
        return Cost(took, cpu, sum(counts.values()), counts.get("checked", 0), self._units())

    def engine(self, maker: Maker) -> Cost:
        """Build in an engine that stays."""
        began, cpu = time.perf_counter(), _cpu()
        maker.engine.refresh()
        if not maker.make(Wishes(str(self.root), self._folder / "prog", None, stats=False)):
            raise SystemExit(f"{self.root}: does not compile")
        took, cpu = time.perf_counter() - began, _cpu() - cpu
        counts = {one.query.rpartition(":")[2]: one.runs for one in maker.engine.statistics()}
        return Cost(took, cpu, sum(counts.values()), counts.get("checked", 0), self._units())

    @contextmanager
    def edited(self, edit: Edit) -> Iterator[None]:
        """Make an edit, and take it back."""
        path = self.root.parent / edit.module
        before = path.read_text()
        assert before.count(edit.old) >= 1, f"{edit.what}: the text is there"
        path.write_text(before.replace(edit.old, edit.new, 1))
        yield
        path.write_text(before)

    def _units(self) -> int:
        """Count the units that were compiled since this was asked last: a link is none."""
        count = sum(" -c " in line for line in self._log.read_text().splitlines())
        self._log.write_text("")
        return count


def _cpu() -> float:
    """Give the seconds of CPU of this process and those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. From nothing, there is no engine that stays."""

    what: str
    process: Cost
    engine: Cost | None = None


def measure(bench: Bench, jobs: int) -> list[Row]:
    """Measure all rows once."""
    rows = [
        Row("from nothing, -j1", bench.process("cache1", 1)),
        Row(f"from nothing, -j{jobs}", bench.process("cache", jobs)),
    ]
    with Engine(jobs=jobs, statistics=True) as engine:
        maker = Maker(engine, print)
        bench.engine(maker)
        rows.append(Row("nothing changed", bench.process("cache", jobs), bench.engine(maker)))
        for edit in EDITS:
            with bench.edited(edit):
                rows.append(Row(edit.what, bench.process("cache", jobs), bench.engine(maker)))
            bench.process("cache", jobs)
            bench.engine(maker)
    return rows


def fastest(rounds: list[list[Row]]) -> list[Row]:
    """Take the best time of each row, and see that the same ran in all rounds."""

    def best(costs: list[Cost]) -> Cost:
        assert len({(cost.ran, cost.checked, cost.units) for cost in costs}) == 1, (
            f"what runs is no matter of luck: {costs}"
        )
        quickest = min(costs, key=lambda cost: cost.seconds)
        return replace(quickest, cpu=min(cost.cpu for cost in costs))

    found = []
    for rows in zip(*rounds, strict=True):
        engines = [row.engine for row in rows if row.engine is not None]
        found.append(Row(rows[0].what, best([row.process for row in rows]), best(engines) if engines else None))
    return found


def table(bench: Bench, rows: list[Row], rounds: int) -> str:
    """Write the table."""
    lines = [
        f"{bench.functions} functions in {bench.lines} lines; the fastest of {rounds} rounds.",
        "",
        "| | new process | CPU | queries run | items checked | units compiled | engine that stays | CPU |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        one, stays = row.process, row.engine
        cells = [row.what, f"{one.seconds:.2f} s", f"{one.cpu:.2f} s", str(one.ran), str(one.checked), str(one.units)]
        cells += ["", ""] if stays is None else [f"{stays.seconds:.2f} s", f"{stays.cpu:.2f} s"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the benchmark and return its exit status."""
    parser = argparse.ArgumentParser(description="What an edit costs the compiler of examples/compiler.")
    parser.add_argument("--modules", type=int, default=20)
    parser.add_argument("--functions", type=int, default=20, help="in each module")
    parser.add_argument("--jobs", "-j", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to this file too")
    options = parser.parse_args()
    if _CC is None:
        print("error: there is no C compiler, cc", file=sys.stderr)
        return 2
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="sou-bench-") as folder:
            bench = Bench(Path(folder), options.modules, options.functions)
            rounds.append(measure(bench, options.jobs))
    text = table(bench, fastest(rounds), options.rounds)
    print(text, end="")
    if options.markdown is not None:
        options.markdown.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
