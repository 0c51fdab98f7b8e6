"""What a program is made of once nothing in it is generic: functions with a type for each type parameter."""

from dataclasses import dataclass

from examples.compiler.semantics.facts import Facts
from examples.compiler.semantics.inference import Variable, substituted
from examples.compiler.semantics.kinds import BUILT_IN, ItemId, Type
from examples.compiler.semantics.world import Signature, Sort


@dataclass(frozen=True, slots=True)
class Instance:
    """A function or struct with its types put in. Two calls with the same types are of one instance."""

    item: ItemId
    arguments: tuple[Type, ...]


def called_by(instance: Instance, signature: Signature, facts: Facts) -> tuple[Instance, ...]:
    """Give what an instance calls, each once, in the order of the text."""
    bindings: dict[Variable, Type] = dict(zip(signature.type_parameters, instance.arguments, strict=True))
    found = {
        Instance(target.item, tuple(substituted(argument, bindings) for argument in target.arguments)): None
        for target in facts.targets.values()
        if target.sort is Sort.FUNCTION and target.item.module != BUILT_IN
    }
    return tuple(found)
