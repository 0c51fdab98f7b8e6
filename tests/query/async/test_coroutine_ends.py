"""Covers coroutine queries that are wanted no more, those that are submitted, and those that a store remembers."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.query.outside.world import PATIENCE_S, Stop, run_script, started_script
from tests.query.scenario import beside

from jeton.query import Cancelled, Db, Engine, EngineClosedError, Unset, input, query  # noqa: A004
from jeton.runtime import Cancelled as TaskCancelled
from jeton.runtime import Event, sleep

pytestmark = pytest.mark.concurrency


@pytest.fixture(params=[1, 2], ids=["jobs=1", "jobs=2"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of its own pool."""
    with Engine(jobs=request.param, environ={}) as made:
        made.set(mode.at(), "wait")
        yield made


@input
def mode() -> str:
    raise Unset


class Line:
    """Where coroutines of a test tell that they wait, and that they have ended."""

    waiting = threading.Semaphore(0)
    ended: list[str] = []  # noqa: RUF012  emptied by each test


@pytest.fixture(autouse=True)
def line() -> type[Line]:
    Line.waiting = threading.Semaphore(0)
    Line.ended = []
    return Line


@query
async def page(db: Db, name: str) -> str:
    if await db.call(mode) == "wait":
        Line.waiting.release()
        try:
            await Event().wait()
        except TaskCancelled:
            Line.ended.append(name)
            raise
    return name.upper()


@query
async def pages(db: Db, names: tuple[str, ...]) -> str:
    return "".join(await db.gather(page, names))


@query
def report(db: Db, names: tuple[str, ...]) -> str:
    return db.wait(pages, names)


@query
async def stubborn(db: Db) -> str:
    Line.waiting.release()
    try:
        await Event().wait()
    except BaseException:  # noqa: BLE001  that is the point
        return "swallowed"
    return "ended"


def ask(engine: Engine, names: tuple[str, ...] = ("a", "b", "c")) -> str:
    try:
        with engine.begin() as db:
            return report(db, names)
    except Cancelled:
        return "cancelled"


def await_waiting(count: int) -> None:
    for _ in range(count):
        assert Line.waiting.acquire(timeout=PATIENCE_S), "nobody waits"


# Cancel.


def test_setting_an_input_ends_all_that_waits_and_the_next_session_computes_anew(engine: Engine) -> None:
    with beside(lambda: ask(engine)) as first:
        await_waiting(3)
        engine.set(mode.at(), "go")
    assert (first, sorted(Line.ended)) == (["cancelled"], ["a", "b", "c"])
    assert ask(engine) == "ABC"


def test_a_cancelled_coroutine_is_not_remembered(engine: Engine) -> None:
    for _ in range(2):
        with beside(lambda: ask(engine)) as answers:
            await_waiting(3)
            engine.cancel()
        assert answers == ["cancelled"]
    assert len(Line.ended) == 6


def test_closing_the_engine_ends_what_waits(engine: Engine) -> None:
    with beside(lambda: ask(engine)) as answers:
        await_waiting(3)
        engine.close()
    assert (answers, len(Line.ended)) == (["cancelled"], 3)


def test_a_coroutine_that_swallows_its_end_gives_no_value(engine: Engine) -> None:
    def session() -> str:
        try:
            with engine.begin() as db:
                return db.wait(stubborn)
        except Cancelled:
            return "cancelled"

    with beside(session) as answers:
        await_waiting(1)
        engine.cancel()
    assert answers == ["cancelled"]


def test_a_session_that_is_begun_while_another_waits_shares_its_work(engine: Engine) -> None:
    with beside(lambda: ask(engine)) as first, beside(lambda: ask(engine, ("c", "d"))) as second:
        await_waiting(4)
        engine.cancel()
    assert (first, second, sorted(Line.ended)) == (["cancelled"], ["cancelled"], ["a", "b", "c", "d"])


INTERRUPTED = """
from jeton.query import Db, Engine, query
from jeton.runtime import Event

@query
async def one(db: Db, key: int) -> int:
    if key:
        with open("{begun}", "w") as fifo:
            print(key, file=fifo)
        await Event().wait()
    return key

@query
async def all_of(db: Db) -> list[int]:
    return await db.gather(one, [0, 1])

with Engine(jobs=2, store="{store}") as engine, engine.begin() as db:
    print(db.wait(one, 0), flush=True)
    db.wait(all_of)
"""


def test_an_interrupt_ends_the_program_with_its_own_traceback_alone(tmp_path: Path) -> None:
    stop = Stop(tmp_path)
    program = INTERRUPTED.format(begun=tmp_path / "stop-begun", store=tmp_path / "store")
    for _ in range(2):
        with started_script(program, tmp_path) as child:
            stop.reached()
            child.send_signal(signal.SIGINT)
            said, _ = child.communicate(timeout=PATIENCE_S)
        assert said.startswith("0\nTraceback"), said
        assert (said.count("Traceback"), said.rstrip().endswith("KeyboardInterrupt")) == (1, True), said
        assert child.returncode in (130, -signal.SIGINT)
    stop.close()


# Submit.


def test_asyncio_awaits_what_was_submitted(engine: Engine) -> None:
    engine.set(mode.at(), "go")

    async def main() -> list[str]:
        futures = [engine.submit(page, name) for name in "abcdefgh"] + [engine.submit(report, ("a", "b"))]
        found: list[str] = await asyncio.gather(*map(asyncio.wrap_future, futures))
        return found

    assert asyncio.run(main()) == [*"ABCDEFGH", "AB"]


def test_trio_awaits_on_threads_of_its_own(engine: Engine) -> None:
    trio = pytest.importorskip("trio")
    engine.set(mode.at(), "go")

    async def main() -> list[str]:
        said: dict[str, str] = {}

        async def one(name: str) -> None:
            said[name] = await trio.to_thread.run_sync(engine.submit(page, name).result)

        async with trio.open_nursery() as nursery:
            for name in "abcd":
                nursery.start_soon(one, name)
        return [said[name] for name in "abcd"]

    assert trio.run(main) == [*"ABCD"]


def test_what_was_submitted_is_cancelled_by_an_edit_and_by_the_end(engine: Engine) -> None:
    first = engine.submit(page, "a")
    await_waiting(1)
    engine.cancel()
    second = engine.submit(page, "b")
    await_waiting(1)
    engine.close()
    assert [type(one.exception(PATIENCE_S)) for one in (first, second)] == [Cancelled, Cancelled]


@pytest.mark.parametrize("before", [0, 1])
def test_a_closed_engine_takes_nothing(engine: Engine, before: int) -> None:
    engine.set(mode.at(), "go")
    for _ in range(before):
        engine.submit(page, "a").result(PATIENCE_S)
    engine.close()
    with pytest.raises(EngineClosedError):
        engine.submit(page, "a").result(PATIENCE_S)


def test_a_failure_is_the_failure_of_the_future(engine: Engine) -> None:
    @query
    async def failing(db: Db) -> None:
        raise LookupError("none")

    assert isinstance(engine.submit(failing).exception(PATIENCE_S), LookupError)


# The store.

RECALLED = """
import sys, threading
from jeton.query import Db, Engine, input, query
from jeton.runtime import sleep

ran = []

@input
def number(key: str) -> int:
    return int(sys.argv[1])

@query
async def leaf(db: Db, key: int) -> int:
    ran.append("leaf")
    await sleep(0)
    return key

@query
async def root(db: Db, key: int) -> int:
    ran.append("root")
    return await leaf(db, key) + await db.call(number, "n")

sys.argv.append("{number}")
with Engine(jobs=2, store="{store}") as engine, engine.begin() as db:
    value = db.wait(root, 5)
    print(value, ran, len(threading.enumerate()), "jeton.runtime.scheduler" in sys.modules)
"""


def test_a_store_recalls_coroutine_queries_without_a_thread(tmp_path: Path) -> None:
    def run(number: int) -> list[str]:
        program = RECALLED.format(store=tmp_path / "store", number=number)
        return run_script(program, tmp_path).split(" ", 1)

    assert run(1)[1].startswith("['root', 'leaf'] ")
    value, rest = run(1)
    assert (value, rest.split("] ")[1].split()[0]) == ("6", "1")
    assert rest.startswith("[] ")


def test_a_coroutine_whose_value_is_in_the_store_does_not_run_for_a_reader_that_does(tmp_path: Path) -> None:
    said = []
    for number in (1, 2, 3):
        program = RECALLED.format(store=tmp_path / "store", number=number)
        said.append(run_script(program, tmp_path).split("]")[0])
    assert said == ["6 ['root', 'leaf'", "7 ['root'", "8 ['root'"]


def test_statistics_count_coroutines_like_others() -> None:
    @query
    async def leaf(db: Db, key: int) -> int:
        await sleep(0)
        return key

    @query
    async def root(db: Db) -> list[int]:
        return [await leaf(db, 1), *(await db.gather(leaf, [2, 3]))]

    with Engine(jobs=2, statistics=True, environ={}) as engine:
        with engine.begin() as db:
            db.wait(root)
        counts: dict[str, Any] = {one.query.rpartition(".")[2]: one for one in engine.statistics()}
    assert (counts["leaf"].runs, counts["root"].runs) == (3, 1)
