"""Saying what is wrong with one item. Owns the words that messages share, and guessing which name was meant."""

from collections.abc import Sequence
from difflib import get_close_matches

from examples.compiler.diagnostics import Anchor, Diagnostic, Note, Severity
from examples.compiler.semantics.kinds import UNKNOWN, ItemId, Unknown
from examples.compiler.semantics.world import World


class Reporter:
    """Says things about one item."""

    def __init__(self, world: World, item: ItemId) -> None:
        self.world = world
        self.item = item

    def anchor(self, node: int) -> Anchor:
        """Name a node of the item."""
        return Anchor(self.item.module, self.item.name, node)

    def error(self, node: int, message: str, *advice: str | Note | None) -> Unknown:
        """Report an error. Returns the type of what is wrong."""
        self._report(Severity.ERROR, node, message, advice)
        return UNKNOWN

    def warning(self, node: int, message: str, *advice: str | Note | None) -> None:
        """Report what may be meant otherwise."""
        self._report(Severity.WARNING, node, message, advice)

    def _report(self, severity: Severity, node: int, message: str, advice: Sequence[str | Note | None]) -> None:
        notes = tuple(Note(one) if isinstance(one, str) else one for one in advice if one is not None)
        self.world.report(Diagnostic(severity, self.anchor(node), message, notes))


def meant(name: str, names: Sequence[str]) -> str | None:
    """Guess which name was meant."""
    close = get_close_matches(name, sorted(set(names)), n=1)
    return f"did you mean `{close[0]}`?" if close else None


def not_imported(name: str) -> tuple[str, str]:
    """Say that a module is not imported, and what to do."""
    return f"module `{name}` is not imported", f"write `import {name}` at the top of the file"


def counted(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
