"""What type parameters stand for. Owns putting types in for them, and finding out which; not what a call is.

A call puts a `Hole` in for each type parameter of its callee, then learns from the type that is wanted of it, and from
each argument in turn, what fills the hole. Types are only ever matched from one side: an argument has its whole type
before it is looked at. That is all the inference there is, and it never goes back.
"""

from collections.abc import Mapping
from typing import TypeAlias

from examples.compiler.semantics.kinds import Hole, List, Parameter, Struct, Type

Variable: TypeAlias = Parameter | Hole
Bindings: TypeAlias = Mapping[Variable, Type]


def substituted(kind: Type, bindings: Bindings) -> Type:
    """Put in what each parameter or hole stands for; those without a binding stay."""
    match kind:
        case Parameter() | Hole():
            return bindings.get(kind, kind)
        case List(item=item):
            return List(substituted(item, bindings))
        case Struct(item=item, arguments=arguments):
            return Struct(item, tuple(substituted(argument, bindings) for argument in arguments))
    return kind


def learn(pattern: Type, kind: Type, bindings: dict[Variable, Type]) -> None:
    """Learn from a type what the holes of a pattern stand for. What was learned first stays."""
    match pattern, kind:
        case Hole(), _:
            bindings.setdefault(pattern, kind)
        case List(), List():
            learn(pattern.item, kind.item, bindings)
        case Struct(), Struct() if pattern.item == kind.item:
            for one, other in zip(pattern.arguments, kind.arguments, strict=True):
                learn(one, other, bindings)


def is_open(kind: Type) -> bool:
    """Whether there is a hole in a type."""
    match kind:
        case Hole():
            return True
        case List(item=item):
            return is_open(item)
        case Struct(arguments=arguments):
            return any(map(is_open, arguments))
    return False
