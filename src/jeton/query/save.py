"""Saving. Owns what becomes of settled nodes in the store; runs while nothing else does.

Only what the store does not know is written. What is suspect at this moment is noted by number, so that the next
process begins where this one ends. A node of which some part cannot be written is left out, and who read that, or read
what came to no result, is written as something that is to run again.
"""

import pickle
from typing import Any, NamedTuple

from jeton.query import portable
from jeton.query.compute import fingerprint_of
from jeton.query.core import Core
from jeton.query.definition import QUERIES, Kind
from jeton.query.kept import FAILURE, GIVEN, INPUT, VALUED, VOLATILE, Kept, key_of
from jeton.query.node import ABSENT, LAZY, NEW, STALE, SUSPECT, Failure, Node, Trace
from jeton.query.outdated import Outdated
from jeton.store.fact import ALWAYS, Damaged, Fact
from jeton.store.fingerprint import SIZE, plain_digest

_UNKNOWN = bytes(SIZE)


class _Parts(NamedTuple):
    """What of a fact is written by others' code, and may fail."""

    key: bytes
    name: bytes
    extra: bytes


class Saving:
    """The saves of an engine's nodes."""

    def __init__(self, core: Core, kept: Kept, outdated: Outdated) -> None:
        self._core = core
        self._kept = kept
        self._outdated = outdated
        self._complained: set[str] = set()

    def save(self) -> int:
        """Write what is not yet written; return how many facts that were. Raises OSError, with nothing saved."""
        try:
            return self._save()
        except Damaged as damage:
            self._kept.give_up(damage)
            self._kept.abandon()
            return self._save()

    def _save(self) -> int:
        kept = self._kept
        nodes = self._core.nodes()
        parts = {node: found for node in nodes if self._is_to_save(node) and (found := self._parts(node))}
        if not parts:
            return 0
        count, session = kept.store.count, kept.session + 1
        new = [node for node in parts if node.number < 0]
        for number, node in enumerate(new, count):
            node.number = number
        try:
            kinds = {name: kind for kind, name in enumerate(kept.store.kinds)}
            changed = [
                (node.number if node.number < count else None, self._fact(node, found, kinds, session))
                for node, found in parts.items()
            ]
            changed += [
                (node.number, kept.store.fact(node.number)._replace(asked_at=session))
                for node in kept.asked
                if 0 <= node.number < count and node not in parts and node not in self._core.given
            ]
            kept.store.save(changed, self._meta(nodes, session, kinds), list(kinds))
        except BaseException:
            for node in new:
                node.number = -1
            raise
        kept.saved(parts, session)
        return len(changed)

    def _is_to_save(self, node: Node) -> bool:
        """Tell whether the store does not know the node as it is, and this process does."""
        return node.state is not NEW and (node.unsaved if node.number >= 0 else node.reads is not LAZY)

    def _parts(self, node: Node) -> _Parts | None:
        spans, told, in_ring = node.trace or Trace((), ())
        try:
            packed = tuple((one.after, one.effect.name, pickle.dumps(one.value, 5)) for one in told)
            extra = (node.stamp, spans, packed, in_ring, self._core.effects_of(node.below), node.loud)
            return _Parts(key_of(node.query, node.key), portable.dumps(node.key), portable.dumps(extra))
        except Exception as error:  # noqa: BLE001  pickling runs others' code
            self._complain(node, "neither its key nor what it told can be" if told else "its key cannot be", error)
            return None

    def _fact(self, node: Node, parts: _Parts, kinds: dict[str, int], session: int) -> Fact:
        query = node.query
        flags, value, fingerprint = self._value(node)
        reads = [read.number for read in self._reads(node)]
        if query.kind is Kind.INPUT:
            flags |= INPUT
            if node in self._core.given and flags & VALUED:
                flags |= GIVEN
        if node in self._core.volatile or node in self._core.tainted or -1 in reads:
            flags |= VOLATILE
        return Fact(
            parts.key,
            kinds.setdefault(query.name, len(kinds)),
            parts.name,
            flags,
            fingerprint,
            node.changed_at,
            node.verified_at,
            ALWAYS if flags & GIVEN else session if node in self._kept.asked else 0,
            value,
            parts.extra,
            tuple(number for number in reads if number >= 0),
        )

    def _reads(self, node: Node) -> tuple[Node, ...]:
        return (self._kept.reads(node) or ()) if node.reads is LAZY else node.reads

    def _value(self, node: Node) -> tuple[int, bytes | None, bytes]:
        """Return flags, the value's bytes, and the fingerprint, as far as they are kept."""
        value = node.value
        if value is ABSENT:
            packed = self._kept.packed(node)
            return (0 if packed is None else VALUED), packed or b"", node.known or _UNKNOWN
        is_failure = type(value) is Failure
        is_input = node.query.kind is Kind.INPUT
        is_given = node in self._core.given
        # A loader is asked again; what was set, and a failure, which is small, are not.
        stored = is_failure or (node.query.options.persist and (is_given or not is_input))
        if is_failure or is_input or node.query.options.persist:
            fingerprint = fingerprint_of(value)
        else:
            fingerprint = plain_digest(value)
        data = self._pickled(node, value.error if is_failure else value) if stored else None
        flags = (FAILURE if is_failure else 0) | (VALUED if data is not None else 0)
        if data is None and is_failure and not is_input:
            flags = VOLATILE
        return flags, data or b"", fingerprint or _UNKNOWN

    def _pickled(self, node: Node, value: Any) -> bytes | None:
        try:
            data = pickle.dumps(value, 5)
            if isinstance(value, Exception):
                pickle.loads(data)  # noqa: S301  its own; an exception with parameters of its own often fails here
        except Exception as error:  # noqa: BLE001  pickling runs others' code
            self._complain(node, "its value cannot be", error)
            return None
        return data

    def _complain(self, node: Node, what: str, error: Exception) -> None:
        if node.query.name not in self._complained:
            self._complained.add(node.query.name)
            self._core.warn(f"{node!r}: {what} kept ({error}); let it be something that pickles, or say persist=False")

    def _meta(self, nodes: list[Node], session: int, kinds: dict[str, int]) -> bytes:
        kept = self._kept
        suspect, stale = set(kept.suspect), set(kept.stale)
        for node in nodes:
            if node.number >= 0:
                if node.state is SUSPECT:
                    suspect.add(node.number)
                elif node.state is STALE:
                    stale.add(node.number)
        for query in QUERIES:
            if query.name in kinds:
                kept.versions[query.name] = self._outdated.checked_version(query)
        marks = (self._keys(suspect, nodes), self._keys(stale, nodes))
        return portable.dumps((self._core.gate.revision, session, kept.versions, *marks))

    def _keys(self, numbers: set[int], nodes: list[Node]) -> bytes:
        """Return the keys of facts that are in the store, or are about to be."""
        count = self._kept.store.count
        new = {node.number: node for node in nodes if node.number >= count} if numbers else {}
        old = self._kept.keys(number for number in sorted(numbers) if number < count)
        return old + b"".join(
            key_of(new[number].query, new[number].key) for number in sorted(numbers) if number >= count
        )
