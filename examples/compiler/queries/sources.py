"""Queries about files: their text, what it says, and each small thing that others want to know of it.

`parsed` runs whenever a file changes. Below it stands a wall of small questions, and those behind it run again only
when an answer has changed: a comment changes no answer but `places`, which is read when a diagnostic is shown.
"""

from hashlib import blake2b
from pathlib import Path, PurePath

from examples.compiler.diagnostics import Diagnostic
from examples.compiler.semantics.kinds import ItemId
from examples.compiler.semantics.world import Sort
from examples.compiler.syntax import tree
from examples.compiler.syntax.parser import Parsed, parse

from jeton.query import Db, Effect, input, query  # noqa: A004  the field's word for it
from jeton.query.outside import file_stamp

SUFFIX = ".sou"

diagnostics = Effect[Diagnostic]("diagnostics")

_FOLDER = Path(__file__).parent.parent
_PHASES = sorted([*_FOLDER.glob("*/*.py"), _FOLDER / "diagnostics.py"])
COMPILER = blake2b(b"".join(path.read_bytes() for path in _PHASES), digest_size=16).digest()
"""The compiler itself: with another one, nothing holds that was found out. Queries that run its phases use this."""


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        return file_stamp(path)
    except OSError:
        return None


@input(stamp=_stamp)
def source(path: str) -> str | None:
    """Give the text of a file; None where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


@query(persist=False, uses=(COMPILER,))
def parsed(db: Db, path: str) -> Parsed:
    """Read a module, and the places of its nodes."""
    return parse(source(db, path) or "")


@query(persist=False)
def places(db: Db, path: str) -> tree.Places:
    """Give the places of a module's nodes: only for showing something to people."""
    return parsed(db, path).places


@query
def exists(db: Db, path: str) -> bool:
    """Whether there is a file for a module."""
    return source(db, path) is not None


@query
def imports(db: Db, path: str) -> tuple[tree.Import, ...]:
    """Give a module's imports in the order of the text."""
    return parsed(db, path).module.imports


@query(uses=(COMPILER,))
def imported(db: Db, path: str, name: str) -> str | None:
    """Give the path of the module that a module imports under a name; None where it does not."""
    return sibling(path, name) if any(one.name == name for one in imports(db, path)) else None


@query
def names(db: Db, path: str) -> tuple[str, ...]:
    """Give the names of a module's items in the order of the text."""
    return tuple(parsed(db, path).module.items)


@query
def problems(db: Db, path: str) -> tuple[tree.Problem, ...]:
    """Give what could not be read."""
    return parsed(db, path).module.problems


@query
def item(db: Db, which: ItemId) -> tree.Item | None:
    """Give the tree of one item: the same one, wherever in its file it stands."""
    return parsed(db, which.module).module.items.get(which.name)


@query
def sort(db: Db, which: ItemId) -> Sort | None:
    """Say what a name of a module stands for."""
    match item(db, which):
        case tree.Function():
            return Sort.FUNCTION
        case tree.Struct():
            return Sort.STRUCT
    return None


@query
def arity(db: Db, which: ItemId) -> int:
    """Count the type parameters of an item."""
    found = item(db, which)
    return len(found.type_parameters) if found is not None else 0


def sibling(path: str, name: str) -> str:
    """Give the path of a module that another one imports: it lies beside it."""
    return str(PurePath(path).with_name(name + SUFFIX))
