"""From text to the tree of a module, with the places of its nodes. Owns items: imports, functions, structs."""

from dataclasses import dataclass

from examples.compiler.syntax.cursor import Cursor, Lost, described
from examples.compiler.syntax.expressions import comma_separated, written_type
from examples.compiler.syntax.lexer import Kind, tokens
from examples.compiler.syntax.statements import block
from examples.compiler.syntax.tree import (
    MODULE,
    Block,
    Function,
    Import,
    Item,
    Module,
    Parameter,
    Places,
    Problem,
    Struct,
    TypeParameter,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A module in two parts: what it says, and where it says it."""

    module: Module
    places: Places


def parse(text: str) -> Parsed:
    """Read a whole module. What cannot be read is among its problems; this raises nothing."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._cursor = Cursor(tokens(text))
        self._imports: list[Import] = []
        self._items: dict[str, Item] = {}
        self._places: dict[str, list[tuple[int, int]]] = {MODULE: []}
        self._problems: list[Problem] = []

    def read(self) -> Parsed:
        cursor = self._cursor
        while cursor.next.kind is not Kind.END:
            cursor.places, cursor.problems = self._places[MODULE], []
            try:
                self._item()
            except Lost:
                self._close(MODULE)
                cursor.skip_to_item()
        module = Module(tuple(self._imports), self._items, tuple(self._problems))
        return Parsed(module, {item: tuple(places) for item, places in self._places.items()})

    def _item(self) -> None:
        """Read one item. Raises Lost where none begins, or one has no name."""
        cursor = self._cursor
        if cursor.took("import"):
            name = cursor.name("the name of a module")
            self._imports.append(Import(cursor.node_at(name.start, name.end), name.text))
            return
        if not cursor.sees("fn", "struct"):
            cursor.lose(f"expected `fn`, `struct` or `import`, found {described(cursor.next)}")
        word = cursor.take().text
        name = cursor.name("the name of a function" if word == "fn" else "the name of a struct")
        cursor.places, cursor.problems = [], []
        node = cursor.node_at(name.start, name.end)
        item = _function(cursor, node, name.text) if word == "fn" else _struct(cursor, node, name.text)
        key = self._key(name.text)
        self._items[key] = item
        self._places[key] = cursor.places
        self._close(key)

    def _close(self, item: str) -> None:
        self._problems += [Problem(item, *problem) for problem in self._cursor.problems]

    def _key(self, name: str) -> str:
        key, count = name, 1
        while key in self._items:
            count += 1
            key = f"{name}#{count}"
        return key


def _function(cursor: Cursor, node: int, name: str) -> Function:
    type_parameters: tuple[TypeParameter, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    result = None
    body: Block = ()
    try:
        type_parameters = _type_parameters(cursor)
        cursor.expect("(", "after the name of a function")
        parameters = comma_separated(cursor, ")", "after the last parameter", _parameter)
        result = written_type(cursor) if cursor.took("->") else None
        body = block(cursor, "and the body of the function")
    except Lost:
        cursor.skip_to_item()
    return Function(node, name, type_parameters, parameters, result, body, whole=not cursor.problems)


def _struct(cursor: Cursor, node: int, name: str) -> Struct:
    type_parameters: tuple[TypeParameter, ...] = ()
    fields: tuple[Parameter, ...] = ()
    try:
        type_parameters = _type_parameters(cursor)
        cursor.expect("{", "after the name of a struct")
        fields = comma_separated(cursor, "}", "after the last field", _parameter)
    except Lost:
        cursor.skip_to_item()
    return Struct(node, name, type_parameters, fields, whole=not cursor.problems)


def _type_parameters(cursor: Cursor) -> tuple[TypeParameter, ...]:
    if cursor.took("["):
        return comma_separated(cursor, "]", "after the last type parameter", _type_parameter)
    return ()


def _type_parameter(cursor: Cursor) -> TypeParameter:
    name = cursor.name("the name of a type")
    bound = cursor.name("what the type must be").text if cursor.took(":") else None
    return TypeParameter(cursor.node(name.start), name.text, bound)


def _parameter(cursor: Cursor) -> Parameter:
    name = cursor.name("a name")
    node = cursor.node_at(name.start, name.end)
    cursor.expect(":", f"and the type of `{name.text}`")
    return Parameter(node, name.text, written_type(cursor))
