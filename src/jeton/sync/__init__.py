"""Floor 0: locks, signals and threads, behind a layer that can be replaced. Knows nothing of who synchronises what.

API boundary: `primitives()` is what a class looks up once, when it is made, and keeps. It gets `THREADS` in use,
`ORDERED` where the order of locks is to be asserted, and the model checker's own below `jeton.testing.explore`.
"""

from jeton.sync.current import primitives, using
from jeton.sync.ordered import ORDERED, LockOrderError
from jeton.sync.primitives import Lock, Primitives, Signal, Thread
from jeton.sync.threads import THREADS

__all__ = [
    "ORDERED",
    "THREADS",
    "Lock",
    "LockOrderError",
    "Primitives",
    "Signal",
    "Thread",
    "primitives",
    "using",
]
