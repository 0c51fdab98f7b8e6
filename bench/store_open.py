"""Measures what it costs to open kept facts and to look some of them up, beside sqlite3 and pickle, in one run.

    python bench/store_open.py                       1,000 to 1,000,000 facts with four edges each
    python bench/store_open.py --facts 100000        this many; may be given again
    python bench/store_open.py --markdown FILE       the tables into a file as well

The store keeps each fact's readers too, which neither peer does here: sqlite3 has one table with the key as its primary
key, pickle one dict of all facts. What counts is this process's CPU time, the least of several repeats, on files that
the machine has in memory. It is no test: nothing here decides the exit status.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import platform
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from jeton.store.fact import Fact
from jeton.store.facts import FactStore
from jeton.store.fingerprint import digest, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

EDGES = 4
INPUTS = 1800
LOOKED_UP = 2000
SALT = "bench 1"


@dataclass(frozen=True)
class Costs:
    """Of one way to keep facts: seconds, but for the size in bytes."""

    save: float
    size: int
    open: float
    hit: float
    miss: float
    fact: float
    change: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="store_open.py", description="Measure jeton's store against its peers.")
    parser.add_argument("--facts", type=int, action="append", metavar="N", help="how many facts; may be given again")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into a file as well")
    options = parser.parse_args(arguments)
    lines: list[str] = []

    def say(*more: str) -> None:
        print("\n".join(more), flush=True)
        lines.extend(more)

    say(f"CPython {platform.python_version()}, {os.cpu_count()} cores, sqlite {sqlite3.sqlite_version}", "")
    say(*_fingerprints())
    for count in options.facts or (1000, 10_000, 100_000, 1_000_000):
        with tempfile.TemporaryDirectory(prefix="jeton-store-") as folder:
            say("", *_table(count, Path(folder)))
    if options.markdown:
        options.markdown.write_text("\n".join([*lines, ""]))
    return 0


def _table(count: int, folder: Path) -> list[str]:
    random = Random(1)
    facts = [_fact(number, random) for number in range(count)]
    keys = [random.choice(facts).key for _ in range(LOOKED_UP)]
    gc.freeze()  # the facts are not the store's, and a collection would go through them
    costs = {
        "jeton": _jeton(facts, keys, folder),
        "sqlite3": _sqlite(facts, keys, folder),
        "pickle": _pickle(facts, keys, folder),
    }
    lines = [
        f"{count:,} facts, {EDGES * count:,} edges:",
        "",
        "| | opened | key found | key missed | fact read | 100 changed | all saved | size |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {_time(cost.open)} | {_time(cost.hit)} | {_time(cost.miss)} | {_time(cost.fact)} | "
        f"{_time(cost.change)} | {_time(cost.save)} | {cost.size / 1e6:.1f} MB |"
        for name, cost in costs.items()
    ]
    store = _opened(folder)
    some = range(0, count, max(count // LOOKED_UP, 1))
    inputs = _least(lambda: list(store.with_flag(1)))
    lines += [
        "",
        (
            f"jeton besides: the {min(INPUTS, count):,} inputs listed in {_time(inputs)}; readers of a fact in "
            f"{_time(_each(store.readers, some))}; pruned in {_time(_cost(lambda: store.prune(1)))}"
        ),
    ]
    return lines


def _fact(number: int, random: Random) -> Fact:
    name = f"package/module_{number}.py:name_{number}".encode()
    reads = tuple(random.randrange(number) for _ in range(EDGES)) if number >= INPUTS else ()
    return Fact(
        blake2b(name, digest_size=16).digest(),
        number % 5,
        name,
        flags=int(number < INPUTS),
        verified_at=1,
        asked_at=int(number % 50 == 0),
        value=name * (number % 3),
        extra=b"x" * 24 if number < INPUTS else b"",
        reads=reads,
    )


def _jeton(facts: list[Fact], keys: list[bytes], folder: Path) -> Costs:
    changes = [(None, fact) for fact in facts]
    store = _opened(folder)
    save = _cost(lambda: store.save(changes, b"", ["a", "b", "c", "d", "e"]))
    size = store.path.stat().st_size
    numbers = [store.find(key) or 0 for key in keys]
    changed = [(number, facts[number]._replace(verified_at=2)) for number in set(numbers[:100])]
    return Costs(
        save,
        size,
        _least(lambda: _opened(folder), 50),
        _each(store.find, keys),
        _each(store.find, [key[::-1] for key in keys]),
        _each(store.fact, numbers),
        _least(lambda: store.save(changed, b"", store.kinds)),
    )


def _opened(folder: Path) -> FactStore:
    return FactStore.open(folder / "jeton", salt=SALT, warn=print)


def _sqlite(facts: list[Fact], keys: list[bytes], folder: Path) -> Costs:
    path = folder / "sqlite"

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("SELECT 1 FROM facts LIMIT 1").fetchone()
        return connection

    rows = [(*fact[:9], fact.extra, b"".join(each.to_bytes(4, "little") for each in fact.reads)) for fact in facts]
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE facts (key BLOB PRIMARY KEY, kind, name, flags, fingerprint, changed_at, verified_at,"
            " asked_at, value, extra, reads) WITHOUT ROWID"
        )

    def put(some: Iterable[tuple[Any, ...]]) -> None:
        with connection:
            connection.executemany(f"INSERT OR REPLACE INTO facts VALUES ({', '.join('?' * 11)})", some)

    connection = opened()
    save = _cost(lambda: put(rows))

    def find(key: bytes) -> object:
        return connection.execute("SELECT 1 FROM facts WHERE key = ?", (key,)).fetchone()

    def fact(key: bytes) -> object:
        return connection.execute("SELECT * FROM facts WHERE key = ?", (key,)).fetchone()

    changed = rows[:100]
    return Costs(
        save,
        sum(file.stat().st_size for file in folder.glob("sqlite*")),
        _least(opened, 50),
        _each(find, keys),
        _each(find, [key[::-1] for key in keys]),
        _each(fact, keys),
        _least(lambda: put(changed)),
    )


def _pickle(facts: list[Fact], keys: list[bytes], folder: Path) -> Costs:
    path = folder / "pickle"
    table = {fact.key: tuple(fact) for fact in facts}

    def save() -> None:
        path.write_bytes(pickle.dumps(table, 5))

    def opened() -> dict[bytes, tuple[Any, ...]]:
        with path.open("rb") as file:
            loaded: dict[bytes, tuple[Any, ...]] = pickle.load(file)
        return loaded

    cost = _cost(save)
    return Costs(
        cost,
        path.stat().st_size,
        _least(opened, 3),
        _each(table.get, keys),
        _each(table.get, [key[::-1] for key in keys]),
        _each(table.__getitem__, keys),
        _least(save, 2),
    )


def _fingerprints() -> list[str]:
    words = [(f"name{number}", number) for number in range(1000)]
    again = [(f"name{number}", number) for number in range(1000)]
    rows = {
        "a short str": ("typing.py", "typing.py2"[:-1]),
        "a tuple of two str": (("typing.py", "x"), ("typing.py", "xy"[:-1])),
        "a frozenset of 100 str": (frozenset(map(str, range(100))), frozenset(map(str, range(100)))),
        "a list of 1,000 tuples": (words, again),
    }
    lines = ["| | digest | blake2b of its pickle | same | `==` |", "|---|---|---|---|---|"]
    for name, (one, other) in rows.items():
        costs = (
            _repeated(lambda one=one: digest(one)),  # type: ignore[misc]
            _repeated(lambda one=one: blake2b(pickle.dumps(one, 5), digest_size=16).digest()),  # type: ignore[misc]
            _repeated(lambda one=one, other=other: same(one, other)),  # type: ignore[misc]
            _repeated(lambda one=one, other=other: one == other),  # type: ignore[misc]
        )
        lines.append(f"| {name} | {' | '.join(map(_time, costs))} |")
    return lines


def _cost(work: Callable[[], object]) -> float:
    """Seconds of CPU of one call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _least(work: Callable[[], object], repeats: int = 5) -> float:
    return min(_cost(work) for _ in range(repeats))


def _each(work: Callable[[Any], object], over: Iterable[object]) -> float:
    items = list(over)

    def all_of_them() -> None:
        for item in items:
            work(item)

    return _least(all_of_them) / len(items)


def _repeated(work: Callable[[], object]) -> float:
    return _each(lambda _: work(), range(200))


def _time(seconds: float) -> str:
    for unit, scale in (("ns", 1e9), ("µs", 1e6), ("ms", 1e3)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
