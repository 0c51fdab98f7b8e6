"""Covers commands and the pool: how many run at once, whose pool it is, and that every slot comes back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers import census
from tests.peers.jobserver_command import COMMAND, Gate, environment, makefile
from tests.query.outside.world import PATIENCE_S, Stop, World, engine_of, started_script, take_all_slots
from tests.query.scenario import beside, together

from jeton.query import Cancelled, Db, Engine, query
from jeton.query.outside import Command, CommandFailed, Made, process

pytestmark = pytest.mark.concurrency


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A place where commands meet."""
    folder = tmp_path / "gate"
    folder.mkdir()
    made = Gate(folder)
    yield made
    made.close()


@process
def meeting(db: Db, recipe: str, key: int) -> Command:
    return Command(("sh", "-c", f": {key}; {recipe}"))


@pytest.mark.parametrize(("jobs", "commands"), [(1, 3), (2, 9), (4, 20), (8, 8)])
def test_as_many_commands_run_at_once_as_there_are_slots(gate: Gate, jobs: int, commands: int) -> None:
    @query
    def item(db: Db, key: int) -> Made:
        return meeting(db, gate.recipe, key)

    with engine_of(jobs) as engine:
        with beside(lambda: gate.meet(jobs, commands)), engine.begin() as db:
            db.map(item, range(commands))
        assert all_slots_come_back(engine, jobs)
    assert gate.most_at_once() == jobs


def all_slots_come_back(engine: Engine, jobs: int) -> bool:
    """Tell so; helpers give theirs back when they find nothing more to do, which may be after the map's end."""
    with beside(lambda: take_all_slots(engine)) as taken:
        pass
    return taken == [jobs]


def test_sessions_of_several_threads_share_the_slots(gate: Gate) -> None:
    with engine_of(2) as engine:

        def session(key: int) -> Made:
            with engine.begin() as db:
                return meeting(db, gate.recipe, key)

        with beside(lambda: gate.meet(2, 6)):
            together(*(lambda key=key: session(key) for key in range(6)))
        assert all_slots_come_back(engine, 2)
    assert gate.most_at_once() == 2


def test_a_make_that_is_a_command_joins_the_same_pool(gate: Gate, tmp_path: Path) -> None:
    makefile(tmp_path / "one", gate, 6)
    makefile(tmp_path / "two", gate, 6)

    @process
    def made(db: Db, name: str) -> Command:
        return Command(("make", "-C", str(tmp_path / name)))

    with engine_of(3) as engine:
        with beside(lambda: gate.meet(3, 12)), engine.begin() as db:
            outputs = [made_.output for made_ in db.map(made, ["one", "two"])]
        assert all_slots_come_back(engine, 3)
    assert not any(b"warning" in output for output in outputs)
    assert gate.most_at_once() == 3


def test_slots_come_back_after_failures_and_a_cancel(world: World, stop: Stop) -> None:
    @process
    def failing(db: Db, key: int) -> Command:
        return Command(world.noting(key, f"exit {key}"))

    @process
    def waiting(db: Db) -> Command:
        return stop.command

    with engine_of(3) as engine:
        with engine.begin() as db, pytest.raises(CommandFailed):
            db.map(failing, [1, 2, 3, 4])

        def wait() -> None:
            with engine.begin() as db, pytest.raises(Cancelled):
                waiting(db)

        with beside(wait):
            stop.reached()
            engine.cancel()
        assert all_slots_come_back(engine, 3)


PROGRAM = """
from jeton.query import Db, Engine, query
from jeton.query.outside import Command, process

@process
def meeting(db: Db, key: int) -> Command:
    return Command(("sh", "-c", ": %d; {recipe}" % key))

with Engine({options}) as engine, engine.begin() as db:
    db.map(meeting, range(9))
"""


def test_an_engine_under_make_takes_no_more_than_makes_slots(gate: Gate, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(recipe=gate.recipe, options=""))
    build = tmp_path / "build"
    makefile(build, gate, 3)
    text = (build / "Makefile").read_text().replace("all:", "all: engine", 1)
    (build / "Makefile").write_text(f"{text}engine:\n\t+@{COMMAND[0]} {program}\n.PHONY: engine\n")
    with beside(lambda: gate.meet(3, 12)):
        run_to_end("make", "-C", build, "-j3")
    assert gate.most_at_once() == 3


def test_an_engine_under_the_jobserver_command_has_its_slots(gate: Gate, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(recipe=gate.recipe, options=""))
    with beside(lambda: gate.meet(3, 9)):
        run_to_end(*COMMAND, "-j3", "--", COMMAND[0], program)
    assert gate.most_at_once() == 3


def run_to_end(*words: str | Path) -> None:
    """Run a command to its good end."""
    pid = os.posix_spawnp(words[0], words, environment())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


UNITS = 6
COMPILING = """
from jeton.query import Db, Engine
from jeton.query.outside import Command, process

TEXT = "".join("int f%d(int x) {{ return x + %d; }}\\n" % (number, number) for number in range(600))

@process
def unit(db: Db, key: int) -> Command:
    files = {{"u.c": TEXT + "int key = %d;\\n" % key}}
    return Command(("cc", "-O1", "-c", "u.c", "-o", "u.o"), files=files, outputs=("u.o",))

with Engine(jobs={jobs}) as engine, engine.begin() as db:
    assert len(db.map(unit, range({units}))) == {units}
"""


@pytest.mark.peer
@pytest.mark.parametrize("jobs", [1, 2])
def test_never_more_compilers_work_than_there_are_slots(tmp_path: Path, jobs: int) -> None:
    program = tmp_path / "program.py"
    program.write_text(COMPILING.format(jobs=jobs, units=UNITS))
    with (tmp_path / "output").open("wb") as output:
        status, seen = census.take([COMMAND[0], program], output, env=environment())
    assert status == 0, (tmp_path / "output").read_text()
    # That they are as many is held by the commands that wait for each other; a census may miss what is short.
    assert seen.names()["cc1"] >= 1
    assert seen.peak().count <= jobs


LEFT_OPEN = """
from jeton.query import Engine
from jeton.query.outside import Command, process

@process
def true(db) -> Command:
    return Command(("true",))

engine = Engine(jobs=2)
db = engine.begin()
print(true(db).status)
"""


def test_a_program_that_does_not_close_its_engine_ends(tmp_path: Path) -> None:
    with started_script(LEFT_OPEN, tmp_path) as child:
        said, _ = child.communicate(timeout=PATIENCE_S)
    assert (said, child.returncode) == ("0\n", 0)
