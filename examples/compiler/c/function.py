"""One instance of a function as C: its statements. Owns blocks and lines; what a value is, `c.expressions` says."""

from dataclasses import dataclass

from examples.compiler.c.expressions import Values
from examples.compiler.c.names import local, symbol, type_name
from examples.compiler.c.writer import Writer
from examples.compiler.semantics.facts import Facts
from examples.compiler.semantics.inference import Variable, substituted
from examples.compiler.semantics.instances import Instance
from examples.compiler.semantics.kinds import INT, Type
from examples.compiler.semantics.world import Signature
from examples.compiler.syntax import tree


@dataclass(frozen=True, slots=True)
class Emitted:
    """A function in C, or its prototype, and the types that it names, in the order of first use."""

    text: str
    types: tuple[Type, ...]


def emit_function(instance: Instance, function: tree.Function, signature: Signature, facts: Facts) -> Emitted:
    """Write one instance of a function that was checked and is without errors."""
    bindings: dict[Variable, Type] = dict(zip(signature.type_parameters, instance.arguments, strict=True))
    writer = Writer(facts, bindings)
    taken = [
        f"{writer.type_name(kind)} {local(name, parameter.node)}"
        for parameter, (name, kind) in zip(function.parameters, signature.parameters, strict=True)
    ]
    result = writer.type_name(signature.result)
    writer.line(f"{result} {symbol(instance)}({', '.join(taken) or 'void'}) {{")
    _Statements(writer).block(function.body)
    writer.line("}")
    return Emitted(writer.text(), tuple(writer.types))


def emit_prototype(instance: Instance, signature: Signature) -> Emitted:
    """Declare an instance for those who call it."""
    bindings: dict[Variable, Type] = dict(zip(signature.type_parameters, instance.arguments, strict=True))
    taken = [substituted(kind, bindings) for _, kind in signature.parameters]
    result = substituted(signature.result, bindings)
    text = f"{type_name(result)} {symbol(instance)}({', '.join(map(type_name, taken)) or 'void'});"
    return Emitted(text, (result, *taken))


class _Statements:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._values = Values(writer)

    def block(self, block: tree.Block) -> None:
        with self._writer.indented():
            for statement in block:
                self._statement(statement)

    def _statement(self, statement: tree.Statement) -> None:
        writer, values = self._writer, self._values
        match statement:
            case tree.Let(node=node, name=name, value=value):
                text = values.last(value)
                writer.line(f"{writer.type_of(node)} {local(name, node)} = {text};")
            case tree.Assign(target=target, value=value):
                text = values.value(value)  # before the place, which the value may move
                writer.line(f"{values.place(target)} = {text};")
            case tree.If(condition=condition, then=then, otherwise=otherwise):
                writer.line(f"if ({values.last(condition)}) {{")
                self.block(then)
                if otherwise is not None:
                    writer.line("} else {")
                    self.block(otherwise)
                writer.line("}")
            case tree.While():
                self._while(statement)
            case tree.For():
                self._for(statement)
            case tree.Return(value=value):
                writer.line("return;" if value is None else f"return {values.last(value)};")
            case tree.Leave(word=word):
                writer.line(f"{word};")
            case tree.Evaluate(value=value):
                values.evaluate(value)

    def _while(self, loop: tree.While) -> None:
        writer = self._writer
        with writer.aside() as before:
            condition = self._values.last(loop.condition)
        if before:  # what comes before the condition comes before it each time
            writer.line("for (;;) {")
            with writer.indented():
                writer.lines(before)
                writer.line(f"if (!({condition})) break;")
        else:
            writer.line(f"while ({condition}) {{")
        self.block(loop.body)
        writer.line("}")

    def _for(self, loop: tree.For) -> None:
        writer, name = self._writer, local(loop.name, loop.node)
        start = self._values.value(loop.start)
        if loop.end is not None:
            last = writer.named(type_name(INT), self._values.value(loop.end))
            writer.line(f"for (int64_t {name} = {start}; {name} < {last}; {name}++) {{")
        else:
            items, index = writer.named(writer.type_of(loop.start.node), start), writer.fresh()
            writer.line(f"for (int64_t {index} = 0; {index} < {items}->size; {index}++) {{")
            with writer.indented():
                writer.line(f"{writer.type_of(loop.node)} {name} = {items}->items[{index}];")
        self.block(loop.body)
        writer.line("}")
