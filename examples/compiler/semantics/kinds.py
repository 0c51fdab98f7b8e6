"""The types of Sou. Owns what a type is, how it is written and what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias


@dataclass(frozen=True, slots=True, order=True)
class ItemId:
    """A function or struct: the path of its module's file, and its name there. Built-in functions are of BUILT_IN."""

    module: str
    name: str

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{PurePath(self.module).stem}.{self.name}"  # as the language writes it


BUILT_IN = ""
"""The module that no file holds."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """`int`, `float`, `bool` or `str`; and NOTHING, which no source text can write."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class List:
    """A list, held by reference: that is why a struct may hold a list of itself."""

    item: "Type"

    def __str__(self) -> str:
        return f"[{self.item}]"


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct, held by value."""

    item: ItemId
    arguments: tuple["Type", ...]

    def __str__(self) -> str:
        arguments = ", ".join(map(str, self.arguments))
        return f"{self.item}[{arguments}]" if arguments else str(self.item)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A type that whoever uses its owner chooses. `bound` is a key of ABILITIES, or None."""

    owner: ItemId
    name: str
    bound: str | None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Unknown:
    """The type of what is wrong already. It fits everything, so that one mistake is told once."""

    def __str__(self) -> str:
        return "?"


@dataclass(frozen=True, slots=True)
class Hole:
    """What a call puts in for a type parameter of its callee, while that is not known yet."""

    name: str
    bound: str | None

    def __str__(self) -> str:
        return self.name


Type: TypeAlias = Scalar | List | Struct | Parameter | Hole | Unknown

INT = Scalar("int")
FLOAT = Scalar("float")
BOOL = Scalar("bool")
STR = Scalar("str")
NOTHING = Scalar("nothing")
UNKNOWN = Unknown()

SCALARS: Mapping[str, Scalar] = {kind.name: kind for kind in (INT, FLOAT, BOOL, STR)}

ABILITIES: Mapping[str, frozenset[Scalar]] = {
    "number": frozenset([INT, FLOAT]),
    "ordered": frozenset([INT, FLOAT, STR]),
    "printable": frozenset([INT, FLOAT, BOOL, STR]),
}
"""What a type parameter may be bound by, and the types that are that. Each set holds the one before it."""

_SIZED = "sized"


def is_able(kind: Type, ability: str) -> bool:
    """Whether a type is this, whatever its parameters stand for."""
    match kind:
        case Unknown():
            return True
        case Parameter(bound=bound):
            return bound is not None and ability != _SIZED and ABILITIES[bound] <= ABILITIES[ability]
        case List():
            return ability == _SIZED
        case Scalar():
            return kind == STR if ability == _SIZED else kind in ABILITIES[ability]
        case Struct() | Hole():
            return False


def fits(kind: Type, wanted: Type) -> bool:
    """Whether a value of one type may stand where another is wanted."""
    match kind, wanted:
        case (Unknown(), _) | (_, Unknown()):
            return True
        case List(item=item), List(item=wanted_item):
            return fits(item, wanted_item)
        case Struct(), Struct():
            return kind.item == wanted.item and all(map(fits, kind.arguments, wanted.arguments))
    return kind == wanted


def depth(kind: Type) -> int:
    """Count how deeply types stand in a type."""
    match kind:
        case List(item=item):
            return 1 + depth(item)
        case Struct(arguments=arguments):
            return 1 + max(map(depth, arguments), default=0)
    return 0
