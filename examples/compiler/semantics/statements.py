"""The rules for statements, and for a function as a whole. Owns which paths end where."""

from examples.compiler.semantics import kinds
from examples.compiler.semantics.body import Body
from examples.compiler.semantics.expressions import Expressions
from examples.compiler.semantics.facts import Facts
from examples.compiler.semantics.kinds import BOOL, INT, NOTHING, UNKNOWN, ItemId, Type, Unknown
from examples.compiler.semantics.world import World
from examples.compiler.syntax import tree


def check_function(world: World, item: ItemId, function: tree.Function) -> Facts:
    """Check a function, reporting to the world. What was skipped by the parser is not held against it."""
    body = Body(world, item, world.signature(item), whole=function.whole)
    rules = _Statements(body)
    body.enter()
    for parameter, (_, kind) in zip(function.parameters, body.signature.parameters, strict=True):
        if body.variable(parameter.name) is None:  # the signature tells of two of one name
            body.declare(parameter.name, parameter.node, kind, used=True)
    rules.block(function.body)
    body.leave()
    result = body.signature.result
    if result != NOTHING and function.whole and not _ends(function.body):
        message = f"`{item}` returns `{result}`, but its end can be reached without a `return`"
        body.error(function.node, message)
    return body.facts


class _Statements:
    def __init__(self, body: Body) -> None:
        self._body = body
        self._expressions = Expressions(body)

    def block(self, block: tree.Block) -> None:
        self._body.enter()
        for statement in block:
            self._statement(statement)
        self._body.leave()

    def _statement(self, statement: tree.Statement) -> None:
        body, expressions = self._body, self._expressions
        match statement:
            case tree.Let():
                self._let(statement)
            case tree.Assign():
                self._assign(statement)
            case tree.If(condition=condition, then=then, otherwise=otherwise):
                expressions.expect(condition, BOOL)
                self.block(then)
                if otherwise is not None:
                    self.block(otherwise)
            case tree.While(condition=condition):
                expressions.expect(condition, BOOL)
                self._loop(statement.body)
            case tree.For():
                self._for(statement)
            case tree.Return():
                self._return(statement)
            case tree.Leave(node=node, word=word):
                if not body.loops:
                    body.error(node, f"`{word}` stands in no loop")
            case tree.Evaluate(value=value):
                expressions.any(value)

    def _let(self, let: tree.Let) -> None:
        if let.annotation is None:
            kind = self._expressions.value(let.value)
        else:
            kind = self._body.read_type(let.annotation)
            self._expressions.expect(let.value, kind)
        self._body.declare(let.name, let.node, kind, mutable=let.mutable)

    def _assign(self, assign: tree.Assign) -> None:
        wanted = self._place(assign.target)
        self._expressions.expect(assign.value, wanted)

    def _place(self, target: tree.Expression) -> Type:
        """Give the type of what can be assigned to. That is no reading: a variable that is only set is unused."""
        body = self._body
        root = target
        while isinstance(root, tree.Field):
            root = root.target
        if isinstance(root, tree.Index):
            return self._expressions.value(target)
        if not isinstance(root, tree.Name):
            self._expressions.any(target)
            return body.error(target.node, "nothing can be assigned to this")
        variable = body.variable(root.text)
        used = variable is not None and variable.used
        kind = self._expressions.value(target)
        if variable is not None:
            variable.used = used or not variable.mutable  # of what is wrong already, that much is enough
            if not variable.mutable:
                body.error(target.node, f"`{root.text}` cannot be changed", f"declare it by `var {root.text}`")
        return kind

    def _for(self, loop: tree.For) -> None:
        if loop.end is not None:
            self._expressions.expect(loop.start, INT)
            self._expressions.expect(loop.end, INT)
            kind: Type = INT
        else:
            found = self._expressions.value(loop.start)
            kind = found.item if isinstance(found, kinds.List) else UNKNOWN
            if not isinstance(found, kinds.List | Unknown):
                advice = "or two ints: `0..10`" if found == INT else None
                self._body.error(loop.start.node, f"a loop goes over a list, and this is `{found}`", advice)
        self._body.enter()
        self._body.declare(loop.name, loop.node, kind, used=True)
        self._loop(loop.body)
        self._body.leave()

    def _loop(self, block: tree.Block) -> None:
        self._body.loops += 1
        self.block(block)
        self._body.loops -= 1

    def _return(self, statement: tree.Return) -> None:
        body, wanted = self._body, self._body.signature.result
        if statement.value is None:
            if wanted != NOTHING:
                body.error(statement.node, f"`{body.item}` must return `{wanted}`")
        elif wanted == NOTHING:
            self._expressions.any(statement.value)
            body.error(statement.value.node, f"`{body.item}` returns nothing", "say what it returns: `-> Type`")
        else:
            self._expressions.expect(statement.value, wanted)


def _ends(block: tree.Block) -> bool:
    """Whether every path through a block returns, or never comes to its end."""
    return any(map(_is_an_end, block))


def _is_an_end(statement: tree.Statement) -> bool:
    match statement:
        case tree.Return():
            return True
        case tree.If(then=then, otherwise=otherwise):
            return otherwise is not None and _ends(then) and _ends(otherwise)
        case tree.While(condition=tree.Literal(value=True), body=body):
            return not _breaks(body)
    return False


def _breaks(block: tree.Block) -> bool:
    """Whether a `break` of this loop stands in a block."""
    for statement in block:
        match statement:
            case tree.Leave(word="break"):
                return True
            case tree.If(then=then, otherwise=otherwise) if _breaks(then) or _breaks(otherwise or ()):
                return True
    return False
