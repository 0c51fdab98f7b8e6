"""From the text of a file to what its names mean, across the tree. Owns the queries between the inputs and the rules.

The large values (a tree, an outline) are read by projections only: `scope`, `exports`, `exported`, `imports`. Each is a
firewall. It runs when the file changes, and who reads it runs only if what it gives is not what it was.
"""

from __future__ import annotations

import ast
import os

from jeton.query import Db, Fallback, query

from .collect import outline_of
from .frames import OF_A_MODULE
from .shapes import Broken, Definition, Export, Exports, Imported, Known, Module, Outline, Scope
from .tree import files, listing, module_of, name_of, text

_NOTHING_KNOWN = Exports({}, (), None, is_open=True)


def _never(_old: object, _new: object) -> bool:
    """Save comparing trees: a file that changed has another one, if only for the lines in it."""
    return False


@query(persist=False, lru=16, eq=_never)
def parsed(db: Db, path: str) -> ast.Module | Broken:
    """Parse a file. The tree is large and quickly made again, so it is neither kept nor written to the store."""
    try:
        return ast.parse(text(db, path) or b"", path)
    except SyntaxError as error:
        return Broken(error.lineno or 1, max(1, error.offset or 1), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte, before 3.12; parentheses too deep
        return Broken(1, 1, str(error) or "too complex")


@query(persist=False)
def outline(db: Db, path: str) -> Outline:
    """Walk a file's tree once, and keep all that the other phases read."""
    tree = parsed(db, path)
    if isinstance(tree, Broken):
        return Outline({}, _NOTHING_KNOWN, {}, tree)
    return outline_of(tree)


@query
def broken(db: Db, path: str) -> Broken | None:
    """Tell why a file could not be parsed; None where it could."""
    return outline(db, path).error


@query(persist=False)
def scopes(db: Db, path: str) -> dict[str, Scope]:
    """Give the scopes of a file, by qualified name. What moves with a comment stays behind in the outline."""
    return outline(db, path).scopes


@query(persist=False)
def scope(db: Db, path: str, name: str) -> Scope:
    """Give one scope: who reads it runs again when its own code changed, and not its neighbours'."""
    return scopes(db, path)[name]


@query
def scope_names(db: Db, path: str) -> tuple[str, ...]:
    """Give the qualified names of a file's scopes, in the order of the source."""
    return tuple(scopes(db, path))


@query
def lines(db: Db, path: str, name: str) -> tuple[int, ...]:
    """Give the first line of each statement of a scope. Read only where something is told about the scope."""
    return outline(db, path).lines.get(name, (0,))


@query
def exports(db: Db, path: str) -> Exports:
    """Give what a module shows to its own functions and to others."""
    return outline(db, path).exports


@query
def exported(db: Db, path: str, name: str) -> Export:
    """Give what a module itself says of one name."""
    shown = exports(db, path)
    missing = Known.UNKNOWN if shown.is_open else Known.MISSING
    return shown.names.get(name, missing)


def _unknown(_path: str, _name: str) -> Definition:
    return Known.UNKNOWN


@query(on_cycle=Fallback(_unknown))
def definition(db: Db, path: str, name: str) -> Definition:
    """Follow a name of a module to where it is defined: through imports, `*` included, and into submodules.

    Modules that import a name from each other in a ring define it nowhere that could be told: it is unknown.
    """
    found = exported(db, path, name)
    if isinstance(found, Imported):
        return imported(db, path, found)
    if found is not Known.MISSING:
        return found
    if name in OF_A_MODULE:
        return Known.VALUE
    return _submodule(db, path, name) or _from_stars(db, path, name) or Known.MISSING


def _from_stars(db: Db, path: str, name: str) -> Definition | None:
    """Look a name up in what a module imports with `*`; the last one wins."""
    for star in reversed(exports(db, path).stars):
        target = module_of(db, absolute(db, path, star))
        if target is None:
            return Known.UNKNOWN
        public = exports(db, target).public
        if name in public if public is not None else not name.startswith("_"):
            found = definition(db, target, name)
            if found is not Known.MISSING:
                return found
    return None


def _submodule(db: Db, path: str, name: str) -> Definition | None:
    folder, file = os.path.split(path)
    if file != "__init__.py":
        return None
    target = module_of(db, f"{name_of(db, path)}.{name}")
    if target is not None:
        return Module(target)
    here = listing(db, folder)
    return Known.UNKNOWN if name in here.folders or name in here.extensions else None


def imported(db: Db, path: str, target: Imported) -> Definition:
    """Follow an import of the module at `path`."""
    module = module_of(db, absolute(db, path, target))
    if module is None:
        return Known.UNKNOWN
    if target.name is None:
        return Module(module)
    if module == path:
        return _submodule(db, path, target.name) or Known.UNKNOWN
    return definition(db, module, target.name)


def absolute(db: Db, path: str, target: Imported) -> str:
    """Give the full name of the module that an import names; of one that leaves the tree, a name that no module has."""
    if not target.level:
        return target.module
    parts = name_of(db, path).split(".")
    up = target.level - path.endswith("__init__.py")
    if up > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - up], *filter(None, [target.module])])


@query
def imports(db: Db, path: str) -> tuple[Imported, ...]:
    """Give what a module imports while it is loaded, in order. The module of each is the one that is loaded."""
    entries = [entry for each in scopes(db, path).values() for entry in each.imports if not entry.lazy]
    return tuple(dict.fromkeys(entry.target._replace(module=entry.loads) for entry in entries))


@query
def neighbours(db: Db, path: str) -> tuple[str, ...]:
    """Give the files of the tree that a module loads, each once, in order."""
    found = (loaded(db, path, target) for target in imports(db, path))
    return tuple(dict.fromkeys(each for each in found if each is not None and each != path))


def loaded(db: Db, path: str, target: Imported) -> str | None:
    """Find the file that an import loads; of `from a import b` it is that of `a.b`, where there is one."""
    name = absolute(db, path, target)
    inner = module_of(db, f"{name}.{target.name}") if target.name else None
    return inner or module_of(db, name)


@query
def graph(db: Db) -> dict[str, tuple[str, ...]]:
    """Give the import graph: for each file the files that it loads."""
    paths = files(db)
    return dict(zip(paths, db.map(neighbours, paths), strict=True))
