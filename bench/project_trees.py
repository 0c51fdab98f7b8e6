"""What a build left behind: the state of every output file, and how two states differ.

Owns the reading and comparing of build directories.  Knows the names of the build tools' own state files
(they are no outputs) and nothing of projects, commands or time.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

STATE_PREFIXES = (".ninja_", ".jeton")
"""Top-level names in a build directory that belong to the build tool itself."""

Times = dict[str, int]
"""Modification time in nanoseconds of every output, by its path below the build directory."""

Digests = dict[str, str]
"""What every output holds, in short form, by its path below the build directory."""


def times(build: Path) -> Times:
    """Return when every output file was last written."""
    return {name: status.st_mtime_ns for name, status in _outputs(build)}


def digests(build: Path) -> Digests:
    """Return what every output file holds: a hash of its bytes and mode, or where a link points."""
    return {name: _digest(build / name, status) for name, status in _outputs(build)}


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """Return the paths that were added, removed or changed."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def touch_after(header: Path, build: Path) -> None:
    """Bump a file's modification time to now, and be sure that now is later than all the build wrote."""
    newest = max(status.st_mtime_ns for _, status in _files(build))
    # A file system's clock moves in ticks of some milliseconds: ask again until it has moved on.
    for _ in range(100_000):
        os.utime(header)
        if header.stat().st_mtime_ns > newest:
            return
    raise RuntimeError(f"the clock does not pass the build's newest file: cannot touch {header.name}")


def some(names: Collection[str], most: int = 5) -> str:
    """Name a few of these paths in a line."""
    shown = ", ".join(sorted(names)[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _outputs(build: Path) -> Iterator[tuple[str, os.stat_result]]:
    return ((name, status) for name, status in _files(build) if not name.startswith(STATE_PREFIXES))


def _files(build: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file and link below a directory with its own status (a link is not followed)."""
    for folder, folders, files in os.walk(build):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in files + links:
            path = Path(folder) / name
            yield path.relative_to(build).as_posix(), path.lstat()


def _digest(path: Path, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return f"link {path.readlink()}"
    if not stat.S_ISREG(status.st_mode):
        return f"special {stat.S_IFMT(status.st_mode):o}"
    with path.open("rb") as file:
        return f"{stat.S_IMODE(status.st_mode):o} {hashlib.file_digest(file, 'sha256').hexdigest()}"
