"""What there is in a graph, as lines of text. Owns the order and the form of each listing."""

from collections.abc import Iterable, Iterator, Sequence

from jeton.build.disk import MISSING, Disk
from jeton.build.graph import File, Graph, Step
from jeton.build.history import History


def target_tree(files: Iterable[File], depth: int) -> Iterator[str]:
    """Yield each file and, indented, what it is made from, `depth` levels deep; 0 is without end."""
    waiting = [(file, 0) for file in reversed(list(files))]
    while waiting:
        file, level = waiting.pop()
        producer = file.producer
        yield "  " * level + (f"{file.path}: {producer.rule}" if producer else file.path)
        if producer is not None and (depth == 0 or level + 1 < depth):
            waiting += [(below, level + 1) for below in reversed(list(producer.inputs()))]


def targets_of_all(graph: Graph) -> Iterator[str]:
    """Yield every output and its rule."""
    for step in graph.steps:
        for output in step.outputs:
            yield f"{output.path}: {step.rule}"


def targets_of_rule(graph: Graph, rule: str) -> list[str]:
    """Return the outputs of a rule's steps, sorted."""
    return sorted({output.path for step in graph.steps if step.rule == rule for output in step.outputs})


def sources(graph: Graph) -> Iterator[str]:
    """Yield every input that no step makes, once each time it is read."""
    for step in graph.steps:
        for file in step.inputs():
            if file.producer is None:
                yield file.path


def steps_in_order(targets: Iterable[File]) -> list[Step]:
    """Return the steps that make the targets and all below them, each behind what it needs."""
    order: dict[Step, None] = {}
    for target in targets:
        path = [(target.producer, iter(target.producer.inputs()))] if target.producer else []
        seen = {step for step, _ in path}
        while path:
            step, inputs = path[-1]
            file = next(inputs, None)
            if file is None:
                order[step] = None
                path.pop()
            elif file.producer is not None and file.producer not in order and file.producer not in seen:
                seen.add(file.producer)
                path.append((file.producer, iter(file.producer.inputs())))
    return list(order)


def commands(targets: Sequence[File], *, single: bool) -> Iterator[str]:
    """Yield the commands that make the targets, in an order in which they could run; `single`: of the targets alone."""
    steps = [file.producer for file in targets if file.producer] if single else steps_in_order(targets)
    for step in dict.fromkeys(steps):
        if not step.phony:
            yield step.recipe.command


def inputs_in_order(target: File) -> list[str]:
    """Return all that goes into the target, each path once behind what it is made from; aliases are left out."""
    found: dict[File, None] = {}
    seen: set[File] = set()
    path = [(target, iter(target.producer.inputs()))] if target.producer else []
    while path:
        file, inputs = path[-1]
        below = next(inputs, None)
        if below is None:
            path.pop()
            if file is not target and not (file.producer and file.producer.phony):
                found[file] = None
        elif below not in seen:
            seen.add(below)
            path.append((below, iter(below.producer.inputs() if below.producer else ())))
    return [file.path for file in found]


def query(file: File, graph: Graph) -> Iterator[str]:
    """Yield what the file is made from and what is made from it."""
    yield f"{file.path}:"
    step = file.producer
    if step is not None:
        yield f"  input: {step.rule}"
        for mark, files in (("", step.explicit), ("| ", [*step.implicit, *step.discovered]), ("|| ", step.order_only)):
            for below in files:
                yield f"    {mark}{below.path}"
        if step.validations:
            yield "  validations:"
            for below in step.validations:
                yield f"    {below.path}"
    yield "  outputs:"
    for reader in dict.fromkeys(file.readers):
        for output in reader.outputs:
            yield f"    {output.path}"
    validated = [other for other in graph.steps if file in other.validations]
    if validated:
        yield "  validation for:"
        for other in validated:
            for output in other.outputs:
                yield f"    {output.path}"


def recorded_deps(outputs: Iterable[str], history: History, disk: Disk) -> Iterator[str]:
    """Yield what the makers of the outputs were seen to read, and whether that still holds."""
    for output in outputs:
        deps = history.deps(output)
        if deps is None:
            yield f"{output}: deps not found"
            continue
        mtime = disk.mtime(output)
        state = "STALE" if mtime == MISSING or mtime > deps.mtime else "VALID"
        yield f"{output}: #deps {len(deps.inputs)}, deps mtime {deps.mtime} ({state})"
        for path in deps.inputs:
            yield f"    {path}"
        yield ""


def digraph(targets: Iterable[File]) -> Iterator[str]:
    """Yield the graph below the targets in Graphviz' language."""
    yield "digraph ninja {"
    yield 'rankdir="LR"'
    yield "node [fontsize=10, shape=box, height=0.25]"
    yield "edge [fontsize=10]"
    seen: set[File] = set()
    drawn: set[Step] = set()
    waiting = list(targets)
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        yield f'"f{id(file):x}" [label="{_escaped(file.path)}"]'
        step = file.producer
        if step is None or step in drawn:
            continue
        drawn.add(step)
        yield from _drawn(step)
        waiting += [*step.inputs(), *step.outputs]
    yield "}"


def _drawn(step: Step) -> Iterator[str]:
    inputs = [*step.dirtying_inputs()]
    if len(inputs) == 1 and len(step.outputs) == 1:
        yield f'"f{id(inputs[0]):x}" -> "f{id(step.outputs[0]):x}" [label=" {_escaped(step.rule)}"]'
    else:
        yield f'"s{step.id}" [label="{_escaped(step.rule)}", shape=ellipse]'
        for output in step.outputs:
            yield f'"s{step.id}" -> "f{id(output):x}"'
        for file in inputs:
            yield f'"f{id(file):x}" -> "s{step.id}" [arrowhead=none]'
    head = f"f{id(step.outputs[0]):x}" if len(inputs) == 1 and len(step.outputs) == 1 else f"s{step.id}"
    for file in step.order_only:
        yield f'"f{id(file):x}" -> "{head}" [arrowhead=none, style=dotted]'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
