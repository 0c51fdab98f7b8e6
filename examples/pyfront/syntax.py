"""Small questions to a syntax tree. Pure; knows nothing of scopes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def dotted(node: ast.expr) -> tuple[str, ...]:
    """Give the parts of a dotted name, and nothing for any other expression."""
    parts: list[str] = []
    while type(node) is ast.Attribute:
        parts.append(node.attr)
        node = node.value
    if type(node) is not ast.Name:
        return ()
    parts.append(node.id)
    return tuple(reversed(parts))


def makes_generator(statement: ast.stmt) -> bool:
    """Tell whether it is a `yield` that is never reached, and makes its function a generator all the same."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield)


def is_all(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "__all__"


def parameters_of(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    if arguments.vararg is not None:
        yield arguments.vararg
    if arguments.kwarg is not None:
        yield arguments.kwarg


def type_parameters(node: ast.AST) -> frozenset[str]:
    """Give the names in the brackets of `def f[T]`, which Python 3.12 brought."""
    return frozenset(each.name for each in getattr(node, "type_params", ()))


def exceptions(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return {name[-1] for part in parts if (name := dotted(part))}


def expected(node: ast.expr) -> set[str]:
    """Give the exceptions that a `with` block is there for: of assertRaises, pytest.raises and suppress."""
    if not isinstance(node, ast.Call) or not (name := dotted(node.func)):
        return set()
    if name[-1] not in {"assertRaises", "assertRaisesRegex", "raises", "suppress"}:
        return set()
    return set().union(*map(exceptions, node.args))
