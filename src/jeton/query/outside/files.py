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
    """Return modification time (ns), size, inode and device of a file or folder. Raises OSError.

    A file that was changed just now may be changed again without another time. Its stamp is one that comes only once,
    so that it is read again (as git does with "racily clean" entries; see its Documentation/technical/racy-git.txt).
    """
    status = os.stat(path)  # noqa: PTH116  asked for each file at every refresh, and twice as fast
    now = time.time_ns()
    if now - status.st_mtime_ns < _TICK_NS:
        return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev, now)
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)


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


def _program_stamp(name: str) -> tuple[str | None, tuple[int, ...]]:
    path = shutil.which(name)
    return path, file_stamp(os.path.realpath(path)) if path is not None else ()


@input(stamp=_program_stamp, durability=Durability.HIGH)
def program(name: str) -> tuple[str, tuple[int, ...]]:
    """Return where PATH has a program, and the stamp of its file, by which another version is seen.

    Raises FileNotFoundError.
    """
    path, stamp = _program_stamp(name)
    if path is None:
        raise FileNotFoundError(f"{name}: not found on PATH; install it first")
    return path, stamp
