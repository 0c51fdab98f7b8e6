"""Reads expressions, by how tightly each operator binds (Pratt, "Top down operator precedence", 1973), and types."""

from collections.abc import Callable
from math import isinf
from typing import TypeVar

from examples.compiler.syntax.cursor import DEEPEST, Cursor, described
from examples.compiler.syntax.lexer import Kind, Token
from examples.compiler.syntax.tree import (
    Binary,
    Call,
    Expression,
    Field,
    Index,
    ListLiteral,
    ListType,
    Literal,
    Name,
    NamedType,
    Unary,
    WrittenType,
)

BINDING = {
    "or": 1,
    "and": 2,
    "==": 4,
    "!=": 4,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
_NOT = 3
_NEGATION = 7
_LARGEST_INT = 2**63 - 1
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "\\": "\\"}

T = TypeVar("T")


def expression(cursor: Cursor, least: int = 0) -> Expression:
    """Read an expression whose operators bind more tightly than `least`. Raises Lost."""
    with cursor.deeper:
        left = _prefixed(cursor)
    start = cursor.places[left.node][0]
    chained = cursor.deeper.now
    while not _ends_here(cursor):
        operator = cursor.next.text
        binding = BINDING.get(operator, 0)
        if binding <= least:
            break
        chained += 1  # each operator of a chain has all that stands before it in it
        if chained > DEEPEST:
            cursor.lose("this has too many operators", "give a part of it a name of its own")
        cursor.take()
        with cursor.deeper:
            right = expression(cursor, binding)
        left = Binary(cursor.node(start), operator, left, right)
    return left


def written_type(cursor: Cursor) -> WrittenType:
    """Read a type. Raises Lost."""
    start = cursor.next.start
    if cursor.took("["):
        with cursor.deeper:
            item = written_type(cursor)
        cursor.expect("]", "after the type of a list's items")
        return ListType(cursor.node(start), item)
    module, name = None, cursor.name("a type").text
    if cursor.took("."):
        module, name = name, cursor.name("a type").text
    arguments: tuple[WrittenType, ...] = ()
    if cursor.took("["):
        with cursor.deeper:
            arguments = comma_separated(cursor, "]", "after the last type", written_type)
    return NamedType(cursor.node(start), module, name, arguments)


def comma_separated(cursor: Cursor, close: str, where: str, one: Callable[[Cursor], T]) -> tuple[T, ...]:
    """Read what stands between commas, up to and with the closing bracket; lines may end anywhere. Raises Lost."""
    found: list[T] = []
    cursor.brackets += 1
    while not cursor.sees(close):
        found.append(one(cursor))
        if not cursor.took(","):
            break
    cursor.expect(close, where)
    cursor.brackets -= 1
    return tuple(found)


def _ends_here(cursor: Cursor) -> bool:
    """Whether the next token begins another statement: it is the first on its line, and no bracket is open."""
    return cursor.next.first_on_line and not cursor.brackets


def _prefixed(cursor: Cursor) -> Expression:
    start = cursor.next.start
    if cursor.took("-"):
        operand = expression(cursor, _NEGATION)
        return Unary(cursor.node(start), "-", operand)
    if cursor.took("not"):
        operand = expression(cursor, _NOT)
        return Unary(cursor.node(start), "not", operand)
    return _postfixed(cursor, _atom(cursor), start)


def _postfixed(cursor: Cursor, target: Expression, start: int) -> Expression:
    length = 0
    while not _ends_here(cursor) and cursor.sees("(", "[", "."):
        length += 1
        if length > DEEPEST:
            cursor.lose("this chain is too long", "give a part of it a name of its own")
        if cursor.took("("):
            arguments = comma_separated(cursor, ")", "after the last argument", expression)
            target = Call(cursor.node(start), target, arguments)
        elif cursor.took("["):
            cursor.brackets += 1
            index = expression(cursor)
            cursor.expect("]", "after an index")
            cursor.brackets -= 1
            target = Index(cursor.node(start), target, index)
        else:
            cursor.take()
            name = cursor.name("the name of a field")
            target = Field(cursor.node(start), target, name.text, cursor.node_at(name.start, name.end))
    return target


def _atom(cursor: Cursor) -> Expression:
    token = cursor.next
    if token.kind is Kind.NAME:
        return Name(cursor.node_at(token.start, cursor.take().end), token.text)
    if token.kind is Kind.OPEN_STRING:
        cursor.lose("this string does not end on its line", 'close it with `"`; a line break is `\\n`')
    if token.kind in (Kind.INT, Kind.FLOAT, Kind.STRING) or token.text in ("true", "false"):
        cursor.take()
        return Literal(cursor.node_at(token.start, token.end), _value(cursor, token))
    if cursor.took("("):
        cursor.brackets += 1
        inner = expression(cursor)
        cursor.expect(")", "to close this bracket")
        cursor.brackets -= 1
        return inner
    if not cursor.took("["):
        cursor.lose(f"expected an expression, found {described(token)}")
    items = comma_separated(cursor, "]", "after the last item of a list", expression)
    return ListLiteral(cursor.node(token.start), items)


def _value(cursor: Cursor, token: Token) -> int | float | bool | str:
    if token.kind is Kind.INT:
        if len(token.text) > len(str(_LARGEST_INT)) or int(token.text) > _LARGEST_INT:
            cursor.problem(token, "this number does not fit into an int", f"the largest is {_LARGEST_INT}")
            return 0
        return int(token.text)
    if token.kind is Kind.FLOAT:
        if isinf(value := float(token.text)):
            cursor.problem(token, "this number does not fit into a float")
            return 0.0
        return value
    if token.kind is Kind.WORD:
        return token.text == "true"
    return _unescaped(cursor, token)


def _unescaped(cursor: Cursor, token: Token) -> str:
    parts: list[str] = []
    letters = iter(token.text[1:-1])
    for letter in letters:
        if letter == "\\":
            escape = next(letters)
            if escape not in _ESCAPES:
                cursor.problem(token, f"`\\{escape}` stands for nothing in a string", "a backslash itself is `\\\\`")
            parts.append(_ESCAPES.get(escape, ""))
        else:
            parts.append(letter)
    return "".join(parts)
