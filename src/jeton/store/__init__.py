"""Floor 1: facts on disk. Knows nothing of what they mean.

API boundary: `Log`, an append-only file of checksummed records that a crash at any byte leaves whole, and `OwnerLock`;
`jeton.store.facts.FactStore`, facts that are found by key without reading the others; `digest` and `same` of
`jeton.store.fingerprint`, what makes two values the same. The last two are imported by these names: a build needs
neither, and starts without them.
"""

from jeton.store.log import Log
from jeton.store.owner import OwnerLock

__all__ = ["Log", "OwnerLock"]
