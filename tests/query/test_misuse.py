"""Covers what is refused, because it would wait for itself or has nobody left to do it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.query.scenario import beside

from jeton.query import Db, Engine, EngineClosedError, MisuseError, input, query  # noqa: A004  the engine's word


@input
def bare(name: str) -> str:
    return name


@query
def shout(db: Db, name: str) -> str:
    return bare(db, name).upper()


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.set(bare.at("a"), "x"),
        lambda engine: engine.unset(bare.at("a")),
        lambda engine: engine.refresh(),
        lambda engine: engine.begin(),
        lambda engine: engine.cancel(),
        lambda engine: engine.close(),
    ],
    ids=["set", "unset", "refresh", "begin", "cancel", "close"],
)
def test_a_loader_that_would_wait_for_its_own_refresh_is_refused(
    engine: Engine, change: Callable[[Engine], Any]
) -> None:
    asked = threading.Event()

    @input
    def meddling() -> int:
        if asked.is_set():
            change(engine)
        asked.set()
        return 1

    meddling(engine.begin())
    with beside(engine.refresh) as found:
        pass
    assert found == [1], "the refusal is the loader's failure, and so a change"
    with pytest.raises(MisuseError):
        meddling(engine.begin())


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.set(bare.at("a"), "x"),
        lambda engine: engine.unset(bare.at("a")),
        lambda engine: engine.refresh(),
        lambda engine: engine.begin(),
    ],
    ids=["set", "unset", "refresh", "begin"],
)
def test_a_closed_engine_refuses(engine: Engine, change: Callable[[Engine], Any]) -> None:
    engine.close()
    with pytest.raises(EngineClosedError):
        change(engine)


def test_a_loader_reads_nothing_of_the_engine(engine: Engine) -> None:
    db = engine.begin()

    @input
    def curious() -> str:
        return shout(db, "a")

    with pytest.raises(MisuseError):
        curious(db)


def test_a_coroutine_cannot_load() -> None:
    async def fetch(name: str) -> str:
        return name

    with pytest.raises(TypeError, match="a loader is a plain function"):
        input(fetch)
