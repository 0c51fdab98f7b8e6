"""The measured programs, written for jeton's runtime. Owns nothing else; runtime_workloads.py says what each is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jeton.runtime import Event, Scope, checkpoint, libuv_loop, run, run_process, sleep, stdlib_loop

if TYPE_CHECKING:
    from bench.runtime_costs import Program, Starter

GROUP = 1000


def starter(loop: str) -> Starter:
    """Return what runs a coroutine function on this loop, `libuv` or `stdlib`."""
    make = libuv_loop if loop == "libuv" else stdlib_loop
    return lambda main: run(main, loop=make())


async def switch(count: int) -> None:
    async def give_way() -> None:
        for _ in range(count // 100):
            await checkpoint()

    async with Scope() as scope:
        for _ in range(100):
            scope.spawn(give_way)


async def spawn_and_join(count: int) -> None:
    for _ in range(count // GROUP):
        async with Scope() as scope:
            for _ in range(GROUP):
                scope.spawn(nothing)


async def spawn_and_await(count: int) -> None:
    async with Scope() as scope:
        for _ in range(count):
            await scope.spawn(nothing)


async def ping_pong(count: int) -> None:
    async def play(mine: Event, other: Event) -> None:
        for _ in range(count // 2):
            await mine.wait()
            mine.clear()
            other.set()

    ping, pong = Event(), Event()
    ping.set()
    async with Scope() as scope:
        scope.spawn(play, ping, pong)
        scope.spawn(play, pong, ping)


async def sleeps(count: int) -> None:
    async with Scope() as scope:
        for number in range(count):
            scope.spawn(sleep, number % 100 / 1000)


async def cancel(count: int) -> None:
    for _ in range(count // GROUP):
        never = Event()
        async with Scope() as scope:
            for _ in range(GROUP):
                scope.spawn(never.wait)
            await checkpoint()
            scope.cancel()


async def children(count: int) -> None:
    async def child() -> None:
        await run_process(["/bin/true"], environ=os.environ)

    for _ in range(count // 2):
        async with Scope() as scope:
            scope.spawn(child)
            scope.spawn(child)


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
