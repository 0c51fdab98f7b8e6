"""What a Db's methods do. Owns nothing: it brings the verbs together behind `db.Asks`."""

from collections.abc import Awaitable
from typing import Any

from jeton.query.core import Core
from jeton.query.crew import Crew, Job
from jeton.query.db import Effect
from jeton.query.definition import Key, Kind, Query, definition_of
from jeton.query.demand import Demand
from jeton.query.effects import collect
from jeton.query.errors import Cancelled, MisuseError
from jeton.query.explain import Explanation, explain
from jeton.query.node import GREEN, Frame, Node, Told


class Answers(Demand):
    """The engine, as its queries ask it."""

    def __init__(self, core: Core, crew: Crew) -> None:
        super().__init__(core, crew)
        core.asks = self

    def map(self, db: Frame, query: Any, keys: list[Any]) -> list[Any]:
        """See `Db.map`."""
        if definition_of(query).kind is Kind.COROUTINE:
            raise MisuseError(f"{definition_of(query).label}: a coroutine query; gather it in a coroutine")
        if db.parent is None:
            with self.from_outside(db) as frame:
                return self._map(frame, query, keys)
        return self._map(db, query, keys)

    def _map(self, frame: Frame, query: Any, keys: list[Any]) -> list[Any]:
        definition = definition_of(query)
        start = len(frame.reads)
        errors: dict[Node, Exception] = {}
        if len(keys) > 1 and definition.keyed_by_one and self.crew.helps:
            errors = self._bring_keys(frame, definition, keys)
        results = []
        try:
            for key in keys:
                if errors and (error := errors.get(self.core.node(definition, key))) is not None:
                    frame.reads.append(self.core.node(definition, key))
                    raise error
                results.append(query(frame, key))
        finally:
            if len(frame.reads) - start > 1:
                frame.spans = frame.spans or []
                frame.spans.append((start, len(frame.reads)))
        return results

    def _bring_keys(self, frame: Frame, definition: Query, keys: list[Key]) -> dict[Node, Exception]:
        """Settle what is not at hand, together with the crew; return what came to no result."""
        index = definition.index
        at_hand = frame.fronts[index] if index < len(frame.fronts) else {}
        missing = [self.core.node(definition, key) for key in keys if key not in at_hand]
        return self.bring_all(frame, [node for node in dict.fromkeys(missing) if node.state is not GREEN], want=True)

    def bring_all(self, frame: Frame, nodes: list[Node], *, want: bool = False) -> dict[Node, Exception]:
        """Settle several nodes that the frame wants, all of them; return what came to no result."""
        if len(nodes) < 2 or not self.crew.helps:
            return {}  # one after the other will do, when each is demanded
        job = Job(frame, nodes, want=want)
        self.crew.work(job)
        return {job.nodes[at]: error for at, error in job.errors.items()}

    def emit(self, db: Frame, effect: Effect[Any], value: Any) -> None:
        """See `Db.emit`."""
        if db.node is None:
            raise MisuseError(f"{effect!r}: emitted outside a query; only what a query tells can be kept with it")
        if db.told is None:
            db.told = []
        db.told.append(Told(len(db.reads), effect, value))

    def effects(self, db: Frame, effect: Effect[Any], query: Any, args: tuple[Any, ...]) -> list[Any]:
        """See `Db.effects`."""
        definition = definition_of(query)
        if db.parent is not None:
            raise MisuseError(
                f"{effect!r}: read inside a query, which would depend on what it cannot see; do it outside"
            )
        node = self.core.node(definition, definition.key_of(*args))
        with self.from_outside(db) as frame:
            self.bring(frame, node, want=False)
            return collect(self.core, node, effect, lambda read: self.bring(frame, read, want=False))

    def explain(self, db: Frame, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
        """See `Db.explain`."""
        definition = definition_of(query)
        if db.session.over:
            raise Cancelled
        return explain(self.core.node(definition, definition.key_of(args, kwargs)))

    def intern(self, value: Any) -> Any:
        """See `Db.intern`."""
        with self.core.notes:
            return self.core.interned.setdefault(value, value)

    def finish(self, db: Frame) -> None:
        """See `Asks.finish`."""
        self.core.gate.finish(db.session)
        db.fronts = ()
        self.core.waits.wake(db.session)

    def wait(self, db: Any, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `Db.wait`."""
        raise NotImplementedError

    def call(self, db: Any, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
        """See `Db.call`."""
        raise NotImplementedError

    def gather(self, db: Any, query: Any, keys: list[Any]) -> Awaitable[list[Any]]:
        """See `Db.gather`."""
        raise NotImplementedError

    def demand_awaited(self, db: Any, query: Any, key: Any) -> Awaitable[Any]:
        """See `Asks.demand_awaited`."""
        raise NotImplementedError
