"""Makes a program once: checks it, says what is to be said, writes the file. Owns what is printed, and when."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from examples.compiler.queries.building import executable
from examples.compiler.queries.checking import checked, modules
from examples.compiler.queries.sources import sort
from examples.compiler.queries.verdict import judge
from examples.compiler.semantics.kinds import ItemId

from jeton.query import Db, Engine, QueryCount
from jeton.query.outside import CommandFailed


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for on the command line."""

    root: str
    output: Path | None
    """Where the program goes; None to look for errors only."""
    explain: str | None
    stats: bool


class Maker:
    """An engine, and where its words go: a line at a time."""

    def __init__(self, engine: Engine, say: Callable[[str], None]) -> None:
        self.engine = engine
        self.say = say

    def make(self, wishes: Wishes) -> bool:
        """Make the program; tell whether it is there."""
        try:
            return self._make(wishes)
        except CommandFailed as failure:
            self.say(failure.made.output.decode(errors="replace").rstrip())
            self.say(f"{wishes.root}: {failure}")
        except OSError as error:
            self.say(f"{error.filename or wishes.root}: {(error.strerror or str(error)).lower()}")
        return False

    def _make(self, wishes: Wishes) -> bool:
        self.engine.forget_statistics()
        with self.engine.begin() as db:
            verdict = judge(db, wishes.root)
            for text in verdict.shown:
                self.say(text)
            if verdict.shown:
                self.say(f"{wishes.root}: {verdict}")
            if not verdict.errors and wishes.output is not None:
                _write_program(wishes.output, executable(db, wishes.root).files["program"])
            if wishes.explain is not None:
                self.say(_explained(db, wishes.root, wishes.explain))
        if wishes.stats:
            self.say(_table(self.engine.statistics()))
        return not verdict.errors


def _write_program(path: Path, content: bytes) -> None:
    """Put a program in place in one step; one that is the same stays as it is, with its time."""
    try:
        if path.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    new = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        new.write_bytes(content)
        new.chmod(0o755)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _explained(db: Db, root: str, function: str) -> str:
    """Tell why a function was checked. `module.f` names one that is not in the root."""
    module, _, name = function.rpartition(".")
    for path in modules(db, root):
        if Path(path).stem == (module or Path(root).stem) and sort(db, ItemId(path, name)) is not None:
            return str(db.explain(checked, ItemId(path, name)))
    return f"{root}: no function `{function}` to explain"


def _table(counts: list[QueryCount]) -> str:
    rows = [("query", "ran", "unchanged", "changed", "ms")]
    for one in counts:
        name = one.query.rpartition(":")[2]
        rows.append((name, str(one.runs), str(one.green), str(one.red), f"{one.self_ns / 1e6:.1f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )
