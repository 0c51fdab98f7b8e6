"""Replays the edits between two releases of Python's standard library, file by file, under examples/pyfront.

    python bench/query_edits.py OLD NEW            two folders, or two Debian packages (.deb) that hold one
    python bench/query_edits.py OLD NEW --every 20  compare with a cold run after every twentieth edit, and at the end

The tree begins as OLD. Each file that is another one in NEW is written, added or removed in turn; then one engine,
which lives through all of it, looks for changes and checks again. What it finds has to be what a cold run finds, byte
for byte; the exit status is 1 where it is not. Times are of this process's clock and have no mark here.

Two releases of one version come from the suites of Debian, say:

    apt-get download libpython3.11-stdlib            the package's .deb, in the folder where one is

Owns the replay and its table. The front end is examples/pyfront.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, NamedTuple

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from bench.query_front import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEFT_OUT = frozenset({"site-packages", "dist-packages", "__pycache__"})


class Edit(NamedTuple):
    """One file's way from the old release to the new one."""

    name: str
    what: str
    """`changed`, `added` or `removed`."""


class Cost(NamedTuple):
    """What checking took after one edit."""

    edit: Edit
    seconds: float
    ran: int
    """Queries, inputs left out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the replay."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="jeton-edits-") as temporary:
        folder = Path(temporary)
        old, new = (_library(path, folder / name) for path, name in ((options.old, "old"), (options.new, "new")))
        edits = edits_between(old, new)[:: options.step]
        tree = folder / "tree"
        for name in python_files(old):
            if _is_in_both(name, old, new):
                _copy(old / name, tree / name)
        costs, colds, different = _replay(tree, new, edits, options.every, options.jobs)
    _print_costs(costs, colds)
    for edit in different:
        print(f"{edit.name}: {edit.what}: what is found is not what a cold run finds")
    return 1 if different else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="query_edits.py", description="Replay the edits between two releases.")
    parser.add_argument("old", type=Path, help="a folder, or a Debian package")
    parser.add_argument("new", type=Path, help="a folder, or a Debian package")
    parser.add_argument("--every", type=int, default=50, metavar="N", help="edits from one cold run to the next")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="replay each Nth edit only")
    parser.add_argument("-j", dest="jobs", type=int, default=1, metavar="N", help="threads of the engine (%(default)s)")
    return parser


def _library(path: Path, folder: Path) -> Path:
    """Give the folder of the library: the path itself, or what a Debian package has of it."""
    if path.suffix != ".deb":
        return path
    subprocess.run(["dpkg-deb", "-x", path, folder], check=True)
    return next(found.parent for found in sorted(folder.glob("usr/lib/python3*/*.py")))


def edits_between(old: Path, new: Path) -> list[Edit]:
    """Find the Python files that differ, in the order of their names."""
    before, after = ({name for name in python_files(root) if _is_in_both(name, old, new)} for root in (old, new))
    edits = [Edit(name, "removed") for name in before - after] + [Edit(name, "added") for name in after - before]
    both = before & after
    edits += [Edit(name, "changed") for name in both if not filecmp.cmp(old / name, new / name, shallow=False)]
    return sorted(edits)


def python_files(root: Path) -> list[str]:
    """Name the files of a library."""
    names = [path.relative_to(root) for path in root.rglob("*.py")]
    return sorted(str(name) for name in names if _LEFT_OUT.isdisjoint(name.parts))


def _is_in_both(name: str, old: Path, new: Path) -> bool:
    """Tell whether both have its folder: one may have been packaged without the tests, say, which is no edit."""
    top = Path(name).parts[0]
    return top == name or ((old / top).is_dir() and (new / top).is_dir())


def _replay(
    tree: Path, new: Path, edits: list[Edit], every: int, jobs: int
) -> tuple[list[Cost], list[float], list[Edit]]:
    """Make the edits one by one; return what each took, what cold runs took, and after which the two differed."""
    front = opened("jeton", tree, jobs, count=True)
    front.report()
    costs, colds, different = [], [], []
    for number, edit in enumerate(edits, 1):
        _apply(edit, tree, new)
        front.ran()
        began = time.perf_counter()
        front.changed([])
        found = front.report()
        costs.append(Cost(edit, time.perf_counter() - began, front.ran()))
        if number % every == 0 or number == len(edits):
            print(f"{number} of {len(edits)} edits", file=sys.stderr, flush=True)
            cold = opened("jeton", tree)
            began = time.perf_counter()
            expected = cold.report()
            colds.append(time.perf_counter() - began)
            cold.close()
            if found != expected:
                different.append(edit)
    front.close()
    return costs, colds, different


def _apply(edit: Edit, tree: Path, new: Path) -> None:
    path = tree / edit.name
    if edit.what == "removed":
        path.unlink()
    else:
        _copy(new / edit.name, path)


def _copy(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(old, new)


def _print_costs(costs: list[Cost], colds: list[float]) -> None:
    if not costs:
        print("no edits: the two are the same")
        return
    cold = min(colds)
    seconds, ran = [cost.seconds for cost in costs], [cost.ran for cost in costs]
    kinds = {what: sum(cost.edit.what == what for cost in costs) for what in ("changed", "added", "removed")}
    print(f"{len(costs)} edits ({', '.join(f'{number} {what}' for what, number in kinds.items())})")
    print(f"cold run: {cold:.2f} s, {len(colds)} compared")
    for what, number, nodes in (
        ("median", median(seconds), median(ran)),
        ("mean", mean(seconds), mean(ran)),
        ("longest", max(seconds), max(ran)),
    ):
        print(f"{what:8} {number * 1000:8.1f} ms  {cold / number:7.0f}x less than cold  {nodes:8.0f} queries ran")
    for cost in sorted(costs, key=lambda cost: -cost.seconds)[:5]:
        print(f"  {cost.seconds * 1000:8.1f} ms  {cost.ran:6} queries  {cost.edit.what} {cost.edit.name}")


if __name__ == "__main__":
    sys.exit(main())
