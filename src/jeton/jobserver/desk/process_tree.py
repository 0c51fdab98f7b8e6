"""Which process started which, as /proc tells it (proc_pid_stat(5)). Owns the reading; knows nothing of pools.

Processes come and go while it is read: what has gone is left out. Where there is no /proc, nothing is found.
"""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One process and all that it has started and that still runs."""

    pid: int
    command: str
    children: list["Process"] = field(default_factory=list)


def ancestors(pid: int) -> Iterator[int]:
    """Yield the process itself, who started it, and so on up to the first that cannot be seen."""
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        yield pid
        pid = _parent(pid) or 0


def shell_behind(pid: int) -> int:
    """Return the shell that a process belongs to that a shell may have forked only to run a `$( )` in it.

    A process that was forked and has started no other program has its parent's memory map, at the same random
    addresses; where a program was started, they differ.
    """
    while (parent := _parent(pid)) and (place := _stack(pid)) and place == _stack(parent):
        pid = parent
    return pid


def trees(roots: list[int]) -> dict[int, Process]:
    """Return the process tree below each of these pids that runs."""
    below: dict[int, list[int]] = {}
    for pid in _all():
        below.setdefault(_parent(pid) or 0, []).append(pid)
    return {root: made for root in roots if (made := _tree(root, below, set())) is not None}


def command_of(pid: int) -> str | None:
    """Return the command line of a process as a shell would take it; None where it is gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        if words != [b""]:
            return shlex.join(os.fsdecode(word) for word in words)
        return os.fsdecode(Path(f"/proc/{pid}/comm").read_bytes().rstrip(b"\n"))
    except OSError:
        return None


def _tree(pid: int, below: dict[int, list[int]], seen: set[int]) -> Process | None:
    command = command_of(pid)
    if command is None or pid in seen:
        return None
    seen.add(pid)
    children = (_tree(child, below, seen) for child in sorted(below.get(pid, ())))
    return Process(pid, command, [child for child in children if child is not None])


def _all() -> list[int]:
    try:
        return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    except OSError:
        return []


def _fields(pid: int) -> list[str]:
    """Return what stands behind the name, which may hold anything: its state is the first."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return said[said.rfind(")") + 2 :].split()


def _parent(pid: int) -> int | None:
    found = _fields(pid)
    return int(found[1]) if len(found) > 1 else None


def _stack(pid: int) -> tuple[str, str] | None:
    """Return where its program and its stack begin; None where this process may not see it."""
    found = _fields(pid)
    place = (found[23], found[25]) if len(found) > 25 else ("0", "0")
    return None if "0" in place else place
