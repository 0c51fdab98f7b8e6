"""The functions that every program has. Owns their signatures; what they become in C stands in `c.expressions`."""

from collections.abc import Mapping

from examples.compiler.semantics.kinds import BUILT_IN, FLOAT, INT, NOTHING, STR, ItemId, List, Parameter, Type
from examples.compiler.semantics.world import Signature, Sort


def _built_in(
    name: str, bound: str | None, parameters: Mapping[str, str], result: str, *, variadic: bool = False
) -> Signature:
    """Make a signature out of words: `T` is the type parameter, and `[T]` a list of it."""
    parameter = Parameter(ItemId(BUILT_IN, name), "T", bound)
    words: dict[str, Type] = {
        "T": parameter,
        "[T]": List(parameter),
        "int": INT,
        "float": FLOAT,
        "str": STR,
        "": NOTHING,
    }
    taken = tuple((name, words[word]) for name, word in parameters.items())
    generic = any(word in ("T", "[T]") for word in parameters.values())
    return Signature(Sort.FUNCTION, (parameter,) if generic else (), taken, words[result], variadic)


BUILT_INS: Mapping[str, Signature] = {
    "print": _built_in("print", "printable", {"value": "T"}, "", variadic=True),
    "len": _built_in("len", "sized", {"value": "T"}, "int"),
    "push": _built_in("push", None, {"items": "[T]", "item": "T"}, ""),
    "pop": _built_in("pop", None, {"items": "[T]"}, "T"),
    "text": _built_in("text", "printable", {"value": "T"}, "str"),
    "round": _built_in("round", None, {"value": "float"}, "int"),
    "real": _built_in("real", None, {"value": "int"}, "float"),
}
"""By name. `print` takes any number of values, each of its own type."""
