"""What an operation costs, and how that is taken. Owns the clocks; knows nothing of queries.

The machine does other work too, which only ever makes a measurement longer: so the least of several counts, and the
CPU time stands beside the clock's. The collector of garbage is on, as it is in a program.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Nanoseconds for one operation."""

    cpu: float
    """Of this process, all threads together."""
    wall: float


Figures = dict[str, Cost]
"""What one program measured, by name."""

Program = Callable[[], Figures]
"""A measurement for a process of its own."""


def least(costs: Iterable[Cost]) -> Cost:
    """Return the least of each clock."""
    all_costs = list(costs)
    return Cost(min(cost.cpu for cost in all_costs), min(cost.wall for cost in all_costs))


def cost_of(work: Callable[[], object], count: int) -> Cost:
    """Do `count` operations at once, and return what one of them cost."""
    gc.collect()
    return clocked(work, count)


def clocked(work: Callable[[], object], count: int) -> Cost:
    """Return what one of `count` operations cost. For what is called within something else, it collects nothing."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    work()
    return Cost((time.process_time_ns() - cpu) / count, (time.perf_counter_ns() - wall) / count)


def each(work: Callable[[Any], object], over: Iterable[Any]) -> Cost:
    """Return what one call cost, of calls with one item after the other."""
    items = list(over)

    def all_of_them() -> None:
        for item in items:
            work(item)

    return cost_of(all_of_them, len(items))
