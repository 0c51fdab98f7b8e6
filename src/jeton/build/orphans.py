"""Commands that a killed build left running. Owns ending them before their steps run again, so that none writes later.

Every command of a build carries a mark in its environment, and so does all that it starts: the session and the folder
of the build. While this process holds the folder's lock, a process with the folder's mark belongs to a build that is
dead. One that has left the session made itself a daemon on purpose (setsid(2)) and is let be.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

VARIABLE = "JETON_BUILD"


def mark(folder: Path) -> dict[str, str]:
    """Return the mark for the commands of a build in this folder, as an environment."""
    return {VARIABLE: f"{os.getsid(0)}:{folder.absolute()}"}


def end_orphans(folder: Path, warn: Callable[[str], None]) -> None:
    """Kill what a dead build in this folder left running; return when all of it has ended."""
    while orphans := list(_orphans(folder)):
        for pid in orphans:
            warn(f"process {pid}: left running by a build that was killed; ending it, its step runs again")
            with suppress(ProcessLookupError, PermissionError):
                watched = os.pidfd_open(pid)
                os.kill(pid, signal.SIGKILL)
                select.select([watched], [], [])
                os.close(watched)


def _orphans(folder: Path) -> Iterator[int]:
    if not Path("/proc/self/environ").exists():
        return  # this system does not tell
    own = os.getpid()
    ending = os.fsencode(f":{folder.absolute()}")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == own:
            continue
        with suppress(OSError):
            for variable in (entry / "environ").read_bytes().split(b"\0"):
                name, _, value = variable.partition(b"=")
                if name == VARIABLE.encode() and value.endswith(ending):
                    session = value[: -len(ending)]
                    if session == str(os.getsid(int(entry.name))).encode():
                        yield int(entry.name)
