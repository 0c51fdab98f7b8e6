"""Covers leaves in worker processes: where they are computed, what comes back, and workers that die.

The leaves are functions of this module, because a worker imports it to find them. Where threads run in parallel, no
worker is started, and results have to be the same.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.query.outside.world import PATIENCE_S, Stop, run_script, started_script, wait_until_gone
from tests.query.scenario import beside

from jeton.query import Cancelled, Db, Effect, Engine, MisuseError, Unset, input, query  # noqa: A004
from jeton.query.core import THREADS_RUN_IN_PARALLEL
from jeton.query.errors import WorkerDiedError

SAID = Effect[str]("said")

with_workers = pytest.mark.skipif(THREADS_RUN_IN_PARALLEL, reason="threads do it where they run in parallel")


@pytest.fixture(params=[1, 2], ids=["jobs=1", "jobs=2"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine without workers, and one that has them where threads do not run in parallel."""
    with Engine(jobs=request.param, environ={}) as made:
        yield made


@pytest.fixture
def pair() -> Iterator[Engine]:
    """An engine with two slots."""
    with Engine(jobs=2, environ={}) as made:
        yield made


class Awkward(Exception):  # noqa: N818  it is made of two things, and pickled as if it were of one
    """An exception that pickles and does not unpickle."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@input
def number(name: str) -> int:
    raise Unset


@query(offload=True)
def where(db: Db, key: int) -> int:
    return os.getpid()


@query(offload=True)
def square(db: Db, key: int) -> int:
    db.emit(SAID, f"square {key}")
    db.emit(SAID, "done")
    if key < 0:
        raise LookupError(key)
    return key * key


@query(offload=True)
def joined(db: Db, left: str, right: str = "r", *, end: str = "e") -> str:
    return left + right + end


@query(offload=True)
def awkward(db: Db, key: int) -> object:
    if key == 1:
        raise Awkward(1, 2)
    return lambda: key


@query(offload=True)
def demanding(db: Db, way: str) -> object:
    if way == "call":
        return square(db, 2)
    if way == "map":
        return db.map(square, [1, 2])
    if way == "effects":
        return db.effects(SAID, square, 1)
    return db.intern("x")


@query(offload=True)
def dying(db: Db, marker: str) -> str:
    if not Path(marker).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


@query(offload=True)
def waiting(db: Db, begun: str, through: str) -> str:
    Path(begun).write_text(f"{os.getpid()}\n")
    return Path(through).open().readline()


@query
def total(db: Db, name: str) -> int:
    return sum(db.map(square, range(number(db, name))))


def test_a_leaf_is_computed_in_another_process_where_threads_take_turns(engine: Engine) -> None:
    with engine.begin() as db:
        elsewhere = {pid != os.getpid() for pid in db.map(where, range(4))}
    assert elsewhere == {engine._crew.seats.jobs > 1 and not THREADS_RUN_IN_PARALLEL}


def test_values_are_remembered_and_maps_are_in_the_order_of_their_keys(engine: Engine) -> None:
    engine.set(number.at("n"), 6)
    for _ in range(2):
        with engine.begin() as db:
            assert total(db, "n") == sum(key * key for key in range(6))
    engine.set(number.at("n"), 3)
    with engine.begin() as db:
        assert total(db, "n") == 5


def test_keys_of_several_parameters_come_through(engine: Engine) -> None:
    with engine.begin() as db:
        assert [joined(db, "l"), joined(db, "l", end="x"), joined(db, right="y", left="z")] == ["lre", "lrx", "zye"]


def test_what_a_leaf_tells_is_kept_with_its_result(engine: Engine) -> None:
    engine.set(number.at("n"), 2)
    for _ in range(2):
        with engine.begin() as db:
            assert db.effects(SAID, total, "n") == ["square 0", "done", "square 1", "done"]


def test_a_failure_comes_through_with_its_type_and_is_remembered(engine: Engine) -> None:
    for _ in range(2):
        with engine.begin() as db, pytest.raises(LookupError, match="-3"):
            db.map(square, [1, -3, -5])


@with_workers
def test_an_exception_that_does_not_unpickle_kills_no_worker(pair: Engine) -> None:
    with pair.begin() as db:
        before = where(db, 1)
        with pytest.raises(Exception, match="1 and 2") as caught:
            awkward(db, 1)
        assert not isinstance(caught.value, WorkerDiedError)
        assert {pid for key in range(2, 12) if (pid := where(db, key)) == before} == {before}


@with_workers
def test_a_value_that_cannot_be_sent_is_computed_here(pair: Engine) -> None:
    with pair.begin() as db:
        found: Any = awkward(db, 2)
    assert found() == 2


@pytest.mark.parametrize("way", ["call", "map", "effects", "intern"])
@with_workers
def test_a_leaf_that_asks_the_engine_is_refused(pair: Engine, way: str) -> None:
    with pair.begin() as db, pytest.raises(MisuseError, match=r"demanding.* offload: it reads no other"):
        demanding(db, way)


@with_workers
def test_a_worker_that_dies_is_no_result_and_the_next_try_may_do(pair: Engine, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    with pair.begin() as db:
        with pytest.raises(WorkerDiedError, match=r"dying\('.*died'\): its worker process died"):
            dying(db, str(marker))
        marker.touch()
        assert dying(db, str(marker)) == "alive"
        assert square(db, 3) == 9


@with_workers
def test_a_worker_that_dies_takes_no_other_leaf_with_it(pair: Engine, tmp_path: Path) -> None:
    @query
    def item(db: Db, at: int) -> object:
        try:
            return square(db, at) if at else dying(db, str(tmp_path / "never"))
        except WorkerDiedError:
            return "died"

    with pair.begin() as db:
        assert db.map(item, range(6)) == ["died", 1, 4, 9, 16, 25]


@with_workers
def test_a_cancelled_leaf_holds_up_nobody(tmp_path: Path) -> None:
    stop = Stop(tmp_path)
    engine = Engine(jobs=2, environ={})

    def session() -> str:
        try:
            with engine.begin() as db:
                return waiting(db, str(tmp_path / "stop-begun"), str(tmp_path / "stop-through"))
        except Cancelled:
            return "cancelled"

    with beside(session) as answers:
        pid = stop.reached()
        engine.cancel()
    with beside(engine.close):
        wait_until_gone(pid)
    stop.close()
    assert answers == ["cancelled"]


def test_a_function_that_no_worker_can_find_is_refused_or_computed_here() -> None:
    def define() -> object:
        @query(offload=True)
        def local(db: Db, key: int) -> int:
            return key + 1

        with Engine(jobs=2, environ={}) as engine, engine.begin() as db:
            return local(db, 1)

    try:
        found = define()
    except TypeError as error:
        found = 2 if "local" in str(error) else error
    assert found == 2


PROGRAM = """
import os, signal
from jeton.query import Db, Engine, query

@query(offload=True)
def leaf(db: Db, key: int) -> tuple[int, bool]:
    {body}
    return key, os.getpid() == MAIN

MAIN = os.getpid() if __name__ == "__main__" else 0

if __name__ == "__main__":
    {engine}
"""


def test_a_leaf_of_the_main_script_is_found(tmp_path: Path) -> None:
    engine = "with Engine(jobs=2) as engine, engine.begin() as db: print(db.map(leaf, [1, 2, 3]))"
    said = run_script(PROGRAM.format(body="pass", engine=engine), tmp_path)
    here = THREADS_RUN_IN_PARALLEL
    assert said == f"{[(key, here) for key in (1, 2, 3)]}\n"


def test_a_program_that_does_not_close_its_engine_ends(tmp_path: Path) -> None:
    engine = "engine = Engine(jobs=2); db = engine.begin(); print(leaf(db, 1)[0])"
    assert run_script(PROGRAM.format(body="pass", engine=engine), tmp_path) == "1\n"


@with_workers
def test_an_interrupt_at_the_terminal_is_told_once(tmp_path: Path) -> None:
    stop = Stop(tmp_path)
    begun, through = str(tmp_path / "stop-begun"), str(tmp_path / "stop-through")
    body = f"open({begun!r}, 'w').write(f'{{os.getpid()}}\\n'); open({through!r}).read()"
    engine = "with Engine(jobs=2) as engine, engine.begin() as db: leaf(db, 1)"
    with started_script(PROGRAM.format(body=body, engine=engine), tmp_path) as child:
        pid = stop.reached()
        os.killpg(child.pid, signal.SIGINT)
        said, _ = child.communicate(timeout=PATIENCE_S)
        wait_until_gone(pid)
    stop.close()
    assert said.count("Traceback") == 1, said
    assert said.rstrip().endswith("KeyboardInterrupt")
