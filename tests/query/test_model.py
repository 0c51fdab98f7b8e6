"""Covers that an engine gives what plain recursion gives, whatever changed before: values, failures and effects.

And that it does so with no more work: no node runs twice for one state of the inputs, and none runs that plain
recursion would not have run.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.query.programs import INPUTS, NOTES, QUERIES, Plain, Program, input_of, programs, start
from tests.query.scenario import engine_of, outcome

SIZE = 7
NODES = st.integers(0, SIZE - 1)
NUMBERS = st.integers(0, INPUTS - 1)
VALUES = st.integers(0, 3)


class Machine(RuleBasedStateMachine):
    """An engine, the world around it, and what it ought to give."""

    jobs = 1

    @initialize(program=programs(SIZE))
    def begin(self, program: Program) -> None:
        self.run = start(program)
        self.engine = engine_of(self.jobs)
        self.given: dict[int, int] = {}
        self.new_state()

    def new_state(self) -> None:
        self.db = self.engine.begin()
        self.ran: list[int] = []
        disk = self.run.world.disk
        inputs = {at: self.given.get(at, disk.get(at)) for at in range(INPUTS)}
        self.plain = Plain(self.run.program, inputs, self.run.world.weather)

    def demand(self, node: int) -> Any:
        return QUERIES[self.run.program.kinds[node]](self.db, node)

    # What changes.

    @rule(number=NUMBERS, value=VALUES)
    def set(self, number: int, value: int) -> None:
        self.engine.set(input_of(number).at(number), value)
        self.given[number] = value
        self.new_state()

    @rule(values=st.dictionaries(NUMBERS, VALUES, min_size=2))
    def set_all(self, values: dict[int, int]) -> None:
        self.engine.set_all([(input_of(number).at(number), value) for number, value in values.items()])
        self.given |= values
        self.new_state()

    @rule(number=NUMBERS)
    def unset(self, number: int) -> None:
        self.engine.unset(input_of(number).at(number))
        self.given.pop(number, None)
        self.new_state()

    @rule(number=NUMBERS, value=VALUES | st.none())
    def write_and_refresh(self, number: int, value: int | None) -> None:
        disk = self.run.world.disk
        if value is None:
            disk.pop(number, None)
        else:
            disk[number] = value
        self.engine.refresh()
        self.new_state()

    @rule(weather=VALUES)
    def change_the_weather(self, weather: int) -> None:
        self.run.world.weather = weather
        self.engine.refresh()
        self.new_state()

    @rule()
    def cancel(self) -> None:
        self.engine.cancel()
        self.db = self.engine.begin()

    # What is asked.

    @rule(node=NODES)
    def ask(self, node: int) -> None:
        assert outcome(lambda: self.demand(node)) == self.plain.outcome(node)

    @rule(node=NODES)
    def ask_for_effects(self, node: int) -> None:
        query = QUERIES[self.run.program.kinds[node]]
        expected = self.plain.outcome(node)
        found = outcome(lambda: self.db.effects(NOTES, query, node))
        assert found == (expected if isinstance(expected, str) else self.plain.effects(node))

    @rule(nodes=st.lists(NODES, min_size=2))
    def ask_for_many(self, nodes: list[int]) -> None:
        kinds = self.run.program.kinds
        nodes = [node for node in nodes if kinds[node] == kinds[nodes[0]]]
        expected = [self.plain.outcome(node) for node in nodes]
        failed = next((one for one in expected if isinstance(one, str)), None)
        found = outcome(lambda: self.db.map(QUERIES[kinds[nodes[0]]], nodes))
        assert found == (expected if failed is None else failed)

    @invariant()
    def no_node_ran_twice_nor_in_vain(self) -> None:
        if not hasattr(self, "run"):
            return
        self.ran += self.run.runs.take()
        dropped = {at for at, kind in enumerate(self.run.program.kinds) if kind == "small"}
        kept = [node for node in self.ran if node not in dropped]
        assert len(kept) == len(set(kept)), "ran twice"
        if self.jobs == 1:
            assert set(self.ran) <= self.plain.visited, "ran in vain"

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.close()


class MachineOfFour(Machine):
    """The same with helpers."""

    jobs = 4


TestOneThread = Machine.TestCase
TestOneThread.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)

TestFourThreads = pytest.mark.concurrency(MachineOfFour.TestCase)
TestFourThreads.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
