"""Which ready step may start beside the running ones. Owns what is known of them; the rule itself is in `memory`.

Two bounds: a limit of memory, where one was asked for, and a brake: nothing starts beside running steps while
processes wait for memory. Neither ever holds back a step when nothing runs, so a build always goes on.

It is asked before a slot is taken, so that nobody who waits for memory holds a token, and asked again when the slot is
there, because the most urgent step may be another one by then.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jeton.build.estimate import Costs
from jeton.build.graph import Step
from jeton.build.memory import Candidate, Needs, Runner, choose, needed, taken
from jeton.build.options import MemoryLimit, Options
from jeton.build.resident import Resident
from jeton.trace import STREAM, DidWaitForMemory, MemoryHold, WillWaitForMemory

_KIB = 1024
_LOOKS_AT = 16
"""Ready steps that are looked at when the most urgent one does not fit."""
_SAMPLE_S = 0.1
"""What is resident is read no more often."""
_SAMPLE_SHARE = 20
"""Nor for more than this part of the time: on a machine with thousands of processes, reading takes long."""
_PRESSURE_S = 1.0
"""The pressure is read no more often; the kernel renews it every 2 seconds."""
_RESERVE_SHARE = 10
"""The part of all memory that is left alone where the limit is what can be spared."""


class Machine(Protocol):
    """The memory of the machine, in bytes; None where nobody tells. `MachineMemory` is the real one."""

    def total(self) -> int | None:
        """Return how much there is."""

    def available(self) -> int | None:
        """Return how much is free."""

    def pressure(self) -> float | None:
        """Return for how much of the last 10 seconds some process waited for memory, in percent."""


@dataclass(slots=True)
class _Running:
    """A step that runs."""

    began: float
    pid: int = 0
    """0 until its process is started."""
    resident: int = 0
    peak: int = 0


class Admission:
    """The running steps of one build, and the decision who may join them."""

    poll_s = 1.0
    """How long to wait for the end of a step before asking again: memory may come free without one."""

    def __init__(
        self,
        limit: MemoryLimit | None,
        pressure_limit: float,
        needs: Needs,
        costs: Costs,
        resident: Resident,
        machine: Machine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pressure_limit` is in percent, 0 sets none; `clock` returns seconds."""
        self._limit = limit
        self._pressure_limit = pressure_limit
        self._needs = needs
        self._costs = costs
        self._resident = resident
        self._machine = machine
        self._clock = clock
        self._running: dict[Step, _Running] = {}
        self._size = 0 if limit is None or limit.size is None else limit.size
        self._reserve = (machine.total() or 0) // _RESERVE_SHARE if limit is not None and limit.size is None else 0
        self._sample_due = 0.0
        self._pressure = 0.0
        self._pressure_due = 0.0
        self._held: MemoryHold | None = None

    def choose(self, most_urgent: Callable[[int], Sequence[Step]]) -> Step | None:
        """Return which ready step may start now; None where none is ready or all have to wait.

        `most_urgent` returns up to that many ready steps, the most urgent first.
        """
        ready = most_urgent(1)
        if not ready:
            return None
        if self._running and self._braked():
            self._hold(MemoryHold.PRESSURE, ready[0])
            return None
        if self._running and self._limit is not None:
            self._sample_if_due()
            runners = self._runners()
            if choose([self._candidate(ready[0])], runners, self._size) is None:
                self._hold(MemoryHold.LIMIT, ready[0])
                ready = most_urgent(_LOOKS_AT)
                place = choose([self._candidate(step) for step in ready], runners, self._size)
                return None if place is None else ready[place]
        self._hold_no_more()
        return ready[0]

    def will_run(self, step: Step) -> None:
        """Hear that a step has its slot."""
        self._running[step] = _Running(self._clock())

    def started(self, step: Step, pid: int) -> None:
        """Hear that its process runs."""
        self._running[step].pid = pid

    def peak_kib(self, step: Step) -> int:
        """Return the most that the tree of a running step was seen to have."""
        return self._running[step].peak // _KIB

    def did_run(self, step: Step, peak_kib: int) -> None:
        """Hear that it ended, whatever came of it, and how much its largest process had."""
        self._needs.learn(step, max(peak_kib, self.peak_kib(step)))
        del self._running[step]

    def _braked(self) -> bool:
        if not self._pressure_limit:
            return False
        now = self._clock()
        if now >= self._pressure_due:
            self._pressure_due = now + _PRESSURE_S
            self._pressure = self._machine.pressure() or 0.0
        return self._pressure > self._pressure_limit

    def _sample_if_due(self) -> None:
        began = self._clock()
        if began < self._sample_due:
            return
        by_pid = {running.pid: running for running in self._running.values() if running.pid}
        sizes = self._resident(by_pid)
        for pid, running in by_pid.items():
            running.resident = sizes.get(pid, 0)
            running.peak = max(running.peak, running.resident)
        if self._limit is not None and self._limit.size is None:
            available = self._machine.available() or 0
            self._size = max(0, available + sum(sizes.values()) - self._reserve)
        ended = self._clock()
        self._sample_due = ended + max(_SAMPLE_S, _SAMPLE_SHARE * (ended - began))

    def _candidate(self, step: Step) -> Candidate:
        return Candidate(self._needs(step), self._costs(step))

    def _runners(self) -> list[Runner]:
        now = self._clock()
        return [
            Runner(self._needs(step), running.resident, max(0.0, running.began + self._costs(step) - now))
            for step, running in self._running.items()
        ]

    def _hold_no_more(self) -> None:
        if self._held is not None and STREAM.on:
            STREAM.emit(DidWaitForMemory(self._held))
        self._held = None

    def _hold(self, why: MemoryHold, first: Step) -> None:
        if self._held is why:
            return
        self._hold_no_more()  # it waits for something else now
        self._held = why
        if STREAM.on:
            used = sum(taken(runner, self._size) for runner in self._runners())
            need = needed(self._needs(first), self._size)
            sizes = used // _KIB, need // _KIB, self._size // _KIB
            STREAM.emit(WillWaitForMemory(why, len(self._running), *sizes, self._pressure))


def open_admission(
    options: Options, needs: Needs, costs: Costs, resident: Resident, machine: Machine
) -> Admission | None:
    """Return what the options ask for; None where they set no bound, or nothing runs."""
    pressure_limit = options.pressure_limit if machine.pressure() is not None else 0.0
    if options.dry_run or (options.memory is None and not pressure_limit):
        return None
    return Admission(options.memory, pressure_limit, needs, costs, resident, machine)
