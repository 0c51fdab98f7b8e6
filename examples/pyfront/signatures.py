"""Signatures: from the syntax tree, and whether a call fits. Pure; knows nothing of names and modules."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .shapes import Signature
from .syntax import Function, dotted

if TYPE_CHECKING:
    from .shapes import Call

_KEEP_SIGNATURE = frozenset({"asynccontextmanager", "cache", "contextmanager", "lru_cache"})
"""Decorators whose result is called as the function is."""


def signature_of(node: Function | ast.ClassDef) -> Signature | None:
    """Tell how a function or class is called; None where a decorator, base or metaclass may decide that."""
    if isinstance(node, ast.ClassDef):
        return _of_class(node)
    for decorator in node.decorator_list:
        name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if not name or name[-1] not in _KEEP_SIGNATURE:
            return None
    return _of_arguments(node.args)


def _of_class(node: ast.ClassDef) -> Signature | None:
    if node.bases or node.keywords or node.decorator_list:
        return None
    made: Signature | None = Signature((), 0, 0, (), (), more_positional=False, more_keywords=False)
    for statement in node.body:
        if isinstance(statement, Function):
            if statement.name == "__new__" or (statement.name == "__init__" and statement.decorator_list):
                return None
            if statement.name == "__init__":
                made = _bound(_of_arguments(statement.args))
        elif not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.Pass | ast.ClassDef):
            return None  # an `if` may hold another __init__
    return made


def _bound(method: Signature) -> Signature | None:
    """Take away the first parameter, which the call itself fills."""
    if not method.positional:
        return None
    rest = method.positional[1:]
    return method._replace(
        positional=rest, nameless=max(0, method.nameless - 1), defaults=min(method.defaults, len(rest))
    )


def _of_arguments(arguments: ast.arguments) -> Signature:
    return Signature(
        tuple(each.arg for each in (*arguments.posonlyargs, *arguments.args)),
        len(arguments.posonlyargs),
        len(arguments.defaults),
        tuple(each.arg for each in arguments.kwonlyargs),
        tuple(
            each.arg
            for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is None
        ),
        arguments.vararg is not None,
        arguments.kwarg is not None,
    )


def misfit(call: Call, signature: Signature) -> str | None:
    """Say what is wrong with a call of a function, None where it fits."""
    name = call.target[-1]
    most = len(signature.positional)
    if call.positional > most and not signature.more_positional:
        takes = f"takes {most} positional argument{'' if most == 1 else 's'}"
        return f"{name}() {takes}, {call.positional} given"
    by_name = {*signature.positional[signature.nameless :], *signature.keywords}
    for keyword in call.keywords:
        if keyword not in by_name and not signature.more_keywords:
            return f"{name}() has no parameter {keyword}"
        if keyword in signature.positional[signature.nameless : call.positional]:
            return f"{name}() gets {keyword} by position and by name"
    if call.unpacks:
        return None
    needed = (*signature.positional[call.positional : most - signature.defaults], *signature.required)
    lacking = [parameter for parameter in needed if parameter not in call.keywords]
    return f"{name}() lacks {', '.join(lacking)}" if lacking else None
