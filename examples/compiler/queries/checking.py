"""Queries that check a program: signatures, functions, structs, modules, the whole. What is wrong is told beside."""

from collections.abc import Sequence

from examples.compiler.diagnostics import Anchor, Diagnostic, Note
from examples.compiler.queries.sources import (
    COMPILER,
    arity,
    diagnostics,
    exists,
    imported,
    imports,
    item,
    names,
    problems,
    sibling,
    sort,
)
from examples.compiler.semantics.facts import Facts
from examples.compiler.semantics.inference import Variable, substituted
from examples.compiler.semantics.kinds import NOTHING, ItemId, Struct, Type, depth
from examples.compiler.semantics.reporter import Reporter
from examples.compiler.semantics.signature import read_signature
from examples.compiler.semantics.statements import check_function
from examples.compiler.semantics.world import Signature, Sort
from examples.compiler.syntax import tree

from jeton.query import Db, Fallback, query

ENTRY = "main"
_DEEPEST = 16
"""How deeply types may stand in each other before a struct is taken to have no end."""


class DbWorld:
    """The rest of the program, as the checker sees it: a query for each question (`semantics.world.World`)."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def sort(self, item: ItemId) -> Sort | None:
        return sort(self._db, item)

    def arity(self, item: ItemId) -> int:
        return arity(self._db, item)

    def signature(self, item: ItemId) -> Signature:
        return signature(self._db, item)

    def imported(self, module: str, name: str) -> str | None:
        return imported(self._db, module, name)

    def exists(self, module: str) -> bool:
        return exists(self._db, module)

    def names(self, module: str) -> Sequence[str]:
        return names(self._db, module)

    def report(self, diagnostic: Diagnostic) -> None:
        self._db.emit(diagnostics, diagnostic)


@query(uses=(COMPILER,))
def signature(db: Db, which: ItemId) -> Signature:
    """Give what users of an item have to know. It changes with the head of a function, and not with its body."""
    source = item(db, which)
    assert source is not None, "whoever asks has seen that there is one"
    return read_signature(DbWorld(db), which, source)


Fields = tuple[tuple[str, Type], ...]


@query(on_cycle=Fallback(lambda _kind: None), uses=(COMPILER,))
def fields(db: Db, kind: Struct) -> Fields | None:
    """Give the fields of a struct with its types put in; None for a struct that would have no end.

    A struct is as large as what it holds by value. One that holds itself asks for itself here, and the engine gives
    every struct in that ring the fallback. What would grow from ring to ring is stopped by how deep it is.
    """
    found = signature(db, kind.item)
    bindings: dict[Variable, Type] = dict(zip(found.type_parameters, kind.arguments, strict=True))
    own = tuple((name, substituted(field, bindings)) for name, field in found.parameters)
    if depth(kind) > _DEEPEST or any(isinstance(field, Struct) and fields(db, field) is None for _, field in own):
        return None
    return own


@query(uses=(COMPILER,))
def checked(db: Db, which: ItemId) -> Facts | None:
    """Check one item, and give what was found out about it if it is a function."""
    source, found = item(db, which), signature(db, which)
    if isinstance(source, tree.Function):
        return check_function(DbWorld(db), which, source)
    assert isinstance(source, tree.Struct), "there are two sorts of items"
    itself = found.result
    assert isinstance(itself, Struct), "what comes of making a struct"
    if fields(db, itself) is None:
        _report_endless(db, source, itself)
    return None


def _report_endless(db: Db, source: tree.Struct, itself: Struct) -> None:
    reporter = Reporter(DbWorld(db), itself.item)
    for written, (_, kind) in zip(source.fields, signature(db, itself.item).parameters, strict=True):
        if isinstance(kind, Struct) and fields(db, kind) is None:
            message = f"struct `{itself.item}` has no end: its field `{written.name}` holds `{kind}` by value"
            reporter.error(written.node, message, f"a list holds by reference: `{written.name}: [{kind}]`")


@query(uses=(COMPILER,))
def checked_module(db: Db, path: str) -> None:
    """Check a module: what the parser found, its imports, its names, and all its items."""
    for problem in problems(db, path):
        Reporter(DbWorld(db), ItemId(path, problem.item)).error(problem.node, problem.message, problem.advice)
    _check_imports(db, path)
    own = names(db, path)
    for name in own:
        first = name.partition("#")[0]
        if first != name:
            note = Note("the first one is here", Anchor(path, first, 0))
            Reporter(DbWorld(db), ItemId(path, name)).error(0, f"there is `{first}` in this module already", note)
    db.map(checked, [ItemId(path, name) for name in own if "#" not in name])


def _check_imports(db: Db, path: str) -> None:
    reporter = Reporter(DbWorld(db), ItemId(path, tree.MODULE))
    first: dict[str, int] = {}
    for one in imports(db, path):
        if one.name in first:
            note = Note("the first time is here", reporter.anchor(first[one.name]))
            reporter.warning(one.node, f"module `{one.name}` is imported twice", note)
        elif not exists(db, sibling(path, one.name)):
            reporter.error(one.node, f"there is no module `{one.name}`", f"its file would be {sibling(path, one.name)}")
        first.setdefault(one.name, one.node)


@query(uses=(COMPILER,))
def modules(db: Db, root: str) -> tuple[str, ...]:
    """Give the modules of a program, those first that are fewer imports away from its root."""
    found = {root: None}
    wave = [root]
    while wave:
        imported_here = db.map(imports, wave)
        near = {sibling(path, one.name): None for path, own in zip(wave, imported_here, strict=True) for one in own}
        wave = [path for path in near if path not in found and exists(db, path)]
        found.update(dict.fromkeys(wave))
    return tuple(found)


@query(uses=(COMPILER,))
def checked_program(db: Db, root: str) -> None:
    """Check every module of a program, and that it has a beginning."""
    db.map(checked_module, modules(db, root))
    entry = ItemId(root, ENTRY)
    if sort(db, entry) is not Sort.FUNCTION:
        reporter = Reporter(DbWorld(db), ItemId(root, tree.MODULE))
        reporter.error(0, f"a program begins with `fn {ENTRY}()`, and there is none")
        return
    found = signature(db, entry)
    if found.parameters or found.type_parameters or found.result != NOTHING:
        Reporter(DbWorld(db), entry).error(0, f"`{ENTRY}` takes nothing and returns nothing: `fn {ENTRY}()`")
