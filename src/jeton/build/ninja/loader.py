"""Statements to a graph. Owns the grammar of a manifest; not what its tokens look like."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from jeton.build.graph import BuildError, DepsStyle, File, Graph, Recipe, Step, StepPool, phony_recipe
from jeton.build.ninja.bindings import RULE_VARIABLES, Bindings, Rule, StepBindings
from jeton.build.ninja.lexer import END, INDENT, NEWLINE, Lexer, ManifestError
from jeton.build.ninja.text import Text, expand
from jeton.build.paths import canonical

NINJA_VERSION = "1.13.0"
"""The version of ninja whose language and commands are understood."""

_PHONY = Rule("phony")
_MAX_INCLUDES = 200

ReadText = Callable[[str], str]
Warn = Callable[[str], None]


def load(path: str, read_text: ReadText, warn: Warn, *, allow_phony_cycles: bool = True) -> Graph:
    """Read the manifest at `path` and all that it includes.

    Raises ManifestError with file, line and column where the text is wrong, BuildError where the file cannot be read.
    A phony target that names itself is let pass with a warning, as ninja does for the CMake of old that wrote such,
    unless `allow_phony_cycles` is False: then it is the cycle that it is.
    """
    graph = Graph()
    bindings = Bindings()
    bindings.rules["phony"] = _PHONY
    loader = _Loader(graph, read_text, warn, allow_phony_cycles=allow_phony_cycles)
    try:
        loader.file(path, bindings)
    except OSError as error:
        raise BuildError(f"loading '{path}': {error.strerror}") from None
    graph.variables = bindings.variables
    graph.rules = {name: rule.described() for name, rule in bindings.rules.items()}
    return graph


class _Loader:
    """Reads the files of one manifest into one graph."""

    def __init__(self, graph: Graph, read_text: ReadText, warn: Warn, *, allow_phony_cycles: bool) -> None:
        self.graph = graph
        self.warn = warn
        self.allow_phony_cycles = allow_phony_cycles
        self._read_text = read_text
        self._open: list[str] = []

    def file(self, path: str, bindings: Bindings) -> None:
        if len(self._open) >= _MAX_INCLUDES:
            raise BuildError(f"{path}: included {_MAX_INCLUDES} files deep; does it include itself?")
        text = self._read_text(path)
        self._open.append(path)
        _FileLoader(self, Lexer(path, text), bindings).statements()
        self._open.pop()


class _FileLoader:
    """Reads the statements of one file."""

    def __init__(self, loader: _Loader, lexer: Lexer, bindings: Bindings) -> None:
        self._loader = loader
        self._graph = loader.graph
        self._lexer = lexer
        self._bindings = bindings

    def statements(self) -> None:
        """Read to the end of the file."""
        lexer = self._lexer
        kinds = {
            "build": self._build,
            "rule": self._rule,
            "default": self._default,
            "pool": self._pool,
            "include": self._include,
            "subninja": self._subninja,
        }
        while True:
            token = lexer.token()
            if token == NEWLINE:
                continue
            if token == END:
                return
            if token in kinds:
                kinds[token]()
            elif token[0].isalnum() or token[0] in "_.-":
                self._variable(token)
            else:
                what = "indent" if token == INDENT else f"'{token}'"
                raise lexer.error(f"unexpected {what}: expected a statement")

    def _variable(self, name: str) -> None:
        self._lexer.expect("=", "'='")
        value = expand(self._lexer.value(), self._bindings.lookup)
        if name == "ninja_required_version":
            self._check_version(value)
        self._bindings.variables[name] = value

    def _check_version(self, required: str) -> None:
        if _version(required) > _version(NINJA_VERSION):
            raise self._lexer.error(
                f"ninja version ({NINJA_VERSION}) incompatible with build file ninja_required_version ({required})"
            )

    def _pool(self) -> None:
        lexer = self._lexer
        name = lexer.word("pool name")
        if name in self._graph.pools:
            raise lexer.error(f"duplicate pool '{name}'")
        lexer.expect(NEWLINE, "newline")
        depth = -1
        for key, value in self._block():
            if key != "depth":
                raise lexer.error(f"unexpected variable '{key}': a pool has a depth only")
            text = expand(value, self._bindings.lookup)
            if not re.fullmatch(r"\d+", text):
                raise lexer.error(f"invalid pool depth '{text}'")
            depth = int(text)
        if depth < 0:
            raise lexer.error(f"expected 'depth =' line for pool '{name}'")
        self._graph.pools[name] = StepPool(name, depth)

    def _rule(self) -> None:
        lexer = self._lexer
        name = lexer.word("rule name")
        at = lexer.position()
        lexer.expect(NEWLINE, "newline")
        if name in self._bindings.rules:
            raise lexer.error_at(at, f"duplicate rule '{name}'")
        rule = Rule(name)
        for key, value in self._block():
            if key not in RULE_VARIABLES:
                raise lexer.error(f"unexpected variable '{key}'")
            rule.texts[key] = value
        if bool(rule.texts.get("rspfile")) != bool(rule.texts.get("rspfile_content")):
            raise lexer.error_at(at, "rspfile and rspfile_content need to be both specified")
        if not rule.texts.get("command"):
            raise lexer.error_at(at, f"expected 'command =' line for rule '{name}'")
        self._bindings.rules[name] = rule

    def _block(self) -> Iterator[tuple[str, Text]]:
        """Read the indented lines below a statement; an error at one of them names its variable."""
        lexer = self._lexer
        while True:
            plain = lexer.plain_binding()
            if plain is not None:
                yield plain
            elif lexer.peek(INDENT):
                yield self._binding()
            else:
                return

    def _binding(self) -> tuple[str, Text]:
        lexer = self._lexer
        key = lexer.word("variable name")
        at = lexer.position()
        lexer.expect("=", "'='")
        value = lexer.value()
        lexer.blame(at)
        return key, value

    def _default(self) -> None:
        lexer = self._lexer
        text = lexer.path_text()
        if not text:
            raise lexer.error("expected target name")
        while text:
            path = self._canonical(expand(text, self._bindings.lookup))
            file = self._graph.files.get(path)
            if file is None:
                raise lexer.error(f"unknown target '{path}'")
            self._graph.defaults.append(file)
            text = lexer.path_text()
        lexer.expect(NEWLINE, "newline")

    def _include(self) -> None:
        self._read_included(self._bindings)

    def _subninja(self) -> None:
        self._read_included(Bindings(self._bindings))

    def _read_included(self, bindings: Bindings) -> None:
        at = self._lexer.position()
        text = self._lexer.path_text()
        if not text:
            raise self._lexer.error("expected a path")
        path = expand(text, self._bindings.lookup)
        self._lexer.expect(NEWLINE, "newline")
        try:
            self._loader.file(path, bindings)
        except OSError as error:
            raise self._lexer.error_at(at, f"loading '{path}': {error.strerror}") from None

    def _build(self) -> None:
        lexer = self._lexer
        at = lexer.position()
        outs = self._paths()
        implicit_outs = self._paths() if lexer.peek("|") else []
        if not outs and not implicit_outs:
            raise lexer.error("expected path")
        lexer.expect(":", "':'")
        name = lexer.word("build command name")
        rule = self._bindings.rule(name)
        if rule is None:
            raise lexer.error(f"unknown build rule '{name}'")
        ins = self._paths()
        implicit = self._paths() if lexer.peek("|") else []
        order_only = self._paths() if lexer.peek("||") else []
        validations = self._paths() if lexer.peek("|@") else []
        lexer.expect(NEWLINE, "newline")
        own: dict[str, str] = {}
        for key, value in self._block():
            own[key] = expand(value, self._bindings.lookup)

        bindings = StepBindings(own, rule, self._bindings, lexer.place(at))
        evaluate = phony_recipe if rule is _PHONY else partial(_recipe, bindings, self._graph.pools, lexer.place(at))
        step = self._graph.step(name, evaluate)
        for text in [*outs, *implicit_outs]:
            self._add_output(step, self._path(text, bindings), at)
        step.implicit_outputs = max(0, len(implicit_outs) - (len(outs) + len(implicit_outs) - len(step.outputs)))
        step.explicit = [self._input(step, text, bindings) for text in ins]
        step.implicit = [self._input(step, text, bindings) for text in implicit]
        step.order_only = [self._input(step, text, bindings) for text in order_only]
        step.validations = [self._graph.file(self._path(text, bindings)) for text in validations]
        if rule is _PHONY:
            if self._loader.allow_phony_cycles:
                self._drop_self_reference(step, at)
        else:
            self._note_dyndep(step, bindings, at)
            pool = bindings.value(step, "pool")
            if pool and pool not in self._graph.pools:
                raise lexer.error_at(at, f"unknown pool name '{pool}'")

    def _paths(self) -> list[Text]:
        paths = []
        while path := self._lexer.path_text():
            paths.append(path)
        return paths

    def _path(self, text: Text, bindings: StepBindings) -> str:
        return self._canonical(text if isinstance(text, str) else expand(text, bindings.lookup_path))

    def _canonical(self, path: str) -> str:
        try:
            return canonical(path)
        except ValueError as error:
            raise self._lexer.error(str(error)) from None

    def _input(self, step: Step, text: Text, bindings: StepBindings) -> File:
        file = self._graph.file(self._path(text, bindings))
        file.readers.append(step)
        return file

    def _add_output(self, step: Step, path: str, at: int) -> None:
        file = self._graph.file(path)
        if file.producer is step:
            raise self._lexer.error_at(at, f"{path} is defined as an output multiple times")
        if file.producer is not None:
            raise self._lexer.error_at(at, f"multiple rules generate {path}")
        file.producer = step
        step.outputs.append(file)

    def _drop_self_reference(self, step: Step, at: int) -> None:
        """Let a phony target that names itself pass."""
        target = step.outputs[0]
        if target in step.explicit and len(step.outputs) == 1 and not step.implicit and not step.order_only:
            step.explicit = [file for file in step.explicit if file is not target]
            target.readers = [reader for reader in target.readers if reader is not step]
            place = self._lexer.place(at)
            self._loader.warn(
                f"{place}: phony target '{target.path}' names itself as an input; ignoring [-w phonycycle=warn]"
            )

    def _note_dyndep(self, step: Step, bindings: StepBindings, at: int) -> None:
        path = bindings.value(step, "dyndep", for_shell=False)
        if not path:
            return
        file = self._graph.file(self._canonical(path))
        if file not in step.inputs():
            raise self._lexer.error_at(at, f"dyndep '{path}' is not an input")
        step.dyndep = file


def _recipe(bindings: StepBindings, pools: dict[str, StepPool], place: str, step: Step) -> Recipe:
    value = partial(bindings.value, step)
    deps = value("deps")
    try:
        style = DepsStyle(deps)
    except ValueError:
        raise BuildError(f"{place}: unknown deps type '{deps}': expected gcc or msvc") from None
    return Recipe(
        command=value("command"),
        description=value("description"),
        depfile=value("depfile", for_shell=False),
        deps=style,
        msvc_prefix=value("msvc_deps_prefix"),
        restat=bool(value("restat")),
        generator=bool(value("generator")),
        pool=pools.get(value("pool")),
        rspfile=value("rspfile", for_shell=False),
        rspfile_content=value("rspfile_content"),
    )


def _version(text: str) -> tuple[int, ...]:
    match = re.match(r"(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


__all__ = ["NINJA_VERSION", "ManifestError", "load"]
