"""The words of jeton.query over query-cascade, so that one front end runs on both engines unchanged.

`stand_in` puts it in the place of `jeton.query` before the front end is imported. Needs the package query-cascade, and
Python 3.12 as that does. Options that query-cascade has nothing for (eq, lru, persist) are left out.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from typing import TYPE_CHECKING, Any

import cascade  # type: ignore[import-not-found, unused-ignore]  # a peer that may be missing
from bench.query_memo import Durability, Effect, Engine, Fallback, Unset, take_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Db", "Durability", "Effect", "Engine", "Fallback", "Unset", "input", "query", "stand_in"]

# As many results as there are, no trace, no rewriting of comprehensions: the setting that is fastest here.
ENGINE = cascade.Engine(max_entries=10_000_000, trace_limit=0, incremental=False)
# Its own digest knows no enums, and takes longer.
ENGINE._store._value_digest = lambda value: hashlib.blake2b(pickle.dumps(value)).hexdigest()  # noqa: SLF001


class Db:
    """What a query sees. query-cascade knows by itself who asks."""

    def __init__(self) -> None:
        self._accumulators: dict[str, Any] = {}

    def map(self, ask: Callable[..., Any], keys: Iterable[Any]) -> list[Any]:
        """Demand a query for each key."""
        return [ask(self, key) for key in keys]

    def emit(self, effect: Effect[Any], value: object) -> None:
        """Tell something."""
        accumulator = self._accumulators.get(effect.name)
        if accumulator is None:
            accumulator = self._accumulators[effect.name] = ENGINE.accumulator(effect.name)
        accumulator.push(value)

    def effects(self, effect: Effect[Any], ask: Callable[..., Any], *key: Any) -> list[Any]:
        """Return all that was told."""
        told: dict[str, list[Any]] = {}
        ask.handle(*key, effects=told)  # type: ignore[attr-defined]
        return told.get(effect.name, [])


DB = Db()


class Asked:
    """A query or an input: the engine's own handle, called with a db first."""

    def __init__(self, handle: Callable[..., Any]) -> None:
        self.handle = handle

    def __call__(self, _db: Db, *key: Any) -> Any:
        """Return the value."""
        return self.handle(*key)

    def set(self, value: object, *key: Any) -> None:
        """Give an input another value."""
        self.handle.set(*key, value=value)  # type: ignore[attr-defined]


def query(body: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    return (lambda given: _query(given, options)) if body is None else _query(body, options)


def input(body: Callable[..., Any] | None = None, /, **_options: Any) -> Any:  # noqa: A001  as the engine names it
    return (lambda given: Asked(ENGINE.input(given))) if body is None else Asked(ENGINE.input(body))


def _query(body: Callable[..., Any], options: dict[str, Any]) -> Asked:
    fallback: Fallback | None = options.get("on_cycle")

    def run(*key: Any) -> Any:
        return body(DB, *key)

    def run_or_fall_back(*key: Any) -> Any:
        assert fallback is not None
        try:
            return body(DB, *key)
        except cascade.CycleError:
            return fallback.make(*key)

    named = run if fallback is None else run_or_fall_back
    named.__name__, named.__qualname__, named.__module__ = body.__name__, body.__qualname__, body.__module__
    if options.get("lru") is not None:
        return Asked(run)  # it digests every value, and has no form for a syntax tree: such a one is its reader's
    return Asked(ENGINE.query(named))


def stand_in() -> None:
    """Take the place of jeton.query in this process, but for what lies in it: that is found where it is."""
    take_place(sys.modules[__name__])
