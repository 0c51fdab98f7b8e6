"""What the parser makes: the tree of one module. Owns its shape, and that nothing in it says where it stands.

A node has a number instead of a place. Numbers count from 0 within each item, in the order of the text, and the
places they stand for are kept beside the tree, in `Places`. So a comment, a blank line or a function moved elsewhere
leaves every tree of the module equal to what it was, and nothing that was found out about it is asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

# Types, as they are written.


@dataclass(frozen=True, slots=True)
class NamedType:
    """`int`, `Pair[int, str]`, `geometry.Point`."""

    node: int
    module: str | None
    name: str
    arguments: tuple["WrittenType", ...]


@dataclass(frozen=True, slots=True)
class ListType:
    """`[int]`."""

    node: int
    item: "WrittenType"


WrittenType: TypeAlias = NamedType | ListType

# Expressions.


@dataclass(frozen=True, slots=True)
class Literal:
    """`3`, `2.5`, `true`, `"text"`: its value says which."""

    node: int
    value: int | float | bool | str


@dataclass(frozen=True, slots=True)
class Name:
    """A name that stands alone."""

    node: int
    text: str


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[1, 2, 3]`."""

    node: int
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `not x`."""

    node: int
    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """`x + y`. The operators' words are `syntax.expressions.BINDING`."""

    node: int
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Call:
    """`f(x)`, `geometry.distance(p, q)`, and `Point(1.0, 2.0)`, which makes a struct."""

    node: int
    callee: "Expression"
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Field:
    """`p.x`; `name_node` is the place of the `x`."""

    node: int
    target: "Expression"
    name: str
    name_node: int


@dataclass(frozen=True, slots=True)
class Index:
    """`items[i]`."""

    node: int
    target: "Expression"
    index: "Expression"


Expression: TypeAlias = Literal | Name | ListLiteral | Unary | Binary | Call | Field | Index

# Statements.


@dataclass(frozen=True, slots=True)
class Let:
    """`let x = 1`, `var x: int = 1`; the node is the place of the name."""

    node: int
    name: str
    mutable: bool
    annotation: WrittenType | None
    value: Expression


@dataclass(frozen=True, slots=True)
class Assign:
    """`x = 1`, `p.x = 1`, `items[i] = 1`."""

    node: int
    target: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """`if c { … } else { … }`; `else if` is an `else` of one statement."""

    node: int
    condition: Expression
    then: "Block"
    otherwise: "Block | None"


@dataclass(frozen=True, slots=True)
class While:
    """`while c { … }`."""

    node: int
    condition: Expression
    body: "Block"


@dataclass(frozen=True, slots=True)
class For:
    """`for x in items { … }`, or `for i in start..end { … }`; the node is the place of the name."""

    node: int
    name: str
    start: Expression
    end: Expression | None
    body: "Block"


@dataclass(frozen=True, slots=True)
class Return:
    """`return`, `return x`."""

    node: int
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Leave:
    """`break` and `continue`: `word` says which."""

    node: int
    word: str


@dataclass(frozen=True, slots=True)
class Evaluate:
    """An expression that stands as a statement."""

    node: int
    value: Expression


Statement: TypeAlias = Let | Assign | If | While | For | Return | Leave | Evaluate
Block: TypeAlias = tuple[Statement, ...]

# Items.


@dataclass(frozen=True, slots=True)
class TypeParameter:
    """`T`, `T: ordered`."""

    node: int
    name: str
    bound: str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function or a field of a struct: `x: int`."""

    node: int
    name: str
    type: WrittenType


@dataclass(frozen=True, slots=True)
class Function:
    """A function; the node is the place of its name. `whole` is False where the parser had to skip some of it."""

    node: int
    name: str
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    result: WrittenType | None
    body: Block
    whole: bool


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct; the node is the place of its name."""

    node: int
    name: str
    type_parameters: tuple[TypeParameter, ...]
    fields: tuple[Parameter, ...]
    whole: bool


Item: TypeAlias = Function | Struct


@dataclass(frozen=True, slots=True)
class Import:
    """`import geometry`; its node is numbered among those of the module itself."""

    node: int
    name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the parser could not read. `item` is the item it is in, or MODULE."""

    item: str
    node: int
    message: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """One file. Items are in the order of the text; of two with one name, the later one is called `name#2`."""

    imports: tuple[Import, ...]
    items: Mapping[str, Item]
    problems: tuple[Problem, ...]


MODULE = ""
"""The item to which the nodes belong that are in no item."""

Places: TypeAlias = Mapping[str, tuple[tuple[int, int], ...]]
"""Where the nodes of each item stand, by number: offsets in characters of the first and behind the last."""
