"""Covers tasks of asyncio, on both of its loops, and of trio that wait for slots: their order, and being cancelled."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeAlias

import pytest
from tests.jobserver.pipes import bytes_in, pipe
from tests.jobserver.waiting import Waiting, drain, environ

from jeton.jobserver import Client, PipeAuth, PoolUnusable, Unusable
from jeton.jobserver.line import Request
from jeton.runtime import run as run_in_jeton
from jeton.runtime import stdlib_loop

Run: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]


def on_stdlib(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def on_uvloop(main: Coroutine[Any, Any, None]) -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


if find_spec("uvloop") is not None:
    import uvloop

    uvloop.new_event_loop().close()  # the first one opens a pipe for signals that the process keeps

RUNS = [
    on_stdlib,
    pytest.param(on_uvloop, marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="needs uvloop")),
]
needs_trio = pytest.mark.skipif(find_spec("trio") is None, reason="needs trio")


@pytest.mark.parametrize("run", RUNS)
def test_tasks_of_asyncio_are_served_in_their_order(run: Run) -> None:
    order: list[int] = []

    async def hold(client: Client, number: int) -> None:
        async with client.slot_async():
            order.append(number)

    async def main() -> None:
        with pipe() as auth, Client.from_env(environ(auth)) as client:
            [implicit] = drain(client)
            tasks = [asyncio.create_task(hold(client, number)) for number in range(20)]
            await asyncio.sleep(0)  # each has run and waits
            client.release(implicit)
            await asyncio.gather(*tasks)
            assert client.held == 0

    run(main())
    assert order == list(range(20))


@pytest.mark.parametrize("run", RUNS)
def test_a_token_wakes_a_task_of_asyncio(run: Run) -> None:
    async def main() -> None:
        with pipe() as auth, Client.from_env(environ(auth)) as client:
            drain(client)
            task = asyncio.create_task(client.acquire_async())
            await asyncio.sleep(0)
            os.write(auth.write_fd, b"x")
            assert (await task).token == b"x"

    run(main())


@pytest.mark.parametrize("run", RUNS)
def test_a_cancelled_task_of_asyncio_is_out_of_the_queue(run: Run, inherited: PipeAuth) -> None:
    async def main() -> None:
        with Client.from_env(environ(inherited)) as client:
            slots = drain(client)
            first, second = (asyncio.create_task(client.acquire_async()) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            client.release(slots.pop())
            assert (await second).token == b"c"

    run(main())
    assert bytes_in(inherited.read_fd) == 3


@pytest.mark.parametrize("run", RUNS)
def test_a_token_granted_to_a_task_of_asyncio_as_it_is_cancelled_goes_back(
    run: Run, inherited: PipeAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Waiting(monkeypatch)

    async def main() -> None:
        with Client.from_env(environ(inherited)) as client:
            slots = drain(client)
            task = asyncio.create_task(client.acquire_async())
            await asyncio.sleep(0)
            client.release(slots.pop())
            waiting.granted.get()  # the loop stands still meanwhile: the task knows nothing yet
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (client.held, bytes_in(inherited.read_fd)) == (3, 1)

    run(main())


@pytest.mark.parametrize("run", RUNS)
def test_a_task_of_asyncio_hears_that_the_pool_has_died(run: Run) -> None:
    async def main() -> None:
        with pipe() as auth, Client.from_env(environ(auth)) as client:
            drain(client)
            task = asyncio.create_task(client.acquire_async())
            await asyncio.sleep(0)
            os.close(auth.write_fd)
            with pytest.raises(PoolUnusable) as caught:
                await task
            assert caught.value.reason is Unusable.DEAD

    run(main())


def test_a_slot_for_a_task_whose_loop_is_closed_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is closed around a task that waits; the next in the queue is a thread."""
    waiting = Waiting(monkeypatch)
    with pipe() as auth, Client.from_env(environ(auth)) as client:
        drain(client)
        loop = asyncio.new_event_loop()
        coroutine = client.acquire_async()
        task = loop.create_task(coroutine)
        loop.call_soon(loop.stop)
        loop.run_forever()
        waiting.entered.get()
        loop.close()
        request = Request(lambda: None)
        client._line.enter(request)
        os.write(auth.write_fd, b"x")
        waiting.granted.get()
        waiting.granted.get()
        assert request.result().token == b"x"
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio would warn of is this test's point
        coroutine.close()


@needs_trio
def test_tasks_of_trio_are_served_one_after_the_other() -> None:
    import trio.testing  # noqa: PLC0415  optional

    held: list[int] = []

    async def hold(client: Client, number: int) -> None:
        async with client.slot_async():
            held.append(number)
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        with pipe() as auth, Client.from_env(environ(auth)) as client:
            [implicit] = drain(client)
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(hold, client, number)
                await trio.testing.wait_all_tasks_blocked()
                client.release(implicit)
            assert client.held == 0

    trio.run(main)
    assert sorted(held) == list(range(20))


@needs_trio
def test_a_token_granted_to_a_task_of_trio_as_it_is_cancelled_goes_back(
    inherited: PipeAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trio.testing  # noqa: PLC0415  optional

    waiting = Waiting(monkeypatch)

    async def main() -> None:
        with Client.from_env(environ(inherited)) as client:
            slots = drain(client)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.acquire_async)
                await trio.testing.wait_all_tasks_blocked()
                client.release(slots.pop())
                waiting.granted.get()
                nursery.cancel_scope.cancel()
            assert (client.held, bytes_in(inherited.read_fd)) == (3, 1)

    trio.run(main)


@needs_trio
def test_a_task_of_trio_that_is_cancelled_already_takes_nothing(inherited: PipeAuth) -> None:
    import trio.testing  # noqa: PLC0415  optional

    async def main() -> None:
        with Client.from_env(environ(inherited)) as client:
            with trio.CancelScope() as scope:
                scope.cancel()
                async with client.slot_async():
                    pytest.fail("it was cancelled")
            assert (client.held, bytes_in(inherited.read_fd)) == (0, 3)

    trio.run(main)


def test_tasks_of_jeton_are_sent_to_its_own_queue(inherited: PipeAuth) -> None:
    async def main(client: Client) -> None:
        with pytest.raises(RuntimeError, match="SlotQueue"):
            await client.acquire_async()

    with Client.from_env(environ(inherited)) as client:
        run_in_jeton(main, client, loop=stdlib_loop())
        with pytest.raises(RuntimeError, match="no task"):
            client.acquire_async().send(None)
