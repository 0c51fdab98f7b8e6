"""Generated files that steps were seen to read, though the graph does not make them first. Owns the check."""

from collections.abc import Iterator

from jeton.build.graph import DepsStyle, File, Graph, Step
from jeton.build.history import History


def missing_deps(graph: Graph, history: History) -> Iterator[tuple[Step, File]]:
    """Yield each step with a generated file that it reads and does not depend on, by any way."""
    for step in graph.steps:
        if step.phony or step.recipe.deps is DepsStyle.NONE:
            continue
        deps = history.deps(step.outputs[0].path)
        generated = [graph.files[path] for path in (deps.inputs if deps else []) if path in graph.files]
        wanted = [file for file in generated if file.producer is not None and file.producer is not step]
        if not wanted:
            continue
        below = _below(step)
        for file in wanted:
            if file.producer not in below:
                yield step, file


def _below(step: Step) -> set[Step]:
    found = {step}
    waiting = [step]
    while waiting:
        for file in waiting.pop().inputs():
            if file.producer is not None and file.producer not in found:
                found.add(file.producer)
                waiting.append(file.producer)
    return found
