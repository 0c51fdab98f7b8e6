"""Makes signatures of items, and types of what is written. Making a struct is a call, so a struct has one too."""

from collections.abc import Callable, Sequence

from examples.compiler.diagnostics import Note
from examples.compiler.semantics import kinds
from examples.compiler.semantics.kinds import ABILITIES, NOTHING, SCALARS, UNKNOWN, ItemId, Parameter, Type
from examples.compiler.semantics.reporter import Reporter, counted, meant, not_imported
from examples.compiler.semantics.world import Signature, Sort, World
from examples.compiler.syntax import tree


class TypeReader:
    """Makes types of what is written in one item, where `parameters` can be named."""

    def __init__(self, reporter: Reporter, parameters: Sequence[Parameter]) -> None:
        self._reporter = reporter
        self._world = reporter.world
        self._parameters = {parameter.name: parameter for parameter in parameters}

    def read(self, written: tree.WrittenType) -> Type:
        """Give the type; UNKNOWN where it is reported as wrong."""
        if isinstance(written, tree.ListType):
            return kinds.List(self.read(written.item))
        arguments = tuple(map(self.read, written.arguments))
        plain = None if written.module else self._parameters.get(written.name) or SCALARS.get(written.name)
        if plain is not None:
            if arguments:
                return self._reporter.error(written.node, f"`{written.name}` takes no types")
            return plain
        item = self._struct(written)
        if item is None:
            return UNKNOWN
        wanted = self._world.arity(item)
        if wanted != len(arguments):
            found = f"struct `{written.name}` takes {counted(wanted, 'type')}, {len(arguments)} given"
            return self._reporter.error(written.node, found)
        return kinds.Struct(item, arguments)

    def _struct(self, written: tree.NamedType) -> ItemId | None:
        module = self._reporter.item.module
        if written.module is not None:
            path = self._world.imported(module, written.module)
            if path is None:
                self._reporter.error(written.node, *not_imported(written.module))
                return None
            if not self._world.exists(path):
                return None
            module = path
        item = ItemId(module, written.name)
        sort = self._world.sort(item)
        if sort is Sort.STRUCT:
            return item
        if sort is Sort.FUNCTION:
            self._reporter.error(written.node, f"`{written.name}` is a function, not a type")
        else:
            within = f"module `{written.module}` has no type" if written.module else "there is no type"
            known = [*self._world.names(module), *([] if written.module else [*SCALARS, *self._parameters])]
            self._reporter.error(written.node, f"{within} `{written.name}`", meant(written.name, known))
        return None


def read_signature(world: World, item: ItemId, source: tree.Item) -> Signature:
    """Make the signature of an item, and report what is wrong with it."""
    reporter = Reporter(world, item)
    parameters = _type_parameters(reporter, source)
    read = TypeReader(reporter, parameters).read
    if isinstance(source, tree.Struct):
        fields = _named(reporter, source.fields, "field", read)
        return Signature(Sort.STRUCT, parameters, fields, kinds.Struct(item, parameters))
    taken = _named(reporter, source.parameters, "parameter", read)
    result = NOTHING if source.result is None else read(source.result)
    return Signature(Sort.FUNCTION, parameters, taken, result)


def _type_parameters(reporter: Reporter, source: tree.Item) -> tuple[Parameter, ...]:
    found: dict[str, Parameter] = {}
    for one in source.type_parameters:
        if one.bound is not None and one.bound not in ABILITIES:
            known = ", ".join(f"`{ability}`" for ability in ABILITIES)
            reporter.error(one.node, f"a type cannot be `{one.bound}`", f"it can be {known}")
        if one.name in found or one.name in SCALARS:
            reporter.error(one.node, f"there is a type `{one.name}` already")
        found[one.name] = Parameter(reporter.item, one.name, one.bound if one.bound in ABILITIES else None)
    return tuple(found.values())


def _named(
    reporter: Reporter, parameters: Sequence[tree.Parameter], what: str, read: Callable[[tree.WrittenType], Type]
) -> tuple[tuple[str, Type], ...]:
    first: dict[str, int] = {}
    for one in parameters:
        if one.name in first:
            note = Note("the first one is here", reporter.anchor(first[one.name]))
            reporter.error(one.node, f"there is a {what} `{one.name}` already", note)
        first.setdefault(one.name, one.node)
    return tuple((one.name, read(one.type)) for one in parameters)
