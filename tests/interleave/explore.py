"""Runs a scenario of tasks under the simulated loop for many seeds, and checks each task's state at every step.

A scenario is a coroutine function without arguments. When one seed fails, the seed is told; to run that one alone:
JETON_SEED=<seed> pytest <the test>.
"""

import os
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from jeton.runtime import Scheduler, SimulatedLoop, Task, TaskState

Scenario = Callable[[], Coroutine[Any, Any, None]]


class Watched(Scheduler):
    """A scheduler that checks its own invariants around every batch (of one step, under the simulated loop)."""

    def _run_batch(self) -> None:
        self.check()
        super()._run_batch()
        self.check()

    def check(self) -> None:
        """Hold the queue to its promises: each task is in it once and READY, and it is asked to run."""
        assert len(set(self._ready)) == len(self._ready), "a task is in the queue twice"
        for task in self._ready:
            assert task.state is TaskState.READY, f"{task!r} is in the queue"
            check_step(task)
        assert self._scheduled or not self._ready, "the queue waits for nobody"


def check_step(task: Task[Any]) -> None:
    """Hold a task to the invariant of `step`, which decides what its next step throws."""
    cancelling = getattr(task.step, "__name__", "") == "_step_cancelling"
    assert cancelling or not task.scope.cancelling, f"{task!r} would run on in a cancelled scope"


class SeedFailedError(AssertionError):
    """A scenario failed; the message names the seed."""


def run_once(scenario: Scenario, seed: int) -> None:
    """Run the scenario in the order that the seed decides."""
    loop = SimulatedLoop(seed, max_steps=100_000)
    try:
        Watched(loop).run(scenario)
    finally:
        loop.close()


def explore(scenario: Scenario, seeds: Iterable[int] = range(300)) -> None:
    """Run the scenario for each seed, or for JETON_SEED alone. Raises SeedFailedError from what failed."""
    replay = os.environ.get("JETON_SEED")
    for seed in seeds if replay is None else [int(replay)]:
        try:
            run_once(scenario, seed)
        except BaseException as error:
            raise SeedFailedError(f"replay with JETON_SEED={seed}: {error!r}") from error
