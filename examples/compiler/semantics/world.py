"""What one item shows to others, and what it may ask about them. Owns no way to find that out.

The checker sees the rest of the program through a `World` alone. In the compiler a query stands behind each question;
a test can answer them from a dictionary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from examples.compiler.diagnostics import Diagnostic
from examples.compiler.semantics.kinds import ItemId, Parameter, Type


class Sort(Enum):
    """What a name of a module stands for."""

    FUNCTION = "function"
    """Something to call."""
    STRUCT = "struct"
    """A type, and the function that makes a value of it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a caller has to know. `result` is NOTHING where nothing is returned, and a struct itself for a struct."""

    sort: Sort
    type_parameters: tuple[Parameter, ...]
    parameters: tuple[tuple[str, Type], ...]
    result: Type
    variadic: bool = False


class World(Protocol):
    """What one item may ask about the others. Each question is a small one, so that few answers change."""

    def sort(self, item: ItemId) -> Sort | None:
        """Say what a name stands for; None where its module has no such name."""

    def arity(self, item: ItemId) -> int:
        """Count the type parameters of an item that is there. Less than its signature: a struct may name itself."""

    def signature(self, item: ItemId) -> Signature:
        """Give the signature of an item that is there."""

    def imported(self, module: str, name: str) -> str | None:
        """Give the path of the module that a module imports under a name; None where it does not."""

    def exists(self, module: str) -> bool:
        """Whether there is a file for a module. Where there is none, that is reported at the import."""

    def names(self, module: str) -> Sequence[str]:
        """Give all names of a module, to find the one that was meant. Asked for only once something is wrong."""

    def report(self, diagnostic: Diagnostic) -> None:
        """Say something about the program."""
