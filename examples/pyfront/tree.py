"""What is outside: which files there are, and what is in them. Owns the inputs, and which file is which module.

Each folder and each file is an input of its own, with a stamp that one system call takes. To find out what changed in a
tree, the engine compares stamps; nothing is read and no folder is listed whose stamp is what it was.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from jeton.query import Db, Durability, Unset, input, query  # noqa: A004
from jeton.query.outside import file_stamp

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_PACKAGE = "__init__.py"


def stamp(path: str) -> tuple[int, ...]:
    """Take what changes when a file or folder does; the same for all that are not there."""
    try:
        return file_stamp(path)
    except OSError:
        return ()


class Listing(NamedTuple):
    """What a folder holds, by name, in order."""

    files: tuple[str, ...]
    """Python files only."""
    folders: tuple[str, ...]
    extensions: tuple[str, ...]
    """Modules that hold no Python, without what follows the dot."""


@input(durability=Durability.HIGH)
def roots() -> tuple[str, ...]:
    """Give the absolute paths that are checked, files and folders. Whoever opens the engine sets them."""
    raise Unset


@input(stamp=stamp)
def listing(folder: str) -> Listing:
    """List a folder; one that is not there holds nothing."""
    files, folders, extensions = [], [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py") and entry.is_file():
                    files.append(entry.name)
                elif entry.name.endswith((".so", ".pyd")):
                    extensions.append(entry.name.partition(".")[0])
                elif entry.name[0] != "." and entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
    except OSError:
        pass
    return Listing(tuple(sorted(files)), tuple(sorted(folders)), tuple(sorted(extensions)))


@input(stamp=stamp, persist=False)
def text(path: str) -> bytes | None:
    """Read a file; None where it cannot be read, which a file that goes while we look may bring about."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a Path costs more than the call
            return file.read()
    except OSError:
        return None


@query
def files_below(db: Db, folder: str) -> tuple[str, ...]:
    """Find the Python files in a folder and those below it, in order."""
    here = listing(db, folder)
    found = [os.path.join(folder, name) for name in here.files]  # noqa: PTH118
    for name in here.folders:
        found += files_below(db, os.path.join(folder, name))  # noqa: PTH118
    return tuple(found)


@query
def package(db: Db, folder: str) -> str:
    """Give the dotted name of the package that a folder is, and "" where it is none."""
    if _PACKAGE not in listing(db, folder).files:
        return ""
    above, name = os.path.split(folder)
    around = package(db, above) if name else ""
    return f"{around}.{name}" if around else name


@query
def modules(db: Db) -> dict[str, str]:
    """Give the path of every module that is checked, by its dotted name. The first root that has a name keeps it."""
    found: dict[str, str] = {}
    for root in roots(db):
        if root.endswith(".py"):
            paths: tuple[str, ...] = (root,)
            folder = os.path.dirname(root)  # noqa: PTH120
            around = package(db, folder)
        else:
            paths = files_below(db, root)
            folder, around = root, package(db, root)
        for path in paths:
            name = path[len(folder) :].strip(os.sep).removesuffix(".py").replace(os.sep, ".")
            name = name.removesuffix("__init__").removesuffix(".")
            found.setdefault(f"{around}.{name}".strip(".") or path, path)
    return found


@query
def files(db: Db) -> tuple[str, ...]:
    """Give the paths of all files that are checked, in order."""
    return tuple(sorted(set(modules(db).values())))


@query
def module_of(db: Db, name: str) -> str | None:
    """Find the file of a module; None where it is not in the tree. A firewall: other files may come and go."""
    return modules(db).get(name)


@query
def names_of(db: Db) -> dict[str, str]:
    """Give the dotted name of every file that is checked, by its path."""
    return {path: name for name, path in modules(db).items()}


@query
def name_of(db: Db, path: str) -> str:
    """Give the dotted name of a file's module."""
    return names_of(db)[path]


@query
def silenced(db: Db, path: str) -> frozenset[int]:
    """Find the lines, from 1, that say `# noqa`: nothing is told about them."""
    source = text(db, path) or b""
    if b"# noqa" not in source:
        return frozenset()
    return frozenset(number for number, line in enumerate(source.splitlines(), 1) if b"# noqa" in line)
