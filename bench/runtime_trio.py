"""The measured programs, written for Trio, each in its cheapest idiomatic form."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from bench.runtime_costs import Program

GROUP = 1000


async def switch(count: int) -> None:
    async def give_way() -> None:
        for _ in range(count // 100):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(give_way)


async def spawn_and_join(count: int) -> None:
    for _ in range(count // GROUP):
        async with trio.open_nursery() as nursery:
            for _ in range(GROUP):
                nursery.start_soon(nothing)


async def spawn_and_await(count: int) -> None:
    for _ in range(count):  # a task of Trio's cannot be awaited, its nursery can
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nothing)


async def ping_pong(count: int) -> None:
    async def play(events: list[trio.Event], mine: int, other: int) -> None:
        for _ in range(count // 2):
            await events[mine].wait()
            events[mine] = trio.Event()  # one of Trio's events is never cleared
            events[other].set()

    events = [trio.Event(), trio.Event()]
    events[0].set()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(play, events, 0, 1)
        nursery.start_soon(play, events, 1, 0)


async def sleeps(count: int) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(trio.sleep, number % 100 / 1000)


async def cancel(count: int) -> None:
    for _ in range(count // GROUP):
        never = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(GROUP):
                nursery.start_soon(never.wait)
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


async def children(count: int) -> None:
    async def child() -> None:
        await trio.run_process(["/bin/true"], capture_stdout=True, stderr=subprocess.STDOUT)

    for _ in range(count // 2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
            nursery.start_soon(child)


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
