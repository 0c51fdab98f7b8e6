"""Demand, for coroutines. Owns the same steps as demand.py, with tasks that await where threads sleep.

A coroutine query runs as part of the task that demands it, on the engine's thread for what waits, and holds no slot:
what it does between two awaits is short. Whatever has to compute, a plain query that it calls or the verification of
what it read, goes to a thread of the crew as a child of its frame.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jeton.jobserver import Invitation
from jeton.query import count, cycle, recent
from jeton.query.compute import finish, release
from jeton.query.definition import Key, Query, definition_of
from jeton.query.demand import Demand
from jeton.query.errors import Cancelled, Retreat, Undecided
from jeton.query.job import Call
from jeton.query.node import (
    ABSENT,
    GREEN,
    HOLLOW,
    PROVISIONAL,
    RUNNING,
    SUSPECT,
    AwaitingFrame,
    Failure,
    Frame,
    Node,
)
from jeton.query.settle import forget_wait, wait_for
from jeton.query.tasks import Tasks
from jeton.query.verify import first_changed
from jeton.runtime import Cancelled as TaskCancelled
from jeton.runtime import Event, ProcessResult, Scope, run_process

Invite = Callable[[str, Mapping[str, str]], Invitation]


_LEVELS = 16
"""A chain of coroutine queries goes on in another task after so many."""


class Awaited:
    """The way to a value, for tasks. One for an engine, made with its first coroutine or command."""

    def __init__(self, demand: Demand, tasks: Tasks, invite: Invite) -> None:
        """`invite` brings a command into the pool."""
        self._invite = invite
        self._demand = demand
        self._core = demand.core
        self._crew = demand.crew
        self.tasks = tasks

    async def command(self, argv: list[str], text: str, environ: Mapping[str, str]) -> ProcessResult:
        """Run a command in the pool, on the slot that whoever waits for it has lent. Raises OSError."""
        with self._invite(text, environ) as invitation:
            return await run_process(
                argv,
                environ=invitation.environment,
                pass_fds=invitation.pass_fds,
                started=invitation.started,
            )

    async def demand(self, frame: Frame, query: Query, key: Key) -> Any:
        """Return the value of a coroutine query for a coroutine's frame."""
        node = self._core.node(query, key)
        frame.reads.append(node)
        await self._bring(frame, node, want=True)
        while (value := node.value) is ABSENT:
            await self._bring(frame, node, want=True)
        if type(value) is Failure:
            raise value.error.with_traceback(None)
        if query.options.lru is not None:
            recent.touch(self._core, node)
        return value

    async def call(self, frame: Frame, query: Query, key: Key) -> Any:
        """Return the value of a plain query, computed on a thread of the crew."""
        node = self._core.node(query, key)
        frame.reads.append(node)
        return await self.on_thread(frame, lambda stand_in: self._demand.obtain(stand_in, node))

    async def gather(self, frame: Frame, query: Any, keys: list[Key]) -> list[Any]:
        """Return the values for all keys; raise the first failure in their order."""
        definition = definition_of(query)
        errors: dict[int, Exception] = {}

        async def early(at: int, key: Key) -> None:
            stand_in = AwaitingFrame(frame.asks, frame.session, frame.lane, frame, None)
            stand_in.early, stand_in.rank = True, at
            try:
                await self._bring(stand_in, self._core.node(definition, key), want=True)
            except Undecided as reason:  # it is had in its turn
                if reason.stand_in is not stand_in:
                    ends.append(reason)
            except Exception as failure:  # noqa: BLE001  raised in the order of the keys
                errors[at] = failure
            except (Cancelled, Retreat) as reason:
                ends.append(reason)
            frame.take_over(stand_in)

        ends: list[BaseException] = []
        async with Scope() as scope:
            for at, key in enumerate(keys):
                scope.spawn(early, at, key)
        if ends:
            raise ends[0]
        start = len(frame.reads)
        results = []
        try:
            for at, key in enumerate(keys):
                if at in errors:
                    frame.reads.append(self._core.node(definition, key))
                    frame.tainted = True
                    raise errors[at]
                results.append(await self.demand(frame, definition, key))
        finally:
            frame.note_span(start)
        return results

    async def on_thread(self, frame: Frame, action: Callable[[Frame], object]) -> Any:
        """Have a thread of the crew do something for a frame that stands for this one; return what came of it."""
        event = Event()
        call = Call(frame, action, lambda: self.tasks.call(event.set))
        self._crew.post(call)
        try:
            await event.wait()
        except TaskCancelled:
            self._crew.drop(call)  # what has begun ends at its next demand: the session is over
            async with Scope(shield=True):
                await event.wait()
            raise
        return call.result()

    async def settle(self, frame: Frame, *, want: bool) -> None:
        """Verify the node of a claim, or run it. Raises what is no result."""
        node = frame.node
        assert node is not None
        why: Node | str = "it had not run before"
        if frame.before is SUSPECT:
            changed = await self.on_thread(frame, lambda stand_in: self._first_changed(stand_in, node))
            if changed is not None:
                why = changed
            elif self._demand.is_verified(frame, node, want=want):
                return
        await self._run(frame, self._demand.reason(frame, why))

    def _first_changed(self, stand_in: Frame, node: Node) -> Node | str | None:
        return first_changed(self._core, stand_in, node)

    async def _run(self, frame: Frame, why: Node | str) -> None:
        node = frame.node
        assert node is not None
        frame.ran = True
        failure: Exception | None = None
        value: Any = None
        try:
            value = await node.query.call(frame, node.key)
        except Exception as error:  # noqa: BLE001  an exception is a result
            failure = error
        finish(self._core, frame, value, failure, why)

    async def _bring(self, frame: Frame, node: Node, *, want: bool) -> None:
        while True:
            if frame.doom is not None:
                raise frame.doom
            if frame.session.over:
                raise Cancelled
            child: Frame | None = None
            with node.shard.lock:
                state = node.state
                if state is GREEN or (state is HOLLOW and not want):
                    return
                if state is not RUNNING and state is not PROVISIONAL:
                    child = self._demand.claim(frame, node)
                owner = node.frame
            if child is not None:
                retreat = await self._compute(child, want=want)
                if retreat is not None:
                    await self._after(frame, retreat)
                elif node.state is not PROVISIONAL or await self._inherit(frame, node):
                    return
            elif state is PROVISIONAL:
                if await self._inherit(frame, node):
                    return
            elif owner is not None and frame.is_below(owner):
                cycle.meet(self._core, frame, owner)
                return
            else:
                await self._sleep(frame, node)

    async def _after(self, frame: Frame, retreat: Retreat) -> None:
        """Do what is to be done before the target of a retreat is tried again."""
        if retreat.head is not None:
            await self.on_thread(frame, lambda stand_in: self._demand.bring(stand_in, retreat.head, want=False))
        elif retreat.other.frame is not None:
            await self._sleep(frame, retreat.other)

    async def _compute(self, frame: Frame, *, want: bool) -> Retreat | None:
        started = count.start(frame) if self._core.counting else 0
        try:
            if frame.depth % _LEVELS:
                await self._settle_or_recall(frame, want=want)
            else:
                await self._apart(frame, want=want)
        except Retreat as reason:
            release(self._core, frame)
            if reason.target is not frame:
                raise
            return reason
        except BaseException as reason:
            release(self._core, frame)
            if isinstance(reason, Exception) and frame.parent is not None:
                frame.parent.tainted = True
            raise
        if started:
            count.end(frame, started)
        return None

    async def _settle_or_recall(self, frame: Frame, *, want: bool) -> None:
        kept, node = self._core.kept, frame.node
        assert node is not None
        if kept is None or not self._demand.is_recalled(kept, frame, node, want=want):
            await self.settle(frame, want=want)

    async def _apart(self, frame: Frame, *, want: bool) -> None:
        """Go on in a task of its own: each await of a chain is a call on the stack of the task that awaits."""
        failures: list[BaseException] = []

        async def go_on() -> None:
            try:
                await self._settle_or_recall(frame, want=want)
            except BaseException as reason:  # noqa: BLE001  raised in the task that waits
                failures.append(reason)

        async with Scope() as scope:
            scope.spawn(go_on)
        if failures:
            raise failures[0]

    async def _sleep(self, frame: Frame, node: Node) -> None:
        """Wait until somebody else's node is settled; maybe for nothing."""
        event = Event()

        def wake() -> None:
            self.tasks.call(event.set)

        if not wait_for(node, wake):
            return
        retreat = self._core.waits.enter(frame, node, wake)
        if retreat is not None:
            forget_wait(node, wake)
            cycle.retreat(frame, retreat)
        try:
            if not frame.session.over:
                await event.wait()
        finally:
            self._core.waits.leave(frame)
            forget_wait(node, wake)

    async def _inherit(self, frame: Frame, node: Node) -> bool:
        found = cycle.inherit(self._core, frame, node)
        if isinstance(found, Node):
            await self._sleep(frame, found)
            return False
        return found
