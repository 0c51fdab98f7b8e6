"""How many cores there are for this process. Owns the reading of affinity and control groups; decides nothing else.

A container on a large host sees all of its cores and may use a few: the quota of its control group counts, and that of
every group around it. Sources: sched_setaffinity(2); the kernel's "Control Group v2", cpu.max; "CFS Bandwidth Control".
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path, PurePosixPath

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def default_jobs() -> int:
    """Return how many slots a pool has when nobody says: a core each, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(_ROOT, _OWN)
    return cores if quota is None else max(1, min(cores, ceil(quota)))


def cgroup_quota(root: Path, own: Path) -> float | None:
    """Return how many cores' time the control groups allow, None where they set no bound.

    `root` is where the groups are mounted, `own` the file that names this process's groups (cgroups(7)).
    """
    quotas = []
    with suppress(OSError):
        for line in own.read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0" and not controllers:
                quotas += [quota for folder in _upwards(root, path) for quota in _quota_v2(folder)]
            elif "cpu" in controllers.split(","):
                quotas += [quota for folder in _upwards(root / "cpu", path) for quota in _quota_v1(folder)]
    return min(quotas, default=None)


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """Yield the folder of the group and of every group around it."""
    inside = PurePosixPath(path.lstrip("/"))
    yield root / inside
    for around in inside.parents:
        yield root / around


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
