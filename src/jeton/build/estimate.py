"""How long steps take. Owns what was learned, from the history and from this run; says nothing without a basis."""

import time
from collections import defaultdict

from jeton.build.graph import Step
from jeton.build.history import History
from jeton.build.plan import Plan

_GUESS_S = 1.0
"""What a step is taken to cost when nothing is known of any: then only the number of steps counts."""
_BASIS = 5
"""How many steps must have been measured, now or before, for an estimate to be more than a guess."""
_PAUSE_S = 0.25
"""Estimates are not renewed more often: they would flicker."""


class Costs:
    """What each step is expected to take, in seconds: as long as before, or as steps of its kind did."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)
        self.measured = 0

    def learn(self, step: Step, seconds: float) -> None:
        """Take a measured duration into its kind's mean."""
        self._sums[step.rule] += seconds
        self._counts[step.rule] += 1
        self.measured += 1

    def learn_from_history(self, steps: list[Step]) -> None:
        """Take what earlier builds measured of these steps into the means."""
        for step in steps:
            made = self._history.made.get(step.outputs[0].path)
            if made is not None and not step.phony:
                self.learn(step, made.duration_ms / 1000)

    def __call__(self, step: Step) -> float:
        """Return the expected seconds."""
        if step.phony:
            return 0.0
        made = self._history.made.get(step.outputs[0].path)
        if made is not None:
            return made.duration_ms / 1000
        if self._counts[step.rule]:
            return self._sums[step.rule] / self._counts[step.rule]
        return sum(self._sums.values()) / self.measured if self.measured else _GUESS_S


class Estimate:
    """What is left of a running plan: no less than its longest path, no less than its work shared by those at work."""

    def __init__(self, plan: Plan, costs: Costs) -> None:
        self._plan = plan
        self._costs = costs
        self._running: dict[Step, float] = {}  # when each began
        self._due = 0.0

    def will_run(self, step: Step) -> None:
        """Hear that a step begins."""
        self._running[step] = time.monotonic()

    def did_run(self, step: Step) -> None:
        """Hear that it ended."""
        self._costs.learn(step, time.monotonic() - self._running.pop(step))

    def left_if_due(self) -> float | None:
        """Return the seconds that are left; None where that was said a moment ago, or has no basis."""
        now = time.monotonic()
        if now < self._due or self._costs.measured < _BASIS:
            return None
        self._due = now + _PAUSE_S
        work, path = self._plan.waiting_time()
        done = sum(min(now - began, self._costs(step)) for step, began in self._running.items())
        return max(path - done, (work - done) / max(1, len(self._running) + 1), 0.0)
