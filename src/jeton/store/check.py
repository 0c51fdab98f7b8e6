"""Looks at all of a store: what is in it, and whether it is whole. Reads and says; repairs nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from jeton.store.fact import Damaged, Fact, decoded, value_of
from jeton.store.facts import FactStore
from jeton.store.snapshot import VERSION


@dataclass(slots=True)
class KindSummary:
    """The facts of one kind, with the bytes that they have on disk."""

    facts: int = 0
    fact_bytes: int = 0
    value_bytes: int = 0


@dataclass(slots=True)
class Summary:
    """What is in a store."""

    version: int
    salt: str
    generation: int
    """How many snapshots there were up to this one."""
    snapshot_bytes: int
    log_bytes: int
    facts: int
    edges: int = 0
    kinds: dict[str, KindSummary] = field(default_factory=dict)
    sessions: dict[int, int] = field(default_factory=dict)
    """How many facts were last asked for by themselves in which session; 0 is never."""


def summary(store: FactStore) -> Summary:
    """Count what is in a store. Raises Damaged."""
    view = store.view
    snapshot = view.snapshot
    assert snapshot is not None, "a store that was looked at has one"
    found = Summary(VERSION, snapshot.salt, snapshot.generation.serial, snapshot.size, _size(store), view.count)
    names = dict(enumerate(view.owner.kinds))
    sessions: Counter[int] = Counter()
    for number in range(view.count):
        entry = view.entry(number)
        fact = decoded(entry)
        kind = found.kinds.setdefault(names.get(fact.kind, f"kind {fact.kind}"), KindSummary())
        kind.facts += 1
        kind.fact_bytes += len(entry)
        kind.value_bytes += value_of(entry)[0]
        found.edges += len(fact.reads)
        sessions[fact.asked_at] += 1
    found.sessions = dict(sorted(sessions.items()))
    return found


def findings(store: FactStore) -> Iterator[str]:
    """Yield a line for everything that is not as it should be: checksums, look-ups, edges and their reverse."""
    view = store.view
    facts: dict[int, Fact] = {}
    for number in range(view.count):
        try:
            facts[number] = decoded(view.entry(number))
            view.value(number)
        except Damaged as damage:
            yield str(damage)
    yield from _not_found(store, facts)
    yield from _edges_without_reverse(store, facts)
    yield from _wrongly_listed(store, facts)


def _not_found(store: FactStore, facts: dict[int, Fact]) -> Iterator[str]:
    for number, fact in facts.items():
        try:
            found = store.find(fact.key)
        except Damaged as damage:
            yield str(damage)
            continue
        if found != number:
            instead = "nothing" if found is None else f"fact {found}"
            yield f"{store.path}: fact {number} has the key {fact.key.hex()}, by which {instead} is found"


def _edges_without_reverse(store: FactStore, facts: dict[int, Fact]) -> Iterator[str]:
    readers = defaultdict(set)
    for number, fact in facts.items():
        for read in fact.reads:
            readers[read].add(number)
    for number in range(store.count):
        try:
            known = set(store.readers(number))
        except Damaged as damage:
            yield str(damage)
            continue
        for reader in sorted(readers.pop(number, set()) - known):
            yield f"{store.path}: fact {reader} reads fact {number}, which does not know it"
        for reader in sorted(each for each in known if each >= store.count):
            yield f"{store.path}: fact {number} is read by fact {reader}, which is none"
    for number in sorted(readers):
        yield f"{store.path}: fact {min(readers[number])} reads fact {number}, which is none"


def _wrongly_listed(store: FactStore, facts: dict[int, Fact]) -> Iterator[str]:
    for bit in range(32):
        expected = {number for number, fact in facts.items() if fact.flags & 1 << bit}
        try:
            listed = {number for number, _ in store.with_flag(1 << bit)}
        except Damaged as damage:
            yield str(damage)
            return
        for number in sorted(expected ^ listed & facts.keys()):
            yield f"{store.path}: fact {number} is listed under other flags than it has"


def _size(store: FactStore) -> int:
    try:
        return store.log_path.stat().st_size
    except FileNotFoundError:
        return 0
