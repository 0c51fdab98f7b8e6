"""Removing what was built. Owns which files may go: never a source, never what an alias names."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from jeton.build.discovered import Discovered
from jeton.build.disk import MISSING, Disk
from jeton.build.graph import BuildError, File, Graph, Step
from jeton.build.history import History
from jeton.build.tools.listing import steps_in_order


class Cleaner:
    """Removes files of one graph, each once. `said` is called with each path; `dry_run` removes nothing."""

    def __init__(self, disk: Disk, *, dry_run: bool, said: Callable[[str], None]) -> None:
        self._disk = disk
        self._dry_run = dry_run
        self._said = said
        self._seen: set[str] = set()
        self.removed = 0

    def steps(self, steps: Iterable[Step], *, generators: bool) -> None:
        """Remove the outputs of the steps, their depfiles and response files."""
        for step in steps:
            if step.phony or (step.recipe.generator and not generators):
                continue
            for output in step.outputs:
                self.path(output.path)
            for path in (step.recipe.depfile, step.recipe.rspfile):
                if path:
                    self.path(path)

    def targets(self, targets: Iterable[File]) -> None:
        """Remove the targets and all that they are made from."""
        self.steps(steps_in_order(targets), generators=True)

    def dead(self, graph: Graph, history: History) -> list[str]:
        """Remove what the history says that was made once and the graph does not know any more; return it."""
        dead = [path for path in history.made if self._is_dead(graph.files.get(path))]
        for path in dead:
            self.path(path)
        return dead

    def path(self, path: str) -> None:
        """Remove one file if it is there."""
        if path in self._seen:
            return
        self._seen.add(path)
        there = self._disk.mtime(path) != MISSING if self._dry_run else self._disk.remove(path)
        if there:
            self.removed += 1
            self._said(path)

    @staticmethod
    def _is_dead(file: File | None) -> bool:
        return file is None or (file.producer is None and not file.readers)


def load_what_is_there(graph: Graph, history: History, disk: Disk) -> None:
    """Load the dyndep files that exist, so that what they name is cleaned too; a wrong one is passed over."""
    discovered = Discovered(graph, history, disk)
    for file in {step.dyndep for step in graph.steps if step.dyndep is not None}:
        with suppress(BuildError):
            discovered.load_dyndep(file)
