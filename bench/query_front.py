"""What one process of the front end's benchmarks measures: `python bench/query_front.py ENGINE TREE …` prints JSON.

ENGINE is `none` (a dictionary for each query), `jeton` or `cascade`. Owns the steps, the edits and the clocks; who
compares what with what is in query_frontend.py. Each step looks for what has changed, checks the tree and makes the
report, as a program would.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

_STARTED = time.perf_counter()
# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STEPS = ("unchanged", "looked", "comment", "signature", "edits", "red")


class Front(Protocol):
    """The front end on one engine."""

    def report(self) -> list[str]:
        """Check the tree, and return a line for each finding."""

    def changed(self, paths: Iterable[Path]) -> int:
        """See to files that were edited; return how many changed."""

    def ran(self) -> int:
        """Return how many queries ran since the last call, inputs left out; -1 where nobody counts."""

    def close(self) -> None:
        """Save what is to be saved."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["none", "jeton", "cascade"])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--count", action="store_true", help="count what runs, which costs time")
    parser.add_argument("--steps", default="", help=f"after the full run, of {', '.join(STEPS)}, in the order given")
    parser.add_argument("--sample", type=int, default=40, help="files of the step `edits`")
    options = parser.parse_args(arguments)
    front = opened(options.engine, options.tree, options.jobs, options.store, count=options.count)
    figures: dict[str, Any] = {"imports": time.perf_counter() - _STARTED}
    figures["full"], lines = _measured(front, [])
    figures["lines"] = len(lines)
    for step in filter(None, options.steps.split(",")):
        figures[step] = _STEPS[step](front, options)
    began = time.perf_counter()
    front.close()
    figures["close"] = time.perf_counter() - began
    print(json.dumps(figures))


def opened(engine: str, tree: Path, jobs: int = 1, store: Path | None = None, *, count: bool = False) -> Front:
    """Import the front end on top of an engine, and open it on a tree."""
    sys.setrecursionlimit(20_000)
    if engine == "jeton":
        return _Jeton(tree, jobs, store, count=count)
    if engine == "cascade":
        from bench import query_cascade  # noqa: PLC0415  a package that may be missing

        query_cascade.stand_in()
        return _Dictionaries(tree, query_cascade.DB)
    from bench import query_memo  # noqa: PLC0415  it takes the engine's place

    query_memo.stand_in()
    return _Dictionaries(tree, query_memo.Db())


class _Jeton:
    def __init__(self, tree: Path, jobs: int, store: Path | None, *, count: bool) -> None:
        from examples.pyfront import check, cli, tree as inputs  # noqa: I001, PLC0415  not before the engine is chosen
        from jeton.query import Engine  # noqa: PLC0415  likewise

        cli.calm()
        self._report = check.report
        self._engine = Engine(jobs=jobs, store=store, statistics=count, environ={})
        self._engine.set(inputs.roots.at(), (str(tree),))
        self._counts = count

    def report(self) -> list[str]:
        with self._engine.begin() as db:
            return self._report(db)

    def changed(self, paths: Iterable[Path]) -> int:
        del paths  # it finds them by itself
        return self._engine.refresh()

    def ran(self) -> int:
        if not self._counts:
            return -1
        inputs = {"text", "listing", "roots"}
        counts = [each.runs for each in self._engine.statistics() if each.query.partition(":")[2] not in inputs]
        self._engine.forget_statistics()
        return sum(counts)

    def close(self) -> None:
        self._engine.close()


class _Dictionaries:
    def __init__(self, tree: Path, db: Any) -> None:
        from examples.pyfront import check, cli, tree as inputs  # noqa: I001, PLC0415  not before the engine is chosen

        cli.calm()
        self._report = check.report
        self._db = db
        self._text: Any = inputs.text
        roots: Any = inputs.roots
        roots.set((str(tree),))

    def report(self) -> list[str]:
        return self._report(self._db)

    def changed(self, paths: Iterable[Path]) -> int:
        edited = list(paths)
        for path in edited:
            self._text.set(path.read_bytes(), str(path))
        return len(edited)

    def ran(self) -> int:
        return -1

    def close(self) -> None:
        pass


# ---- steps


def _measured(front: Front, paths: list[Path], *, look: bool = True) -> tuple[dict[str, float], list[str]]:
    """Check again; return what that took, in seconds, and what was found."""
    gc.collect()
    front.ran()
    wall, cpu = time.perf_counter(), time.process_time()
    if look:
        front.changed(paths)
    lines = front.report()
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "ran": front.ran()}
    return took, lines


def _unchanged(front: Front, _options: argparse.Namespace) -> dict[str, float]:
    return _measured(front, [], look=False)[0]


def _looked(front: Front, _options: argparse.Namespace) -> dict[str, float]:
    return _measured(front, [])[0]


def _edited(front: Front, path: Path, edit: Callable[[bytes], bytes]) -> dict[str, float]:
    """Edit a file, measure, and put it back unmeasured."""
    before = path.read_bytes()
    path.write_bytes(edit(before))
    took, _lines = _measured(front, [path])
    path.write_bytes(before)
    front.changed([path])
    front.report()
    return took


def _comment(front: Front, options: argparse.Namespace) -> dict[str, float]:
    return _edited(front, options.tree / "typing.py", lambda text: text.replace(b"\ndef ", b"\n# a comment\n\ndef ", 1))


def _signature(front: Front, options: argparse.Namespace) -> dict[str, float]:
    old, new = b"def compile(pattern, flags=0):", b"def compile(pattern, flags=0, more=None):"
    return _edited(front, options.tree / "re" / "__init__.py", lambda text: text.replace(old, new))


def _edits(front: Front, options: argparse.Namespace) -> list[dict[str, float]]:
    """Edit the body of one function in each of a sample of files, which a seed chose."""
    files = [path for path in sorted(options.tree.rglob("*.py")) if editable(path.read_bytes())]
    chosen = Random(1).sample(files, min(options.sample, len(files)))
    return [_edited(front, path, body_edited) for path in chosen]


def _red(front: Front, options: argparse.Namespace) -> dict[str, float]:
    """Edit every file."""
    files = [path for path in sorted(options.tree.rglob("*.py")) if editable(path.read_bytes())]
    for path in files:
        path.write_bytes(path.read_bytes().rstrip() + b"\n\ndef added_to_all(number):\n    return number\n")
    return _measured(front, files)[0]


_STEPS: dict[str, Callable[[Front, argparse.Namespace], Any]] = {
    "unchanged": _unchanged,
    "looked": _looked,
    "comment": _comment,
    "signature": _signature,
    "edits": _edits,
    "red": _red,
}


def editable(text: bytes) -> bool:
    """Tell whether it is Python that has a function."""
    try:
        return any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return False


def body_edited(text: bytes) -> bytes:
    """Add an assignment that nobody reads to the first function whose body begins on a line of its own."""
    lines = text.split(b"\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno > node.lineno:
            first = node.body[0]
            lines.insert(first.lineno - 1, b" " * first.col_offset + b"added_by_the_benchmark = 1")
            return b"\n".join(lines)
    return text + b"\n\ndef added_by_the_benchmark():\n    return nothing\n"


if __name__ == "__main__":
    main(sys.argv[1:])
