"""The roof: a model checker for programs of threads that use `jeton.sync`. Knows nothing of what they do.

API boundary: `explore` runs a scenario in many schedules, and raises `ScheduleFailed` for the first that goes wrong.
The strategies decide who goes on. In pytest, the fixture `explore_threads` is `explore` with `--jeton-schedules`.
"""

from jeton.testing.errors import (
    Deadlock,
    Diverged,
    Livelock,
    NotHeld,
    ScheduleFailed,
    Stalled,
    Step,
    ThreadsLeft,
    Uncontrolled,
)
from jeton.testing.explore import Explored, Explorer, Scenario, explore
from jeton.testing.strategies import DepthFirst, Pct, Random, Replay, Strategy

__all__ = [
    "Deadlock",
    "DepthFirst",
    "Diverged",
    "Explored",
    "Explorer",
    "Livelock",
    "NotHeld",
    "Pct",
    "Random",
    "Replay",
    "Scenario",
    "ScheduleFailed",
    "Stalled",
    "Step",
    "Strategy",
    "ThreadsLeft",
    "Uncontrolled",
    "explore",
]
