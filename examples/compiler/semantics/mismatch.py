"""What is said of a value whose type does not fit. Owns the advice, which is how to make one type of another."""

from examples.compiler.semantics.kinds import FLOAT, INT, STR, Type, is_able
from examples.compiler.syntax import tree


def mismatch(expression: tree.Expression, found: Type, wanted: Type) -> tuple[str, str | None]:
    """Say that a type does not fit, and what may help."""
    advice = conversion(wanted, found)
    if wanted == FLOAT and isinstance(expression, tree.Literal) and found == INT:
        advice = f"write `{expression.value}.0`"
    return f"expected `{wanted}`, found `{found}`", advice


def conversion(wanted: Type, found: Type) -> str | None:
    """Say how to make the type that is wanted of the one that is there; None where there is no way."""
    if (found, wanted) == (INT, FLOAT):
        return "`real(…)` makes a float of an int"
    if (found, wanted) == (FLOAT, INT):
        return "`round(…)` makes an int of a float"
    if wanted == STR and is_able(found, "printable"):
        return "`text(…)` makes a str of it"
    return None


def alike(left: Type, right: Type) -> str | None:
    """Say how to make two values of one type: an int becomes a float, and what can be printed a str."""
    if left == INT:
        return conversion(right, left)
    return conversion(left, right) or (None if right == INT else conversion(right, left))
