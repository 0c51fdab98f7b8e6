"""Floor 1: job tokens. Knows nothing of tasks or schedulers.

API boundary. `open_pool` joins the pool that this process was started in, or opens its own; a `Pool` gives
out slots; its `invitation` tells a child process how to join. The protocol is GNU make's ("POSIX Jobserver
Interaction" in its manual); `jeton.jobserver.flags` reads and writes its text.
"""

from jeton.jobserver.errors import PoolUnusable, Unusable
from jeton.jobserver.flags import Disabled, FifoAuth, MakeFlags, PipeAuth, parse, with_auth
from jeton.jobserver.invitation import Invitation, Style, style_for
from jeton.jobserver.pool import Pool, Slot, default_jobs, join_pool, open_pool
from jeton.jobserver.server import MAX_JOBS, Server

__all__ = [
    "MAX_JOBS",
    "Disabled",
    "FifoAuth",
    "Invitation",
    "MakeFlags",
    "PipeAuth",
    "Pool",
    "PoolUnusable",
    "Server",
    "Slot",
    "Style",
    "Unusable",
    "default_jobs",
    "join_pool",
    "open_pool",
    "parse",
    "style_for",
    "with_auth",
]
