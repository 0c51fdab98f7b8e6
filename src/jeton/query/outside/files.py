"""Files as inputs. Owns their stamps: what tells, without reading a file, that it may have changed."""

import os
import shutil
import time
from pathlib import Path

from jeton.query.definition import Durability
from jeton.query.entry import input  # noqa: A004  see there

_TICK_NS = 20_000_000
"""Two changes of a file within one tick of the kernel's clock, 4 to 10 ms, leave the same time."""


def file_stamp(path: str) -> tuple[int, ...]:
    """Return the times (ns) of modification and status change, size, inode and device of a file or folder.

    Raises OSError. The time of status change sees what sets the other one back (cp -p, tar, rsync -t).

    A file that was changed just now may be changed again without another time. Its stamp is one that comes only once,
    so that it is read again (as git does with "racily clean" entries; see its Documentation/technical/racy-git.txt).
    """
    status = os.stat(path)  # noqa: PTH116  asked for each file at every refresh, and twice as fast
    now = time.time_ns()
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
    return (*stamp, now) if now - status.st_ctime_ns < _TICK_NS else stamp


@input(stamp=file_stamp)
def file_text(path: str) -> str:
    """Return a file's text, as UTF-8 with the line ends as they are. Raises OSError and UnicodeDecodeError."""
    return Path(path).read_bytes().decode()


@input(stamp=file_stamp)
def file_bytes(path: str) -> bytes:
    """Return a file's bytes. Raises OSError."""
    return Path(path).read_bytes()


@input(stamp=file_stamp)
def folder(path: str) -> tuple[str, ...]:
    """Return the names in a folder, sorted, those of folders with a slash at their end. Raises OSError."""
    with os.scandir(path) as entries:
        return tuple(sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries))


def _program_stamp(name: str, path: str | None = None) -> tuple[str | None, tuple[int, ...]]:
    found = shutil.which(name, path=path)
    return found, file_stamp(os.path.realpath(found)) if found is not None else ()


@input(stamp=_program_stamp, durability=Durability.HIGH)
def program(name: str, path: str | None = None) -> tuple[str, tuple[int, ...]]:
    """Return where `path`, or else PATH, has a program, and the stamp of its file, by which another version is seen.

    Raises FileNotFoundError.
    """
    found, stamp = _program_stamp(name, path)
    if found is None:
        raise FileNotFoundError(f"{name}: not found on PATH; install it first")
    return found, stamp
