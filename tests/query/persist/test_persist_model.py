"""Covers that engines on one store, one after the other, give what plain recursion gives, whatever was in between.

Inputs are set, unset and changed on disk, engines are closed or killed, and a share of what is remembered is checked.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.query.persist.remembered import kill, programs_to_keep, stored
from tests.query.programs import INPUTS, NOTES, QUERIES, Plain, Program, input_of, start
from tests.query.scenario import outcome

SIZE = 7
NODES = st.integers(0, SIZE - 1)
NUMBERS = st.integers(0, INPUTS - 1)
VALUES = st.integers(0, 3)
WRITES = st.dictionaries(NUMBERS, VALUES | st.none(), max_size=2)
SHARES = st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.0])

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Each save is forced to disk, which takes longer than all the rest."""


class Machine(RuleBasedStateMachine):
    """A store, the engine that has it, the world around, and what is to be expected."""

    jobs = 1

    @initialize(program=programs_to_keep(SIZE))
    def begin(self, program: Program) -> None:
        self.run = start(program)
        self.folder = Path(tempfile.mkdtemp(dir=IN_MEMORY))
        self.warnings: list[str] = []
        self.given: dict[int, int] = {}
        self.given_when_saved: dict[int, int] = {}
        self.engine = stored(self.folder, self.warnings.append, jobs=self.jobs)
        self.new_state()

    def new_state(self) -> None:
        self.db = self.engine.begin()
        disk = self.run.world.disk
        inputs = {at: self.given.get(at, disk.get(at)) for at in range(INPUTS)}
        self.plain = Plain(self.run.program, inputs, self.run.world.weather)

    def query_of(self, node: int) -> Any:
        return QUERIES[self.run.program.kinds[node]]

    def write_down(self, writes: dict[int, int | None]) -> None:
        disk = self.run.world.disk
        for number, value in writes.items():
            if value is None:
                disk.pop(number, None)
            else:
                disk[number] = value

    # What changes.

    @rule(number=NUMBERS, value=VALUES)
    def set(self, number: int, value: int) -> None:
        self.engine.set(input_of(number).at(number), value)
        self.given[number] = value
        self.new_state()

    @rule(number=NUMBERS)
    def unset(self, number: int) -> None:
        self.engine.unset(input_of(number).at(number))
        self.given.pop(number, None)
        self.new_state()

    @rule(writes=WRITES, weather=VALUES)
    def write_and_refresh(self, writes: dict[int, int | None], weather: int) -> None:
        self.write_down(writes)
        self.run.world.weather = weather
        self.engine.refresh()
        self.new_state()

    @rule(writes=WRITES, weather=VALUES, killed=st.booleans(), verify=SHARES)
    def open_another(self, writes: dict[int, int | None], weather: int, killed: bool, verify: float) -> None:
        if killed:
            kill(self.engine)
            self.given = dict(self.given_when_saved)
        else:
            self.engine.close()
            self.given_when_saved = dict(self.given)
        self.write_down(writes)
        self.run.world.weather = weather
        self.engine = stored(self.folder, self.warnings.append, jobs=self.jobs, verify=verify)
        self.new_state()

    @rule(number=NUMBERS, value=VALUES | st.none(), writes=WRITES)
    def open_another_that_changes_an_input_first(
        self, number: int, value: int | None, writes: dict[int, int | None]
    ) -> None:
        self.engine.close()
        self.write_down(writes)
        self.engine = stored(self.folder, self.warnings.append, jobs=self.jobs)
        if value is None:
            self.engine.unset(input_of(number).at(number))
            self.given.pop(number, None)
        else:
            self.engine.set(input_of(number).at(number), value)
            self.given[number] = value
        self.engine.close()
        self.given_when_saved = dict(self.given)
        self.engine = stored(self.folder, self.warnings.append, jobs=self.jobs)
        self.new_state()

    # What is asked.

    @rule(node=NODES)
    def ask(self, node: int) -> None:
        assert outcome(lambda: self.query_of(node)(self.db, node)) == self.plain.outcome(node)

    @rule(node=NODES)
    def ask_for_effects(self, node: int) -> None:
        expected = self.plain.outcome(node)
        found = outcome(lambda: self.db.effects(NOTES, self.query_of(node), node))
        assert found == (expected if isinstance(expected, str) else self.plain.effects(node))

    @rule(nodes=st.lists(NODES, min_size=2))
    def ask_for_many(self, nodes: list[int]) -> None:
        nodes = [node for node in nodes if self.query_of(node) is self.query_of(nodes[0])]
        expected = [self.plain.outcome(node) for node in nodes]
        failed = next((one for one in expected if isinstance(one, str)), None)
        found = outcome(lambda: self.db.map(self.query_of(nodes[0]), nodes))
        assert found == (expected if failed is None else failed)

    @rule(node=NODES)
    def ask_again_in_another_engine(self, node: int) -> None:
        self.ask(node)
        self.open_another({}, self.run.world.weather, killed=False, verify=0.0)
        self.run.runs.take()
        self.ask(node)
        disk = self.run.world.disk
        plain = Plain(self.run.program, {at: self.given.get(at, disk.get(at)) for at in range(INPUTS)}, 0)
        plain.outcome(node)
        kinds = {self.run.program.kinds[one] for one in plain.visited}
        has_all = all(at in disk or at in self.given for at in range(INPUTS))
        if "loose" not in kinds and "small" not in kinds and self.run.program.kinds[node] == "plain" and has_all:
            assert self.run.runs.take() == [], "nothing has changed"

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            self.open_another({}, self.run.world.weather, killed=False, verify=1.0)
            for node in range(SIZE):
                self.ask(node)
                self.ask_for_effects(node)
            assert self.engine.reported == []
            assert self.warnings == []
            self.engine.close()
        finally:
            shutil.rmtree(self.folder)


class MachineOnThreads(Machine):
    jobs = 4


TestOneThread = Machine.TestCase
TestOneThread.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

TestFourThreads = pytest.mark.concurrency(MachineOnThreads.TestCase)
TestFourThreads.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
