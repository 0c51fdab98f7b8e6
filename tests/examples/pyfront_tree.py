"""A small tree of Python, and examples/pyfront run over it: in this process or as a program. Tests nothing itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.pyfront.check import report
from examples.pyfront.cli import absolute
from examples.pyfront.tree import roots

from jeton.query import Engine

ROOT = Path(__file__).parents[2]


def write(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextmanager
def front(tree: Path, jobs: int = 1, store: Path | None = None) -> Iterator[Engine]:
    """Open an engine over a tree; paths in reports are below the tree, which is the working folder."""
    kept = Path.cwd()
    os.chdir(tree)
    try:
        with Engine(jobs=jobs, store=store, statistics=True, environ={}) as engine:
            engine.set(roots.at(), absolute(["."]))
            yield engine
    finally:
        os.chdir(kept)


def told(engine: Engine) -> list[str]:
    with engine.begin() as db:
        return report(db)


def check(tree: Path, files: dict[str, str] | None = None, jobs: int = 1, store: Path | None = None) -> list[str]:
    """Check a tree with an engine of its own."""
    write(tree, files or {})
    with front(tree, jobs, store) as engine:
        return told(engine)


def runs(engine: Engine) -> Counter[str]:
    """Count what ran since the last call, inputs left out."""
    inputs = {"text", "listing", "roots"}
    counts = {count.query.partition(":")[2]: count.runs for count in engine.statistics()}
    engine.forget_statistics()
    return Counter({name: number for name, number in counts.items() if number and name not in inputs})


def program(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if "MAKEFLAGS" not in key}
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "pyfront"), *args],
        cwd=cwd,
        env=environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
