"""Owns the census: how many processes below one process work at once, seen from outside.

A build under a pool of N tokens may have many processes alive, but most only wait: the build tool,
shells, make, the gcc driver, collect2, lto-wrapper. Those that work are leaves of the process tree
and have a worker's name: cc1, as, ld, lto1, ar, ... The census reads /proc again and again and keeps
each reading; `Census.peak` then says how many worked at once.

The count is a lower bound: what it names did work at that one moment. So a peak above the number of
tokens is proof, not noise. The rules that make it so:

* A process counts at the end of a reading only if it is a working leaf in that reading *and* in the
  next, the same process running the same program. A reading takes time, and a worker may end while
  its successor starts; but a process that is there both before and after a moment is there at it.
* A process that has a living child waits for it: ld while lto-wrapper runs, lto1 while its forks write.
  So is the copy of a driver between fork and exec told apart: it has the driver's name, and a worker
  that forks counts once, as its child.
* Zombies do not count: their work is done, though their parent does not know yet.
* rustc is one process with many threads. It counts as its threads that compile a unit, and as one
  where there is none. Such a thread has a token from its start until it reports; what it does later
  is to end. So it counts at a moment only if more processor time still lay ahead of it than an end takes.
  A running thread's clock in /proc may lag by a scheduler tick, up to 10 ms: TAIL_NS covers that too.

What is missed: a process that lives for less than two readings (some milliseconds), and rustc's main
thread beside its compiling threads. A control with more tokens shows that enough is seen.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPILERS = frozenset({"cc1", "cc1plus", "as", "lto1", "lto1-wpa", "lto1-ltrans", "rustc"})
LINKERS = frozenset({"ld", "ld.bfd", "ld.gold", "ld.lld", "mold", "ar", "ranlib"})
SMALL_TOOLS = frozenset({"cat", "cp", "mkdir", "mv", "rm", "touch"})
PRODUCTS = frozenset({"tally"})
WORKERS = COMPILERS | LINKERS | SMALL_TOOLS | PRODUCTS

SHELLS = frozenset({"sh", "bash", "dash", "env"})
BUILD_TOOLS = frozenset({"make", "gmake", "gnumake", "ninja", "samu", "cargo", "rustup"})
COMPILER_DRIVERS = frozenset({"cc", "gcc", "c++", "g++", "collect2", "lto-wrapper", "gcc-ar"})
DRIVERS = SHELLS | BUILD_TOOLS | COMPILER_DRIVERS

TAIL_NS = 12_000_000
PAUSE_MS = 1


class Process(NamedTuple):
    """A process as one reading saw it; pid and start together never come twice."""

    pid: int
    start: int
    name: str
    parent: int


class Worker(NamedTuple):
    """One that works: a process, or with a thread number a thread of rustc that compiles a unit."""

    pid: int
    start: int
    name: str
    thread: int = 0


@dataclass(frozen=True)
class Reading:
    """The workers that one pass over the tree found, each thread with its processor time so far."""

    at: float
    workers: Mapping[Worker, int]


@dataclass(frozen=True)
class Peak:
    """The first moment with the most workers at once, and how many readings in all had as many.

    Each worker's name comes with its number and, for a thread, the milliseconds of work ahead of it.
    """

    count: int
    at: float
    names: tuple[str, ...]
    readings: int


@dataclass
class Census:
    """Readings of the tree below root; scripts are the names of Python programs that are workers."""

    root: int
    scripts: frozenset[str] = frozenset()
    readings: list[Reading] = field(default_factory=list)
    strangers: Counter[str] = field(default_factory=Counter)
    _ours: dict[int, int] = field(default_factory=dict)
    _foreign: set[int] = field(default_factory=set)

    def read(self) -> None:
        """Take one reading."""
        tree = self._tree()
        parents = {process.parent for process in tree}
        workers: dict[Worker, int] = {}
        for process in tree:
            if process.pid not in parents and process.pid != self.root:
                workers |= self._works(process)
        self.readings.append(Reading(time.monotonic(), workers))

    def counts(self) -> list[tuple[float, list[Worker]]]:
        """Give for each reading but the last those that worked at its end."""
        ends = self._ends()
        moments = []
        for reading, following in zip(self.readings, self.readings[1:], strict=False):
            processes = [w for w in reading.workers if not w.thread and w in following.workers]
            threads = [w for w, spent in reading.workers.items() if w.thread and ends[w] - spent >= TAIL_NS]
            beside = Counter((w.pid, w.start) for w in threads)
            # A process stands for one of its own threads.
            others = [w for w in processes if not beside[w.pid, w.start]]
            moments.append((reading.at, others + threads))
        return moments

    def peak(self) -> Peak:
        """Give the moment with the most workers."""
        moments = self.counts()
        at, workers = max(moments, key=lambda moment: len(moment[1]), default=(0.0, []))
        ends = self._ends()
        spent = next((reading.workers for reading in self.readings if reading.at == at), {})
        names = tuple(
            f"{w.name}[{w.thread}] {(ends[w] - spent[w]) / 1e6:.1f} ms" if w.thread else f"{w.name}[{w.pid}]"
            for w in workers
        )
        first = self.readings[0].at if self.readings else 0.0
        as_many = sum(len(moment[1]) == len(workers) for moment in moments)
        return Peak(len(workers), at - first, names, as_many)

    def names(self) -> Counter[str]:
        """Give how many workers of each name were seen at all."""
        return Counter(worker.name for worker in {w for reading in self.readings for w in reading.workers})

    def _ends(self) -> dict[Worker, int]:
        """Give each thread's processor time as it was last read."""
        ends: dict[Worker, int] = {}
        for reading in self.readings:
            ends.update(reading.workers)
        return ends

    def _tree(self) -> list[Process]:
        """Give the living processes below root, and those that were below it before they lost a parent."""
        with os.scandir("/proc") as entries:
            listed = {int(entry.name) for entry in entries if entry.name.isdecimal()}
        self._foreign &= listed
        alive = {}
        for pid in listed - self._foreign:
            process = process_of(pid)
            if process is not None:
                alive[pid] = process
        ours = {pid: start for pid, start in self._ours.items() if pid in alive and alive[pid].start == start}
        if self.root in alive:
            ours[self.root] = alive[self.root].start
        grown = True
        while grown:
            more = {p.pid: p.start for p in alive.values() if p.parent in ours and p.pid not in ours}
            ours |= more
            grown = bool(more)
        self._ours = ours
        self._foreign |= alive.keys() - ours.keys()
        return [alive[pid] for pid in ours]

    def _works(self, process: Process) -> dict[Worker, int]:
        worker = Worker(process.pid, process.start, process.name)
        if process.name in DRIVERS:
            return {}
        if process.name.startswith("python"):
            return {worker: 0} if self.scripts & set(script_names(process.pid)) else {}
        if process.name not in WORKERS:
            program = program_of(process.pid)
            if program is not None and program not in DRIVERS and not program.startswith("python"):
                self.strangers[process.name] += 1
            return {}
        if process.name == "rustc":
            return {worker: 0, **compiling_threads(process)}
        return {worker: 0}


def process_of(pid: int) -> Process | None:
    """Read one process; None where it is gone or a zombie."""
    fields = stat_of(f"/proc/{pid}/stat")
    if fields is None or fields[1] in "ZX":
        return None
    name, _, parent, *rest = fields
    return Process(pid, int(rest[17]), name, int(parent))


def stat_of(path: str) -> list[str] | None:
    """Give a stat file's fields from the second on: name, state, parent, ..."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    _, _, rest = text.partition("(")
    name, _, numbers = rest.rpartition(")")
    return [name, *numbers.split()]


def program_of(pid: int) -> str | None:
    """Give the name of a process's program file: a fork from a named thread has that thread's name."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return None


def script_names(pid: int) -> list[str]:
    """Give the last parts of a process's arguments."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [Path(os.fsdecode(argument)).name for argument in arguments[:3]]


def compiling_threads(process: Process) -> dict[Worker, int]:
    """Give rustc's threads that compile a unit, each with its processor time in nanoseconds."""
    threads = {}
    tasks = f"/proc/{process.pid}/task"
    try:
        with os.scandir(tasks) as entries:
            numbers = [entry.name for entry in entries]
        for number in numbers:
            name = Path(f"{tasks}/{number}/comm").read_text().strip()
            if " cgu." in name:
                spent = int(Path(f"{tasks}/{number}/schedstat").read_text().split()[0])
                threads[Worker(process.pid, process.start, name, int(number))] = spent
    except (FileNotFoundError, ProcessLookupError):
        pass
    return threads


def take(
    command: Sequence[str | os.PathLike[str]],
    output: IO[bytes],
    *,
    scripts: frozenset[str] = frozenset(),
    env: Mapping[str, str] | None = None,
) -> tuple[int, Census]:
    """Run a command, its output into a file, with a census until it ends; give its exit code too."""
    build = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
    census = Census(build.pid, scripts)
    ended = select.poll()
    watch = os.pidfd_open(build.pid)
    try:
        ended.register(watch, select.POLLIN)
        while not ended.poll(PAUSE_MS):
            census.read()
    except BaseException:
        build.terminate()
        raise
    finally:
        os.close(watch)
        code = build.wait(timeout=60)
    return code, census
