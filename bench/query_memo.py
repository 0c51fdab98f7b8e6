"""What jeton.query is when it keeps nothing: the same words, and a dictionary for each query.

A front end that is written for the engine runs on it unchanged: put this module in the place of `jeton.query` before
the front end is imported, as `stand_in` does. What the engine costs is the difference, and nothing else is different.
Knows no threads, no revisions and no store.
"""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Durability(Enum):
    """How often an input changes; of no meaning here."""

    LOW = 0
    HIGH = 1


class Unset(Exception):  # noqa: N818  the engine's own name for it
    """An input without a value was asked for."""


class Fallback:
    """What a query that asks for itself is given."""

    def __init__(self, value: Callable[..., Any]) -> None:
        self.value = value


class Effect:
    """A kind of emitted values."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __class_getitem__(cls, _item: object) -> type[Effect]:
        return cls


class Db:
    """What a query sees."""

    def __init__(self) -> None:
        self.emitted: dict[Effect, list[Any]] = {}

    def map(self, ask: Callable[..., Any], keys: Iterable[Any]) -> list[Any]:
        return [ask(self, key) for key in keys]

    def emit(self, effect: Effect, value: object) -> None:
        self.emitted.setdefault(effect, []).append(value)

    def effects(self, effect: Effect, ask: Callable[..., Any], *key: Any) -> list[Any]:
        ask(self, *key)
        return self.emitted.get(effect, [])


_MISSING = object()
_RUNNING = object()


class Query:
    """A function and what it gave."""

    def __init__(self, body: Callable[..., Any], options: dict[str, Any], is_input: bool) -> None:
        self.__name__ = body.__name__
        self.__doc__ = body.__doc__
        self._body = body
        self._is_input = is_input
        self._fallback: Callable[..., Any] | None = getattr(options.get("on_cycle"), "value", None)
        self._most: int | None = options.get("lru")
        self.memo: dict[Any, Any] = {}

    def __call__(self, db: Db, *key: Any) -> Any:
        found = self.memo.get(key, _MISSING)
        if found is not _MISSING and found is not _RUNNING:
            return found
        if found is _RUNNING:
            if self._fallback is None:
                raise RecursionError(f"{self.__name__}{key}: asks for itself")
            return self._fallback(*key)
        self.memo[key] = _RUNNING
        value = self._body(*key) if self._is_input else self._body(db, *key)
        self.memo[key] = value
        if self._most is not None and len(self.memo) > self._most:
            self._forget_one()
        return value

    def _forget_one(self) -> None:
        for key, value in self.memo.items():
            if value is not _RUNNING:
                del self.memo[key]
                return

    def set(self, value: Any, *key: Any) -> None:
        self.memo[key] = value

    def forget(self) -> None:
        self.memo.clear()


def _make(is_input: bool, body: Callable[..., Any] | None, options: dict[str, Any]) -> Any:
    if body is not None:
        return Query(body, options, is_input)
    return lambda given: Query(given, options, is_input)


def query(body: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    return _make(False, body, options)


def input(body: Callable[..., Any] | None = None, /, **options: Any) -> Any:  # noqa: A001
    return _make(True, body, options)


def stand_in() -> None:
    """Take the place of jeton.query in this process."""
    sys.modules["jeton.query"] = sys.modules[__name__]
