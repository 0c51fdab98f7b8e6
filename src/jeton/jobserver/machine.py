"""How many cores there are for this process. Owns the reading of affinity and control groups; decides nothing else.

A container on a large host sees all of its cores and may use a few: the quota of its control group counts, and that of
every group around it. Sources: sched_setaffinity(2); the kernel's "Control Group v2", cpu.max; "CFS Bandwidth Control".
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path

from jeton.jobserver.control_groups import OWN, ROOT, Version, control_groups


def default_jobs() -> int:
    """Return how many slots a pool has when nobody says: a core each, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(ROOT, OWN)
    return cores if quota is None else max(1, min(cores, ceil(quota)))


def cgroup_quota(root: Path, own: Path) -> float | None:
    """Return how many cores' time the control groups allow, None where they set no bound.

    See `control_groups` for `root` and `own`.
    """
    quotas = [
        quota
        for version, folder in control_groups(root, own, "cpu")
        for quota in (_quota_v2(folder) if version is Version.V2 else _quota_v1(folder))
    ]
    return min(quotas, default=None)


def _quota_v2(folder: Path) -> Iterator[float]:
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (folder / "cpu.max").read_text().split()
        if quota != "max":
            yield int(quota) / int(period)


def _quota_v1(folder: Path) -> Iterator[float]:
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        if quota > 0:
            yield quota / int((folder / "cpu.cfs_period_us").read_text())
