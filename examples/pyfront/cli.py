"""The command line: `check` once, or `watch`. Owns argv, what is printed and the exit status; decides nothing else.

The exit status is 0 where nothing was found, 1 where something was, and 2 where the arguments are wrong.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from jeton.query import Engine

from .check import check_file, import_graph, report
from .rules import check_scope
from .tree import roots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jeton.query import Db


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"pyfront: {message}; see --help\n")


def main(arguments: Sequence[str]) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(arguments)
    absent = [path for path in options.paths if not os.path.exists(path)]  # noqa: PTH110
    if absent:
        print(f"pyfront: {absent[0]}: no such file or folder", file=sys.stderr)
        return 2
    calm()
    try:
        engine = Engine(jobs=options.jobs, store=options.cache, statistics=options.stats)
    except (OSError, ValueError) as error:
        print(f"pyfront: {error}", file=sys.stderr)
        return 2
    with engine:
        engine.set(roots.at(), absolute(options.paths))
        return _watch(engine, options) if options.command == "watch" else _check(engine, options)


def absolute(paths: Sequence[str]) -> tuple[str, ...]:
    """Name the same files whatever the working folder is, because a store outlives it."""
    return tuple(os.path.abspath(path) for path in paths)  # noqa: PTH100


def calm() -> None:
    """Keep the interpreter from what a front end has no use for."""
    # Results are many, live long and hold no rings: looking for garbage among them again and again doubles the time.
    gc.set_threshold(200_000, 50, 1000)
    # What the parser finds strange in the code that is checked is not about this program.
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pyfront", description="Check trees of Python files, and again only what has changed.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (("check", "check once"), ("watch", "check, and again whenever something changes")):
        command = commands.add_parser(name, help=what, description=f"{what.capitalize()}.")
        command.add_argument("paths", nargs="+", metavar="PATH", help="a file or folder")
        command.add_argument("-j", dest="jobs", type=int, metavar="N", help="threads at once (one for each core)")
        command.add_argument("--cache", type=Path, metavar="DIR", help="keep results here for the next run")
        command.add_argument("--stats", action="store_true", help="tell what became of each query")
        command.add_argument("--explain", metavar="PATH[:NAME]", help="tell why a file or function was checked again")
        command.add_argument("--graph", type=Path, metavar="FILE", help="write the import graph for Graphviz")
        if name == "watch":
            command.add_argument("--interval", type=float, default=0.5, help="seconds between looks (%(default)s)")
    return parser


def _check(engine: Engine, options: argparse.Namespace) -> int:
    with engine.begin() as db:
        found = report(db)
        print("".join(f"{line}\n" for line in found), end="", flush=True)
        if options.graph is not None:
            options.graph.write_text(import_graph(db))
        if options.explain is not None:
            print(_explained(db, options.explain))
    if options.stats:
        _print_statistics(engine)
    return 1 if found else 0


def _watch(engine: Engine, options: argparse.Namespace) -> NoReturn:
    """Look for changes again and again, until a signal ends it."""
    while True:
        began = time.perf_counter()
        _check(engine, options)
        print(f"-- checked in {time.perf_counter() - began:.3f} s", flush=True)
        engine.forget_statistics()
        while not engine.refresh():
            time.sleep(options.interval)


def _explained(db: Db, what: str) -> str:
    path, _, name = what.partition(":")
    (path,) = absolute([path])
    return str(db.explain(check_scope, path, name) if name else db.explain(check_file, path))


def _print_statistics(engine: Engine) -> None:
    print(f"{'query':20} {'hits':>9} {'ran':>9} {'green':>9} {'changed':>9} {'ms':>9}", file=sys.stderr)
    for count in engine.statistics():
        name = count.query.partition(":")[2]
        numbers = f"{count.hits:9} {count.runs:9} {count.green:9} {count.red:9} {count.self_ns / 1e6:9.1f}"
        print(f"{name:20} {numbers}", file=sys.stderr)
