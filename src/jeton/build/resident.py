"""How much memory running commands have now. Owns reading it from /proc; does not know what it is read for.

One pass over all processes, and not the kernel's lists of children: those may leave a child out while others start and
end (proc(5), /proc/pid/task/tid/children), and what is left out here is memory that is given away twice.
Pages that several processes share count for each of them, so a sum is never too small.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Resident(Protocol):
    """Tells the resident memory of process trees."""

    def __call__(self, roots: Collection[int]) -> dict[int, int]:
        """Return the bytes of each root's tree, by the root's pid; a root that nothing is known of is left out."""


class ProcessTrees:
    """A `Resident` that reads `proc`, where proc(5) is mounted. On a system without it, it tells nothing."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = str(proc)

    def __call__(self, roots: Collection[int]) -> dict[int, int]:
        """See `Resident`. A process is in a tree by its ancestors, or, where they have ended, by its process group."""
        seen = self._processes()
        sums = {root: seen[root][2] for root in roots if root in seen}
        for pid, (_, group, size) in seen.items():
            if pid in sums:
                continue
            root = _root_of(pid, seen, sums)
            if root is None and group in sums:
                root = group
            if root is not None:
                sums[root] += size
        return sums

    def _processes(self) -> dict[int, tuple[int, int, int]]:
        """Return for each process its parent, its process group, and its resident bytes."""
        seen = {}
        try:
            names = os.listdir(self._proc)  # noqa: PTH208  half the cost of a Path for each process
        except OSError:
            return {}
        for name in names:
            if not name.isdigit():
                continue
            try:
                fd = os.open(f"{self._proc}/{name}/stat", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue  # it has ended
            try:
                stat = os.read(fd, 4096)
                # The name, in parentheses, may hold anything; state, parent and group follow it.
                fields = stat[stat.rindex(b")") + 2 :].split()
                seen[int(name)] = int(fields[1]), int(fields[2]), int(fields[21]) * _PAGE
            except (OSError, ValueError, IndexError):
                pass  # it has ended meanwhile
            finally:
                os.close(fd)
        return seen


def _root_of(pid: int, seen: dict[int, tuple[int, int, int]], roots: dict[int, int]) -> int | None:
    for _ in seen:  # numbers may be reused while they are read: no more steps than there are processes
        if pid in roots:
            return pid
        if pid not in seen:
            return None
        pid = seen[pid][0]
    return None
