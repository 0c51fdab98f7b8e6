"""Covers commands that fail: what is said, to whom, what is remembered, and what another try may make good."""

import pickle
from pathlib import Path

import pytest
from tests.query.outside.world import World, engine_of, temporary_files_in

from jeton.query import Db, Engine, Unset, input, query  # noqa: A004
from jeton.query.outside import Command, CommandFailed, Made, process


@input
def script(name: str) -> str:
    raise Unset


@process
def scripted(db: Db, folder: str, name: str) -> Command:
    return Command(World(Path(folder)).noting(name, script(db, name)), outputs=("out",))


def failure(engine: Engine, world: World, text: str, name: str = "a") -> CommandFailed:
    """Run a script that fails; return how."""
    engine.set(script.at(name), text)
    with engine.begin() as db, pytest.raises(CommandFailed) as caught:
        scripted(db, str(world.folder), name)
    return caught.value


@pytest.mark.parametrize(
    ("text", "why", "status"),
    [
        ("echo said; exit 3", "exit status 3", 3),
        ("echo said; kill -11 $$", "killed by signal 11", -11),
        ("echo said", "did not leave out", 0),
        ("echo said; mkdir out", "did not leave out", 0),
    ],
)
def test_a_failure_tells_why_and_has_what_was_said(
    engine: Engine, world: World, text: str, why: str, status: int
) -> None:
    failed = failure(engine, world, text)
    assert (failed.why, failed.made.status, failed.made.output) == (why, status, b"said\n")
    assert str(failed).endswith(f": {why}")


def test_a_failure_is_remembered_and_raised_at_every_reader(engine: Engine, world: World) -> None:
    failures = []

    @query
    def reader(db: Db, key: int) -> int:
        try:
            scripted(db, str(world.folder), "a")
        except CommandFailed as failed:
            failures.append(failed.why)
            raise
        return key

    for _ in range(2):
        failure(engine, world, "exit 1")
        with engine.begin() as db:
            for key in (1, 2):
                with pytest.raises(CommandFailed):
                    reader(db, key)
    assert (failures, world.ran()) == (["exit status 1"] * 2, ["a"])


def test_a_store_remembers_a_failure(world: World) -> None:
    for _ in range(2):
        with engine_of(1, store=world.folder / "store") as engine:
            failed = failure(engine, world, "echo said; exit 1")
            assert (failed.made.output, str(failed).endswith("exit status 1")) == (b"said\n", True)
    assert world.ran() == ["a"]


def test_a_repaired_command_makes_its_readers_run(engine: Engine, world: World) -> None:
    @query
    def length(db: Db) -> int:
        return len(scripted(db, str(world.folder), "a").files["out"])

    failure(engine, world, "exit 1")
    with engine.begin() as db, pytest.raises(CommandFailed):
        length(db)
    engine.set(script.at("a"), "echo 12345 > out")
    with engine.begin() as db:
        assert length(db) == 6


def test_the_first_failure_of_a_map_is_that_of_the_first_key(engine: Engine, world: World) -> None:
    for name, text in (("a", "echo > out"), ("b", "exit 2"), ("c", "exit 3"), ("d", "exit 4")):
        engine.set(script.at(name), text)

    @query
    def item(db: Db, name: str) -> Made:
        return scripted(db, str(world.folder), name)

    with engine.begin() as db, pytest.raises(CommandFailed) as caught:
        db.map(item, "abcd")
    assert caught.value.made.status == 2


def test_a_failure_is_one_line_even_where_an_argument_has_several(engine: Engine, world: World) -> None:
    assert "\n" not in str(failure(engine, world, "true\nexit 1"))


def test_failures_and_results_can_be_pickled(engine: Engine, world: World) -> None:
    failed = failure(engine, world, "echo x > out; echo y; exit 1")
    copy = pickle.loads(pickle.dumps(failed))
    assert (str(copy), copy.why, copy.made) == (str(failed), failed.why, failed.made)
    assert copy.made == Made({"out": b"x\n"}, b"y\n", 1)


def test_what_another_program_kills_is_no_result(engine: Engine, world: World) -> None:
    once = world.folder / "once"
    text = f"test -e {once} && echo > out && exit; touch {once}; kill -KILL $$"
    assert failure(engine, world, text).why == "killed by signal 9"
    engine.cancel()
    with engine.begin() as db:
        assert scripted(db, str(world.folder), "a").files == {"out": b"\n"}


# What cannot be started.


@process
def started(db: Db, word: str) -> Command:
    return Command((word,))


def test_a_program_that_is_not_there_is_an_error_that_says_what_to_do(engine: Engine) -> None:
    with (
        engine.begin() as db,
        pytest.raises(FileNotFoundError, match="no-such-program: not found on PATH; install it first"),
    ):
        started(db, "no-such-program")


def test_a_full_machine_is_no_result_of_the_command(world: World) -> None:
    nowhere = world.folder / "nowhere"
    with engine_of(1, store=world.folder / "store") as engine, temporary_files_in(nowhere):
        with engine.begin() as db, pytest.raises(FileNotFoundError):
            started(db, "true")
        nowhere.mkdir()
        engine.cancel()
        with engine.begin() as db:
            assert started(db, "true").status == 0


def test_a_store_does_not_keep_an_error_of_the_machine(world: World) -> None:
    def status() -> int:
        with engine_of(1, store=world.folder / "store") as engine, engine.begin() as db:
            return started(db, "true").status

    with temporary_files_in(world.folder / "nowhere"), pytest.raises(FileNotFoundError):
        status()
    assert status() == 0


def test_words_that_no_kernel_takes_are_an_error(engine: Engine) -> None:
    @process
    def endless(db: Db) -> Command:
        return Command(("true", "x" * (4 << 20)))

    with engine.begin() as db, pytest.raises(OSError, match="Argument list too long"):
        endless(db)


def test_a_description_that_raises_is_the_failure_of_the_query(engine: Engine) -> None:
    @process
    def broken(db: Db) -> Command:
        raise LookupError("no such module")

    with engine.begin() as db, pytest.raises(LookupError, match="no such module"):
        broken(db)


def test_a_description_that_is_no_command_is_refused(engine: Engine) -> None:
    @process
    def forgetful(db: Db) -> Command:  # type: ignore[return]
        Command(("true",))

    with engine.begin() as db, pytest.raises(TypeError, match="forgetful"):
        forgetful(db)
