"""What a Db's methods do. Owns nothing: it brings the verbs together behind `db.Asks`."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jeton.query.core import Core
from jeton.query.crew import Crew
from jeton.query.db import Effect, Explanation
from jeton.query.definition import Key, Kind, Query, definition_of
from jeton.query.demand import Demand
from jeton.query.effects import collect
from jeton.query.errors import Cancelled, MisuseError
from jeton.query.explain import explain
from jeton.query.job import Job
from jeton.query.node import GREEN, AwaitingFrame, Failure, Frame, Node, Told

STARTING_ORDER = 5
"""Held while the thread starts; of the others only that of the seats is taken under it."""


class Answers(Demand):
    """The engine, as its queries ask it."""

    def __init__(self, core: Core, crew: Crew) -> None:
        super().__init__(core, crew)
        core.asks = self
        # Guarded by _starting: what coroutines and commands go through, once there was one.
        self._starting = core.sync.lock(STARTING_ORDER, "starting the tasks' thread")
        self._awaited: Any = None
        self._offload: Any = None

    def map(self, db: Frame, query: Any, keys: list[Any]) -> list[Any]:
        """See `Db.map`."""
        if definition_of(query).kind is Kind.COROUTINE:
            raise MisuseError(f"{definition_of(query).label}: a coroutine query; gather it in a coroutine")
        if isinstance(db, AwaitingFrame):
            raise MisuseError(
                f"{definition_of(query).label}: mapped in a coroutine; db.call a plain query that maps it"
            )
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
                    frame.tainted = True
                    raise error
                results.append(query(frame, key))
        finally:
            frame.note_span(start)
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
            if type(node.value) is Failure:
                raise node.value.error.with_traceback(None)
            return collect(self.core, node, effect, lambda read: self.bring(frame, read, want=False))

    def explain(self, db: Frame, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
        """See `Db.explain`."""
        definition = definition_of(query)
        if db.parent is not None:
            raise MisuseError(f"{definition.label}: explained inside a query; do it outside")
        if db.session.over:
            raise Cancelled
        return explain(self.core.node(definition, definition.key_of(args, kwargs)))

    def intern(self, value: Any) -> Any:
        """See `Db.intern`."""
        with self.core.notes:
            return self.core.interned.setdefault(value, value)

    def finish(self, db: Frame) -> None:
        """See `Asks.finish`."""
        self.core.end(db.session)

    def wait(self, db: Frame, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `Db.wait`."""
        definition = definition_of(query)
        if isinstance(db, AwaitingFrame):
            raise MisuseError(f"{definition.label}: waited for in a coroutine; await it")
        if definition.kind is not Kind.COROUTINE:
            raise MisuseError(f"{definition.label}: waited for, but it is a plain query; call it")
        return self.demand(db, definition, definition.key_of(args, kwargs))

    async def demand_awaited(self, db: Frame, query: Query, key: Key) -> Any:
        """See `Asks.demand_awaited`."""
        return await self._awaiting(db, query.label).demand(db, query, key)

    async def call(self, db: Frame, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `Db.call`."""
        definition = definition_of(query)
        if definition.kind is Kind.COROUTINE:
            raise MisuseError(f"{definition.label}: a coroutine query; await it, without db.call")
        return await self._awaiting(db, "db.call").call(db, definition, definition.key_of(args, kwargs))

    async def gather(self, db: Frame, query: Any, keys: list[Any]) -> list[Any]:
        """See `Db.gather`."""
        definition = definition_of(query)
        if definition.kind is not Kind.COROUTINE:
            raise MisuseError(f"{definition.label}: gathered, but it is a plain query; map it in a plain query")
        found: list[Any] = await self._awaiting(db, "db.gather").gather(db, query, keys)
        return found

    def errand(self, db: Frame, function: Callable[[Any], Awaitable[Any]], *, lend: bool = False) -> Any:
        """See `Asks.errand`."""
        awaited = self._the_awaited()
        errand: Any = None
        with self._away(db, lend=lend):
            try:
                errand = awaited.tasks.give(lambda: function(awaited))
                self.core.waits.enter_errand(db, errand.cancel)
                if db.session.over:
                    errand.cancel()
                errand.done.wait()
            except BaseException:  # an interrupt: what runs for the session is to end, and this is to end before
                self.core.end(db.session)
                if errand is not None:
                    errand.cancel()
                    errand.done.wait()
                raise
        return errand.result()

    @contextmanager
    def _away(self, db: Frame, *, lend: bool) -> Iterator[None]:
        """Wait for something elsewhere: on the slot of this thread, which is lent, or with the slot given back."""
        computes = db.lane.slot is not None
        try:
            if computes:
                (self.crew.lend if lend else self.crew.rise)(db.lane)
            yield
        finally:
            self.core.waits.leave_errand(db)
            if computes:
                self.crew.resume(db.lane)
        if db.session.over:
            raise Cancelled

    def offloaded(self, db: Frame, node: Node) -> Any:
        """See `Asks.offloaded`."""
        offload = self._the_offload()
        if not offload.takes(node.query):
            return node.query.call(db, node.key)
        answer = None
        with self._away(db, lend=True):
            self.core.waits.enter_errand(db, offload.kill)
            try:
                if not db.session.over:
                    answer = offload.compute(node.query, node.key, lambda: db.session.over)
            except BaseException as reason:
                if not isinstance(reason, Exception):  # an interrupt: the worker is not waited for
                    self.core.end(db.session)
                raise
        if answer is None:  # what it gives cannot be sent
            return node.query.call(db, node.key)
        for effect, said in answer.told:
            self.emit(db, effect, said)
        return answer.result()

    @contextmanager
    def noting(self, name: Any, value: Any) -> Iterator[None]:
        """See `Asks.noting`."""
        with self.core.notes:
            self.core.noted.setdefault(name, []).append(value)
        try:
            yield
        finally:
            with self.core.notes:
                values = self.core.noted[name]
                values.pop()
                if not values:
                    del self.core.noted[name]

    def noted(self, name: Any) -> Any:
        """See `Asks.noted`."""
        with self.core.notes:
            values = self.core.noted.get(name)
            return values[-1] if values else None

    @property
    def environ(self) -> Mapping[str, str]:
        """See `Asks.environ`."""
        return self.crew.seats.environ

    def close(self) -> None:
        """End the workers and the thread for what waits. Nothing runs."""
        with self._starting:
            awaited, self._awaited = self._awaited, None
            offload, self._offload = self._offload, None
        if offload is not None:
            offload.close()
        if awaited is not None:
            awaited.tasks.close()

    def _awaiting(self, frame: Frame, what: str) -> Any:
        if not isinstance(frame, AwaitingFrame):
            raise MisuseError(f"{what}: awaited outside a coroutine query; use db.wait there, or engine.submit")
        if frame.doom is not None:
            raise frame.doom
        if frame.session.over:
            raise Cancelled
        return self._awaited

    def _begin_tasks(self) -> None:
        self.core.lane().is_loop = True

    def _the_offload(self) -> Any:
        with self._starting:
            if self._offload is None:
                from jeton.query.offload import Offload  # noqa: PLC0415  multiprocessing, for the first leaf

                self._offload = Offload(self.crew.seats.jobs, self.core.sync)
            return self._offload

    def _the_awaited(self) -> Any:
        with self._starting:
            if self._awaited is None:
                # Imported with the first coroutine or command: the event loop takes longer than an unchanged run.
                from jeton.query.awaited import Awaited  # noqa: PLC0415
                from jeton.query.tasks import Tasks  # noqa: PLC0415

                self._awaited = Awaited(self, Tasks(self.core.sync, self._begin_tasks), self.crew.seats.invite)
            return self._awaited
