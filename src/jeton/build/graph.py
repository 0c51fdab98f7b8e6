"""The graph of a build: files, and the steps that make them. Owns who makes and who reads what.

Knows no language that a graph may be written in, and nothing of what is up to date.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum


class BuildError(Exception):
    """What a person must mend before the build can go on. The text names the place first."""


class DepsStyle(Enum):
    """How a step tells which files it read, beside those that the graph names."""

    NONE = ""
    """It does not, or its depfile is read again before each build."""
    GCC = "gcc"
    """A depfile in make's syntax, taken into the history after the step and removed."""
    MSVC = "msvc"
    """Lines of /showIncludes in the output, taken out of it and into the history."""


@dataclass(frozen=True, slots=True)
class StepPool:
    """A bound on how many steps of one sort run at once. `depth` 0 sets none."""

    name: str
    depth: int


CONSOLE = StepPool("console", 1)
"""Steps that own the terminal while they run."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a step makes its outputs. All paths are as the command sees them."""

    command: str
    description: str = ""
    depfile: str = ""
    deps: DepsStyle = DepsStyle.NONE
    msvc_prefix: str = ""
    """What /showIncludes lines start with; empty for the compiler's English."""
    restat: bool = False
    """Outputs that come out unchanged leave their readers up to date."""
    generator: bool = False
    """It makes the graph itself: a changed command does not make it run again, and cleaning spares it."""
    pool: StepPool | None = None
    rspfile: str = ""
    rspfile_content: str = ""

    @property
    def fingerprint_text(self) -> str:
        """What must be the same for an output to be up to date: the command, and what it reads from its rspfile."""
        return f"{self.command};rspfile={self.rspfile_content}" if self.rspfile else self.command


PHONY = Recipe("")


class File:
    """One path. Two files of a graph never have the same path."""

    __slots__ = ("named", "path", "producer", "readers")

    def __init__(self, path: str) -> None:
        self.path = path
        self.producer: Step | None = None
        """The one step that makes it, or None for a source."""
        self.readers: list[Step] = []
        """Every step that has it among its inputs of any sort, once each time it does."""
        self.named = True
        """The manifest names it. One that only a depfile or a dyndep file names may be gone: its reader runs."""

    def __repr__(self) -> str:
        return f"<File {self.path}>"


class Step:
    """One edge of the graph: inputs, outputs and a recipe. A phony step has no command and only groups files."""

    __slots__ = (
        "_evaluate",
        "_recipe",
        "discovered",
        "dyndep",
        "dyndep_loaded",
        "dyndep_restat",
        "explicit",
        "id",
        "implicit",
        "implicit_outputs",
        "order_only",
        "outputs",
        "phony",
        "rule",
        "validations",
    )

    def __init__(self, id: int, rule: str, evaluate: Callable[["Step"], Recipe]) -> None:  # noqa: A002
        self.id = id
        """Its place in the order of the manifest."""
        self.rule = rule
        self.phony = rule == "phony"
        self.outputs: list[File] = []
        """All of them; the last `implicit_outputs` are not in the command's `$out`."""
        self.implicit_outputs = 0
        self.explicit: list[File] = []
        self.implicit: list[File] = []
        self.discovered: list[File] = []
        """Inputs that an earlier run of the step was seen to read."""
        self.order_only: list[File] = []
        """Inputs that must be made before, whose changes do not make this step run."""
        self.validations: list[File] = []
        """Files that are to be made whenever this step is wanted, before or after it."""
        self.dyndep: File | None = None
        """The file that names more inputs and outputs of this step."""
        self.dyndep_loaded = False
        self.dyndep_restat = False
        self._recipe: Recipe | None = None
        self._evaluate = evaluate

    @property
    def recipe(self) -> Recipe:
        """The recipe, evaluated when it is first asked for. Raises BuildError where it cannot be."""
        if self._recipe is None:
            self._recipe = self._evaluate(self)
        return self._recipe

    @property
    def restat(self) -> bool:
        """Whether unchanged outputs leave their readers up to date."""
        return self.dyndep_restat or self.recipe.restat

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        return self.recipe.description or self.recipe.command

    def dirtying_inputs(self) -> Iterator[File]:
        """Yield the inputs whose changes make the step run."""
        yield from self.explicit
        yield from self.implicit
        yield from self.discovered

    def inputs(self) -> Iterator[File]:
        """Yield every input."""
        yield from self.dirtying_inputs()
        yield from self.order_only

    def __repr__(self) -> str:
        return f"<Step {self.rule} {self.outputs[0].path if self.outputs else '?'}>"


class Graph:
    """Files by path, steps in the order of the manifest, and what is built when nothing is asked for."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.steps: list[Step] = []
        self.pools: dict[str, StepPool] = {CONSOLE.name: CONSOLE}
        self.defaults: list[File] = []
        self.rules: dict[str, str] = {}
        """The rules of the outermost file, with their descriptions as written."""
        self.variables: dict[str, str] = {}
        """The manifest's own variables at its outermost level, such as builddir."""

    def file(self, path: str) -> File:
        """Return the file with that path, which must be canonical."""
        file = self.files.get(path)
        if file is None:
            file = self.files[path] = File(path)
        return file

    def step(self, rule: str, evaluate: Callable[[Step], Recipe]) -> Step:
        """Add a step without inputs and outputs."""
        step = Step(len(self.steps), rule, evaluate)
        self.steps.append(step)
        return step

    def roots(self) -> list[File]:
        """Return the files that no step reads: what there is to build when nothing is named."""
        return [out for step in self.steps for out in step.outputs if not out.readers]

    def default_targets(self) -> list[File]:
        """Return what is built when nothing is asked for. Raises BuildError where every file is read by a step."""
        targets = self.defaults or self.roots()
        if not targets and self.steps:
            raise BuildError("could not determine root nodes of build graph: every output is an input of another step")
        return targets


def phony_recipe(step: Step) -> Recipe:
    """Return the recipe of every phony step."""
    del step
    return PHONY
