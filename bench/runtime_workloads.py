"""What bench/runtime.py measures: the workloads, the marks to beat, and the runtimes that take part.

Owns those tables. The programs themselves are in runtime_jeton.py, runtime_asyncio.py and runtime_trio.py, one
function for each workload; `count` is how many operations it makes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec

from bench import runtime_asyncio, runtime_jeton
from bench.runtime_costs import Program, Starter


@dataclass(frozen=True)
class Workload:
    """One thing that is measured."""

    name: str
    title: str
    count: int
    """Operations in one run."""
    marks: Mapping[str, float] = field(default_factory=dict)
    """How many times as much each peer is to need."""
    shows_wall: bool = False
    most_repeats: int = 1000


WORKLOADS = (
    Workload("switch", "switch among 100 tasks", 100_000, {"asyncio": 5.0, "uvloop": 2.5}),
    Workload("spawn-and-join", "spawn 1,000 and join, per task", 10_000, {"asyncio": 1.7, "eager": 1.5}),
    Workload("spawn-and-await", "spawn one and await it", 10_000),
    Workload("ping-pong", "ping-pong of two tasks, per turn", 20_000, {"asyncio": 4.0, "uvloop": 2.5, "trio": 8.0}),
    Workload("sleeps", "10,000 sleeps at once, per sleep", 10_000, {"asyncio": 4.0, "uvloop": 2.0, "trio": 15.0}),
    Workload("cancel", "cancel 1,000 parked and unwind, per task", 10_000),
    Workload("children", "1,000 children in twos, per child", 1_000, shows_wall=True, most_repeats=3),
)


@dataclass(frozen=True)
class Runtime:
    """One that takes part."""

    name: str
    title: str
    start: Starter
    programs: Mapping[str, Program]


def taking_part(loop: str) -> tuple[list[Runtime], list[str]]:
    """Return jeton on this loop, then every peer that is there; and what is said of those that are not."""
    stdlib = asyncio.SelectorEventLoop
    runtimes = [
        Runtime("jeton", f"jeton on {loop}", runtime_jeton.starter(loop), runtime_jeton.PROGRAMS),
        Runtime("asyncio", "asyncio", runtime_asyncio.starter(stdlib), runtime_asyncio.PROGRAMS),
    ]
    absent = []
    if sys.version_info >= (3, 12):
        start = runtime_asyncio.starter(stdlib, eager=True)
        runtimes.append(Runtime("eager", "asyncio, eager tasks", start, runtime_asyncio.PROGRAMS))
    else:
        absent.append("eager tasks need Python 3.12")
    if find_spec("uvloop"):
        import uvloop  # noqa: PLC0415  optional

        start = runtime_asyncio.starter(uvloop.new_event_loop)
        runtimes.append(Runtime("uvloop", f"asyncio on uvloop {version('uvloop')}", start, runtime_asyncio.PROGRAMS))
    else:
        absent.append("uvloop is not installed")
    if find_spec("trio"):
        import trio  # noqa: PLC0415  optional
        from bench import runtime_trio  # noqa: PLC0415  imports trio

        runtimes.append(Runtime("trio", f"trio {version('trio')}", trio.run, runtime_trio.PROGRAMS))
    else:
        absent.append("trio is not installed")
    return runtimes, absent
