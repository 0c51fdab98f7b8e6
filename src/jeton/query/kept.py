"""What a store remembers of the nodes. Owns the way from a fact to a node, and what is suspect before it is one.

A fact becomes a node when it is demanded, and no sooner: opening looks at the inputs' stamps and marks what their
changes reach, by numbers, so an unchanged run touches its inputs and its roots. Revisions go on from one process
to the next, and so do the promises of the states. A fact that is damaged makes the store worth nothing: all that is
not yet a node is NEW then.
"""

import pickle
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from jeton.query import portable
from jeton.query.core import Core
from jeton.query.db import Effect
from jeton.query.definition import QUERIES, Durability, Kind, Query
from jeton.query.node import GREEN, HOLLOW, LAZY, NEW, STALE, SUSPECT, Failure, Node, State, Told, Trace
from jeton.store.fact import Damaged, Fact
from jeton.store.facts import FactStore
from jeton.store.fingerprint import digest

T = TypeVar("T")

FORMAT = "1"
"""Of names, extras and meta. Another one is another owner."""

INPUT, GIVEN, FAILURE, VOLATILE, VALUED = 1, 2, 4, 8, 16
"""Bits of a fact's flags: an input; one that was set; the value is an exception; runs again always; has a value."""


def key_of(query: Query, key: Any) -> bytes:
    """Return the stable key of a node: the same in every process."""
    return digest((query.name, key))


class Kept:
    """A store, as the engine sees it. Any thread may call what reads; the rest is for when nothing runs."""

    def __init__(self, core: Core, folder: Path) -> None:
        """Open it. Raises OSError."""
        self._core = core
        salt = f"jeton query {FORMAT}, {sys.implementation.cache_tag} {sys.hexversion:x}"
        self.store = FactStore.open(folder, salt=salt, warn=core.warn)
        meta = portable.loads(self.store.meta) if self.store.meta else (0, 0, {}, [], [])
        revision, self.session, self.versions, suspect, stale = meta
        core.gate.revision = revision + 1
        # Facts that are no node yet. Invariant: whoever read one of them is in them itself, or a node that is SUSPECT.
        self.suspect: set[int] = set(suspect)
        self.stale: set[int] = set(stale)
        # The nodes that have a number, in any state.
        self.nodes: dict[int, Node] = {}
        # Guards the becoming of nodes.
        self._lock = Lock()
        self._queries: dict[int, Query] = {}
        self._checked = 0  # so many of the program's queries were looked at
        self._broken = False
        # Nodes that roots asked for, and nodes whose results are not yet saved.
        self.asked: dict[Node, None] = {}

    @property
    def is_checked(self) -> bool:
        """Whether the code of every query that there is was compared with what the store knows."""
        return self._checked == len(QUERIES)

    @property
    def is_begun(self) -> bool:
        """Whether a session has begun with it."""
        return self._checked > 0

    def check_code(self) -> list[int | Node]:
        """Mark what was computed by other code as stale; return it, to be pushed."""
        names = {name: kind for kind, name in enumerate(self.store.kinds)}
        changed = set()
        for query in QUERIES[self._checked :]:
            kind = names.get(query.name)
            if kind is not None:
                self._queries[kind] = query
                if self.versions.get(query.name) != query.version:
                    changed.add(kind)
        self._checked = len(QUERIES)
        if not changed:
            return []
        return self._facts_are_stale(
            number for number in range(self.store.count) if self.store.fact(number).kind in changed
        )

    def check_inputs(self, *, durable: bool) -> list[int | Node]:
        """Ask the loaders of inputs that are no nodes, and mark what is volatile; return what changed, to be pushed."""
        changed: list[int] = []
        for number, fact in self.store.with_flag(INPUT | VOLATILE):
            query = self._queries.get(fact.kind)
            if number in self.nodes or query is None or number in self.stale:
                continue
            if fact.flags & VOLATILE:
                changed.append(number)
            elif not fact.flags & GIVEN and (durable or query.options.durability is Durability.LOW):
                changed += self._changed_input(number, fact, query)
        return self._facts_are_stale(changed)

    def guarded(self, read: Callable[[], T], otherwise: T) -> T:
        """Return what `read` gives; `otherwise` where the store turns out to be damaged: then it is worth nothing."""
        if self._broken:
            return otherwise
        try:
            return read()
        except Damaged as damage:
            self._break(damage)
            return otherwise

    def recall(self, node: Node, *, want: bool) -> State:
        """Fill a claimed NEW node with what is remembered of it; return the state that it has by that."""
        return self.guarded(lambda: self._recall(node, want=want), NEW)

    def value(self, node: Node) -> bool:
        """Load the value of a claimed node that was dropped; tell whether there is one."""
        return self.guarded(lambda: self._load_value(node), False)

    def reads(self, node: Node, positions: Sequence[int] | None = None) -> tuple[Node, ...] | None:
        """Return what a recalled node read, or those at some positions; None where that cannot be told."""
        return self.guarded(lambda: self._reads(node, positions), None)

    def pushed(self, numbers: list[int]) -> list[Node]:
        """Mark all that reads these facts, directly or not, as suspect; return the nodes that were reached."""
        found: list[Node] = []
        return self.guarded(lambda: self._push(numbers, found), found)

    def _push(self, numbers: list[int], found: list[Node]) -> list[Node]:
        ahead = list(numbers)
        while ahead:
            for reader in self.store.readers(ahead.pop()):
                node = self.nodes.get(reader)
                if node is not None and node.state is not NEW:
                    found.append(node)
                elif reader not in self.suspect and reader not in self.stale:
                    self.suspect.add(reader)
                    ahead.append(reader)
        return found

    def _break(self, damage: Damaged) -> None:
        with self._lock:
            broken, self._broken = self._broken, True
        if not broken:
            self.store.set_aside(damage)

    @property
    def is_broken(self) -> bool:
        """Whether the store was set aside."""
        return self._broken

    def start_anew(self) -> None:
        """Forget every number, once the store was set aside: all that is to be kept is to be saved again."""
        for node in self._core.nodes():
            node.number = -1
        self.nodes.clear()
        self.suspect.clear()
        self.stale.clear()
        self._broken = False

    def _facts_are_stale(self, numbers: Iterable[int]) -> list[int | Node]:
        found: list[int | Node] = []
        for number in numbers:
            node = self.nodes.get(number)
            if node is not None and node.state is not NEW:
                node.become(STALE)
                found.append(node)
            elif number not in self.stale:
                self.suspect.discard(number)
                self.stale.add(number)
                found.append(number)
        return found

    def _changed_input(self, number: int, fact: Fact, query: Query) -> list[int]:
        """Tell, as a list of it or nothing, whether an input's loader gives something else than what is remembered."""
        key = portable.loads(fact.name)
        arguments = query.arguments(key)
        try:
            if query.options.stamp is not None:
                stamp = portable.loads(fact.extra)[0]
                if stamp is not None and query.options.stamp(*arguments) == stamp:
                    return []
                return [number]  # settled when it is demanded, and by its fingerprint
            return [] if digest(query.function(*arguments)) == fact.fingerprint else [number]
        except Exception:  # noqa: BLE001  it is the input's failure, and met again where that is demanded
            return [number]

    def _recall(self, node: Node, *, want: bool) -> State:
        number = node.number
        if number < 0:
            try:
                found = self.store.find(key_of(node.query, node.key))
            except (TypeError, ValueError):  # the key has no stable form
                return NEW
            if found is None:
                return NEW
            number = found
        with self._lock:
            if self.nodes.setdefault(number, node) is not node:
                return NEW  # an equal key of another type
            node.number = number
            stale = number in self.stale
            suspect = number in self.suspect
            self.stale.discard(number)
            self.suspect.discard(number)
        fact = self.store.fact(number)
        stamp, spans, told, in_ring, below, node.loud, set_once = portable.loads(fact.extra)
        node.stamp = stamp
        node.changed_at, node.verified_at = fact.changed_at, fact.verified_at
        node.reads = LAZY if fact.reads else ()
        node.known = fact.fingerprint if any(fact.fingerprint) else None
        node.why = "it was remembered"
        if spans or told or in_ring:
            node.trace = Trace(spans, tuple(Told(at, Effect(name), value) for at, name, value in told), in_ring)
        self._add_bits(node, below)
        if node.query.kind is Kind.INPUT:
            with self._core.notes:
                self._core.inputs[node] = None
            if set_once and fact.flags & VALUED:
                self._core.given.add(node)
        if stale:
            return STALE
        if suspect:
            return SUSPECT
        if node.query.options.volatile:
            with self._core.notes:
                self._core.volatile[node] = None
        return GREEN if (want or fact.flags & FAILURE) and self._load_value(node) else HOLLOW

    def _add_bits(self, node: Node, names: Iterable[str]) -> None:
        for name in names:
            node.below |= self._core.bit(name)

    def _load_value(self, node: Node) -> bool:
        if node.number < 0:
            return False
        fact = self.store.fact(node.number)
        if not fact.flags & VALUED:
            return False
        data = self.store.value(node.number)
        try:
            value = pickle.loads(data)  # noqa: S301  written by this engine, into a folder of the user's, checksummed
        except Exception:  # noqa: BLE001  a class that has gone, say: it can be computed again
            return False
        node.value = Failure(value) if fact.flags & FAILURE else value
        return True

    def _reads(self, node: Node, positions: Sequence[int] | None) -> tuple[Node, ...] | None:
        nodes = []
        numbers = self.store.reads(node.number)
        for number in numbers if positions is None else [numbers[at] for at in positions]:
            read = self.nodes.get(number) or self._node(number)
            if read is None:
                return None
            nodes.append(read)
        return tuple(nodes)

    def _node(self, number: int) -> Node | None:
        """Return a fact's node, NEW where it was none; None for a query that the program has not any more."""
        fact = self.store.fact(number)
        query = self._queries.get(fact.kind)
        if query is None:
            return None
        node = self._core.node(query, portable.loads(fact.name))
        with self._lock:
            if node.number < 0:
                node.number = number
                self.nodes[number] = node
        return node
