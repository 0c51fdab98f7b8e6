"""What makes two values the same: 16 bytes that stand for a value, and the comparison that agrees with them.

Knows nothing of who asks, nor of files. A value is written down in one canonical way and the bytes are hashed:

- trees of exact builtin types as `marshal` writes them in format 2, the last one in which nothing depends on what is
  shared or interned; with two exceptions, both for the order of a set, which depends on the process: its elements
  are sorted by their own bytes, and whoever holds one is walked here and not by marshal;
- dataclasses, named tuples, enum members and paths as the name of their type and a tuple of their parts;
- anything else as its pickle, where `same` asks its own `==`. A pickle tells more apart than it has to: equal objects
  may have two (it sees what is shared, and the order of sets), and then something is computed once more.

Every kind begins with a byte of its own and says where it ends, so that no two values have the same bytes. Nothing
recurses in Python but sets in sets; what is too deep for those or for pickle, or holds itself, has no fingerprint.
"""

import dataclasses
import enum
import pathlib
import pickle
from collections.abc import Callable
from hashlib import blake2b
from itertools import chain
from marshal import dumps
from operator import attrgetter
from struct import Struct
from types import BuiltinFunctionType, NoneType
from typing import Any, Final

SIZE = 16
"""Bytes of a fingerprint."""

_Parts = Callable[[Any], tuple[Any, ...]]
_Plan = tuple[bytes, _Parts]

_FORMAT: Final = 2
_LEAVES: Final = frozenset({NoneType, bool, int, float, complex, str, bytes})
_TREES: Final = _LEAVES | {tuple, list, dict}
_BY_EQUALITY: Final = frozenset({NoneType, bool, int, str, bytes})
"""Two of one of these types are the same exactly if they are equal: floats are not (0.0 and -0.0, nan)."""
_KINDLESS: Final = frozenset({NoneType, str, bytes})
"""Of these types, no two are equal to each other across types: a set of them can be compared as it is."""
_DEEPEST_PLAIN = 64
"""Levels that are looked at before the walk that notices a value that holds itself."""
_PAIRS_TAKEN_FOR_FINITE = 1000
_FLOAT = Struct("<d")
_LENGTH = Struct("<I")
_LONG_LENGTH = Struct("<Q")

# The first byte of what marshal cannot write. Its own are letters, digits and signs of ASCII.
_DATACLASS, _ENUM, _NAMED_TUPLE, _PATH, _PICKLE = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
_SET_OF_STR, _FROZENSET_OF_STR = b"\x06", b"\x07"


class _Opaque(enum.Enum):
    """In the place of a plan."""

    OPAQUE = enum.auto()
    """A value of this type is known by its pickle and its own `==` only."""


# How to take a type's values apart. Filled as types are met and never emptied; two threads that meet a type together
# write the same.
_PLANS: dict[type, _Plan | _Opaque] = {}


def digest(value: object) -> bytes:
    """Return the 16 bytes that stand for `value`, the same in every process.

    1, True and 1.0 differ, as do 0.0 and -0.0, tuples and lists, and two orders of one dict. Raises ValueError where
    the value cannot be pickled, holds itself or is nested too deeply.
    """
    kind = type(value)
    if kind in _LEAVES or ((kind is tuple or kind is list) and _LEAVES.issuperset(map(type, value))):  # type: ignore[call-overload]
        return blake2b(_marshalled(value), digest_size=SIZE).digest()
    return blake2b(canonical(value), digest_size=SIZE).digest()


def plain_digest(value: object) -> bytes | None:
    """Return the same as `digest` where that is cheap: None for a value that would have to be pickled, or has none."""
    try:
        if type(value) in _LEAVES or _is_tree(value):
            return digest(value)
        return blake2b(_walked(value, _not_pickled), digest_size=SIZE).digest()
    except (ValueError, RecursionError):
        return None


def same(left: object, right: object) -> bool:
    """Tell whether two values are the same to whoever looks at them: types and the order of dicts count.

    For all that is written down canonically this is `digest(left) == digest(right)`, at less cost. Objects of other
    types are the same if their types are and `==` returns True itself: what raises or returns an array is not.
    """
    if left is right:
        return True
    kind = type(left)
    if kind is not type(right):
        return False
    if kind in _BY_EQUALITY:
        return left == right
    return _same_inside(left, right)


def _same_inside(left: Any, right: Any) -> bool:
    """Compare two different objects of one type, without recursion."""
    lefts, rights = [left], [right]
    compared = 0
    assumed: dict[tuple[int, int], tuple[Any, Any]] = {}
    # Pairs that are the same unless another pair differs, held so that their identities stay theirs.
    while lefts:
        a, b = lefts.pop(), rights.pop()
        if a is b:
            continue
        kind = type(a)
        if kind is not type(b):
            return False
        if kind in _BY_EQUALITY:
            if a != b:
                return False
            continue
        if kind is float:
            if _FLOAT.pack(a) != _FLOAT.pack(b):
                return False
            continue
        if kind is tuple or kind is list:
            kinds = [*map(type, a)]
            if kinds != [*map(type, b)]:
                return False
            if _BY_EQUALITY.issuperset(kinds):
                if a != b:
                    return False
                continue
        compared += 1
        if compared > _PAIRS_TAKEN_FOR_FINITE:
            if (id(a), id(b)) in assumed:
                continue
            assumed[id(a), id(b)] = (a, b)
        if kind is dict:
            a, b = [*chain.from_iterable(a.items())], [*chain.from_iterable(b.items())]
        elif kind is set or kind is frozenset:
            if not _same_sets(a, b):
                return False
            continue
        elif kind is complex:
            a, b = (a.real, a.imag), (b.real, b.imag)
        elif kind is not tuple and kind is not list:
            first, second = _parts(a, kind), _parts(b, kind)
            if first is None or second is None:
                if not _equal(a, b):
                    return False
                continue
            a, b = first[1], second[1]
        if len(a) != len(b):
            return False
        lefts += a
        rights += b
    return True


def _same_sets(left: Any, right: Any) -> bool:
    if len(left) != len(right):
        return False
    if _KINDLESS.issuperset(map(type, left)) and _KINDLESS.issuperset(map(type, right)):
        return bool(left == right)
    try:
        return canonical(left) == canonical(right)
    except ValueError:
        return False


def _equal(left: Any, right: Any) -> bool:
    try:
        return (left == right) is True
    except Exception:  # noqa: BLE001  whatever their `==` is like, it does not say that they are equal
        return False


def canonical(value: Any) -> bytes:
    """Return the bytes that `digest` hashes. Raises ValueError as it does."""
    if _is_tree(value):
        try:
            return dumps(value, _FORMAT)
        except ValueError:  # too deep for marshal's stack, and not for the walk, which writes the same bytes
            pass
    try:
        return _walked(value)
    except RecursionError:
        raise ValueError(_refusal(value, "it is nested too deeply")) from None


def _marshalled(leaf: Any) -> bytes:
    try:
        return dumps(leaf, _FORMAT)
    except ValueError:
        raise ValueError(_refusal(leaf, "it is longer than 2 GiB")) from None


def _is_tree(value: object) -> bool:
    """Tell whether marshal may write it all: what it would take for bytes (any buffer) and sets are not there.

    Goes level by level, because `map` and `set` look at a level faster than a loop at its nodes.
    """
    level: list[Any] = [value]
    for _ in range(_DEEPEST_PLAIN):
        kinds = set(map(type, level))
        if kinds <= _LEAVES:
            return True
        if not kinds <= _TREES:
            return False
        if kinds & _LEAVES:
            level = [each for each in level if type(each) not in _LEAVES]
        # By identity, for a value that holds itself twice would double with every level.
        inner = dict(zip(map(id, level), level, strict=True)).values()
        level = list(chain.from_iterable(inner))
        if dict in kinds:
            level += chain.from_iterable(each.values() for each in inner if type(each) is dict)
    return False


class _End:
    """Stands on the stack behind the children of a container; holds it, so that its identity stays its own."""

    __slots__ = ("of", "tail")

    def __init__(self, of: object, tail: bytes) -> None:
        self.of = of
        self.tail = tail


def _walked(root: object, opaque: Callable[[object], bytes] | None = None) -> bytes:
    out: list[bytes] = []
    todo: list[Any] = [root]
    inside: set[int] = set()  # Invariant: the identities of the containers whose _End is in `todo`.
    while todo:
        value = todo.pop()
        kind = type(value)
        if kind is _End:
            inside.discard(id(value.of))
            out.append(value.tail)
        elif kind in _LEAVES:
            out.append(_marshalled(value))
        elif kind is tuple or kind is list:
            if _LEAVES.issuperset(map(type, value)):
                out.append(_marshalled(value))
                continue
            out.append((b"(" if kind is tuple else b"[") + _LENGTH.pack(len(value)))
            _enter(value, b"", inside, todo)
            todo += reversed(value)
        elif kind is dict:
            out.append(b"{")
            _enter(value, b"0", inside, todo)
            todo += reversed([*chain.from_iterable(value.items())])
        elif kind is set or kind is frozenset:
            out += _written_set(value, kind)
        else:
            parts = _parts(value, kind)
            if parts is None:
                out.append((opaque or _pickled)(value))
                continue
            out.append(parts[0])
            _enter(value, b"", inside, todo)
            todo.append(parts[1])
    return b"".join(out)


def _written_set(value: Any, kind: type) -> list[bytes]:
    kinds = set(map(type, value))
    if kinds == {str}:  # in one go; with a beginning of its own, because the elements are in another order
        return [_SET_OF_STR if kind is set else _FROZENSET_OF_STR, _marshalled(sorted(value))]
    elements = sorted(map(_marshalled if kinds <= _LEAVES else canonical, value))
    return [b"<" if kind is set else b">", _LENGTH.pack(len(value)), *elements]


def _enter(container: object, tail: bytes, inside: set[int], todo: list[Any]) -> None:
    if id(container) in inside:
        raise ValueError(_refusal(container, "it holds itself"))
    inside.add(id(container))
    todo.append(_End(container, tail))


def _pickled(value: object) -> bytes:
    try:
        data = pickle.dumps(value, 5)
    except RecursionError:
        raise ValueError(_refusal(value, "it is nested too deeply to be pickled")) from None
    except Exception as error:
        why = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(_refusal(value, f"it cannot be pickled ({why})")) from error
    return _PICKLE + _LONG_LENGTH.pack(len(data)) + data


def _not_pickled(value: object) -> bytes:
    raise ValueError(_refusal(value, "it would have to be pickled"))


def _refusal(value: object, why: str) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}: cannot be fingerprinted, {why}"


# Types that are taken apart.


def _parts(value: object, kind: type) -> tuple[bytes, tuple[Any, ...]] | None:
    """Return the name of the type, written down, and the parts; or None for what is only known by its pickle."""
    plan = _PLANS.get(kind)
    if plan is None:
        plan = _PLANS[kind] = _plan_of(kind) or _Opaque.OPAQUE
    if not isinstance(plan, tuple):
        return None
    try:
        return plan[0], plan[1](value)
    except AttributeError:  # a field that was never set, or was deleted
        return None


def _plan_of(kind: type) -> _Plan | None:
    if issubclass(kind, enum.Enum):
        return _named(_ENUM, kind), lambda member: (member._name_, member._value_)
    if issubclass(kind, pathlib.PurePath):
        return (_named(_PATH, kind), lambda path: (str(path),)) if kind.__module__.startswith("pathlib") else None
    if issubclass(kind, tuple):
        # With a dict of its own it may hold more than its items.
        if hasattr(kind, "_fields") and not kind.__dictoffset__ and hasattr(kind, "_make"):
            return _named(_NAMED_TUPLE, kind), tuple
        return None
    if dataclasses.is_dataclass(kind) and all(map(_holds_nothing, kind.__mro__)):
        return _named(_DATACLASS, kind), _fields_getter([field.name for field in dataclasses.fields(kind)])
    return None


def _holds_nothing(base: type) -> bool:
    """Tell whether what a base keeps is in attributes: a dataclass that is a dict too is more than its fields."""
    return base is object or not isinstance(vars(base).get("__new__"), BuiltinFunctionType)


def _fields_getter(names: list[str]) -> _Parts:
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _value: ()
    (name,) = names
    return lambda value: (getattr(value, name),)


def _named(code: bytes, kind: type) -> bytes:
    return code + dumps(f"{kind.__module__}:{kind.__qualname__}", _FORMAT)
