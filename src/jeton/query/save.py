"""Saving. Owns what becomes of settled nodes in the store; runs while nothing else does.

Only what ran since the last save is written: a node that was verified and found unchanged is as its fact says. What is
suspect at this moment is noted by number, so that the next process begins where this one ends.
"""

import pickle
from typing import Any

from jeton.query import portable
from jeton.query.core import Core
from jeton.query.definition import QUERIES, Kind
from jeton.query.kept import FAILURE, GIVEN, INPUT, VALUED, VOLATILE, Kept, key_of
from jeton.query.node import ABSENT, LAZY, NEW, STALE, SUSPECT, Failure, Node
from jeton.store.fact import Damaged, Fact
from jeton.store.fingerprint import SIZE, digest, plain_digest

_UNKNOWN = bytes(SIZE)


class Saving:
    """One save of an engine's nodes."""

    def __init__(self, core: Core, kept: Kept) -> None:
        self._core = core
        self._kept = kept
        self._complained: set[str] = set()

    def save(self) -> int:
        """Write what is not yet written; return how many facts that were. Raises OSError, with nothing saved."""
        while True:
            if self._kept.is_broken:
                self._kept.start_anew()
            try:
                return self._save()
            except Damaged as damage:
                self._kept.guarded(_raiser(damage), None)

    def _save(self) -> int:
        kept = self._kept
        kinds = {name: kind for kind, name in enumerate(kept.store.kinds)}
        nodes = [node for node in self._core.nodes() if self._is_to_save(node)]
        asked = [node for node in kept.asked if node.number >= 0 and node.state is not NEW]
        if not nodes:
            return 0
        session = kept.session + 1
        count = kept.store.count
        numbered: list[Node] = []
        for node in nodes:
            if node.number < 0:
                node.number = count + len(numbered)
                numbered.append(node)
        try:
            changed = [
                (node.number if node.number < count else None, self._fact(node, kinds, session)) for node in nodes
            ]
            new = {id(node) for node in nodes}
            changed += [
                (node.number, kept.store.fact(node.number)._replace(asked_at=session))
                for node in asked
                if id(node) not in new
            ]
            kept.store.save(changed, self._meta(session, kinds), list(kinds))
        except BaseException:
            for node in numbered:
                node.number = -1
            raise
        for node in nodes:
            node.unsaved = False
            kept.nodes[node.number] = node
        kept.session = session
        kept.asked.clear()
        return len(changed)

    def _is_to_save(self, node: Node) -> bool:
        """Tell whether the store does not know the node as it is."""
        return node.state is not NEW and (node.unsaved if node.number >= 0 else node.reads is not LAZY)

    def _meta(self, session: int, kinds: dict[str, int]) -> bytes:
        kept = self._kept
        suspect, stale = set(kept.suspect), set(kept.stale)
        for node in self._core.nodes():
            if node.number >= 0:
                if node.state is SUSPECT:
                    suspect.add(node.number)
                elif node.state is STALE:
                    stale.add(node.number)
        versions = {query.name: query.version for query in QUERIES if query.name in kinds}
        kept.versions.update(versions)
        return portable.dumps((self._core.gate.revision, session, kept.versions, sorted(suspect), sorted(stale)))

    def _fact(self, node: Node, kinds: dict[str, int], session: int) -> Fact:
        query = node.query
        kind = kinds.setdefault(query.name, len(kinds))
        flags, value, fingerprint = self._value(node)
        given = node in self._core.given
        if query.kind is Kind.INPUT:
            flags |= INPUT | (GIVEN if given else 0)
        if node in self._core.volatile or node in self._core.tainted:
            flags |= VOLATILE
        trace = node.trace
        # What came to no result has no number; who read that is run again in any case.
        reads = [read for read in self._reads(node) if read.number >= 0]
        extra = (
            node.stamp,
            trace.spans if trace is not None else (),
            tuple((one.after, one.effect.name, one.value) for one in trace.told) if trace is not None else (),
            trace is not None and trace.in_ring,
            self._core.effects_of(node.below),
            node.loud,
            given,
        )
        asked_at = session if node in self._kept.asked else 0
        return Fact(
            key_of(query, node.key),
            kind,
            portable.dumps(node.key),
            flags,
            fingerprint,
            node.changed_at,
            node.verified_at,
            asked_at,
            value,
            portable.dumps(extra),
            tuple(read.number for read in reads),
        )

    def _reads(self, node: Node) -> tuple[Node, ...]:
        return (self._kept.reads(node) or ()) if node.reads is LAZY else node.reads

    def _value(self, node: Node) -> tuple[int, bytes, bytes]:
        """Return flags, the value's bytes, and the fingerprint, as far as they are kept."""
        value, options = node.value, node.query.options
        if value is ABSENT:
            return 0, b"", node.known or _UNKNOWN
        is_input = node.query.kind is Kind.INPUT
        stored = options.persist and (not is_input or node in self._core.given)
        if type(value) is Failure:
            data = self._pickled(node, value.error) if stored or is_input else None
            return (FAILURE | VALUED, data, _UNKNOWN) if data is not None else (VOLATILE, b"", _UNKNOWN)
        fingerprint = plain_digest(value)
        if fingerprint is None and (options.persist or is_input):
            try:
                fingerprint = digest(value)
            except (TypeError, ValueError) as error:
                self._complain(node, error)
        fingerprint = fingerprint or _UNKNOWN
        data = self._pickled(node, value) if stored else None
        return (0, b"", fingerprint) if data is None else (VALUED, data, fingerprint)

    def _pickled(self, node: Node, value: Any) -> bytes | None:
        try:
            return pickle.dumps(value, 5)
        except Exception as error:  # noqa: BLE001  pickling runs code of the value's
            self._complain(node, error)
            return None

    def _complain(self, node: Node, error: Exception) -> None:
        if node.query.name not in self._complained:
            self._complained.add(node.query.name)
            self._core.warn(
                f"{node!r}: its value cannot be kept ({error}); return something that pickles, or say persist=False"
            )


def _raiser(damage: Damaged) -> Any:
    def read() -> None:
        raise damage

    return read
