"""What the compiler shows of a program that stands in a test, beside what it is to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from examples.compiler.queries.verdict import judge

from jeton.query import Engine

GEOMETRY = """\
fn area(side: int) -> int {
    return side * side
}

struct Point { x: int, y: int }
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A module, and the diagnostics of it."""

    source: str
    shown: str


def cases(text: str) -> dict[str, Case]:
    """Read cases: each is a line `=== name`, a module, a line `---`, and the diagnostics as they are shown."""
    found = {}
    for part in text.lstrip("\n").split("=== ")[1:]:
        name, _, rest = part.partition("\n")
        source, _, shown = ("\n" + rest).partition("\n---\n")
        assert name not in found, f"two cases of one name: {name}"
        found[name] = Case(source[1:] + "\n" if source else "", shown.rstrip("\n"))
    return found


def shown(source: str) -> str:
    """Show the diagnostics of a program in the current folder, beside a module `geometry`."""
    Path("main.sou").write_text(source)
    Path("geometry.sou").write_text(GEOMETRY)
    with Engine(jobs=1) as engine, engine.begin() as db:
        return "\n".join(judge(db, "main.sou").shown)
