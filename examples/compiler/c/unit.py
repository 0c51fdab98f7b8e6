"""A unit of C: the functions of one module, behind all that they need to have been declared. Owns that order."""

from collections.abc import Callable, Iterable, Sequence

from examples.compiler.c.names import field, type_name
from examples.compiler.semantics.kinds import List, Struct, Type

Fields = Callable[[Struct], Sequence[tuple[str, Type]]]
"""Gives the fields of a struct that has no type parameters left."""

HEADER = "sou.h"


def unit_text(types: Iterable[Type], prototypes: Iterable[str], functions: Iterable[str], fields: Fields) -> str:
    """Write a unit. `types` are those that its functions and prototypes name."""
    needed = _with_all_inside(types, fields)
    structs = _in_order_of_size(needed, fields)
    lists = [kind for kind in needed if isinstance(kind, List)]
    parts = [
        f'#include "{HEADER}"',
        *(f"typedef struct {type_name(kind)} {type_name(kind)};" for kind in structs),
        *(f"typedef struct {type_name(kind)} *{type_name(kind)};" for kind in lists),
        *(_struct(kind, fields) for kind in structs),
        *(f"SOU_LIST({type_name(kind)}, {type_name(kind.item)})" for kind in lists),
        *prototypes,
    ]
    return "\n".join(parts) + "\n\n" + "\n".join(functions)


def entry_text(symbol: str) -> str:
    """Write where the program begins."""
    return f"int main(void) {{\n    {symbol}();\n    return 0;\n}}\n"


def _struct(kind: Struct, fields: Fields) -> str:
    inside = " ".join(f"{type_name(inner)} {field(name)};" for name, inner in fields(kind))
    return f"struct {type_name(kind)} {{ {inside} }};"


def _with_all_inside(types: Iterable[Type], fields: Fields) -> dict[Type, None]:
    """Add the types that stand inside others, in the order of first use."""
    found: dict[Type, None] = {}
    waiting = list(types)[::-1]
    while waiting:
        kind = waiting.pop()
        if kind in found:
            continue
        found[kind] = None
        if isinstance(kind, List):
            waiting.append(kind.item)
        elif isinstance(kind, Struct):
            waiting += [inner for _, inner in reversed(fields(kind))]
    return found


def _in_order_of_size(types: Iterable[Type], fields: Fields) -> list[Struct]:
    """Put each struct behind those that it holds by value; that there is such an order, checking has seen."""
    ordered: dict[Struct, None] = {}

    def visit(kind: Type) -> None:
        if isinstance(kind, Struct) and kind not in ordered:
            for _, inner in fields(kind):
                visit(inner)
            ordered[kind] = None

    for kind in types:
        visit(kind)
    return list(ordered)
