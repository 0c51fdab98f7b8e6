"""Reads statements and blocks. Owns where a statement ends: with its line."""

from examples.compiler.syntax.cursor import Cursor, Lost, described
from examples.compiler.syntax.expressions import expression, written_type
from examples.compiler.syntax.lexer import Kind
from examples.compiler.syntax.tree import (
    Assign,
    Block,
    Call,
    Evaluate,
    Expression,
    For,
    If,
    Leave,
    Let,
    Return,
    Statement,
    While,
)


def block(cursor: Cursor, where: str) -> Block:
    """Read `{ … }`, and over what cannot be read inside it. Raises Lost where there is no block."""
    cursor.expect("{", where)
    # A block in a bracket does not exist in this language, so a line ends statements in here.
    assert not cursor.brackets, "a block begins between statements"
    statements: list[Statement] = []
    while not cursor.sees("}"):
        if cursor.next.kind is Kind.END or cursor.at_item():
            cursor.lose(f"expected `}}` to close a block, found {described(cursor.next)}")
        start = cursor.next.start
        try:
            with cursor.deeper:
                statements.append(_statement(cursor))
            _end_of_statement(cursor)
        except Lost:
            cursor.skip_to_statement(start)
    cursor.take()
    return tuple(statements)


def _end_of_statement(cursor: Cursor) -> None:
    if not cursor.next.first_on_line and not cursor.sees("}"):
        cursor.lose(f"expected the line to end after this statement, found {described(cursor.next)}")


def _statement(cursor: Cursor) -> Statement:
    start = cursor.next.start
    if cursor.sees("let", "var"):
        return _let(cursor)
    if cursor.took("if"):
        return _if(cursor, start)
    if cursor.took("while"):
        condition = expression(cursor)
        node = cursor.node(start)
        return While(node, condition, block(cursor, "after the condition"))
    if cursor.took("for"):
        return _for(cursor)
    if cursor.took("return"):
        value = None if cursor.next.first_on_line or cursor.sees("}") else expression(cursor)
        return Return(cursor.node(start), value)
    if cursor.sees("break", "continue"):
        word = cursor.take().text
        return Leave(cursor.node(start), word)
    return _assign_or_evaluate(cursor, start)


def _let(cursor: Cursor) -> Let:
    mutable = cursor.take().text == "var"
    name = cursor.name("the name of a variable")
    node = cursor.node_at(name.start, name.end)
    annotation = written_type(cursor) if cursor.took(":") else None
    cursor.expect("=", "and a value")
    return Let(node, name.text, mutable, annotation, expression(cursor))


def _if(cursor: Cursor, start: int) -> If:
    condition = expression(cursor)
    node = cursor.node(start)
    then = block(cursor, "after the condition")
    otherwise: Block | None = None
    if cursor.took("else"):
        again = cursor.next.start
        with cursor.deeper:
            otherwise = (_if(cursor, again),) if cursor.took("if") else block(cursor, "after `else`")
    return If(node, condition, then, otherwise)


def _for(cursor: Cursor) -> For:
    name = cursor.name("the name of a variable")
    node = cursor.node_at(name.start, name.end)
    cursor.expect("in", "after the variable of a loop")
    start = expression(cursor)
    end = expression(cursor) if cursor.took("..") else None
    return For(node, name.text, start, end, block(cursor, "after what a loop goes over"))


def _assign_or_evaluate(cursor: Cursor, start: int) -> Statement:
    target: Expression = expression(cursor)
    if cursor.sees("=") and not cursor.next.first_on_line:
        cursor.take()
        value = expression(cursor)
        return Assign(cursor.node(start), target, value)
    if not isinstance(target, Call):
        place = cursor.places[target.node]
        cursor.problems.append((cursor.node_at(*place), "the value of this expression goes nowhere", None))
    return Evaluate(target.node, target)
