"""The version of a query's code. Owns what counts as the same function; knows nothing of engines.

Counted are the bytecode, the constants and names that it uses, its defaults, what it closes over, and the helpers and
constants that the query says it uses. Not counted are line numbers and docstrings, so that moving a function, or
another one above it, changes nothing (joblib/joblib#680).
"""

import enum
import hashlib
import types
from collections.abc import Callable, Iterable
from typing import Any

from jeton.store.fingerprint import digest


def version_of(function: Callable[..., Any], uses: Iterable[Any] = ()) -> bytes:
    """Return 16 bytes that change whenever the function's code does, or one of `uses`: functions, classes or values."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in (function, *uses):
        _add(hasher.update, part, set())
    return hasher.digest()


def _add(update: Callable[[bytes], object], part: Any, seen: set[int]) -> None:
    """Add a function, a class with its methods, or a plain value."""
    part = getattr(part, "query", part)  # another query: its own version follows
    function = getattr(part, "function", part)
    function = getattr(function, "__wrapped__", function)
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, types.FunctionType):
        update(b"function")
        _add_code(update, function.__code__)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()):
            _add_value(update, value)
        for cell in function.__closure__ or ():
            _add(update, _contents(cell), seen)
    elif isinstance(function, type) and not issubclass(function, enum.Enum):
        update(f"class {function.__module__}:{function.__qualname__}".encode())
        for name, member in sorted(vars(function).items()):
            if isinstance(member, types.FunctionType):
                update(name.encode())
                _add(update, member, seen)
    elif isinstance(function, types.ModuleType):
        update(f"module {function.__name__} {getattr(function, '__version__', '')}".encode())
    else:
        _add_value(update, function)


def _add_code(update: Callable[[bytes], object], code: types.CodeType) -> None:
    update(code.co_code)
    update(repr((code.co_names, code.co_varnames, code.co_freevars, code.co_flags, code.co_argcount)).encode())
    docstring = code.co_consts[:1] if code.co_flags & _OPTIMIZED else ()
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType):
            _add_code(update, constant)
        elif index or not isinstance(docstring[0] if docstring else None, str):
            _add_value(update, constant)


_OPTIMIZED = 1
"""CO_OPTIMIZED: the code of a function, whose first constant is its docstring."""


def _add_value(update: Callable[[bytes], object], value: Any) -> None:
    try:
        update(digest(value))
    except (TypeError, ValueError):  # an object of no stable form: only its type counts
        update(f"{type(value).__module__}:{type(value).__qualname__}".encode())


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return None
