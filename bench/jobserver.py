"""Measures jeton's jobserver against one shared pipe, which is what make's own server is, in one run.

    python bench/jobserver.py                    everything
    python bench/jobserver.py --only herd        this measure alone; may be given again
    python bench/jobserver.py --quick            smaller numbers, in half a minute
    python bench/jobserver.py --markdown FILE    the table into a file as well

Whether a mark is met is printed and never decides the exit status: time is no test. Linux only: it reads /proc.

Owns the command line and the table. What is measured is in jobserver_kills.py, jobserver_costs.py, jobserver_shares.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from bench.jobserver_costs import acquire, herd, served
from bench.jobserver_kills import kills
from bench.jobserver_shares import cargo_beside_make, makes, survivor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.jobserver_setting import Measure, Row

MEASURES: dict[str, Measure] = {
    "kills": kills,
    "herd": herd,
    "acquire": acquire,
    "served": served,
    "makes": makes,
    "cargo": cargo_beside_make,
    "survivor": survivor,
}
_MET = {True: "yes", False: "no", None: ""}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    load = os.getloadavg()[0]
    rows: list[Row] = []
    for name, measure in MEASURES.items():
        if options.only and name not in options.only:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="jeton-bench-") as folder:
            rows += measure(Path(folder), options.quick)
    table = _table(rows)
    print("\n".join(table))
    if options.markdown:
        about = (
            f"Linux {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"
        )
        options.markdown.write_text("\n".join([about, "", *table, ""]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jobserver.py", description="Measure jeton's jobserver.")
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="this measure; may be given again")
    parser.add_argument("--quick", action="store_true", help="smaller numbers")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there as well")
    return parser


def _table(rows: Sequence[Row]) -> list[str]:
    lines = ["| | jeton | one shared pipe | wanted | met |", "|---|---|---|---|---|"]
    lines += [f"| {row.what} | {row.jeton} | {row.shared} | {row.wanted} | {_MET[row.met]} |" for row in rows]
    return lines


if __name__ == "__main__":
    sys.exit(main())
