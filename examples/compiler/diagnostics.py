"""What the compiler says about a program. Owns the form of a diagnostic; knows no text and no place in it.

A diagnostic names the node it is about. Where that node stands is looked up when it is shown (`excerpts`), so that a
diagnostic that was found once stays true while the text around its item changes.
"""

from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    """How bad it is."""

    ERROR = "error"
    """There will be no program."""
    WARNING = "warning"
    """There will, but somebody may have meant another one."""


@dataclass(frozen=True, slots=True, order=True)
class Anchor:
    """A node: its module's path, its item there (or `tree.MODULE`), its number in that item."""

    module: str
    item: str
    node: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something to add: what to do, or, with an anchor, another place that has to do with it."""

    text: str
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that the compiler has to say."""

    severity: Severity
    anchor: Anchor
    message: str
    notes: tuple[Note, ...] = field(default=())
