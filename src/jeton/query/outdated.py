"""What has changed since a store was written: code and inputs. Owns the comparison; runs while nothing else does.

It is made when the first session begins, and again for queries that are defined after that, in a module that is
imported late. A query's code is compared by its version, an input by its stamp, or else by its value's fingerprint.
"""

import sys
from collections.abc import Iterable

from jeton.query import portable
from jeton.query.compute import fingerprint_of, has_stamp, look
from jeton.query.core import Core
from jeton.query.definition import QUERIES, Durability, Query
from jeton.query.kept import GIVEN, INPUT, VOLATILE, Kept
from jeton.query.node import Node
from jeton.store.fact import Fact

_GONE = b"gone"
"""The version of a query that the program has not any more, once what it computed was marked."""


class Outdated:
    """The comparison of one store with the program as it is."""

    def __init__(self, core: Core, kept: Kept) -> None:
        self._core = core
        self._kept = kept
        self._checked = 0  # so many of the program's queries were looked at

    @property
    def is_checked(self) -> bool:
        """Whether every query that there is was looked at."""
        return self._checked == len(QUERIES)

    def checked_version(self, query: Query) -> bytes:
        """Return the version by which what is saved of a query may be believed."""
        if query.index < self._checked or query.name not in self._kept.versions:
            return query.version
        return self._kept.versions[query.name]  # of facts that nobody has looked at

    def check(self) -> list[int | Node]:
        """Look at the queries that were not looked at; return what is to be pushed."""
        upto = len(QUERIES)
        found = self._kept.guarded(lambda: self._check(QUERIES[self._checked : upto]), _NOTHING)
        self._checked = upto  # at the end: an interrupt leaves it to be done again
        return list(found)

    def refresh(self, *, durable: bool) -> list[int | Node]:
        """Look at the inputs that are no nodes; return what is to be pushed."""
        kept = self._kept
        queries = kept.queries.values()
        changed = kept.guarded(lambda: kept.mark_stale(self._changed_inputs(queries, durable=durable)), _NOTHING)
        return list(changed)

    def _check(self, queries: list[Query]) -> list[int | Node]:
        kept = self._kept
        kinds = {name: kind for kind, name in enumerate(kept.store.kinds)}
        known = {kinds[query.name]: query for query in queries if query.name in kinds}
        kept.queries.update(known)
        changed = {kind for kind, query in known.items() if kept.versions.get(query.name) != query.version}
        gone = self._kinds_that_are_gone(kinds)
        stale: list[int] = []
        if changed or gone:
            facts = ((number, kept.store.fact(number)) for number in range(kept.store.count))
            both = changed | set(gone.values())
            stale += (number for number, fact in facts if fact.kind in both and not fact.flags & GIVEN)
        if known:
            stale += self._changed_inputs(known.values(), durable=True)
        # Marked at the end, when no loader is asked any more: an interrupt leaves it all to be done again.
        kept.versions.update(dict.fromkeys(gone, _GONE))
        return kept.mark_stale(stale)

    def _kinds_that_are_gone(self, kinds: dict[str, int]) -> dict[str, int]:
        """Return the kinds of queries that their module, which is there, has no more. Whoever read one is to run."""
        names = {query.name for query in QUERIES}
        return {
            name: kind
            for name, kind in kinds.items()
            if name not in names
            and "<locals>" not in name
            and name.partition(":")[0] in sys.modules
            and self._kept.versions.get(name) != _GONE
        }

    def _changed_inputs(self, queries: Iterable[Query], *, durable: bool) -> list[int]:
        """Return the inputs that are no nodes and may be other ones, and what is volatile."""
        kept = self._kept
        kinds = {query.index for query in queries}
        changed: list[int] = []
        for number, fact in kept.store.with_flag(INPUT | VOLATILE):
            query = kept.queries.get(fact.kind)
            if query is None or query.index not in kinds or kept.is_node(number) or number in kept.stale:
                continue
            if fact.flags & VOLATILE or (
                not fact.flags & GIVEN
                and (durable or query.options.durability is Durability.LOW)
                and self._is_changed(fact, query)
            ):
                changed.append(number)
        return changed

    def _is_changed(self, fact: Fact, query: Query) -> bool:
        """Tell whether an input's loader may give something else than what is remembered."""
        try:
            key, stamp = portable.loads(fact.name), portable.loads(fact.extra)[0]
        except Exception:  # noqa: BLE001  a class that has gone, say
            return True
        if stamp is not None and query.options.stamp is not None:
            return not has_stamp(query, key, stamp)
        return fingerprint_of(look(query, key)[0]) != fact.fingerprint


_NOTHING: list[int | Node] = []
