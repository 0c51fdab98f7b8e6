"""What things are called in C. Owns that two things never have one name, and that a reader knows them again.

A `$`, which no name of Sou can hold, joins the parts: `pairs$swap$of$int$and$str$end` is `pairs.swap[int, str]`.
"""

from pathlib import PurePath

from examples.compiler.semantics.instances import Instance
from examples.compiler.semantics.kinds import BOOL, FLOAT, INT, NOTHING, STR, List, Scalar, Struct, Type

_SCALARS = {INT: "int64_t", FLOAT: "double", BOOL: "bool", STR: "sou_str", NOTHING: "void"}


def symbol(instance: Instance) -> str:
    """Name an instance."""
    stem = PurePath(instance.item.module).stem
    return f"{stem}${instance.item.name}{_applied(instance.arguments)}"


def type_name(kind: Type) -> str:
    """Name a type as C declares a variable of it."""
    return _SCALARS[kind] if isinstance(kind, Scalar) else _spelled(kind)


def local(name: str, node: int) -> str:
    """Name a variable. The number keeps two of one name apart; the mark keeps it from every word and macro of C."""
    return f"{name}${node}"


def field(name: str) -> str:
    """Name a field."""
    return f"{name}$"


def _spelled(kind: Type) -> str:
    match kind:
        case Scalar(name=name):
            return name
        case List(item=item):
            return f"list{_applied((item,))}"
        case Struct(item=item, arguments=arguments):
            return symbol(Instance(item, arguments))
    raise AssertionError(f"a type that no instance has: {kind}")


def _applied(arguments: tuple[Type, ...]) -> str:
    return f"$of${'$and$'.join(map(_spelled, arguments))}$end" if arguments else ""
