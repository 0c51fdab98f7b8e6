"""Generates programs of a little language and holds their runs to what every run must keep.

A program is a tree of statements; each task and each scope has a block of them. Checked: every task that was
spawned has ended when its scope has, each failure leaves in exactly one place, no slot is lost, no event keeps a
waiter, and a deadlock is told only where somebody waits for an event that nobody sets or sleeps on a slot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interleave.explore import Watched

from jeton.jobserver import OwnPool, Slot
from jeton.runtime import Deadlock, Event, Scope, SimulatedLoop, SlotQueue, Task, checkpoint, sleep

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

EVENTS = 2
SLOTS = 2


class PlannedError(Exception):
    """A failure that the program asked for."""


@dataclass(frozen=True)
class Do:
    """A statement without a block: what to do, and a small number whose meaning depends on it."""

    verb: str
    number: int = 0


@dataclass(frozen=True)
class Block:
    """A statement with a block: `spawn`, `scope`, `shield`, `timeout`, `slot`."""

    verb: str
    body: tuple[Do | Block, ...]


Statement = Do | Block

DOES: SearchStrategy[Statement] = st.one_of(
    st.builds(Do, st.sampled_from(["checkpoint", "fail"])),
    st.builds(Do, st.just("sleep"), st.integers(0, 3)),
    st.builds(Do, st.sampled_from(["set", "wait"]), st.integers(0, EVENTS - 1)),
    st.builds(Do, st.just("cancel"), st.integers(0, 2)),
)
BLOCKS = st.sampled_from(["spawn", "scope", "shield", "timeout", "slot"])


def blocks(statements: SearchStrategy[Statement]) -> SearchStrategy[Statement]:
    return st.builds(Block, BLOCKS, st.lists(statements, max_size=4).map(tuple))


PROGRAMS = st.lists(st.recursive(DOES, blocks, max_leaves=12), min_size=1, max_size=6).map(tuple)


@dataclass
class Machine:
    """One run of a program: what it did, to be held against what came out."""

    pool: OwnPool
    slots: SlotQueue = field(init=False)
    events: list[Event] = field(default_factory=lambda: [Event() for _ in range(EVENTS)])
    spawned: list[Task[Any]] = field(default_factory=list)
    failures: list[PlannedError] = field(default_factory=list)
    told: list[BaseException] = field(default_factory=list)
    held: int = 0

    def __post_init__(self) -> None:
        self.slots = SlotQueue(self.pool)

    async def main(self, program: tuple[Statement, ...]) -> None:
        try:
            async with Scope() as scope:
                await self.block(program, (scope,))
        except BaseExceptionGroup as group:
            self.told += leaves(group)
        except TimeoutError as error:
            self.told.append(error)

    async def block(self, body: tuple[Statement, ...], scopes: tuple[Scope, ...]) -> None:
        for statement in body:
            if isinstance(statement, Do):
                await self.do(statement, scopes)
            elif statement.verb == "spawn":
                self.spawned.append(scopes[-1].spawn(self.block, statement.body, scopes))
            elif statement.verb == "slot":
                await self.with_slot(statement.body, scopes)
            else:
                await self.in_scope(statement, scopes)

    async def do(self, statement: Do, scopes: tuple[Scope, ...]) -> None:
        number = statement.number
        match statement.verb:
            case "checkpoint":
                await checkpoint()
            case "sleep":
                await sleep(number)
            case "set":
                self.events[number].set()
            case "wait":
                await self.events[number].wait()
            case "cancel":
                scopes[-1 - number % len(scopes)].cancel()
            case "fail":
                self.failures.append(PlannedError())
                raise self.failures[-1]

    async def in_scope(self, statement: Block, scopes: tuple[Scope, ...]) -> None:
        # A shield has its time too, so that what is deadlocked in one is unwound before the scheduler gives up.
        timeout = {"timeout": 1.5, "shield": 0.5}.get(statement.verb)
        scope = Scope(timeout=timeout, shield=statement.verb == "shield")
        first = len(self.spawned)
        try:
            async with scope:
                await self.block(statement.body, (*scopes, scope))
        finally:
            assert not scope._children
            assert not scope.nested
            assert all(task.done for task in self.spawned[first:] if task.home is scope)

    async def with_slot(self, body: tuple[Statement, ...], scopes: tuple[Scope, ...]) -> None:
        slot: Slot = await self.slots.take()
        self.held += 1
        try:
            assert self.held <= self.pool.held <= SLOTS
            await self.block(body, scopes)
        finally:
            self.held -= 1
            self.slots.give(slot)


def leaves(error: BaseException) -> list[BaseException]:
    """List the errors of nested groups."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


def verbs(program: tuple[Statement, ...]) -> set[str]:
    """Collect the verbs of a program."""
    found: set[str] = set()
    for statement in program:
        found.add(statement.verb)
        if isinstance(statement, Block):
            found |= verbs(statement.body)
    return found


@settings(max_examples=1000, deadline=None)
@given(program=PROGRAMS, seed=st.integers(0, 1_000_000))
def test_every_program_keeps_the_promises(program: tuple[Statement, ...], seed: int) -> None:
    pool = OwnPool(SLOTS)
    machine = Machine(pool)
    loop = SimulatedLoop(seed, max_steps=100_000)
    try:
        Watched(loop).run(machine.main, program)
    except Deadlock:
        assert verbs(program) & {"wait", "slot"}, "nobody waits for anything that may not come"
    finally:
        assert all(task.done for task in machine.spawned), "a task was left behind"
        assert machine.held == pool.held == 0
        assert machine.slots._unwatch is None
        assert not any(event._waiters for event in machine.events)
        assert pool.server.status().free == SLOTS - 1
        pool.close()
        loop.close()
    planned = [error for error in machine.told if isinstance(error, PlannedError)]
    assert sorted(map(id, planned)) == sorted(map(id, machine.failures)), "a failure is told exactly once"
    assert all(isinstance(error, PlannedError | TimeoutError) for error in machine.told)
