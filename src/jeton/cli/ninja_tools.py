"""`jeton ninja -t TOOL`: the options of each tool. Owns their spelling and exit status; the work is `build.tools`."""

import getopt
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jeton.build import Build, BuildError, File, Graph
from jeton.build.build import LOG_NAME, OwnBuildError, find_targets, folder_of, take_lock
from jeton.build.disk import RealDisk
from jeton.build.history import History
from jeton.build.ninja import quoted
from jeton.build.paths import canonical
from jeton.build.tools import clean, compdb, listing, missing_deps


class ToolUsage(Exception):  # noqa: N818  it is not always the user's fault: -h asks for it
    """The tool's arguments are wrong, or its usage was asked for; the text is to be shown. Exit status 1."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what it does in a line, its options, and the function that does it."""

    about: str
    run: "Callable[[Call], int]"
    short: str = ""
    long: tuple[str, ...] = ()
    usage: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    build: Build
    graph: Graph
    options: list[tuple[str, str]]
    words: list[str]
    verbose: bool

    def has(self, *names: str) -> bool:
        """Tell whether one of these options was given."""
        return any(name in names for name, _ in self.options)

    def value(self, default: str, *names: str) -> str:
        """Return the value of an option."""
        return next((value for name, value in reversed(self.options) if name in names), default)

    def targets(self) -> list[File]:
        """Return the files that the words name, or the defaults."""
        return find_targets(self.graph, self.words)

    def history(self) -> History:
        """Return what earlier builds did, to read."""
        return History.read(folder_of(self.graph) / LOG_NAME)


def run_tool(name: str, argv: Sequence[str], build: Build, *, verbose: bool) -> int:
    """Run a tool; return its exit status. Raises BuildError, ToolUsage."""
    tool = TOOLS.get(name)
    if tool is None:
        raise BuildError(f"unknown tool '{name}'")
    try:
        options, words = getopt.gnu_getopt(list(argv), tool.short + "h", [*tool.long, "help"])
    except getopt.GetoptError as error:
        raise ToolUsage(f"{name}: {error}\nusage: jeton ninja -t {name} {tool.usage}") from None
    if any(option in ("-h", "--help") for option, _ in options):
        raise ToolUsage(f"usage: jeton ninja -t {name} {tool.usage}\n\n{tool.about}")
    graph = build.load()
    return tool.run(Call(build, graph, options, words, verbose))


def _show(lines: Iterable[str], end: str = "\n") -> int:
    out = sys.stdout
    for line in lines:
        out.buffer.write((line + end).encode(errors="surrogateescape"))
    out.flush()
    return 0


def _targets(call: Call) -> int:
    mode = call.words[0] if call.words else "depth"
    if mode == "all":
        return _show(listing.targets_of_all(call.graph))
    if mode == "rule":
        if len(call.words) > 1:
            return _show(listing.targets_of_rule(call.graph, call.words[1]))
        return _show(listing.sources(call.graph))
    if mode == "depth":
        depth = call.words[1] if len(call.words) > 1 else "1"
        if not depth.isdigit():
            raise BuildError(f"invalid depth '{depth}'")
        return _show(listing.target_tree(call.graph.roots(), int(depth)))
    raise BuildError(f"unknown target tool mode '{mode}': expected all, depth or rule")


def _commands(call: Call) -> int:
    return _show(listing.commands(call.targets(), single=call.has("-s")))


def _inputs(call: Call) -> int:
    found: dict[str, None] = {}
    for target in call.targets():
        found.update(dict.fromkeys(listing.inputs_in_order(target)))
    paths = list(found) if call.has("-d", "--dependency-order") else sorted(found)
    if not call.has("-E", "--no-shell-escape"):
        paths = [quoted(path) for path in paths]
    return _show(paths, "\0" if call.has("-0", "--print0") else "\n")


def _multi_inputs(call: Call) -> int:
    delimiter = call.value("\t", "-d", "--delimiter")
    lines = [f"{target.path}{delimiter}{path}" for target in call.targets() for path in listing.inputs_in_order(target)]
    return _show(lines, "\0" if call.has("-0", "--print0") else "\n")


def _query(call: Call) -> int:
    if not call.words:
        raise BuildError("expected a target to query")
    for target in call.targets():
        _show(listing.query(target, call.graph))
    return 0


def _deps(call: Call) -> int:
    history = call.history()
    outputs = [target.path for target in call.targets()] if call.words else []
    if not call.words:
        for path in history.outputs():
            file = call.graph.files.get(path)
            if history.deps(path) is not None and file is not None and file.producer is not None:
                outputs.append(path)
    return _show(listing.recorded_deps(outputs, history, RealDisk()))


def _missing_deps(call: Call) -> int:
    found = list(missing_deps.missing_deps(call.graph, call.history()))
    lines = [
        f"Missing dep: {step.outputs[0].path} uses {file.path} (generated by {file.producer.rule})"
        for step, file in found
        if file.producer is not None
    ]
    count = f"There are {len(found)} missing dependency paths."
    _show([*lines, count if found else "No missing dependencies on generated files found."])
    return 3 if found else 0


def _graph(call: Call) -> int:
    return _show(listing.digraph(call.targets()))


def _rules(call: Call) -> int:
    rules = call.graph.rules
    described = call.has("-d")
    return _show([f"{name}: {rules[name]}" if described and rules[name] else name for name in sorted(rules)])


def _compdb(call: Call) -> int:
    rules = set(call.words)
    steps = [step for step in call.graph.steps if not rules or step.rule in rules]
    return _show([compdb.database(steps, str(Path.cwd()), expand_rspfile=call.has("-x"))])


def _compdb_targets(call: Call) -> int:
    if not call.words:
        raise ToolUsage("compdb-targets expects the name of at least one target")
    targets = call.targets()
    for target in targets:
        if target.producer is None:
            raise BuildError(f"'{target.path}' is not a target (i.e. it is not an output of any `build` statement)")
    steps = listing.steps_in_order(targets)
    return _show([compdb.database(steps, str(Path.cwd()), expand_rspfile=call.has("-x"))])


def _clean(call: Call) -> int:
    cleaner = _cleaner(call)
    clean.load_what_is_there(call.graph, call.history(), RealDisk())
    if call.has("-r"):
        if not call.words:
            raise BuildError("expected a rule to clean")
        unknown = [name for name in call.words if name not in call.graph.rules]
        if unknown:
            raise BuildError(f"unknown rule '{unknown[0]}'")
        cleaner.steps([step for step in call.graph.steps if step.rule in call.words], generators=True)
    elif call.words:
        cleaner.targets(call.targets())
    else:
        cleaner.steps(call.graph.steps, generators=call.has("-g"))
    return _cleaned(call, cleaner)


def _clean_dead(call: Call) -> int:
    cleaner = _cleaner(call)
    dead: list[str] = []

    def remove(history: History) -> None:
        dead.extend(cleaner.dead(call.graph, history))
        history.forget(dead)

    if call.build.options.dry_run:
        cleaner.dead(call.graph, call.history())
    else:
        _change_history(call, remove)
    return _cleaned(call, cleaner)


def _cleaner(call: Call) -> clean.Cleaner:
    quiet_or_said: Callable[[str], None] = (lambda path: print(f"Remove {path}")) if call.verbose else (lambda _: None)
    print("Cleaning...", end="\n" if call.verbose else " ", flush=True)
    return clean.Cleaner(RealDisk(), dry_run=call.build.options.dry_run, said=quiet_or_said)


def _cleaned(call: Call, cleaner: clean.Cleaner) -> int:
    del call
    print(f"{cleaner.removed} files.")
    return 0


def _recompact(call: Call) -> int:
    return _change_history(call, History.compact)


def _restat(call: Call) -> int:
    paths = [canonical(word) for word in call.words]

    def look(history: History) -> None:
        disk = RealDisk()
        for path in paths or list(history.made):
            history.restat(path, disk.mtime(path))

    return _change_history(call, look)


def _change_history(call: Call, change: Callable[[History], None]) -> int:
    """Change the history under its lock. Where there is none yet, there is nothing to change."""
    folder = folder_of(call.graph)
    if not (folder / LOG_NAME).exists():
        return 0
    try:
        lock = take_lock(folder, lambda line: print(line, file=sys.stderr))
    except OwnBuildError:
        return 0  # the build that runs this very command writes its history itself
    history = History.open(folder / LOG_NAME, lambda line: print(line, file=sys.stderr))
    change(history)
    history.close()
    lock.release()
    return 0


TOOLS: dict[str, Tool] = {
    "clean": Tool("clean built files", _clean, "gr", (), "[-g] [targets] | -r rules"),
    "commands": Tool("list all commands required to rebuild given targets", _commands, "s", (), "[-s] [targets]"),
    "inputs": Tool(
        "list all inputs required to rebuild given targets",
        _inputs,
        "0Ed",
        ("print0", "no-shell-escape", "dependency-order"),
        "[-0] [-E] [-d] [targets]",
    ),
    "multi-inputs": Tool(
        "print one or more sets of inputs required to build targets",
        _multi_inputs,
        "d:0",
        ("delimiter=", "print0"),
        "[-d DELIMITER] [-0] targets",
    ),
    "deps": Tool("show dependencies stored in the deps log", _deps, usage="[targets]"),
    "missingdeps": Tool("check deps log dependencies on generated files", _missing_deps),
    "graph": Tool("output graphviz dot file for targets", _graph, usage="[targets]"),
    "query": Tool("show inputs/outputs for a path", _query, usage="paths"),
    "targets": Tool(
        "list targets by their rule or depth in the DAG", _targets, usage="[all | rule [NAME] | depth [N]]"
    ),
    "compdb": Tool("dump JSON compilation database to stdout", _compdb, "x", (), "[-x] [rules]"),
    "compdb-targets": Tool(
        "dump JSON compilation database for a given list of targets to stdout", _compdb_targets, "x", (), "[-x] targets"
    ),
    "recompact": Tool("recompacts the build history", _recompact),
    "restat": Tool("restats all outputs in the build history", _restat, usage="[outputs]"),
    "rules": Tool("list all rules", _rules, "d", (), "[-d]"),
    "cleandead": Tool("clean built files that are no longer produced by the manifest", _clean_dead),
}
