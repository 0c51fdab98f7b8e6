"""Covers coroutine queries as queries: memo, early cutoff, failures, effects, order, and what is said to misuse."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.query.scenario import Runs

from jeton.query import Cancelled, Db, Effect, Engine, MisuseError, Unset, input, query  # noqa: A004
from jeton.runtime import Event, Scope, sleep

RUNS = Runs()
SAID = Effect[str]("said")


@pytest.fixture
def runs() -> Runs:
    """What ran, of this file's queries."""
    RUNS.take()
    return RUNS


@pytest.fixture(params=[1, 2], ids=["jobs=1", "jobs=2"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of its own pool."""
    with Engine(jobs=request.param, environ={}) as made:
        made.set_all([(source.at(name), name) for name in "abc"])
        yield made


@input
def source(name: str) -> str:
    raise Unset


@query
def upper(db: Db, name: str) -> str:
    RUNS.note(f"upper {name}")
    db.emit(SAID, f"upper {name}")
    return source(db, name).upper()


@query
async def page(db: Db, name: str) -> str:
    RUNS.note(f"page {name}")
    db.emit(SAID, f"page {name}")
    await sleep(0)
    text = await db.call(upper, name)
    if text == "BAD":
        raise LookupError(name)
    return text[:1]


@query
async def both(db: Db, left: str, right: str = "b") -> str:
    RUNS.note("both")
    return await page(db, left) + await page(db, right)


@query
async def site(db: Db, names: tuple[str, ...]) -> str:
    RUNS.note("site")
    return "".join(await db.gather(page, names))


@query
def report(db: Db, names: tuple[str, ...]) -> str:
    RUNS.note("report")
    return db.wait(site, names).lower()


def ask(engine: Engine, call: Callable[[Db], Any]) -> Any:
    with engine.begin() as db:
        return call(db)


# Memo.


def test_a_coroutine_query_runs_once(engine: Engine, runs: Runs) -> None:
    for _ in range(2):
        assert ask(engine, lambda db: db.wait(both, "a") + db.wait(both, "a", right="b")) == "ABAB"
    assert runs.take() == ["both", "page a", "upper a", "page b", "upper b"]


def test_an_edit_runs_what_read_it_and_no_more(engine: Engine, runs: Runs) -> None:
    ask(engine, lambda db: report(db, ("a", "b", "c")))
    runs.take()
    engine.set(source.at("b"), "other")
    assert ask(engine, lambda db: report(db, ("a", "b", "c"))) == "aoc"
    assert runs.take() == ["upper b", "page b", "site", "report"]


def test_an_edit_without_effect_stops_at_the_first_equal_value(engine: Engine, runs: Runs) -> None:
    ask(engine, lambda db: report(db, ("a", "b")))
    runs.take()
    engine.set(source.at("a"), "A")
    ask(engine, lambda db: report(db, ("a", "b")))
    engine.set(source.at("a"), "apple")
    ask(engine, lambda db: report(db, ("a", "b")))
    assert runs.take() == ["upper a", "upper a", "page a"]


def test_a_coroutine_that_is_demanded_twice_at_once_runs_once(engine: Engine, runs: Runs) -> None:
    assert ask(engine, lambda db: db.wait(site, ("a", "a", "b", "a"))) == "AABA"
    assert sorted(runs.take()) == ["page a", "page b", "site", "upper a", "upper b"]


# Failures.


def test_a_failure_is_remembered_and_raised_at_every_reader(engine: Engine, runs: Runs) -> None:
    engine.set(source.at("a"), "bad")
    for _ in range(2):
        for call in (lambda db: db.wait(page, "a"), lambda db: db.wait(both, "a"), lambda db: report(db, ("b", "a"))):
            with pytest.raises(LookupError, match="a"):
                ask(engine, call)
    assert sorted(runs.take()) == ["both", "page a", "page b", "report", "site", "upper a", "upper b"]
    engine.set(source.at("a"), "good")
    assert ask(engine, lambda db: db.wait(both, "a")) == "GB"


def test_gather_raises_the_first_failure_in_the_order_of_the_keys(engine: Engine) -> None:
    second_failed = Event()

    @query
    async def failing(db: Db, key: int) -> int:
        if key == 1:
            await second_failed.wait()
        if key == 2:
            second_failed.set()
        raise ValueError(key)

    @query
    async def all_of(db: Db) -> list[int]:
        return await db.gather(failing, [1, 2])

    with pytest.raises(ValueError, match="1"):
        ask(engine, lambda db: db.wait(all_of))


def test_a_transient_failure_is_tried_again_by_all_that_went_by_it() -> None:
    tries: list[str] = []

    @query(transient=(OSError,))
    async def flaky(db: Db, key: int) -> str:
        tries.append("flaky")
        if len(tries) == 1:
            raise OSError("down")
        return "up"

    @query
    async def awaiting(db: Db) -> str:
        try:
            return await flaky(db, 1)
        except OSError:
            return "caught"

    @query
    async def gathering(db: Db) -> str:
        try:
            return "".join(await db.gather(flaky, [1, 2]))[:2]
        except OSError:
            return "caught"

    @query
    def waiting(db: Db) -> str:
        try:
            return db.wait(flaky, 1)
        except OSError:
            return "caught"

    @query
    async def calling(db: Db) -> str:
        return await db.call(waiting)

    readers: list[Callable[[Db], Any]] = [
        lambda db: db.wait(awaiting),
        lambda db: db.wait(gathering),
        lambda db: db.wait(calling),
    ]
    for reader in readers:
        tries.clear()
        with Engine(jobs=2, environ={}) as engine:
            seen = [ask(engine, reader)]
            engine.refresh()
            assert [*seen, ask(engine, reader)] == ["caught", "up"]


def test_a_timeout_within_a_coroutine_is_its_failure(engine: Engine) -> None:
    @query
    async def slow(db: Db) -> None:
        async with Scope(timeout=0):
            await Event().wait()

    with pytest.raises(TimeoutError):
        ask(engine, lambda db: db.wait(slow))


# Effects.


def test_effects_come_in_the_order_of_demand_and_are_told_again(engine: Engine) -> None:
    names = ("c", "a", "b")
    expected = [f"{what} {name}" for name in names for what in ("page", "upper")]
    for _ in range(2):
        assert ask(engine, lambda db: db.effects(SAID, report, names)) == expected
    engine.set(source.at("a"), "avocado")
    assert ask(engine, lambda db: db.effects(SAID, report, names)) == expected


# Misuse.


@query
async def ok(db: Db, key: int) -> int:
    return key


@query
def plain(db: Db, key: int) -> int:
    RUNS.note("plain")
    return key


@query
async def calls_plain(db: Db) -> int:
    return plain(db, 1)


@query
async def calls_input(db: Db) -> str:
    return source(db, "a")


@query
async def waits(db: Db) -> int:
    return db.wait(ok, 1)


@query
async def gathers_plain(db: Db) -> Any:
    return await db.gather(plain, [1, 2])  # type: ignore[arg-type]


@query
async def calls_coroutine(db: Db) -> Any:
    return await db.call(ok, 1)


@query
async def maps(db: Db) -> Any:
    return db.map(plain, [1, 2, 3])


@query
async def asks_effects(db: Db) -> Any:
    return db.effects(SAID, plain, 1)


@query
def forgets_to_wait(db: Db) -> Any:
    return ok(db, 1)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda db: db.wait(calls_plain), r"plain: called in a coroutine, .*; await db.call\(plain, …\)"),
        (lambda db: db.wait(calls_input), r"source: called in a coroutine, .*; await db.call\(source, …\)"),
        (lambda db: db.wait(waits), "ok: waited for in a coroutine; await it"),
        (lambda db: db.wait(gathers_plain), "plain: gathered, but it is a plain query; map it in a plain query"),
        (lambda db: db.wait(calls_coroutine), "ok: a coroutine query; await it, without db.call"),
        (lambda db: db.wait(maps), "plain: .* in a coroutine"),
        (lambda db: db.wait(asks_effects), "read inside a query"),
        (lambda db: db.map(ok, [1]), "ok: a coroutine query; gather it in a coroutine"),
        (lambda db: db.map(ok, [1, 2]), "ok: a coroutine query; gather it in a coroutine"),
        (lambda db: db.wait(plain, 1), "plain: waited for, but it is a plain query; call it"),
        (
            lambda db: asyncio.run(ok(db, 1)),
            "ok: awaited outside a coroutine query; use db.wait there, or engine.submit",
        ),
        (lambda db: asyncio.run(db.call(plain, 1)), "db.call: awaited outside a coroutine query"),
        (lambda db: asyncio.run(db.gather(ok, [1])), "db.gather: awaited outside a coroutine query"),
        (forgets_to_wait, "forgets_to_wait.*not awaited; db.wait for it"),
    ],
)
def test_misuse_is_refused_with_what_does_it(
    engine: Engine, runs: Runs, call: Callable[[Db], Any], remedy: str
) -> None:
    with pytest.raises(MisuseError, match=remedy):
        ask(engine, call)
    assert runs.take() == []


def test_options_that_a_coroutine_cannot_have_are_refused() -> None:
    async def waiting(db: Db) -> int:
        return 1

    with pytest.raises(TypeError, match="waiting: a coroutine query has neither offload nor on_cycle"):
        query(offload=True)(waiting)
    with pytest.raises(TypeError, match="waiting: a loader is a plain function; fetch in a coroutine query"):
        input(waiting)


def test_a_db_of_a_session_that_is_over_is_refused(engine: Engine) -> None:
    with engine.begin() as db:
        pass
    with pytest.raises(Cancelled):
        db.wait(ok, 1)
