"""Random programs of queries: what each node does, and what comes of it without an engine.

A program is a table: for each node the steps that it takes, in which it demands nodes of higher numbers only. One
query of each kind runs the table's row at its key, and `Plain` runs the same row by recursion, remembering nothing
but within one call. Whatever differs between the two is a bug of the engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from tests.query.scenario import Runs

from jeton.query import Db, Effect, Engine, input, query  # noqa: A004  the engine's word

NOTES = Effect[Any]("notes")
MODULUS = 4
"""Values are small, so that many changes come to nothing on the way up."""

INPUTS = 4


class Refused(Exception):  # noqa: N818  an outcome of the programs
    """What a step fails with."""


@dataclass
class World:
    """What is outside of the engine."""

    disk: dict[int, int] = field(default_factory=dict)
    """By input, what its loader finds there. Missing: the loader fails."""
    weather: int = 0
    """What the volatile query sees."""


@dataclass
class Program:
    """The table. `kinds` says for each node by which query it is run."""

    rows: list[list[tuple[Any, ...]]]
    kinds: list[str]


@dataclass
class Run:
    """The program that runs now, in its world, and what was run of it."""

    program: Program
    world: World
    runs: Runs = field(default_factory=Runs)


_NOW: list[Run] = []


def start(program: Program) -> Run:
    """Make this program the one that the queries run."""
    _NOW[:] = [Run(program, World({at: at for at in range(INPUTS)}))]
    return _NOW[0]


def _load(at: int) -> int:
    disk = _NOW[0].world.disk
    if at not in disk:
        raise Refused(f"no input {at}")
    return disk[at]


def _stamp(at: int) -> int | None:
    return _NOW[0].world.disk.get(at)


@input
def bare(at: int) -> int:
    """The even inputs."""
    return _load(at)


@input(stamp=_stamp)
def stamped(at: int) -> int:
    """The odd ones."""
    return _load(at)


def input_of(at: int) -> Any:
    """Return the query that the input is of."""
    return stamped if at % 2 else bare


@query
def plain(db: Db, at: int) -> int:
    """A node of no special kind."""
    return _row(db, at)


@query(lru=1)
def small(db: Db, at: int) -> int:
    """A node whose value is dropped when another one of the kind is used."""
    return _row(db, at)


@query(volatile=True)
def loose(db: Db, at: int) -> int:
    """A node that sees the weather."""
    return (_row(db, at) + _NOW[0].world.weather) % MODULUS


QUERIES: dict[str, Any] = {"plain": plain, "small": small, "loose": loose}


def _row(db: Db, at: int) -> int:
    run = _NOW[0]
    run.runs.note(at)
    kinds = run.program.kinds

    def demand(node: int) -> int:
        found = QUERIES[kinds[node]](db, node)
        assert isinstance(found, int)
        return found

    def demand_all(nodes: list[int]) -> list[int]:
        return db.map(QUERIES[kinds[nodes[0]]], nodes)

    return perform(
        run.program.rows[at],
        read=lambda number: input_of(number)(db, number),
        demand=demand,
        demand_all=demand_all,
        emit=lambda value: db.emit(NOTES, value),
    )


def perform(
    row: list[tuple[Any, ...]],
    *,
    read: Callable[[int], int],
    demand: Callable[[int], int],
    demand_all: Callable[[list[int]], list[int]],
    emit: Callable[[Any], None],
) -> int:
    """Take the steps of a row."""
    value = 0
    for step in row:
        match step:
            case ("read", number):
                value += read(number)
            case ("demand", node):
                value += demand(node)
            case ("choose", number, one, other):
                value += demand(one if read(number) % 2 else other)
            case ("decide", one, other):  # by what was computed so far
                value += demand(one if value % 2 else other)
            case ("try", node):
                try:
                    value += demand(node)
                except Refused:
                    value += 1
            case ("map", nodes):
                value += sum(demand_all(nodes))
            case ("emit", mark):
                emit((mark, value % 2))
            case ("refuse", number):
                if read(number) % 3 == 0:
                    raise Refused(f"at {value % 2}")
            case _:
                raise AssertionError(step)
    return value % MODULUS


class Plain:
    """The program without an engine, in one state of its inputs."""

    def __init__(self, program: Program, inputs: dict[int, int | None], weather: int) -> None:
        """`inputs` has None where the loader fails."""
        self._program = program
        self._inputs = inputs
        self._weather = weather
        # By node: the value or what it raises, and what it told and demanded, in order.
        self._memo: dict[int, tuple[Any, list[Any]]] = {}

    @property
    def visited(self) -> set[int]:
        """The nodes that were run."""
        return set(self._memo)

    def outcome(self, node: int) -> Any:
        """Return what `scenario.outcome` gives for the node."""
        value, _ = self._run(node)
        return f"Refused: {value}" if isinstance(value, Refused) else value

    def effects(self, node: int) -> list[Any]:
        """Return what is told by the node and below it, in the order of demand, each node once."""
        found: list[Any] = []
        seen = set()

        def visit(one: int) -> None:
            seen.add(one)
            for part in self._run(one)[1]:
                if isinstance(part, tuple):
                    found.append(part)
                elif part not in seen:
                    visit(part)

        visit(node)
        return found

    def _run(self, node: int) -> tuple[Any, list[Any]]:
        if node in self._memo:
            return self._memo[node]
        told: list[Any] = []

        def read(number: int) -> int:
            value = self._inputs[number]
            if value is None:
                raise Refused(f"no input {number}")
            return value

        def demand(one: int) -> int:
            told.append(one)
            value, _ = self._run(one)
            if isinstance(value, Refused):
                raise value
            assert isinstance(value, int)
            return value

        def demand_all(nodes: list[int]) -> list[int]:
            return [demand(one) for one in nodes]

        value: Any
        try:
            value = perform(self._program.rows[node], read=read, demand=demand, demand_all=demand_all, emit=told.append)
            if self._program.kinds[node] == "loose":
                value = (value + self._weather) % MODULUS
        except Refused as refused:
            value = refused
        self._memo[node] = (value, told)
        return value, told


@st.composite
def programs(draw: st.DrawFn, size: int = 7) -> Program:
    """Draw a program without rings."""
    kinds = [draw(st.sampled_from(["plain", "plain", "small", "loose"])) for _ in range(size)]
    rows: list[list[tuple[Any, ...]]] = []
    numbers = st.integers(0, INPUTS - 1)
    for at in range(size):
        steps: list[st.SearchStrategy[tuple[Any, ...]]] = [
            st.tuples(st.just("read"), numbers),
            st.tuples(st.just("emit"), st.just(f"n{at}")),
            st.tuples(st.just("refuse"), numbers),
        ]
        if at + 1 < size:
            below = st.integers(at + 1, size - 1)
            steps = [
                st.tuples(st.just("demand"), below),
                st.tuples(st.just("choose"), numbers, below, below),
                st.tuples(st.just("decide"), below, below),
                st.tuples(st.just("try"), below),
                *steps,
            ]
            for kind in QUERIES:
                like = [one for one in range(at + 1, size) if kinds[one] == kind]
                if len(like) > 1:
                    steps.append(st.tuples(st.just("map"), st.lists(st.sampled_from(like), min_size=1, max_size=5)))
        rows.append(draw(st.lists(st.one_of(steps), max_size=5)))
    return Program(rows, kinds)


def demand_of(engine: Engine, program: Program, db: Db, node: int) -> int:
    """Demand the node from a root."""
    found = QUERIES[program.kinds[node]](db, node)
    assert isinstance(found, int)
    return found
