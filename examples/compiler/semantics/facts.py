"""What checking finds out about one function: a table by node beside its tree. Owns no rule.

The types are those of the source: in a generic function they hold its parameters. Whoever makes an instance of it
puts in what they stand for, so that a generic function is checked once, however many instances there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from examples.compiler.semantics.kinds import ItemId, Type
from examples.compiler.semantics.world import Sort


@dataclass(frozen=True, slots=True)
class Target:
    """What a call calls, and the types that it puts in for the target's parameters."""

    item: ItemId
    sort: Sort
    arguments: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of the nodes of a function. Complete only where no error was reported."""

    types: Mapping[int, Type]
    """Of each expression, and of each variable at its declaration."""
    targets: Mapping[int, Target]
    """Of each call."""
    declarations: Mapping[int, int]
    """Of each name that is a variable: the node that declares it."""
