"""The measured programs, written for asyncio on any of its loops, each in its cheapest idiomatic form."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bench.runtime_costs import Program, Starter

GROUP = 1000

T = TypeVar("T")


def starter(make: Callable[[], asyncio.AbstractEventLoop], *, eager: bool = False) -> Starter:
    """Return what runs a coroutine function on such a loop; `eager` needs Python 3.12."""

    def start(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        with asyncio.Runner(loop_factory=make) as runner:
            if eager:
                runner.get_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009  not in 3.11
            return runner.run(main())

    return start


async def switch(count: int) -> None:
    async def give_way() -> None:
        for _ in range(count // 100):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(give_way())


async def spawn_and_join(count: int) -> None:
    for _ in range(count // GROUP):
        async with asyncio.TaskGroup() as group:
            for _ in range(GROUP):
                group.create_task(nothing())


async def spawn_and_await(count: int) -> None:
    for _ in range(count):
        await asyncio.create_task(nothing())


async def ping_pong(count: int) -> None:
    async def play(mine: asyncio.Event, other: asyncio.Event) -> None:
        for _ in range(count // 2):
            await mine.wait()
            mine.clear()
            other.set()

    ping, pong = asyncio.Event(), asyncio.Event()
    ping.set()
    async with asyncio.TaskGroup() as group:
        group.create_task(play(ping, pong))
        group.create_task(play(pong, ping))


async def sleeps(count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(asyncio.sleep(number % 100 / 1000))


async def cancel(count: int) -> None:
    for _ in range(count // GROUP):
        never = asyncio.Event()
        tasks = [asyncio.create_task(never.wait()) for _ in range(GROUP)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def children(count: int) -> None:
    async def child() -> None:
        process = await asyncio.create_subprocess_exec("/bin/true", stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
        await process.communicate()

    for _ in range(count // 2):
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(child())


async def nothing() -> None:
    pass


PROGRAMS: dict[str, Program] = {
    "switch": switch,
    "spawn-and-join": spawn_and_join,
    "spawn-and-await": spawn_and_await,
    "ping-pong": ping_pong,
    "sleeps": sleeps,
    "cancel": cancel,
    "children": children,
}
