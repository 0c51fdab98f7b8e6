"""The measured programs on jeton.query that are about one call: hits, misses, verification, maps and effects.

Owns those. Each has an engine of its own with one job, where nothing is said of more, so that all is done on the
thread that asks.
"""

from __future__ import annotations

from bench.query_costs import Cost, Figures, Program, clocked, cost_of, least
from bench.query_peers import KEYS, ROUNDS

from jeton.query import Db, Effect, Engine, input, query  # noqa: A004  the package's own word

PAIRS = [(key, key + 1) for key in KEYS]
NODES = 20_000
MAPPED = 10_000


@input
def tick() -> int:
    return 0


@input
def ticks(key: int) -> int:
    return 0 * key


@query
def square(_db: Db, key: int) -> int:
    return key * key


@query
def product(_db: Db, one: int, other: int) -> int:
    return one * other


# ---- hits


_TAKEN: list[tuple[str, Cost]] = []


def _call_each(db: Db) -> None:
    for key in KEYS:
        square(db, key)


def _call_each_pair(db: Db) -> None:
    for one, other in PAIRS:
        product(db, one, other)


@query
def loops(db: Db, number: int) -> int:
    _TAKEN.append(("one", clocked(lambda: _call_each(db), len(KEYS))))
    _TAKEN.append(("two", clocked(lambda: _call_each_pair(db), len(KEYS))))
    return number


@query
def reads_all(db: Db, number: int) -> int:
    for key in KEYS:
        square(db, key)
    return number


def hits() -> Figures:
    """A loop in a query's body over keys whose results are there; and what it costs when the query has ended."""
    with Engine(jobs=1) as engine, engine.begin() as db:
        _call_each(db)
        _call_each_pair(db)
        ends, roots = [], []
        for number in range(ROUNDS):
            loops(db, number)
        for number in range(ROUNDS):
            ends.append(clocked(lambda number=number: reads_all(db, number), len(KEYS)))  # type: ignore[misc]
            roots.append(clocked(lambda: _call_each(db), len(KEYS)))
    found = {name: least(cost for label, cost in _TAKEN if label == name) for name in ("one", "two")}
    return found | {"whole": least(ends), "root": least(roots)}


# ---- misses


@query
def of_four(db: Db, key: int) -> int:
    return square(db, key) + square(db, key + 1) + square(db, key + 2) + square(db, key + 3)


@query
def all_squares(db: Db, count: int) -> int:
    for key in range(count):
        square(db, key)
    return count


@query
def all_of_four(db: Db, count: int) -> int:
    for key in range(count):
        of_four(db, key)
    return count


def misses() -> Figures:
    """Keys that are asked for the first time, in a loop of a query's: of one that reads nothing, and of one of four."""
    with Engine(jobs=1) as engine, engine.begin() as db:
        plain = cost_of(lambda: all_squares(db, NODES + 3), NODES + 3)
        four = cost_of(lambda: all_of_four(db, NODES), NODES)
        root = cost_of(lambda: [square(db, -1 - key) for key in range(NODES)], NODES)
    return {"plain": plain, "four": four, "root": root}


# ---- after a change


@query
def halved(db: Db) -> int:
    return tick(db) // 1_000_000


@query
def leaf(db: Db, key: int) -> int:
    return halved(db) + key


@query
def all_leaves(db: Db, count: int) -> int:
    for key in range(count):
        leaf(db, key)
    return count


@query
def joint(db: Db, key: int) -> int:
    return leaf(db, key) + leaf(db, key + 1) + leaf(db, key + 2) + leaf(db, key + 3)


@query
def all_joints(db: Db, count: int) -> int:
    for key in range(count):
        joint(db, key)
    return count


@query
def halved_each(db: Db, key: int) -> int:
    return ticks(db, key) // 1_000_000


@query
def above_each(db: Db, key: int) -> int:
    return halved_each(db, key)


@query
def all_above(db: Db, count: int) -> int:
    for key in range(count):
        above_each(db, key)
    return count


def changes() -> Figures:
    """What becomes of results when an input changes: marked, verified, and run again where that has to be."""
    marks, ones, fours, sets, cutoffs, reds = [], [], [], [], [], []
    with Engine(jobs=1) as engine:
        with engine.begin() as db:
            all_leaves(db, NODES)
        for number in range(1, 4):
            marks.append(cost_of(lambda number=number: engine.set(tick.at(), number), NODES))  # type: ignore[misc]
            with engine.begin() as db:
                ones.append(cost_of(lambda db=db: all_leaves(db, NODES), NODES))  # type: ignore[misc]
        reds.append(_red(engine))
    with Engine(jobs=1) as engine:
        with engine.begin() as db:
            all_joints(db, NODES)
        for number in range(1, 4):
            engine.set(tick.at(), number)
            with engine.begin() as db:
                leaf(db, 0)  # so that what follows is of the joints alone
                all_leaves(db, NODES + 3)
                fours.append(cost_of(lambda db=db: all_joints(db, NODES), NODES))  # type: ignore[misc]
    with Engine(jobs=1) as engine:
        with engine.begin() as db:
            all_above(db, NODES)
        for number in range(1, 4):
            news = [(ticks.at(key), number) for key in range(NODES)]
            sets.append(cost_of(lambda news=news: engine.set_all(news), NODES))  # type: ignore[misc]
            with engine.begin() as db:
                cutoffs.append(cost_of(lambda db=db: all_above(db, NODES), NODES))  # type: ignore[misc]
    return {
        "marked": least(marks),
        "verified": least(ones),
        "verified_four": least(fours),
        "set": least(sets),
        "cutoff": least(cutoffs),
        "red": least(reds),
    }


def _red(engine: Engine) -> Cost:
    engine.set(tick.at(), 2_000_000)
    with engine.begin() as db:
        return cost_of(lambda: all_leaves(db, NODES), NODES)


# ---- maps and effects

said = Effect[int]("said")


@query
def mapped(db: Db, count: int) -> int:
    return len(db.map(square, range(count)))


@query
def telling(db: Db, key: int) -> int:
    db.emit(said, key)
    return key


@query
def all_telling(db: Db, count: int) -> int:
    for key in range(count):
        telling(db, key)
    return count


@query
def none_telling(db: Db, count: int) -> int:
    telling(db, -1)
    for key in range(count):
        square(db, key)
    return count


def maps() -> Figures:
    """Many trivial keys at once, beside a loop over them; and effects."""
    found: Figures = {}
    for name, jobs in (("one_job", 1), ("two_jobs", 2)):
        with Engine(jobs=jobs, environ={}) as engine, engine.begin() as db:
            square(db, -1)
            found[name] = cost_of(lambda db=db: mapped(db, MAPPED), MAPPED)  # type: ignore[misc]
            found[f"{name}_hits"] = cost_of(lambda db=db: db.map(square, range(MAPPED)), MAPPED)  # type: ignore[misc]
    with Engine(jobs=1) as engine, engine.begin() as db:
        found["loop"] = cost_of(lambda: all_squares(db, MAPPED), MAPPED)
        found["emit"] = cost_of(lambda: all_telling(db, MAPPED), MAPPED)
        found["collect"] = least(cost_of(lambda: db.effects(said, all_telling, MAPPED), MAPPED) for _ in range(5))
        none_telling(db, MAPPED)
        found["quiet"] = least(cost_of(lambda: db.effects(said, none_telling, MAPPED), MAPPED) for _ in range(5))
    return found


PROGRAMS: dict[tuple[str, str], Program] = {
    ("hits", "jeton"): hits,
    ("misses", "jeton"): misses,
    ("changes", "jeton"): changes,
    ("maps", "jeton"): maps,
}
"""By topic and name."""
