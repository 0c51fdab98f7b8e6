"""What a store remembers of the nodes. Owns the way from a fact to a node, and which facts are suspect meanwhile.

A fact becomes a node when it is demanded, and no sooner; what changes reach is marked by number. So an unchanged run
touches its inputs and its roots, and nothing between. Revisions go on from one process to the next, and so do the
promises of the states. A fact that is damaged makes the store worth nothing: what is not yet a node is NEW from then
on, and what is one already is true until something changes.
"""

import pickle
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from jeton.query import portable
from jeton.query.core import Core
from jeton.query.db import Effect
from jeton.query.definition import Kind, Query
from jeton.query.explain import REMEMBERED
from jeton.query.node import GREEN, HOLLOW, LAZY, NEW, STALE, SUSPECT, Failure, Node, State, Told, Trace
from jeton.store.fact import KEY_SIZE, Damaged, Fact
from jeton.store.facts import FactStore
from jeton.store.fingerprint import digest

T = TypeVar("T")

FORMAT = "1"
"""Of names, extras and meta. Another one is another owner."""

INPUT, GIVEN, FAILURE, VOLATILE, VALUED = 1, 2, 4, 8, 16
"""Bits of a fact's flags: an input; one that was set; the value is an exception; runs again always; has a value."""


def key_of(query: Query, key: Any) -> bytes:
    """Return the stable key of a node, the same in every process. Raises ValueError for a key without one."""
    return digest((query.name, key))


class Kept:
    """A store, as the engine sees it. Any thread may call what reads; the rest is for when nothing runs."""

    def __init__(self, core: Core, folder: Path) -> None:
        """Open it. Raises OSError."""
        self._core = core
        # Guards the becoming of nodes, and `is_broken`.
        self._lock = Lock()
        self.is_broken = False
        salt = f"jeton query {FORMAT}, {sys.implementation.cache_tag} {sys.hexversion:x}"
        self.store = FactStore.open(folder, salt=salt, warn=core.warn)
        meta = portable.loads(self.store.meta) if self.store.meta else (0, 0, {}, b"", b"")
        revision, self.session, versions, suspect, stale = meta
        core.gate.revision = revision + 1
        # By a query's name, the version of the code that computed what is there.
        self.versions: dict[str, bytes] = versions
        # Facts that are no node yet. Invariant: whoever read one of them is in them itself, or a node that is SUSPECT.
        self.suspect: set[int] = self.guarded(lambda: self._numbers(suspect), set())
        self.stale: set[int] = self.guarded(lambda: self._numbers(stale), set())
        # The nodes that have a number. One that is NEW still counts as none.
        self.nodes: dict[int, Node] = {}
        # By kind, the queries of the program that were compared with what the store knows of them.
        self.queries: dict[int, Query] = {}
        # Nodes that roots asked for since the last save.
        self.asked: dict[Node, None] = {}
        # Values that were dropped from memory before they were saved.
        self._packed: dict[Node, bytes] = {}

    def guarded(self, read: Callable[[], T], otherwise: T) -> T:
        """Return what `read` gives; `otherwise` where the store turns out to be damaged: then it is worth nothing."""
        if self.is_broken:
            return otherwise
        try:
            return read()
        except Damaged as damage:
            self.give_up(damage)
        except (IndexError, ValueError):
            if not self.is_broken:  # by another thread, in the middle of this
                raise
        return otherwise

    def give_up(self, damage: Damaged) -> None:
        """Set the store aside, because it is damaged. A second time it does nothing."""
        with self._lock:
            was_broken, self.is_broken = self.is_broken, True
        if not was_broken:
            try:
                self.store.set_aside(damage)
            except OSError as error:  # a folder that may only be read
                self._core.warn(f"{damage}; going on without it ({error.strerror or error})")

    def recall(self, node: Node, *, want: bool) -> State:
        """Fill a claimed NEW node with what is remembered of it; return the state that it has by that."""
        return self.guarded(lambda: self._recall(node, want=want), NEW)

    def value(self, node: Node) -> bool:
        """Load the value of a claimed node that was dropped; tell whether there is one."""
        data = self._packed.get(node)
        if data is not None:
            try:
                node.value = pickle.loads(data)  # noqa: S301  written by this process
            except Exception:  # noqa: BLE001  it can be computed again
                return False
            return True
        number = node.number
        if node.unsaved or number < 0:
            return False
        return self.guarded(lambda: self._load_value(node, self.store.fact(number)), False)

    def pack(self, node: Node, value: Any) -> None:
        """Keep a value that is dropped from memory, as bytes, until it is saved."""
        self._packed.pop(node, None)
        if node.unsaved and node.query.options.persist:
            with suppress(Exception):  # saving would not keep it either, and says so
                self._packed[node] = pickle.dumps(value, 5)

    def packed(self, node: Node) -> bytes | None:
        """Return what was kept by `pack`."""
        return self._packed.get(node)

    def reads(self, node: Node, positions: Sequence[int] | None = None) -> tuple[Node, ...] | None:
        """Return what a recalled node read, or those at some positions; None where that cannot be told."""
        return self.guarded(lambda: self._reads(node, positions), None)

    def pushed(self, numbers: list[int]) -> list[Node]:
        """Mark all that reads these facts, directly or not, as suspect; return the nodes that were reached."""
        found: list[Node] = []
        return self.guarded(lambda: self._push(numbers, found), found)

    def is_node(self, number: int) -> bool:
        """Tell whether a fact has become a node."""
        node = self.nodes.get(number)
        return node is not None and node.state is not NEW

    def mark_stale(self, numbers: Iterable[int]) -> list[int | Node]:
        """Have facts run again; return those that were not to before, to be pushed."""
        found: list[int | Node] = []
        for number in numbers:
            node = self.nodes.get(number)
            if node is not None and node.state is not NEW:
                if node not in self._core.given and node.state is not STALE:
                    node.become(STALE)
                    found.append(node)
            elif number not in self.stale:
                self.suspect.discard(number)
                self.stale.add(number)
                found.append(number)
        return found

    def abandon(self) -> list[Node]:
        """Forget a store that was set aside: every number, and all marks.

        Returns the nodes that go by it and whose reverse edges are gone with it: they are not to outlast a change.
        """
        stale = [node for node in self.nodes.values() if node.state is not NEW and node.query.kind is not Kind.INPUT]
        for node in self._core.nodes():
            node.number = -1
        self.nodes.clear()
        self.queries.clear()
        self.suspect.clear()
        self.stale.clear()
        self.versions.clear()
        with self._lock:
            self.is_broken = False
        return stale

    def saved(self, nodes: Iterable[Node], session: int) -> None:
        """Hear that these nodes' facts are as the nodes are."""
        for node in nodes:
            node.unsaved = False
            self.nodes[node.number] = node
        self.session = session
        self.asked.clear()
        self._packed.clear()

    def keys(self, numbers: Iterable[int]) -> bytes:
        """Return the keys of facts, one after the other: numbers change when the store is swept. Raises Damaged."""
        return b"".join(self.store.fact(number).key for number in numbers)

    def _numbers(self, keys: bytes) -> set[int]:
        found = (self.store.find(keys[at : at + KEY_SIZE]) for at in range(0, len(keys), KEY_SIZE))
        return {number for number in found if number is not None}

    def _push(self, numbers: list[int], found: list[Node]) -> list[Node]:
        ahead = list(numbers)
        while ahead:
            for reader in self.store.readers(ahead.pop()):
                if self.is_node(reader):
                    found.append(self.nodes[reader])
                elif reader not in self.suspect and reader not in self.stale:
                    self.suspect.add(reader)
                    ahead.append(reader)
        return found

    def _recall(self, node: Node, *, want: bool) -> State:
        number = node.number if node.number >= 0 else self._find(node)
        if number is None:
            return NEW
        fact = self.store.fact(number)
        try:
            stamp, spans, packed, in_ring, effects, loud = portable.loads(fact.extra)
            told = tuple(Told(at, Effect(name), pickle.loads(data)) for at, name, data in packed)  # noqa: S301  see value
        except Exception:  # noqa: BLE001  a class that has gone, say: then nothing is known
            return NEW
        with self._lock:
            if self.nodes.setdefault(number, node) is not node:
                return NEW  # an equal key of another type
            node.number = number
            is_stale, is_suspect = number in self.stale, number in self.suspect
            self.stale.discard(number)
            self.suspect.discard(number)
        node.stamp = stamp
        node.changed_at, node.verified_at = fact.changed_at, fact.verified_at
        node.reads = LAZY if fact.reads else ()
        node.known = fact.fingerprint if any(fact.fingerprint) else None
        node.why = REMEMBERED
        if spans or told or in_ring:
            node.trace = Trace(spans, told, in_ring)
        node.loud = loud
        for name in effects:
            node.below |= self._core.bit(name)
        if fact.flags & INPUT:
            with self._core.notes:
                self._core.inputs[node] = None
            if fact.flags & GIVEN:
                self._core.given.add(node)
        is_loaded = bool(want or fact.flags & FAILURE) and self._load_value(node, fact)
        if is_stale:
            return STALE
        if is_suspect:
            return SUSPECT
        return GREEN if is_loaded else HOLLOW

    def _find(self, node: Node) -> int | None:
        try:
            return self.store.find(key_of(node.query, node.key))
        except ValueError:  # the key has no stable form
            return None

    def _load_value(self, node: Node, fact: Fact) -> bool:
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
            read = self.nodes.get(number) or self._node(number, self.store.fact(number))
            if read is None:
                return None
            nodes.append(read)
        return tuple(nodes)

    def _node(self, number: int, fact: Fact) -> Node | None:
        """Return a fact's node, NEW where it was none; None for a query or a key that the program has not any more."""
        query = self.queries.get(fact.kind)
        if query is None:
            return None
        try:
            node = self._core.node(query, portable.loads(fact.name))
        except Exception:  # noqa: BLE001  a class that has gone, or is not hashable any more
            return None
        with self._lock:
            if node.number < 0:
                node.number = number
                self.nodes[number] = node
        return node
