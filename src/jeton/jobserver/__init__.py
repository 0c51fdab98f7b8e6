"""Floor 1: job tokens. Knows nothing of tasks or schedulers.

API boundary. `open_pool` joins the pool that this process was started in, or opens its own; a `Pool` gives out slots;
its `invite` tells a child process how to join. `Server` is a pool of one's own, with a place for each child. `Client`
is for programs without a scheduler of jeton: threads, asyncio and trio. The protocol is GNU make's ("POSIX Jobserver
Interaction" in its manual); `jeton.jobserver.flags` reads and writes its text.
"""

from jeton.jobserver.child import Child
from jeton.jobserver.client import Client
from jeton.jobserver.errors import PoolUnusable, Unusable
from jeton.jobserver.flags import Disabled, FifoAuth, MakeFlags, PipeAuth, SemaphoreAuth, parse, with_auth
from jeton.jobserver.invitation import Invitation, Style, style_for
from jeton.jobserver.joined_pool import JoinedPool
from jeton.jobserver.machine import default_jobs
from jeton.jobserver.opening import join_pool, open_pool, open_pool_or_one_slot
from jeton.jobserver.own_pool import OwnPool
from jeton.jobserver.pool import Pool, Slot, Watcher
from jeton.jobserver.server import MAX_JOBS, Place, Server
from jeton.jobserver.status import SeatStatus, Status

__all__ = [
    "MAX_JOBS",
    "Child",
    "Client",
    "Disabled",
    "FifoAuth",
    "Invitation",
    "JoinedPool",
    "MakeFlags",
    "OwnPool",
    "PipeAuth",
    "Place",
    "Pool",
    "PoolUnusable",
    "SeatStatus",
    "SemaphoreAuth",
    "Server",
    "Slot",
    "Status",
    "Style",
    "Unusable",
    "Watcher",
    "default_jobs",
    "join_pool",
    "open_pool",
    "open_pool_or_one_slot",
    "parse",
    "style_for",
    "with_auth",
]
