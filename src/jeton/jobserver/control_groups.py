"""Which control groups this process is in. Owns finding their folders; not what a file in them means.

A bound of a group holds for every group inside it, so each group is followed by those around it. Sources: cgroups(7),
/proc/pid/cgroup; the kernel's "Control Group v2".
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path, PurePosixPath

ROOT = Path("/sys/fs/cgroup")
"""Where the groups are mounted."""
OWN = Path("/proc/self/cgroup")
"""The file that names this process's groups."""


class Version(Enum):
    """Which of the kernel's two interfaces a group has: their files have other names."""

    V1 = 1
    """A hierarchy for each controller."""
    V2 = 2
    """One hierarchy for all."""


def control_groups(root: Path, own: Path, controller: str) -> Iterator[tuple[Version, Path]]:
    """Yield the folders of the groups that bound this process, its own first; none where the system has no groups.

    `controller` is v1's name of what is bounded, such as `cpu`. A folder that is yielded need not exist.
    """
    with suppress(OSError):
        for line in os.fsdecode(own.read_bytes()).split("\n"):
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if not path:
                continue
            if number == "0" and not controllers:
                yield from ((Version.V2, folder) for folder in _upwards(root, path))
            elif controller in controllers.split(","):
                yield from ((Version.V1, folder) for folder in _upwards(root / controller, path))


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """Yield the folder of the group and of every group around it."""
    inside = PurePosixPath(path.lstrip("/"))
    yield root / inside
    for around in inside.parents:
        yield root / around
