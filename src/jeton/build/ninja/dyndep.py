"""Dyndep files: more inputs and outputs of steps, known only once a scanner has run. Owns their grammar."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jeton.build.graph import BuildError, Graph, Step
from jeton.build.ninja.bindings import Bindings
from jeton.build.ninja.lexer import END, INDENT, NEWLINE, Lexer
from jeton.build.ninja.text import expand
from jeton.build.paths import canonical

_KEYWORDS = ("rule", "pool", "default", "include", "subninja")


@dataclass(slots=True)
class Dyndep:
    """What a dyndep file says of one step."""

    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    restat: bool = False


def read_dyndep(path: str, text: str, graph: Graph) -> Mapping[Step, Dyndep]:
    """Read a dyndep file. Raises ManifestError with file, line and column, BuildError for the file as a whole."""
    lexer = Lexer(path, text)
    bindings = Bindings()
    found: dict[Step, Dyndep] = {}
    while True:
        token = lexer.token()
        if token == NEWLINE:
            continue
        if token == END:
            break
        if token == "build":
            if "ninja_dyndep_version" not in bindings.variables:
                raise lexer.error("expected 'ninja_dyndep_version = ...'")
            _read_build(lexer, bindings, graph, found)
        elif token == "ninja_dyndep_version":
            _read_version(lexer, bindings)
        else:
            if "ninja_dyndep_version" not in bindings.variables:
                raise lexer.error("expected 'ninja_dyndep_version = ...'")
            what = "indent" if token == INDENT else f"'{token}'" if token in _KEYWORDS else f"identifier '{token}'"
            raise lexer.error(f"unexpected {what}")
    if "ninja_dyndep_version" not in bindings.variables:
        raise lexer.error("expected 'ninja_dyndep_version = ...'")
    return found


def apply_dyndep(path: str, found: Mapping[Step, Dyndep], graph: Graph) -> list[Step]:
    """Add what was found to the steps that name the file; return them. Raises BuildError where the two disagree."""
    waiting = [step for step in graph.files[path].readers if step.dyndep is not None and step.dyndep.path == path]
    steps = list(dict.fromkeys(waiting))
    for step in steps:
        dyndep = found.get(step)
        if dyndep is None:
            raise BuildError(f"{path}: '{step.outputs[0].path}' not mentioned in its dyndep file '{path}'")
        step.dyndep_loaded = True
        step.dyndep_restat = dyndep.restat
        for output in dyndep.outputs:
            file = graph.file(output)
            if file.producer is not None and file.producer is not step:
                raise BuildError(f"{path}: multiple rules generate {output}")
            if file.producer is None:
                file.producer = step
                step.outputs.append(file)
                step.implicit_outputs += 1
        for name in dyndep.inputs:
            named = name in graph.files
            file = graph.file(name)
            file.named = named and file.named
            step.implicit.append(file)
            file.readers.append(step)
    for step in found:
        if step.dyndep is None or step.dyndep.path != path:
            raise BuildError(
                f"{path}: mentions output '{step.outputs[0].path}' whose build statement does not have a dyndep "
                "binding for the file"
            )
    return steps


def _read_version(lexer: Lexer, bindings: Bindings) -> None:
    lexer.expect("=", "'='")
    version = expand(lexer.value(), bindings.lookup)
    if version.split(".")[0] != "1" or version.split("-")[0] not in ("1", "1.0"):
        raise lexer.error(f"unsupported 'ninja_dyndep_version = {version}'")
    bindings.variables["ninja_dyndep_version"] = version


def _read_build(lexer: Lexer, bindings: Bindings, graph: Graph, found: dict[Step, Dyndep]) -> None:
    text = lexer.path_text()
    if not text:
        raise lexer.error("expected path")
    output = canonical(expand(text, bindings.lookup))
    file = graph.files.get(output)
    if file is None or file.producer is None:
        raise lexer.error(f"no build statement exists for '{output}'")
    if file.producer in found:
        raise lexer.error(f"multiple statements for '{output}'")
    if lexer.path_text():
        raise lexer.error("explicit outputs not supported")
    dyndep = Dyndep()
    if lexer.peek("|"):
        dyndep.outputs = _read_paths(lexer, bindings)
    lexer.expect(":", "':'")
    if lexer.word("build command name") != "dyndep":
        raise lexer.error("expected build command name 'dyndep'")
    if lexer.path_text():
        raise lexer.error("explicit inputs not supported")
    if lexer.peek("|"):
        dyndep.inputs = _read_paths(lexer, bindings)
    if lexer.peek("||"):
        raise lexer.error("order-only inputs not supported")
    lexer.expect(NEWLINE, "newline")
    if lexer.peek(INDENT):
        key = lexer.word("variable name")
        if key != "restat":
            raise lexer.error("binding is not 'restat'")
        lexer.expect("=", "'='")
        dyndep.restat = bool(expand(lexer.value(), bindings.lookup))
    found[file.producer] = dyndep


def _read_paths(lexer: Lexer, bindings: Bindings) -> list[str]:
    paths = []
    while text := lexer.path_text():
        paths.append(canonical(expand(text, bindings.lookup)))
    return paths
