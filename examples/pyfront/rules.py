"""The rules: what is told about a scope. Each is a small generator; `check_scope` runs them all.

What a rule asks of other scopes and modules, it asks by queries that tell one thing about one name, so that a scope is
checked again only if its own code changed or something that it names did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jeton.query import Db, Effect, query

from .cycles import cycles
from .modules import absolute, definition, exported, exports, imported, loaded, scope
from .shapes import MODULE, Finding, How, Kind, Known, Module, Place, Signature
from .signatures import misfit
from .tree import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .shapes import Call, Definition, Import, Scope

findings = Effect[Finding]("findings")
"""What the rules have to tell. It is replayed where a scope is green, and never told twice."""

Told = tuple[Place, str, str]
"""Place, code and message."""


@query
def check_scope(db: Db, path: str, name: str) -> None:
    """Apply every rule to one scope."""
    here = scope(db, path, name)
    for place, code, message in _told(db, path, here):
        db.emit(findings, Finding(path, name, place, code, message))


def _told(db: Db, path: str, here: Scope) -> Iterator[Told]:
    yield from unused(db, path, here)
    yield from repeated(here)
    yield from unreachable(here)
    yield from undefined(db, path, here)
    yield from missing(db, path, here)
    yield from wrong_calls(db, path, here)


def unused(db: Db, path: str, here: Scope) -> Iterator[Told]:
    """Tell imports and local variables that nobody reads."""
    for name, how, place in here.unread:
        if how is How.IMPORT:
            if here.kind is Kind.FUNCTION or not _may_be_for_others(db, path):
                yield place, "unused-import", f"{name} is imported and not used"
        elif not name.startswith("_"):
            yield place, "unused-variable", f"{name} is assigned and not used"


def _may_be_for_others(db: Db, path: str) -> bool:
    """Tell whether an import may be there for who imports this module, with no list that would say so."""
    return path.endswith("__init__.py") and exports(db, path).public is None


def repeated(here: Scope) -> Iterator[Told]:
    """Tell definitions that nobody can have used."""
    for name, place in here.repeated:
        yield place, "duplicate", f"{name} is defined a second time, and the first one is not used"


def unreachable(here: Scope) -> Iterator[Told]:
    """Tell statements that never run."""
    for place in here.dead:
        yield place, "unreachable", "this is never reached"


def undefined(db: Db, path: str, here: Scope) -> Iterator[Told]:
    """Tell names that neither the module nor the builtins define."""
    for name, place in here.uses:
        if exported(db, path, name) is Known.MISSING and definition(db, path, name) is Known.MISSING:
            yield place, "undefined-name", f"{name} is not defined"


def missing(db: Db, path: str, here: Scope) -> Iterator[Told]:
    """Tell names that are imported from a module of the tree which does not have them."""
    for entry in here.imports:
        if entry.target.name in {None, "*"} or entry.probing:
            continue
        if imported(db, path, entry.target) is Known.MISSING:
            module = absolute(db, path, entry.target)
            yield entry.place, "missing-name", f"{module} does not define {entry.target.name}"


def wrong_calls(db: Db, path: str, here: Scope) -> Iterator[Told]:
    """Tell calls of functions of the tree that do not fit their signature."""
    for call in here.calls:
        called = _called(db, path, call)
        if isinstance(called, Signature) and (problem := misfit(call, called)):
            yield call.place, "wrong-call", problem


def _called(db: Db, path: str, call: Call) -> Definition:
    """Follow a dotted name from module to module, as far as it leads."""
    first, *rest = call.target
    found = definition(db, path, first) if call.through is None else imported(db, path, call.through)
    for name in rest:
        if not isinstance(found, Module):
            return Known.UNKNOWN
        found = definition(db, found.path, name)
    return found


@query
def check_cycles(db: Db) -> None:
    """Tell each cycle of imports at the import of its first file that leads into it.

    It is one query for the whole tree. Were it a rule, each module would hang on the imports of all the others, and an
    edit anywhere would have the engine ask every module whether it has changed.
    """
    for path, cycle in cycles(db).items():
        entries = scope(db, path, MODULE).imports
        into = (each.place for each in entries if _loads(db, path, each) == cycle[1])
        names = [name_of(db, each) for each in (*cycle, path)]
        place = next(into, Place(0, 0, 0))
        db.emit(findings, Finding(path, MODULE, place, "import-cycle", " -> ".join(names)))


def _loads(db: Db, path: str, entry: Import) -> str | None:
    return loaded(db, path, entry.target._replace(module=entry.loads))
