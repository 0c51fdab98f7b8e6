"""What each kind of syntax means for names: what binds, reads, calls and imports. What a name refers to is settled in
frames.py when the walk is over.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from .frames import Frame, finished
from .shapes import Call, How, Import, Imported, Kind, Place
from .signatures import signature_of
from .syntax import Function, dotted, exceptions, expected, is_all, parameters_of, type_parameters
from .walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shapes import Outline

_ANY = frozenset({"BaseException", "Exception"})
_NO_NAME = _ANY | {"NameError"}
_NO_IMPORT = _ANY | {"AttributeError", "ImportError", "ModuleNotFoundError"}
_NO_CALL = _ANY | {"TypeError"}

_READS_NAMES = frozenset({"dir", "eval", "exec", "globals", "locals", "vars"})
_MAKES_NAMES = frozenset({"_convert_", "exec", "global_enum", "globals"})
"""Functions that may put names into the module that calls them; in the module's own scope `locals` and `vars` too."""
_TAKE_TYPES = frozenset({"NewType", "TypeVar", "cast"})
"""Functions whose strings may be types."""


def outline_of(tree: ast.Module) -> Outline:
    """Walk a module's tree."""
    walk = Walk(_SYNTAX)
    walk.block(tree.body)
    return finished(walk.file)


def _name(walk: Walk, node: ast.Name) -> None:
    name = node.id
    if type(node.ctx) is ast.Store:
        walk.bind(name, How.OTHER, walk.place(node))
        return
    walk.counts[name] = walk.counts.get(name, 0) + 1
    if walk.hidden and any(name in names for names in walk.hidden):
        return
    if type(node.ctx) is ast.Del:
        walk.bind(name, How.OTHER, walk.place(node))
        walk.frame.mentions.add(name)
    elif walk.caught and walk.catches(_NO_NAME):
        walk.frame.mentions.add(name)
    elif name not in walk.frame.reads:
        walk.frame.reads[name] = walk.place(node)


def _constant(walk: Walk, node: ast.Constant) -> None:
    if not walk.in_type or type(node.value) is not str:
        return
    try:
        tree = ast.parse(node.value.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return
    walk.frame.mentions.update(each.id for each in ast.walk(tree) if isinstance(each, ast.Name))


def _global(walk: Walk, node: ast.Global) -> None:
    if walk.frame is not walk.file.module:
        walk.frame.from_module.update(node.names)


def _nonlocal(walk: Walk, node: ast.Nonlocal) -> None:
    walk.frame.from_outer.update(node.names)


def _attribute(walk: Walk, node: ast.Attribute) -> None:
    walk.visit(node.value)


def _call(walk: Walk, node: ast.Call) -> None:
    target = dotted(node.func)
    if target:
        _note_call(walk, node, target)
    walk.visit(node.func)
    kept = walk.in_type
    walk.in_type = kept or (bool(target) and target[-1] in _TAKE_TYPES)
    walk.each(node.args)
    walk.each(node.keywords)
    walk.in_type = kept


def _note_call(walk: Walk, node: ast.Call, target: tuple[str, ...]) -> None:
    last = target[-1]
    if last in _READS_NAMES and (last in {"eval", "exec", "globals"} or not node.args):
        walk.frame.is_opaque = True
        walk.file.module.is_opaque = True
    if last in _MAKES_NAMES or (last in {"locals", "vars"} and walk.frame is walk.file.module):
        walk.file.is_open = True
    if walk.caught and walk.catches(_NO_CALL):
        return
    if walk.hidden and any(target[0] in names for names in walk.hidden):
        return
    keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg is not None)
    positional = [each for each in node.args if type(each) is not ast.Starred]
    unpacks = len(positional) < len(node.args) or len(keywords) < len(node.keywords)
    walk.frame.calls.append(Call(target, None, len(positional), keywords, unpacks, walk.place(node)))


def _lambda(walk: Walk, node: ast.Lambda) -> None:
    walk.each(node.args.defaults)
    walk.each(node.args.kw_defaults)
    walk.hidden.append({each.arg for each in parameters_of(node.args)})
    walk.visit(node.body)
    walk.hidden.pop()


def _comprehension(walk: Walk, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
    walk.visit(node.generators[0].iter)
    targets = {each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)}
    walk.hidden.append(targets)
    for number, part in enumerate(node.generators):
        if number:
            walk.visit(part.iter)
        walk.each(part.ifs)
    walk.each((node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,))
    walk.hidden.pop()


# ---- statements that bind


def _assign(walk: Walk, node: ast.Assign) -> None:
    walk.visit(node.value)
    for target in node.targets:
        if isinstance(target, ast.Name):
            walk.bind(target.id, How.ASSIGNMENT, walk.place(target))
        else:
            walk.visit(target)
    if walk.frame is walk.file.module and any(is_all(target) for target in node.targets):
        _add_public(walk, node.value)


def _annotated(walk: Walk, node: ast.AnnAssign) -> None:
    _annotation(walk, node.annotation)
    walk.each((node.value,))
    if isinstance(node.target, ast.Name):
        how = How.OTHER if node.value is None else How.ASSIGNMENT
        walk.bind(node.target.id, how, walk.place(node.target))
    else:
        walk.visit(node.target)
    if walk.frame is walk.file.module and is_all(node.target) and node.value is not None:
        _add_public(walk, node.value)


def _augmented(walk: Walk, node: ast.AugAssign) -> None:
    walk.visit(node.value)
    walk.visit(node.target)
    if isinstance(node.target, ast.Name):
        walk.frame.mentions.add(node.target.id)
        if walk.frame is walk.file.module and is_all(node.target):
            _add_public(walk, node.value)


def _add_public(walk: Walk, value: ast.expr) -> None:
    if isinstance(value, ast.List | ast.Tuple) and all(isinstance(each, ast.Constant) for each in value.elts):
        names = [each.value for each in value.elts if isinstance(each, ast.Constant)]
        walk.file.public = (walk.file.public or []) + [name for name in names if isinstance(name, str)]
    else:
        walk.file.public_is_computed = True


def _expression(walk: Walk, node: ast.Expr) -> None:
    """See to `__all__.extend(…)`, which changes what is public."""
    call = node.value
    if walk.frame is walk.file.module and isinstance(call, ast.Call) and dotted(call.func)[:1] == ("__all__",):
        walk.file.public_is_computed = True
    walk.visit(call)


def _annotation(walk: Walk, node: ast.expr | None) -> None:
    if node is not None:
        kept, walk.in_type = walk.in_type, True
        walk.visit(node)
        walk.in_type = kept


def _function(walk: Walk, node: Function) -> None:
    walk.bind(node.name, How.DEFINITION, walk.place(node))
    if walk.frame is walk.file.module:
        walk.frame.signatures[node.name] = signature_of(node)
    walk.each(node.decorator_list)
    walk.each(node.args.defaults)
    walk.each(node.args.kw_defaults)
    types = type_parameters(node)
    walk.hidden.append(set(types))
    walk.each(getattr(node, "type_params", ()))
    parameters = list(parameters_of(node.args))
    for parameter in parameters:
        _annotation(walk, parameter.annotation)
    _annotation(walk, node.returns)
    walk.hidden.pop()
    with walk.inside(node.name, Frame(Kind.FUNCTION, types)):
        for parameter in parameters:
            walk.bind(parameter.arg, How.OTHER, Place(0, 0, 0))
        _find_globals(walk, node.body)
        walk.block(node.body)


def _find_globals(walk: Walk, body: list[ast.stmt]) -> None:
    """Read `global` and `nonlocal` first: they hold for the whole body, wherever they stand."""
    for statement in body:
        if isinstance(statement, ast.Global | ast.Nonlocal):
            walk.visit(statement)


def _class(walk: Walk, node: ast.ClassDef) -> None:
    walk.bind(node.name, How.DEFINITION, walk.place(node))
    if walk.frame is walk.file.module:
        walk.frame.signatures[node.name] = signature_of(node)
    if any(not _MAKES_NAMES.isdisjoint(dotted(decorator)[-1:]) for decorator in node.decorator_list):
        walk.file.is_open = True
    walk.each(node.decorator_list)
    types = type_parameters(node)
    walk.hidden.append(set(types))
    walk.each(getattr(node, "type_params", ()))
    walk.each(node.bases)
    walk.each(node.keywords)
    walk.hidden.pop()
    with walk.inside(node.name, Frame(Kind.CLASS, types)):
        walk.block(node.body)


def _type_alias(walk: Walk, node: Any) -> None:
    walk.visit(node.name)
    walk.hidden.append(set(type_parameters(node)))
    walk.each(node.type_params)
    _annotation(walk, node.value)
    walk.hidden.pop()


def _import(walk: Walk, node: ast.Import) -> None:
    for alias in node.names:
        top = alias.name.partition(".")[0]
        bound = alias.asname or top
        _add_import(walk, node, bound, Imported(alias.name if alias.asname else top, 0, None), alias)


def _import_from(walk: Walk, node: ast.ImportFrom) -> None:
    if node.module == "__future__":
        return
    for alias in node.names:
        target = Imported(node.module or "", node.level, alias.name)
        _add_import(walk, node, alias.asname or alias.name, target, alias)


def _add_import(walk: Walk, node: ast.Import | ast.ImportFrom, bound: str, target: Imported, alias: ast.alias) -> None:
    place = walk.place(node)
    loads = target.module if target.name else alias.name
    probing = bool(walk.caught) and walk.catches(_NO_IMPORT)
    walk.frame.imports.append(Import(bound, target, loads, place, probing, walk.lazy))
    if bound != "*":
        walk.bind(bound, How.IMPORT, place)
        if probing or alias.asname == alias.name:  # the second says that it is for others
            walk.frame.mentions.add(bound)


# ---- statements that hold others


def _if(walk: Walk, node: ast.If) -> None:
    walk.visit(node.test)
    kept = walk.lazy
    walk.lazy = kept or dotted(node.test)[-1:] == ("TYPE_CHECKING",)
    walk.block(node.body)
    walk.lazy = kept
    walk.block(node.orelse)


def _for(walk: Walk, node: ast.For | ast.AsyncFor) -> None:
    walk.visit(node.iter)
    walk.visit(node.target)
    walk.block(node.body)
    walk.block(node.orelse)


def _while(walk: Walk, node: ast.While) -> None:
    walk.visit(node.test)
    walk.block(node.body)
    walk.block(node.orelse)


def _with(walk: Walk, node: ast.With | ast.AsyncWith) -> None:
    caught: set[str] = set()
    for item in node.items:
        walk.visit(item.context_expr)
        walk.each((item.optional_vars,))
        caught |= expected(item.context_expr)
    walk.caught.append(frozenset(caught))
    walk.block(node.body)
    walk.caught.pop()


def _try(walk: Walk, node: Any) -> None:
    caught: set[str] = set()
    for handler in node.handlers:
        caught |= {"BaseException"} if handler.type is None else exceptions(handler.type)
    walk.caught.append(frozenset(caught))
    walk.block(node.body)
    walk.caught.pop()
    for handler in node.handlers:
        walk.line = handler.lineno
        walk.frame.lines.append(handler.lineno)
        walk.each((handler.type,))
        if handler.name:
            walk.bind(handler.name, How.HANDLER, walk.place(handler))
        walk.block(handler.body)
    walk.block(node.orelse)
    walk.block(node.finalbody)


def _case(walk: Walk, node: ast.match_case) -> None:
    walk.visit(node.pattern)
    walk.each((node.guard,))
    walk.block(node.body)


def _pattern(walk: Walk, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
    name = node.rest if isinstance(node, ast.MatchMapping) else node.name
    if name is not None:
        walk.bind(name, How.OTHER, Place(0, 0, 0))
    walk.children(node)


_SYNTAX: dict[type[ast.AST], Callable[[Walk, Any], None]] = {
    ast.AnnAssign: _annotated,
    ast.Assign: _assign,
    ast.AsyncFor: _for,
    ast.AsyncFunctionDef: _function,
    ast.AsyncWith: _with,
    ast.Attribute: _attribute,
    ast.AugAssign: _augmented,
    ast.Call: _call,
    ast.ClassDef: _class,
    ast.Constant: _constant,
    ast.DictComp: _comprehension,
    ast.Expr: _expression,
    ast.For: _for,
    ast.FunctionDef: _function,
    ast.GeneratorExp: _comprehension,
    ast.Global: _global,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.MatchAs: _pattern,
    ast.MatchMapping: _pattern,
    ast.MatchStar: _pattern,
    ast.Name: _name,
    ast.Nonlocal: _nonlocal,
    ast.SetComp: _comprehension,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.While: _while,
    ast.With: _with,
    ast.match_case: _case,
}
if sys.version_info >= (3, 12):
    _SYNTAX[ast.TypeAlias] = _type_alias
