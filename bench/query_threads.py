"""The measured programs on jeton.query that are about two threads against one, for builds whose threads run at once.

Owns those. Hits: each thread has a session of its own, in which queries demand in loops what is there already, either
the same keys or each thread its own. Computing: one map of queries that each take a millisecond, with one job and two.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count, islice

from bench.query_costs import Cost, Figures, Program, cost_of, least

from jeton.query import Db, Engine, input, query  # noqa: A004  the package's own word

KEYS = 1000
LOOPS = 20
QUERIES = 15
REPEATS = 5
TASKS = 300
STEPS = 15_000


@query
def square(_db: Db, key: int) -> int:
    return key * key


@query
def loops(db: Db, first: int, number: int) -> int:
    for _ in range(LOOPS):
        for key in range(first, first + KEYS):
            square(db, key)
    return number


@input
def seed(key: int) -> int:
    return key


@query
def busy(db: Db, key: int) -> int:
    value = seed(db, key)
    for _ in range(STEPS):
        value = value * 75 % 65537
    return value


@query
def all_busy(db: Db, tasks: int) -> int:
    return sum(db.map(busy, range(tasks)))


@query
def small(db: Db, key: int) -> int:
    return seed(db, key) + 1


@query
def all_small(db: Db, first: int) -> int:
    for key in range(first, first + 5 * KEYS):
        small(db, key)
    return first


def hits() -> Figures:
    """Hits of one thread, of two with the same keys, and of two with keys of their own."""
    with Engine(jobs=2, environ={}) as engine:
        with engine.begin() as db:
            for first in (0, KEYS):
                for key in range(first, first + KEYS):
                    square(db, key)
        found: dict[str, list[Cost]] = {"one": [], "same": [], "disjoint": []}
        for _ in range(REPEATS):
            found["one"].append(_hit(engine, [0]))
            found["same"].append(_hit(engine, [0, 0]))
            found["disjoint"].append(_hit(engine, [0, KEYS]))
    return {f"hits_{name}": least(costs) for name, costs in found.items()}


_NUMBERS = count()


def _hit(engine: Engine, firsts: list[int]) -> Cost:
    """Return what one hit cost, of a thread for each first key."""

    def ask(db: Db, first: int) -> None:
        for number in islice(_NUMBERS, QUERIES):
            loops(db, first, number)

    return _at_once(engine, ask, firsts, QUERIES * LOOPS * KEYS)


def _at_once(engine: Engine, ask: Callable[[Db, int], object], firsts: list[int], operations: int) -> Cost:
    """Let one thread for each first key ask, all from the same moment; return what one of their operations cost."""
    start = threading.Barrier(len(firsts) + 1)

    def run(first: int) -> None:
        with engine.begin() as db:
            start.wait()
            ask(db, first)

    threads = [threading.Thread(target=run, args=(first,)) for first in firsts]
    for thread in threads:
        thread.start()

    def run_all() -> None:
        start.wait()
        for thread in threads:
            thread.join()

    return cost_of(run_all, len(firsts) * operations)


def misses() -> Figures:
    """Small queries that are computed for the first time, by one thread and by two, each with keys of its own."""
    found: dict[str, list[Cost]] = {"one": [], "disjoint": []}
    for _ in range(REPEATS):
        for name, firsts in (("one", [0]), ("disjoint", [0, 5 * KEYS])):
            with Engine(jobs=2, environ={}) as engine:
                found[name].append(_at_once(engine, all_small, firsts, 5 * KEYS))
    return {f"misses_{name}": least(costs) for name, costs in found.items()}


def computing() -> Figures:
    """A map from nothing, and again when every input has changed."""
    found: dict[str, list[Cost]] = {}
    for number in range(REPEATS):
        for jobs in (1, 2):
            with Engine(jobs=jobs, environ={}) as engine:
                with engine.begin() as db:
                    cold = cost_of(lambda db=db: all_busy(db, TASKS), TASKS)  # type: ignore[misc]
                engine.set_all([(seed.at(key), key + 1 + number) for key in range(TASKS)])
                with engine.begin() as db:
                    red = cost_of(lambda db=db: all_busy(db, TASKS), TASKS)  # type: ignore[misc]
            found.setdefault(f"cold_{jobs}", []).append(cold)
            found.setdefault(f"red_{jobs}", []).append(red)
    return {name: least(costs) for name, costs in found.items()}


PROGRAMS: dict[tuple[str, str], Program] = {
    ("threads", "hits"): hits,
    ("threads", "misses"): misses,
    ("threads", "computing"): computing,
}
"""By topic and name."""
