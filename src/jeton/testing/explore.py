"""Runs a scenario in one schedule after another, until one fails. Owns the mix of strategies and what is told.

In the line of loom (tokio-rs), Shuttle (awslabs) and CHESS (Microsoft Research): threads that run one at a time, and a
strategy that says whose turn it is.
"""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from jeton.testing.controlled import ControlledThreads, inside
from jeton.testing.errors import Diverged, ScheduleFailed
from jeton.testing.schedule import Schedule
from jeton.testing.shrink import nonzero, shrunk
from jeton.testing.strategies import DepthFirst, Pct, Random, Replay, Strategy, name_of, named
from jeton.testing.where import raised_at

Scenario = Callable[[], None]

REPLAY = "JETON_SCHEDULE"
"""The environment variable that names the one schedule to run."""

_LONGEST_NAME = 200
"""A replay string past this is no longer one that is copied from a log."""
_SHOWN_STEPS = 40


@dataclass(frozen=True, slots=True)
class Explored:
    """What was run, and nothing was wrong."""

    schedules: int
    steps: int
    """Switch points, in all schedules together."""
    is_complete: bool
    """Whether there is no other schedule: then the scenario is right in every one, as far as its switch points go."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a schedule is given up."""

    max_steps: int
    stall_s: float

    def run(self, scenario: Scenario, strategy: Strategy, *, traced: bool = False) -> Schedule:
        """Run the scenario once, as the strategy says, and let the strategy note how it went."""
        schedule = Schedule(strategy, max_steps=self.max_steps, stall_s=self.stall_s, traced=traced)
        schedule.run(inside(ControlledThreads(schedule), scenario))
        if schedule.error is None:
            try:
                strategy.end(schedule.choices, is_whole=not schedule.is_fair)
            except Diverged as error:
                schedule.error = error
        return schedule


def explore(
    scenario: Scenario,
    *,
    schedules: int = 1000,
    strategies: Sequence[Strategy] | None = None,
    seed: int = 0,
    max_steps: int = 20_000,
    stall_s: float = 20.0,
) -> Explored:
    """Run the scenario in so many schedules, or in all if there are fewer. Each strategy has a turn after the other.

    `strategies` is `DepthFirst(2), Pct(seed, 3), Random(seed)` unless it is given. A schedule that is not over after
    `max_steps` switch points has a livelock; `stall_s` seconds without one are too long. With JETON_SCHEDULE in the
    environment, the schedule of that name runs alone.

    Raises ScheduleFailed for the first schedule that goes wrong, ValueError where JETON_SCHEDULE names none.
    """
    __tracebackhide__ = True  # pytest shows the scenario's own frames and the message
    limits = Limits(max_steps, stall_s)
    alone = os.environ.get(REPLAY)
    if alone is not None:
        turn: list[Strategy] = [named(alone)]
        schedules = 1
    else:
        turn = list(strategies) if strategies is not None else [DepthFirst(), Pct(seed), Random(seed)]
    ran = steps = 0
    is_complete = False
    while turn and ran < schedules and not is_complete:
        strategy = turn.pop(0)
        name = strategy.begin()
        if name is None:
            continue
        turn.append(strategy)
        with _no_collector():
            schedule = limits.run(scenario, strategy)
        ran += 1
        steps += schedule.steps
        if schedule.error is not None:
            raise _failure(scenario, schedule, name, ran, limits, shrinks=alone is None) from schedule.error
        is_complete = strategy.is_complete
    return Explored(ran, steps, is_complete)


class Explorer:
    """`explore` with another number of schedules: what the fixture `explore_threads` gives."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def __call__(
        self,
        scenario: Scenario,
        *,
        schedules: int = 1000,
        strategies: Sequence[Strategy] | None = None,
        seed: int = 0,
        max_steps: int = 20_000,
        stall_s: float = 20.0,
    ) -> Explored:
        """Explore, with `schedules` scaled. Raises as `explore` does."""
        __tracebackhide__ = True
        return explore(
            scenario,
            schedules=max(1, round(schedules * self._scale)),
            strategies=strategies,
            seed=seed,
            max_steps=max_steps,
            stall_s=stall_s,
        )


def _failure(
    scenario: Scenario, schedule: Schedule, name: str, ran: int, limits: Limits, *, shrinks: bool
) -> ScheduleFailed:
    """Run the failed schedule again, make it smaller, and tell it."""
    told = _told(schedule)
    if isinstance(schedule.error, Diverged):
        return ScheduleFailed(f"{told}\n{_DEPENDS}", name, ())
    with _no_collector():
        again = limits.run(scenario, Replay(schedule.choices), traced=True)
        difference = _difference(schedule, again)
        if difference is not None:
            return ScheduleFailed(
                f"{told}\nthe same choices led elsewhere when they were replayed: {difference}\n{_DEPENDS}",
                name,
                tuple(again.trace or ()),
            )
        if shrinks:
            smaller = shrunk(schedule, lambda replay: limits.run(scenario, replay))
            short = name_of(nonzero(smaller.choices))
            if len(short) <= _LONGEST_NAME:
                name = short
                again = limits.run(scenario, Replay(smaller.choices), traced=True)
    steps = tuple(again.trace or ())
    return ScheduleFailed(
        f"{_told(again)}\n"
        f"schedule {ran}, preemptions {again.preemptions}; to run it alone: {REPLAY}={name}\n"
        f"the last of its {len(steps)} switch points:\n" + "\n".join(_lines(again)),
        name,
        steps,
    )


_DEPENDS = (
    "the scenario depends on something beside its schedule: time, chance, hashes, threads or objects of another run"
)


def _told(schedule: Schedule) -> str:
    error = schedule.error
    if schedule.failed is None:
        return f"{type(error).__name__}: {error}"
    where = raised_at(error.__traceback__) if error is not None else ""
    return f"{schedule.failed.name} raised {type(error).__name__}: {error}, at {where}"


def _difference(before: Schedule, after: Schedule) -> str | None:
    """Return how two runs with the same choices differ."""
    for at, (old, new) in enumerate(zip(before.options, after.options, strict=False)):
        if old != new:
            return f"at decision {at} there were {old} threads to choose from, then {new}"
    if type(before.error) is not type(after.error):
        return f"then it was {_told(after)}" if after.error is not None else "then nothing was wrong"
    if (len(before.options), before.steps) != (len(after.options), after.steps):
        return f"there were {before.steps} switch points, then {after.steps}"
    return None


def _lines(schedule: Schedule) -> Iterator[str]:
    steps = (schedule.trace or [])[-_SHOWN_STEPS:]
    wide = max((len(step.thread) for step in steps), default=0)
    for step in steps:
        switch = f"   -> {step.then}{', which takes the turn from it' if step.preempted else ''}" if step.then else ""
        yield f"  {step.thread:<{wide}}  {step.what}, at {step.where}{switch}"


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep finalizers out of the schedules: when the collector calls them is no schedule's choice."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
