"""Values as C. Owns the order in which things happen, which C leaves open and Sou does not: from left to right.

Whatever can be seen to happen (a call, a look into a list, a division) is a line of its own, and its value gets a
name. What is left inside an expression cannot change while the rest of it is worked out: Sou has no assignment in
expressions. The C compiler sees through the names.
"""

from examples.compiler.c.names import field, local, symbol
from examples.compiler.c.writer import Writer
from examples.compiler.semantics.facts import Target
from examples.compiler.semantics.instances import Instance
from examples.compiler.semantics.kinds import BUILT_IN, FLOAT, STR
from examples.compiler.semantics.world import Sort
from examples.compiler.syntax import tree

_SHORT = {"and": ("&&", "{}"), "or": ("||", "!{}")}
"""An operator that may leave out its right side: what it is in C, and when the right side counts."""
_CHECKED = {"/": "sou_divide", "%": "sou_remainder"}
_NAMED = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}


class Values:
    """Writes what has to happen for a value, and gives the value's text."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def value(self, expression: tree.Expression) -> str:
        """Give the text of a value that stands among others: what happens has happened, and brackets are there."""
        text = self.last(expression)
        if self._happens(expression):
            return self._writer.named(self._writer.type_of(expression.node), text)
        return f"({text})" if isinstance(expression, tree.Unary | tree.Binary) else text

    def last(self, expression: tree.Expression) -> str:
        """Give the text of a value that is used at once and alone."""
        match expression:
            case tree.Literal(value=value):
                return _literal(value)
            case tree.Name(node=node, text=text):
                return local(text, self._writer.facts.declarations[node])
            case tree.ListLiteral(node=node, items=items):
                return self._list(node, items)
            case tree.Unary(operator=operator, operand=operand):
                return f"{'!' if operator == 'not' else '-'}{self.value(operand)}"
            case tree.Binary(operator="and" | "or"):
                return self._short(expression)
            case tree.Binary():
                return self._binary(expression)
            case tree.Call():
                return self._call(expression)
            case tree.Field(target=target, name=name):
                return f"{self.value(target)}.{field(name)}"
            case tree.Index():
                return self.place(expression)

    def place(self, target: tree.Expression) -> str:
        """Give the text of what can be assigned to."""
        match target:
            case tree.Field(target=inner, name=name):
                place = self.place(inner)
                return f"({place}).{field(name)}" if isinstance(inner, tree.Index) else f"{place}.{field(name)}"
            case tree.Index(target=inner, index=index):
                items, number = self.value(inner), self.value(index)
                return f"*{self._writer.type_of(inner.node)}$at({items}, {number})"
        return self.value(target)

    def evaluate(self, expression: tree.Expression) -> None:
        """Write a statement that is an expression."""
        assert isinstance(expression, tree.Call), "nothing else has an effect"
        if text := self._call(expression):
            self._writer.line(f"{text};")

    def _list(self, node: int, items: tuple[tree.Expression, ...]) -> str:
        texts = [self.value(item) for item in items]
        kind = self._writer.type_of(node)
        name = self._writer.named(kind, f"{kind}$new()")
        for text in texts:
            self._writer.line(f"{kind}$push({name}, {text});")
        return name

    def _happens(self, expression: tree.Expression) -> bool:
        match expression:
            case tree.Call() | tree.Index():
                return True
            case tree.Binary(operator="/" | "%", left=left):
                return self._writer.kind(left.node) != FLOAT
            case tree.Binary(operator="+", left=left):
                return self._writer.kind(left.node) == STR
        return False

    def _short(self, binary: tree.Binary) -> str:
        writer = self._writer
        operator, counts = _SHORT[binary.operator]
        left = self.value(binary.left)
        with writer.aside() as before:
            right = self.value(binary.right)
        if not before:
            return f"{left} {operator} {right}"
        name = writer.named("bool", left)
        writer.line(f"if ({counts.format(name)}) {{")
        with writer.indented():
            writer.lines(before)
            writer.line(f"{name} = {right};")
        writer.line("}")
        return name

    def _binary(self, binary: tree.Binary) -> str:
        operator, kind = binary.operator, self._writer.kind(binary.left.node)
        left, right = self.value(binary.left), self.value(binary.right)
        if kind == STR:
            return f"sou_join({left}, {right})" if operator == "+" else f"sou_compare({left}, {right}) {operator} 0"
        if self._happens(binary):
            return f"{_CHECKED[operator]}({left}, {right})"
        return f"{left} {operator} {right}"

    def _call(self, call: tree.Call) -> str:
        """Give the text of a call; what is built in may be lines alone."""
        writer = self._writer
        target = writer.facts.targets[call.node]
        values = [self.value(argument) for argument in call.arguments]
        if target.item.module == BUILT_IN:
            return self._built_in(call, target, values)
        instance = Instance(target.item, tuple(map(writer.concrete, target.arguments)))
        if target.sort is Sort.STRUCT:
            return f"({writer.type_of(call.node)}){{{', '.join(values)}}}"
        return f"{symbol(instance)}({', '.join(values)})"

    def _built_in(self, call: tree.Call, target: Target, values: list[str]) -> str:
        name = target.item.name
        if name == "print":
            self._print(call, values)
            return ""
        kind = self._writer.kind(call.arguments[0].node)
        if name == "len":
            return f"{values[0]}.size" if kind == STR else f"{values[0]}->size"
        if name == "text":
            return f"sou_text_{kind}({values[0]})"
        if name in ("push", "pop"):
            return f"{self._writer.type_name(kind)}${name}({', '.join(values)})"
        return f"(double){values[0]}" if name == "real" else f"sou_round({values[0]})"

    def _print(self, call: tree.Call, values: list[str]) -> None:
        writer = self._writer
        for number, (argument, value) in enumerate(zip(call.arguments, values, strict=True)):
            if number:
                writer.line('sou_print(SOU_STR(" "));')
            writer.line(f"sou_print(sou_text_{writer.kind(argument.node)}({value}));")
        writer.line('sou_print(SOU_STR("\\n"));')


def _literal(value: float | bool | str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return f"INT64_C({value})"
        case float():
            return repr(value)
    return f'SOU_STR("{"".join(map(_escaped, value.encode()))}")'


def _escaped(byte: int) -> str:
    """Write a byte of a string; three octal digits end where they end, whatever follows."""
    if byte in _NAMED:
        return _NAMED[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
