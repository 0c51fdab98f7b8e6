"""Queries that write C: which instances there are, each of them as text, and the unit of each module.

They may only be asked of a program that was checked and is without errors.
"""

from dataclasses import dataclass

from examples.compiler.c.function import Emitted, emit_function, emit_prototype
from examples.compiler.c.names import symbol
from examples.compiler.c.unit import entry_text, unit_text
from examples.compiler.queries.checking import ENTRY, DbWorld, checked, fields, signature
from examples.compiler.queries.sources import COMPILER, item
from examples.compiler.semantics.instances import Instance, called_by
from examples.compiler.semantics.kinds import ItemId, Struct, Type, depth
from examples.compiler.semantics.reporter import Reporter
from examples.compiler.syntax import tree

from jeton.query import Db, query

_DEEPEST = 16
"""How deeply types may stand in each other before a function is taken to need instances without end."""


@dataclass(frozen=True, slots=True)
class UnitId:
    """The unit of one module in one program: it holds the instances that this program needs."""

    root: str
    module: str


@query(uses=(COMPILER,))
def calls(db: Db, instance: Instance) -> tuple[Instance, ...]:
    """Give the instances that an instance calls."""
    facts = checked(db, instance.item)
    assert facts is not None, "only functions are called"
    return called_by(instance, signature(db, instance.item), facts)


@query(uses=(COMPILER,))
def instances(db: Db, root: str) -> tuple[Instance, ...]:
    """Give all instances of a program: what its beginning calls, what that calls, and so on, wave by wave."""
    entry = Instance(ItemId(root, ENTRY), ())
    found = {entry: None}
    wave = [entry]
    while wave:
        called = [called for calls_of_one in db.map(calls, wave) for called in calls_of_one]
        wave = [instance for instance in dict.fromkeys(called) if instance not in found]
        for instance in wave:
            if max(map(depth, instance.arguments), default=0) > _DEEPEST:
                message = f"`{instance.item}` calls itself with ever larger types: it would have no end of instances"
                Reporter(DbWorld(db), instance.item).error(0, message)
                return tuple(found)
        found.update(dict.fromkeys(wave))
    return tuple(found)


@query
def instances_of(db: Db, unit: UnitId) -> tuple[Instance, ...]:
    """Give the instances of one unit, those of a generic function being where that function is.

    They come by name: who calls them, and in which order, is nothing to this unit.
    """
    return tuple(sorted((one for one in instances(db, unit.root) if one.item.module == unit.module), key=symbol))


@query(uses=(COMPILER,))
def emitted(db: Db, instance: Instance) -> Emitted:
    """Write one instance."""
    function, facts = item(db, instance.item), checked(db, instance.item)
    assert isinstance(function, tree.Function), "only functions are called"
    assert facts is not None, "as before"
    return emit_function(instance, function, signature(db, instance.item), facts)


@query(uses=(COMPILER,))
def prototype(db: Db, instance: Instance) -> Emitted:
    """Declare one instance. It reads the signature alone: a body that changes is nothing to those who call it."""
    return emit_prototype(instance, signature(db, instance.item))


@query(uses=(COMPILER,))
def c_text(db: Db, unit: UnitId) -> str:
    """Write the unit of a module."""
    own = instances_of(db, unit)
    bodies = db.map(emitted, own)
    needed = dict.fromkeys([*own, *(called for one in own for called in calls(db, one))])
    declared = db.map(prototype, needed)
    named: dict[Type, None] = dict.fromkeys(kind for one in [*declared, *bodies] for kind in one.types)
    texts = [one.text for one in bodies]
    entry = Instance(ItemId(unit.root, ENTRY), ())
    if entry in own:
        texts.append(entry_text(symbol(entry)))

    def fields_of(kind: Struct) -> tuple[tuple[str, Type], ...]:
        found = fields(db, kind)
        assert found is not None, "a checked program has no struct without an end"
        return found

    return unit_text(named, [one.text for one in declared], texts, fields_of)
