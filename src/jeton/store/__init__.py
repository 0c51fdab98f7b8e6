"""Floor 1: facts on disk. Knows nothing of what they mean.

API boundary: `Log`, an append-only file of checksummed records that a crash at any byte leaves whole.
"""

from jeton.store.log import Log
from jeton.store.owner import OwnerLock

__all__ = ["Log", "OwnerLock"]
