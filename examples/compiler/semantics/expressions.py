"""The rules for expressions: what type each has. Owns operators, names, fields and lists; calls are in `calls`."""

from examples.compiler.semantics import kinds
from examples.compiler.semantics.body import Body
from examples.compiler.semantics.calls import CallRules, module_before
from examples.compiler.semantics.inference import Variable, substituted
from examples.compiler.semantics.kinds import BOOL, FLOAT, INT, NOTHING, STR, UNKNOWN, Type, Unknown, fits, is_able
from examples.compiler.semantics.mismatch import alike, mismatch
from examples.compiler.semantics.reporter import meant
from examples.compiler.syntax import tree

_ARITHMETIC = frozenset(["+", "-", "*", "/"])
_ORDERING = frozenset(["<", "<=", ">", ">="])
_COMPARISONS = _ORDERING | {"==", "!="}


class Expressions:
    """Finds the type of each expression of one body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._calls = CallRules(body, self.value)

    def expect(self, expression: tree.Expression, wanted: Type) -> None:
        """Check an expression that must be of a type."""
        found = self.value(expression, wanted)
        if not fits(found, wanted):
            self._body.error(expression.node, *mismatch(expression, found, wanted))

    def value(self, expression: tree.Expression, wanted: Type | None = None) -> Type:
        """Check an expression that must have a value. `wanted` helps to find its type, and obliges to nothing."""
        found = self.any(expression, wanted)
        if found == NOTHING:
            return self._body.error(expression.node, "this call returns nothing, and a value is needed")
        return found

    def any(self, expression: tree.Expression, wanted: Type | None = None) -> Type:
        """Check an expression that may have no value."""
        found = self._type(expression, wanted)
        self._body.types[expression.node] = found
        return found

    def _type(self, expression: tree.Expression, wanted: Type | None) -> Type:
        match expression:
            case tree.Literal(value=value):
                return _type_of_literal(value)
            case tree.Name():
                return self._name(expression)
            case tree.ListLiteral():
                return self._list(expression, wanted)
            case tree.Unary():
                return self._unary(expression, wanted)
            case tree.Binary():
                return self._binary(expression, wanted)
            case tree.Call():
                return self._calls.check(expression, wanted)
            case tree.Field():
                return self._field(expression)
            case tree.Index():
                self.expect(expression.index, INT)
                return self._item_of(expression.target)

    def _name(self, name: tree.Name) -> Type:
        body = self._body
        variable = body.variable(name.text)
        if variable is not None:
            variable.used = True
            body.declarations[name.node] = variable.node
            return variable.type
        if body.world.imported(body.item.module, name.text) is not None:
            return body.error(name.node, f"`{name.text}` is a module, not a value")
        sort = self._calls.sort_of(name.text)
        if sort is not None:
            return body.error(name.node, f"`{name.text}` is a {sort.value}, not a value", f"call it: `{name.text}(…)`")
        return body.error(name.node, f"there is no `{name.text}` here", meant(name.text, body.variables()))

    def _list(self, literal: tree.ListLiteral, wanted: Type | None) -> Type:
        item = wanted.item if isinstance(wanted, kinds.List) else None
        for one in literal.items:
            if item is None:
                item = self.value(one)
            else:
                self.expect(one, item)
        if item is None:
            message = "nothing says what this empty list is a list of"
            return self._body.error(literal.node, message, "give its variable a type: `let items: [int] = []`")
        return kinds.List(item)

    def _unary(self, unary: tree.Unary, wanted: Type | None) -> Type:
        if unary.operator == "not":
            self.expect(unary.operand, BOOL)
            return BOOL
        found = self.value(unary.operand, wanted)
        if not is_able(found, "number"):
            return self._body.error(unary.node, f"`-` needs a number, found `{found}`")
        return found

    def _binary(self, binary: tree.Binary, wanted: Type | None) -> Type:
        operator = binary.operator
        if operator in ("and", "or"):
            self.expect(binary.left, BOOL)
            self.expect(binary.right, BOOL)
            return BOOL
        left = self.value(binary.left, None if operator in _COMPARISONS else wanted)
        right = self.value(binary.right, left)
        if not fits(right, left):
            advice = _joining(binary) or alike(left, right)
            message = f"`{operator}` needs two values of one type, found `{left}` and `{right}`"
            return self._body.error(binary.node, message, advice)
        if not _operates_on(operator, left):
            return self._body.error(binary.node, f"`{operator}` does not work on `{left}`", _bounding(operator, left))
        return BOOL if operator in _COMPARISONS else left

    def _field(self, field: tree.Field) -> Type:
        module = module_before(self._body, field)
        if module is not None:
            return self._body.error(
                field.node, f"`{module}.{field.name}` is not a value", "call it, if it is a function"
            )
        target = self.value(field.target)
        if isinstance(target, Unknown):
            return UNKNOWN
        if not isinstance(target, kinds.Struct):
            return self._body.error(field.name_node, f"`{target}` has no fields")
        signature = self._body.world.signature(target.item)
        bindings: dict[Variable, Type] = dict(zip(signature.type_parameters, target.arguments, strict=True))
        for name, kind in signature.parameters:
            if name == field.name:
                return substituted(kind, bindings)
        names = [name for name, _ in signature.parameters]
        advice = meant(field.name, names)
        return self._body.error(field.name_node, f"struct `{target}` has no field `{field.name}`", advice)

    def _item_of(self, target: tree.Expression) -> Type:
        found = self.value(target)
        if isinstance(found, kinds.List):
            return found.item
        if isinstance(found, Unknown):
            return UNKNOWN
        return self._body.error(target.node, f"only a list has items, and this is `{found}`")


def _needed_of(operator: str) -> str:
    """Say what both sides of an operator must be."""
    if operator in _ARITHMETIC:
        return "number"
    return "ordered" if operator in _ORDERING else "printable"


def _operates_on(operator: str, kind: Type) -> bool:
    if operator == "%":
        return fits(kind, INT)
    return is_able(kind, _needed_of(operator)) or (operator == "+" and kind == STR)


def _joining(binary: tree.Binary) -> str | None:
    """Say how to write `a < b < c`, which every operator's left side makes `(a < b) < c`."""
    chained = isinstance(binary.left, tree.Binary) and {binary.operator, binary.left.operator} <= _COMPARISONS
    return "join two comparisons by `and`" if chained else None


def _bounding(operator: str, kind: Type) -> str | None:
    if isinstance(kind, kinds.Parameter) and operator != "%":
        return f"say what it must be: `[{kind}: {_needed_of(operator)}]`"
    return None


def _type_of_literal(value: float | str) -> Type:
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT
    return FLOAT if isinstance(value, float) else STR
