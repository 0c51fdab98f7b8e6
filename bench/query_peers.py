"""What remembers results otherwise: functools, joblib, diskcache and query-cascade, each as its manual has it used.

Owns one program for each topic and peer; the same topics for jeton are in query_calls.py and query_graphs.py. A peer
that is not installed raises ImportError when its program begins. The loop over the keys stands inside a remembered
function where the peer knows of such a thing, as a query's loop does, and in a plain one where not.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from random import Random
from sys import setrecursionlimit
from typing import Any

from bench.query_costs import Cost, Figures, Program, clocked, cost_of, each, least

KEYS = range(1000)
ROUNDS = 30
EDGES = (5, 5, 6)
WIDTH = 12_500
CHAIN = 100_000


def square(key: int) -> int:
    return key * key


def product(one: int, other: int) -> int:
    return one * other


# ---- each peer's way to remember a function


@contextmanager
def functools_cache() -> Iterator[Callable[[Any], Any]]:
    yield cache


@contextmanager
def functools_lru_cache() -> Iterator[Callable[[Any], Any]]:
    yield lru_cache(maxsize=10_000)


@contextmanager
def joblib_memory() -> Iterator[Callable[[Any], Any]]:
    from joblib import Memory  # type: ignore[import-untyped, import-not-found, unused-ignore]  # noqa: PLC0415  a peer

    with tempfile.TemporaryDirectory() as folder:
        yield Memory(folder, verbose=0).cache


@contextmanager
def diskcache_memoize() -> Iterator[Callable[[Any], Any]]:
    from diskcache import Cache  # type: ignore[import-untyped, import-not-found, unused-ignore]  # noqa: PLC0415  a peer

    with tempfile.TemporaryDirectory() as folder, Cache(folder) as kept:
        yield kept.memoize()


@contextmanager
def cascade_query() -> Iterator[Callable[[Any], Any]]:
    yield cascade_engine().query


def cascade_engine() -> Any:
    """Return an engine that keeps all and traces nothing, which is its fastest setting."""
    import cascade  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  a peer

    return cascade.Engine(max_entries=10_000_000, trace_limit=0)


# ---- hits and misses


def hits(remembering: Callable[[], Any], rounds: int, *, nests: bool) -> Figures:
    """A loop over keys whose results are there."""
    with remembering() as remembered:
        one, two = remembered(square), remembered(product)
        pairs = [(key, key + 1) for key in KEYS]
        found: list[tuple[str, Cost]] = []

        def loops(number: int) -> int:
            found.append(("one", clocked(lambda: _call_each(one, KEYS), len(KEYS))))
            found.append(("two", clocked(lambda: _call_each_pair(two, pairs), len(KEYS))))
            return number

        _call_each(one, KEYS)
        _call_each_pair(two, pairs)
        outer = remembered(loops) if nests else loops
        for number in range(rounds):
            outer(number)
        return {name: least(cost for label, cost in found if label == name) for name in ("one", "two")}


def _call_each(function: Callable[[int], int], keys: Iterable[int]) -> None:
    for key in keys:
        function(key)


def _call_each_pair(function: Callable[[int, int], int], pairs: Iterable[tuple[int, int]]) -> None:
    for one, other in pairs:
        function(one, other)


def misses(remembering: Callable[[], Any], count: int) -> Figures:
    """Keys that are asked for the first time: of a function that reads nothing, and of one that reads four others."""
    with remembering() as remembered:
        one = remembered(square)

        def of_four(key: int) -> int:
            return one(key) + one(key + 1) + one(key + 2) + one(key + 3)  # type: ignore[no-any-return]

        four = remembered(of_four)
        found = {"plain": each(one, range(count + 3))}
        return found | {"four": each(four, range(count))}


# ---- a graph, on the one peer that has one


def cascade_graph() -> Figures:
    """The graph of query_graphs.py."""
    engine = cascade_engine()
    picks = picked()

    @engine.input  # type: ignore[untyped-decorator, unused-ignore]
    def source(at: int) -> int:
        return at

    @engine.query  # type: ignore[untyped-decorator, unused-ignore]
    def cell(layer: int, at: int) -> int:
        total = 0
        for other in picks[layer][at]:
            total += source(other) if layer == 0 else cell(layer - 1, other)
        return total

    @engine.query  # type: ignore[untyped-decorator, unused-ignore]
    def everything() -> int:
        return sum(cell(2, at) for at in range(WIDTH))

    found = {"build": cost_of(everything, 4 * WIDTH), "again": cost_of(everything, 1)}
    found["set"] = cost_of(lambda: source.set(1, value=-1), 1)
    found["roots"] = cost_of(lambda: [cell(2, at) for at in range(WIDTH)], 1)
    found["top"] = cost_of(everything, 1)
    return found


def picked() -> list[list[list[int]]]:
    """Return, for each layer and place, which of the layer below it reads: 200,000 edges in all."""
    random = Random(1)
    return [[random.sample(range(WIDTH), edges) for _ in range(WIDTH)] for edges in EDGES]


# ---- depth


def cache_depth() -> Figures:
    """A chain as deep, with a recursion limit and a stack that were made for it; there is no change to follow."""

    @cache
    def link(depth: int) -> int:
        return 0 if depth == 0 else 1 + link(depth - 1)

    return on_a_deep_stack(lambda: {"cold": cost_of(lambda: link(CHAIN), CHAIN)})


def cascade_depth() -> Figures:
    """The same on query-cascade."""
    engine = cascade_engine()

    @engine.input  # type: ignore[untyped-decorator, unused-ignore]
    def bottom() -> int:
        return 0

    @engine.query  # type: ignore[untyped-decorator, unused-ignore]
    def link(depth: int) -> int:
        return bottom() if depth == 0 else 1 + link(depth - 1)  # type: ignore[no-any-return]

    def measure() -> Figures:
        found = {"cold": cost_of(lambda: link(CHAIN), CHAIN)}
        bottom.set(1)
        return found | {"changed": cost_of(lambda: link(CHAIN), CHAIN)}

    return on_a_deep_stack(measure)


def on_a_deep_stack(work: Callable[[], Figures]) -> Figures:
    """Call it where a recursion of ten frames a level finds room. Raises what it raises."""
    found: list[Figures | RecursionError] = []

    def run() -> None:
        try:
            found.append(work())
        except RecursionError as error:
            found.append(error)

    before = threading.stack_size(1 << 30)
    setrecursionlimit(20 * CHAIN)
    thread = threading.Thread(target=run)
    thread.start()
    threading.stack_size(before)
    thread.join()
    outcome = found[0]
    if isinstance(outcome, RecursionError):
        raise outcome
    return outcome


_REMEMBERING: dict[str, tuple[Callable[[], Any], bool, int, int]] = {
    "functools.cache": (functools_cache, False, ROUNDS, 20_000),
    "functools.lru_cache": (functools_lru_cache, False, ROUNDS, 20_000),
    "diskcache": (diskcache_memoize, False, 3, 500),
    "joblib": (joblib_memory, False, 2, 200),
    "query-cascade": (cascade_query, True, 5, 5000),
}
"""By the peer's name: how it remembers, whether its functions ask for one another, how many rounds and misses do."""

PROGRAMS: dict[tuple[str, str], Program] = {
    **{
        ("hits", name): partial(hits, way, rounds, nests=nests)
        for name, (way, nests, rounds, _) in _REMEMBERING.items()
    },
    **{("misses", name): partial(misses, way, count) for name, (way, _, _, count) in _REMEMBERING.items()},
    ("graph", "query-cascade"): cascade_graph,
    ("depth", "functools.cache"): cache_depth,
    ("depth", "query-cascade"): cascade_depth,
}
"""By topic and name."""
