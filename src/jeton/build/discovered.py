"""Edges that the manifest does not name: depfiles, recorded deps, dyndep files. Owns how they enter the graph."""

from collections.abc import Callable, Iterable

from jeton.build.disk import Disk
from jeton.build.graph import BuildError, DepsStyle, File, Graph, Step
from jeton.build.history import History
from jeton.build.ninja import apply_dyndep, parse_depfile, read_dyndep
from jeton.build.paths import canonical


class Discovered:
    """Adds what earlier runs and other files know to the steps of one graph."""

    def __init__(self, graph: Graph, history: History, disk: Disk) -> None:
        self._graph = graph
        self._history = history
        self._disk = disk

    def load_deps(self, step: Step, output_mtime: Callable[[], int]) -> str | None:
        """Add the inputs that the step was seen to read. Returns None, or why they are not known.

        The modification time is that of the step's first output. Loading again changes nothing.
        Raises BuildError where a depfile is malformed.
        """
        if step.phony or step.discovered:
            return None
        recipe = step.recipe
        if recipe.deps is not DepsStyle.NONE:
            return self._load_recorded(step, output_mtime())
        return self._load_depfile(step, recipe.depfile) if recipe.depfile else None

    def load_dyndep(self, file: File) -> list[Step]:
        """Read a dyndep file into the steps that name it; return them. Raises BuildError."""
        text = self._disk.read(file.path)
        if text is None:
            raise BuildError(f"loading '{file.path}': No such file or directory")
        return apply_dyndep(file.path, read_dyndep(file.path, text, self._graph), self._graph)

    def _load_recorded(self, step: Step, output_mtime: int) -> str | None:
        output = step.outputs[0].path
        deps = self._history.deps(output)
        if deps is None:
            return f"deps for '{output}' are missing"
        if output_mtime > deps.mtime:
            return f"stored deps info out of date for '{output}' ({deps.mtime} vs {output_mtime})"
        self._add(step, deps.inputs)
        return None

    def _load_depfile(self, step: Step, path: str) -> str | None:
        text = self._disk.read(path)
        if not text:
            return f"depfile '{path}' is missing"
        try:
            depfile = parse_depfile(text)
            named = [canonical(target) for target in depfile.targets]
            inputs = [canonical(name) for name in depfile.inputs]
        except ValueError as error:
            raise BuildError(f"{path}: {error}") from None
        if not named:
            return f"depfile '{path}' names no target"
        outputs = {output.path for output in step.outputs}
        if named[0] != step.outputs[0].path:
            return f"expected depfile '{path}' to mention '{step.outputs[0].path}', got '{named[0]}'"
        unknown = next((target for target in named if target not in outputs), None)
        if unknown is not None:
            raise BuildError(f"{path}: depfile mentions '{unknown}' as an output, but no such output was declared")
        self._add(step, inputs)
        return None

    def _add(self, step: Step, paths: Iterable[str]) -> None:
        for path in paths:
            named = path in self._graph.files
            file = self._graph.file(path)
            file.named = named and file.named
            step.discovered.append(file)
            file.readers.append(step)
