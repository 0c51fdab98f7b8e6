"""The version of a query's code. Owns what counts as the same function; knows nothing of engines.

Counted are the bytecode, the constants and names that it uses, its defaults, what it closes over, and the helpers and
constants that the query says it uses. Not counted are line numbers and what a docstring says, so that moving a
function, or another one above it, changes nothing (joblib/joblib#680).
"""

import enum
import functools
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


_HAS_DOCSTRING = 0x4000000


def _add(update: Callable[[bytes], object], part: Any, seen: set[int]) -> None:
    """Add a function, a class with what it defines, or a plain value."""
    part = getattr(getattr(part, "query", None), "function", part)  # another query counts by its function
    if id(part) in seen:
        return
    seen.add(id(part))
    wrapped = getattr(part, "__wrapped__", None)
    if wrapped is not None:  # below functools.lru_cache, say; the wrapper may have code of its own
        _add(update, wrapped, seen)
    if isinstance(part, types.FunctionType):
        _add_function(update, part, seen)
    elif isinstance(part, functools.partial):
        for piece in (part.func, *part.args, *part.keywords.items()):
            _add(update, piece, seen)
    elif isinstance(part, (staticmethod, classmethod)):
        _add(update, part.__func__, seen)
    elif isinstance(part, property):
        for accessor in (part.fget, part.fset, part.fdel):
            _add(update, accessor, seen)
    elif isinstance(part, enum.EnumMeta):
        members: dict[str, Any] = dict(part.__members__)
        for name, member in members.items():
            _add_value(update, (name, member.value))
    elif isinstance(part, type):
        _add_class(update, part, seen)
    elif isinstance(part, types.ModuleType):
        update(f"module {part.__name__} {getattr(part, '__version__', '')}".encode())
    else:
        _add_value(update, part)


def _add_function(update: Callable[[bytes], object], function: types.FunctionType, seen: set[int]) -> None:
    update(b"function")
    _add_code(update, function.__code__, function.__doc__)
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        _add(update, value, seen)
    for cell in function.__closure__ or ():
        _add(update, _contents(cell), seen)


def _add_class(update: Callable[[bytes], object], part: type, seen: set[int]) -> None:
    update(f"class {part.__module__}:{part.__qualname__}".encode())
    for base in part.__bases__:
        if base.__module__ not in ("builtins", "typing", "abc"):
            _add(update, base, seen)
    for name, member in sorted(vars(part).items()):
        if not name.startswith("__") or isinstance(member, types.FunctionType):
            update(name.encode())
            _add(update, member, seen)


def _add_code(update: Callable[[bytes], object], code: types.CodeType, docstring: str | None = None) -> None:
    update(code.co_code)
    flags = code.co_flags & ~_HAS_DOCSTRING
    update(repr((code.co_names, code.co_varnames, code.co_freevars, flags, code.co_argcount)).encode())
    says_its_line = "__firstlineno__" in code.co_names  # the body of a class, from Python 3.13 on
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType):
            _add_code(update, constant)
        elif says_its_line and constant == code.co_firstlineno:
            continue
        elif index or docstring is None or constant != docstring:
            _add_value(update, constant)


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
