"""What the compiler has to say about a program, in the order in which a reader meets it. For a session's root."""

from dataclasses import dataclass

from examples.compiler.diagnostics import Diagnostic, Severity
from examples.compiler.excerpts import Excerpts
from examples.compiler.queries.checking import checked_program, modules
from examples.compiler.queries.emission import instances
from examples.compiler.queries.sources import diagnostics, places, source
from examples.compiler.semantics.reporter import counted

from jeton.query import Db


@dataclass(frozen=True, slots=True)
class Verdict:
    """All diagnostics as they are shown, and how many there are."""

    shown: tuple[str, ...]
    errors: int
    warnings: int

    def __str__(self) -> str:
        counts = [(self.errors, "error"), (self.warnings, "warning")]
        return ", ".join(counted(number, noun) for number, noun in counts if number)


def judge(db: Db, root: str) -> Verdict:
    """Check a program. Which instances it needs is looked into only where all functions are sound."""
    found = db.effects(diagnostics, checked_program, root)
    if not _errors(found):
        found += db.effects(diagnostics, instances, root)  # told again with it: what checking its functions told
    excerpts = Excerpts(lambda path: source(db, path) or "", lambda path: places(db, path))
    order = {path: number for number, path in enumerate(modules(db, root))}

    def as_read(diagnostic: Diagnostic) -> tuple[int, tuple[int, int]]:
        return order[diagnostic.anchor.module], excerpts.place(diagnostic.anchor)

    unique = sorted(dict.fromkeys(found), key=as_read)
    shown = tuple(excerpts.shown(diagnostic) for diagnostic in unique)
    return Verdict(shown, _errors(unique), len(unique) - _errors(unique))


def _errors(found: list[Diagnostic]) -> int:
    return sum(diagnostic.severity is Severity.ERROR for diagnostic in found)
