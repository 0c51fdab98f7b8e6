"""Lines of C, indented. Owns the names of what has none in the source, and what a function turns out to need."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from examples.compiler.c.names import type_name
from examples.compiler.semantics.facts import Facts
from examples.compiler.semantics.inference import Bindings, substituted
from examples.compiler.semantics.kinds import Type

_STEP = "    "


class Writer:
    """The text of one instance while it is written."""

    def __init__(self, facts: Facts, bindings: Bindings) -> None:
        self.facts = facts
        self._bindings = bindings
        self._lines: list[str] = []
        self._indent = ""
        self._names = 0
        self.types: dict[Type, None] = {}  # those that the function names, in the order of first use

    def text(self) -> str:
        """Give all lines."""
        return "".join(f"{line}\n" for line in self._lines)

    def line(self, text: str) -> None:
        """Write a line."""
        self._lines.append(self._indent + text)

    def lines(self, texts: Sequence[str]) -> None:
        """Write lines that were written aside."""
        for text in texts:
            self.line(text)

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Write further to the right."""
        outer, self._indent = self._indent, self._indent + _STEP
        yield
        self._indent = outer

    @contextmanager
    def aside(self) -> Iterator[list[str]]:
        """Write into a list, to see first whether there is anything."""
        lines, indent = self._lines, self._indent
        self._lines = []
        self._indent = ""
        yield self._lines
        self._lines, self._indent = lines, indent

    def fresh(self) -> str:
        """Make a name that no variable has: those begin with a letter or end in a number of their own."""
        self._names += 1
        return f"_{self._names}"

    def named(self, type_text: str, value: str) -> str:
        """Give a value a name, so that it is what it is now whatever happens next."""
        name = self.fresh()
        self.line(f"{type_text} {name} = {value};")
        return name

    def kind(self, node: int) -> Type:
        """Give the type of a node in this instance."""
        return self.concrete(self.facts.types[node])

    def concrete(self, kind: Type) -> Type:
        """Put in what the parameters stand for in this instance."""
        return substituted(kind, self._bindings)

    def type_name(self, kind: Type) -> str:
        """Name a type in C; the function needs it from now on."""
        concrete = self.concrete(kind)
        self.types[concrete] = None
        return type_name(concrete)

    def type_of(self, node: int) -> str:
        """Name the type of a node in C."""
        return self.type_name(self.facts.types[node])
