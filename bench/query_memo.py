"""What jeton.query is when it keeps nothing: the same words, and a dictionary for each query.

A front end that is written for the engine runs on it unchanged: `stand_in` puts it in the place of `jeton.query` before
the front end is imported. What the engine costs is the difference, and nothing else is different. Knows no threads, no
revisions and no store.
"""

from __future__ import annotations

import sys
from enum import Enum
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class Durability(Enum):
    """How often an input changes. Nothing ever changes here."""

    LOW = "low"
    HIGH = "high"


class Unset(Exception):  # noqa: N818  the engine's own name for it
    """An input without a value was asked for."""


class Fallback:
    """What a query gives that asks for itself."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


class Effect(Generic[T]):
    """A kind of thing that queries tell."""

    def __init__(self, name: str) -> None:
        self.name = name


class Db:
    """What a query sees. All that is told goes into one list for each effect."""

    def __init__(self) -> None:
        self._told: dict[str, list[Any]] = {}

    def map(self, ask: Callable[..., Any], keys: Iterable[Any]) -> list[Any]:
        """Demand a query for each key."""
        return [ask(self, key) for key in keys]

    def emit(self, effect: Effect[Any], value: object) -> None:
        """Tell something."""
        self._told.setdefault(effect.name, []).append(value)

    def effects(self, effect: Effect[Any], ask: Callable[..., Any], *key: Any) -> list[Any]:
        """Return all that was told."""
        ask(self, *key)
        return self._told.get(effect.name, [])


class Engine:
    """Here for the name: a front end that is imported wants one."""


_ABSENT = object()
_RUNNING = object()


class Memo:
    """A function and what it gave for each key."""

    def __init__(self, body: Callable[..., Any], options: dict[str, Any], *, is_input: bool) -> None:
        self.body = body
        self.is_input = is_input
        self.fallback: Fallback | None = options.get("on_cycle")
        self.most: int | None = options.get("lru")
        self.values: dict[Any, Any] = {}

    def __call__(self, db: Db, *key: Any) -> Any:
        """Return the value, computed if it is not there."""
        found = self.values.get(key, _ABSENT)
        if found is _ABSENT:
            return self._compute(db, key)
        if found is not _RUNNING:
            return found
        if self.fallback is None:
            raise RecursionError(f"{self.body.__name__}{key}: asks for itself")
        return self.fallback.make(*key)

    def _compute(self, db: Db, key: tuple[Any, ...]) -> Any:
        self.values[key] = _RUNNING
        value = self.values[key] = self.body(*key) if self.is_input else self.body(db, *key)
        if self.most is not None and len(self.values) > self.most:
            del self.values[next(key for key, value in self.values.items() if value is not _RUNNING)]
        return value

    def set(self, value: object, *key: Any) -> None:
        """Give an input its value, before anybody has asked for it."""
        self.values[key] = value


def query(body: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    return (lambda given: Memo(given, options, is_input=False)) if body is None else Memo(body, options, is_input=False)


def input(body: Callable[..., Any] | None = None, /, **options: Any) -> Any:  # noqa: A001  as the engine names it
    return (lambda given: Memo(given, options, is_input=True)) if body is None else Memo(body, options, is_input=True)


def stand_in() -> None:
    """Take the place of jeton.query in this process, but for what lies in it: that is found where it is."""
    take_place(sys.modules[__name__])


def take_place(module: ModuleType) -> None:
    """Put a module in the place of jeton.query."""
    spec = find_spec("jeton.query")
    assert spec is not None
    module.__path__ = spec.submodule_search_locations or []
    sys.modules["jeton.query"] = module
