"""The rules for calls: of functions, of structs (which makes one), and of what is built in. Owns finding the target."""

from collections.abc import Callable

from examples.compiler.semantics.body import Body
from examples.compiler.semantics.built_ins import BUILT_INS
from examples.compiler.semantics.facts import Target
from examples.compiler.semantics.inference import Variable, is_open, learn, substituted
from examples.compiler.semantics.kinds import BUILT_IN, UNKNOWN, Hole, ItemId, Type, fits, is_able
from examples.compiler.semantics.mismatch import mismatch
from examples.compiler.semantics.reporter import counted, meant, not_imported
from examples.compiler.semantics.world import Signature, Sort
from examples.compiler.syntax import tree

Value = Callable[[tree.Expression, Type | None], Type]
"""Finds the type of an argument; a type that is wanted of it may help."""


class CallRules:
    """Finds what each call of one body calls, and the type of what comes of it."""

    def __init__(self, body: Body, value: Value) -> None:
        self._body = body
        self._value = value

    def check(self, call: tree.Call, wanted: Type | None) -> Type:
        """Check one call."""
        target = self._target(call.callee)
        if target is None:
            for argument in call.arguments:
                self._value(argument, None)
            return UNKNOWN
        item, signature = target
        if signature.variadic:
            return self._variadic(call, item, signature)
        return self._apply(call, item, signature, wanted)

    def sort_of(self, name: str) -> Sort | None:
        """Say what a name stands for that is no variable."""
        sort = self._body.world.sort(ItemId(self._body.item.module, name))
        return Sort.FUNCTION if sort is None and name in BUILT_INS else sort

    def _target(self, callee: tree.Expression) -> tuple[ItemId, Signature] | None:
        """Find what is called; None where it is reported that there is nothing."""
        body, world = self._body, self._body.world
        match callee:
            case tree.Name(node=node, text=name):
                if body.variable(name) is not None:
                    body.error(node, f"`{name}` is a variable, not a function")
                    return None
                item = ItemId(body.item.module, name)
                if world.sort(item) is not None:
                    return item, world.signature(item)
                if name in BUILT_INS:
                    return ItemId(BUILT_IN, name), BUILT_INS[name]
                known = [*world.names(body.item.module), *BUILT_INS]
                body.error(node, f"there is no function `{name}`", meant(name, known))
            case tree.Field(name=name, name_node=node) if (module := module_before(body, callee)) is not None:
                path = world.imported(body.item.module, module)
                if path is None or not world.exists(path):
                    return None
                item = ItemId(path, name)
                if world.sort(item) is not None:
                    return item, world.signature(item)
                body.error(node, f"module `{module}` has no function `{name}`", meant(name, world.names(path)))
            case tree.Field(target=tree.Name(node=node, text=name)) if body.variable(name) is None:
                body.error(node, *not_imported(name))
            case _:
                self._value(callee, None)
                body.error(callee.node, "only functions can be called")
        return None

    def _apply(self, call: tree.Call, item: ItemId, signature: Signature, wanted: Type | None) -> Type:
        holes = [Hole(parameter.name, parameter.bound) for parameter in signature.type_parameters]
        opened: dict[Variable, Type] = dict(zip(signature.type_parameters, holes, strict=True))
        result = substituted(signature.result, opened)
        filled: dict[Variable, Type] = {}
        if wanted is not None:
            learn(result, wanted, filled)
        self._count(call, item, signature)
        for number, argument in enumerate(call.arguments):
            if number < len(signature.parameters):
                self._argument(argument, substituted(signature.parameters[number][1], opened), filled)
            else:
                self._value(argument, None)
        if len(call.arguments) < len(signature.parameters):
            for hole in holes:
                filled.setdefault(hole, UNKNOWN)
            return substituted(result, filled)
        arguments = [self._filling(call, item, hole, filled) for hole in holes]
        self._body.targets[call.node] = Target(item, signature.sort, tuple(arguments))
        return substituted(result, filled)

    def _argument(self, argument: tree.Expression, kind: Type, filled: dict[Variable, Type]) -> None:
        hint = substituted(kind, filled)
        found = self._value(argument, None if is_open(hint) else hint)
        learn(kind, found, filled)
        needed = substituted(kind, filled)
        if not fits(found, needed):
            self._body.error(argument.node, *mismatch(argument, found, needed))

    def _count(self, call: tree.Call, item: ItemId, signature: Signature) -> None:
        wanted, found = len(signature.parameters), len(call.arguments)
        if wanted != found:
            noun = "value" if signature.sort is Sort.STRUCT else "argument"
            message = f"`{item}` takes {counted(wanted, noun)}, {found} given"
            parameters = ", ".join(f"{name}: {kind}" for name, kind in signature.parameters)
            self._body.error(call.node, message, f"it is `{item}({parameters})`")

    def _filling(self, call: tree.Call, item: ItemId, hole: Hole, filled: dict[Variable, Type]) -> Type:
        kind = filled.get(hole)
        if kind is None or is_open(kind):
            advice = "give what it is assigned to a type: `let name: Type = …`"
            filled[hole] = UNKNOWN
            return self._body.error(call.node, f"nothing says what `{hole}` of `{item}` stands for here", advice)
        if hole.bound is not None and not is_able(kind, hole.bound):
            self._body.error(call.node, f"`{hole}` of `{item}` must be {hole.bound}, and `{kind}` is not")
        return kind

    def _variadic(self, call: tree.Call, item: ItemId, signature: Signature) -> Type:
        bound = signature.type_parameters[0].bound
        assert bound is not None, "what takes anything must be able to do something with it"
        for argument in call.arguments:
            found = self._value(argument, None)
            if not is_able(found, bound):
                self._body.error(argument.node, f"`{item}` takes what is {bound}, and `{found}` is not")
        self._body.targets[call.node] = Target(item, signature.sort, ())
        return signature.result


def module_before(body: Body, field: tree.Field) -> str | None:
    """Give the name before the point where that is a module's; a variable of the same name hides the module."""
    if not isinstance(field.target, tree.Name) or body.variable(field.target.text) is not None:
        return None
    name = field.target.text
    return name if body.world.imported(body.item.module, name) is not None else None
