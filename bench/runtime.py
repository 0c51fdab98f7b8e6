"""Measures jeton's runtime against asyncio, asyncio's eager tasks, asyncio on uvloop and Trio, in one run.

    python bench/runtime.py                     every workload, median of seven repeats
    python bench/runtime.py --only ping-pong    this workload alone; may be given again
    python bench/runtime.py --loop stdlib       jeton on the standard library's loop
    python bench/runtime.py --markdown FILE     the tables into a file as well

What counts is this process's CPU time per operation, so that other work on the machine disturbs little; the runtimes
take turns, so that what it does disturb, it disturbs alike. A ratio says how many times as much a peer needs. Whether
a mark is met is printed and never decides the exit status: time is no test.

Owns the command line, the measuring and the tables. The workloads are in runtime_workloads.py.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import shlex
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from bench.runtime_costs import Cost, Program
from bench.runtime_workloads import WORKLOADS, Runtime, Workload, taking_part
from bench.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Sequence

Costs = dict[str, Cost]
"""By the name of the runtime."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    runtimes, absent = taking_part(options.loop)
    chosen = [workload for workload in WORKLOADS if not options.only or workload.name in options.only]
    load = os.getloadavg()[0]
    measured: list[tuple[Workload, Costs]] = []
    for workload in chosen:
        print(f"{workload.title} ...", file=sys.stderr, flush=True)
        measured.append((workload, _compare(workload, runtimes, min(options.repeats, workload.most_repeats))))
    tables = [*_table(measured, runtimes), "", *_marks(measured)]
    print("\n".join([*tables, *(f"Absent: {reason}." for reason in absent)]))
    if options.markdown:
        options.markdown.write_text("\n".join([*_head(options, load), "", *tables, ""]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="runtime.py", description="Measure jeton's runtime against its peers.")
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--only", action="append", default=[], choices=names, help="this workload; may be given again")
    parser.add_argument("--repeats", type=int, default=7, help="runs of each, of which the median counts (%(default)s)")
    loop = "libuv" if find_spec("uvloop") else "stdlib"
    parser.add_argument("--loop", choices=["libuv", "stdlib"], default=loop, help="jeton's loop (%(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to this file too")
    return parser


def _head(options: argparse.Namespace, load: float) -> list[str]:
    """Say what made the tables, and where."""
    command = ["python", "bench/runtime.py", "--loop", options.loop, "--repeats", str(options.repeats)]
    command += [word for name in options.only for word in ("--only", name)]
    loads = f"load average {load:.1f} before and {os.getloadavg()[0]:.1f} after"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, {loads}"
    return [
        f"Made by `{shlex.join(command)}` with {python} ({machine}).",
        "Microseconds of this process's CPU per operation; in brackets how many times as much as jeton.",
    ]


def _compare(workload: Workload, runtimes: list[Runtime], repeats: int) -> Costs:
    """Run the workload on each runtime in turn, so many times; return the medians."""
    costs: dict[str, list[Cost]] = {runtime.name: [] for runtime in runtimes}
    for _ in range(repeats):
        for runtime in runtimes:
            gc.collect()
            program = runtime.programs[workload.name]
            costs[runtime.name].append(runtime.start(partial(_measure, program, workload.count)))
    return {
        name: Cost(median(cost.cpu for cost in each), median(cost.wall for cost in each))
        for name, each in costs.items()
    }


async def _measure(program: Program, count: int) -> Cost:
    """Run the program inside of its runtime, whose own start and end are left out."""
    wall, cpu = time.perf_counter(), time.process_time()
    await program(count)
    return Cost((time.process_time() - cpu) / count * 1e6, (time.perf_counter() - wall) / count * 1e6)


def _table(measured: list[tuple[Workload, Costs]], runtimes: list[Runtime]) -> list[str]:
    """One row a workload, one column a runtime."""
    rows = [["", *(runtime.title for runtime in runtimes)]]
    for workload, costs in measured:
        rows.append([workload.title, *_cells([costs[runtime.name].cpu for runtime in runtimes])])
        if workload.shows_wall:
            rows.append(["the same, by the clock", *_cells([costs[runtime.name].wall for runtime in runtimes])])
    return aligned(rows)


def _cells(costs: list[float]) -> list[str]:
    """Jeton's cost, then each peer's with its ratio to jeton's."""
    return [f"{costs[0]:.2f}", *(f"{cost:.2f} ({cost / costs[0]:.2f}x)" for cost in costs[1:])]


def _marks(measured: list[tuple[Workload, Costs]]) -> list[str]:
    """One row for each mark of a peer that took part."""
    rows = [["mark", "peer", "to beat", "ratio", ""]]
    for workload, costs in measured:
        for peer, mark in workload.marks.items():
            if peer in costs:
                ratio = costs[peer].cpu / costs["jeton"].cpu
                met = "met" if ratio >= mark else "missed"
                rows.append([workload.title, peer, f"{mark:.1f}x", f"{ratio:.2f}x", met])
    return aligned(rows)


if __name__ == "__main__":
    sys.exit(main())
