"""Makes a failed schedule smaller: the fewer choices are not 0, the fewer switches there are to understand.

Delta debugging in its simplest form (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
TSE 2002): leave out a part of the choices, in halves first and one by one last, and keep what still fails alike. Before
it, a look at the schedules with fewer preemptions: where one of them fails too, it is the better one to begin with.
"""

from collections.abc import Callable, Sequence

from jeton.testing.schedule import Schedule
from jeton.testing.strategies import DepthFirst, Replay, Strategy

_MOST_STEPS = 100_000
"""How many switch points each of the two stages may take: a second or two."""


def shrunk(failed: Schedule, run: Callable[[Strategy], Schedule]) -> Schedule:
    """Return a schedule that fails with the same type of error, and has as few choices other than 0 as was found."""
    best = _with_fewer_preemptions(failed, run)
    steps = 0
    part = max(1, (len(nonzero(best.choices)) + 1) // 2)
    while True:
        left = nonzero(best.choices)
        start = 0
        is_smaller = False
        while start < len(left) and steps < _MOST_STEPS:
            kept = [at for place, at in enumerate(left) if not start <= place < start + part]
            tried = run(Replay({at: left[at] for at in kept}, is_strict=False))
            steps += tried.steps
            if type(tried.error) is type(failed.error) and len(nonzero(tried.choices)) < len(left):
                best, left = tried, nonzero(tried.choices)
                is_smaller = True
            else:
                start += part
        if steps >= _MOST_STEPS or (part == 1 and not is_smaller):
            return best
        part = max(1, part // 2)


def _with_fewer_preemptions(failed: Schedule, run: Callable[[Strategy], Schedule]) -> Schedule:
    if failed.preemptions == 0:
        return failed
    strategy = DepthFirst(failed.preemptions - 1)
    steps = 0
    while steps < _MOST_STEPS and strategy.begin() is not None:
        tried = run(strategy)
        steps += tried.steps
        if type(tried.error) is type(failed.error):
            return tried
        if tried.error is not None:  # something else is wrong too, and this strategy goes on past sound schedules only
            break
    return failed


def nonzero(choices: Sequence[int]) -> dict[int, int]:
    """Return the choices that are not 0, by number."""
    return {at: choice for at, choice in enumerate(choices) if choice}
