"""The walk over a syntax tree: where it is, and which scope is written down. Of syntax it knows blocks only."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .frames import File, Frame
from .shapes import Binding, How, Kind, Named, Place
from .syntax import Function, makes_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


class Walk:
    """The walk: which scope, statement and handlers it is inside of."""

    def __init__(self, syntax: Mapping[type[ast.AST], Callable[[Walk, Any], None]]) -> None:
        self.file = File()
        self.frame = self.file.module
        self.name = ""
        # What follows belongs to the frame, and is put away while the walk is in another one.
        self.hidden: list[set[str]] = []  # names of lambdas and comprehensions around
        self.caught: list[frozenset[str]] = []  # exceptions that the code around catches
        self.lazy = False  # whether inside `if TYPE_CHECKING`
        self.counts: dict[str, int] = {}  # how often each name was read
        self.in_type = False  # whether in an annotation, where a string is code
        self.line = 1
        self._syntax = syntax

    # ---- getting about

    def visit(self, node: ast.AST) -> None:
        method = self._syntax.get(type(node))
        if method is not None:
            method(self, node)
        else:
            self.children(node)

    def children(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                for each in value:
                    if isinstance(each, ast.AST):
                        self.visit(each)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def each(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Walk statements that run one after the other."""
        jumped = False
        defined: dict[str, int] = {}
        for statement in statements:
            self.frame.lines.append(statement.lineno)
            self.line = statement.lineno
            if jumped and not makes_generator(statement):
                self.frame.dead.append(self.place(statement))
            jumped = isinstance(statement, _JUMPS)
            if isinstance(statement, Function | ast.ClassDef):
                self._note_repetition(statement, defined)
            self.visit(statement)

    def _note_repetition(self, node: Function | ast.ClassDef, defined: dict[str, int]) -> None:
        reads = self.counts.get(node.name, 0)
        if node.decorator_list:
            defined.pop(node.name, None)
            return
        if defined.get(node.name) == reads:
            self.frame.repeated.append(Named(node.name, self.place(node)))
        defined[node.name] = reads

    def place(self, node: ast.stmt | ast.expr | ast.excepthandler) -> Place:
        return Place(len(self.frame.lines) - 1, node.lineno - self.line, node.col_offset)

    @contextmanager
    def inside(self, name: str, frame: Frame) -> Iterator[None]:
        """Walk the body of a function or class as a scope of its own."""
        qualified = f"{self.name}.{name}" if self.name else name
        count = 1
        unique = qualified
        while unique in self.file.frames:
            count += 1
            unique = f"{qualified}#{count}"
        self.file.frames[unique] = frame
        self.frame.inner.append(frame)
        kept = self.frame, self.name, self.hidden, self.caught, self.lazy, self.counts, self.line
        self.frame, self.name, self.hidden, self.caught, self.counts = frame, unique, [], [], {}
        self.lazy = self.lazy or frame.kind is Kind.FUNCTION
        yield
        self.frame, self.name, self.hidden, self.caught, self.lazy, self.counts, self.line = kept

    # ---- names

    def bind(self, name: str, how: How, place: Place) -> None:
        frame = self.frame
        if name in frame.from_module:
            self.file.module.bound.setdefault(name, []).append(Binding(name, How.OTHER, Place(0, 0, 0)))
        elif name not in frame.from_outer:
            frame.bound.setdefault(name, []).append(Binding(name, how, place))

    def catches(self, names: frozenset[str]) -> bool:
        return any(not names.isdisjoint(caught) for caught in self.caught)
