"""The compiler's command line. Owns its words, its exit status, and that every failure is a line, not a traceback."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from examples.compiler.making import Maker, Wishes
from examples.compiler.queries.sources import SUFFIX
from examples.compiler.watching import watch

from jeton.query import Engine

FAILED = 1
"""The program is wrong, or the C compiler failed."""
MISUSED = 2
"""The command line is wrong, or names a file that is not there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the compiler and return its exit status; that of `run` is the program's."""
    options = _parser().parse_args(arguments)
    root = options.root
    complaint = _complaint(root)
    if complaint is not None:
        _say(complaint)
        return MISUSED
    try:
        return _work(options, root)
    except OSError as error:  # the cache's
        _say(f"{error.filename or options.cache}: {(error.strerror or str(error)).lower()}")
        return FAILED
    except KeyboardInterrupt:
        return 130


def _work(options: argparse.Namespace, root: str) -> int:
    output = Path(options.output) if options.output else Path(Path(root).stem)
    wishes = Wishes(root, None if options.check else output, options.explain, options.stats)
    with Engine(jobs=options.jobs, store=options.cache, statistics=True, warn=_say) as engine:
        maker = Maker(engine, _say)
        if options.command == "watch":
            watch(maker, wishes)
        if options.command == "build":
            return 0 if maker.make(wishes) else FAILED
        with tempfile.TemporaryDirectory(prefix="sou-") as folder:
            program = Path(folder, Path(root).stem)
            made = maker.make(Wishes(root, program, options.explain, options.stats))
            status = subprocess.run([program], check=False).returncode if made else FAILED
    return status if status >= 0 else 128 - status


def _complaint(root: str) -> str | None:
    """Say what is wrong with the file that is to be compiled."""
    path = Path(root)
    if path.suffix != SUFFIX:
        return f"{root}: not a file of Sou; name one that ends in {SUFFIX}"
    if not path.stem.isidentifier() or not path.stem.isascii():
        return f"{root}: a module's file is called as a name of the language; use letters, digits and _"
    return None if path.is_file() else f"{root}: no such file"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compiler", description="Compile a program of Sou to a native program.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="build|run|watch")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("root", metavar=f"FILE{SUFFIX}", help="the module that has `fn main()`")
    shared.add_argument(
        "-j", "--jobs", type=_positive, metavar="N", help="jobs at once (those of make's pool, or cores)"
    )
    shared.add_argument("--cache", metavar="DIR", help="keep what was found out here, for the next time")
    shared.add_argument("--explain", metavar="FUNCTION", help="say why a function was checked again: `f`, `module.f`")
    shared.add_argument("--stats", action="store_true", help="say how often each query ran")
    for name, help_text in (("build", "compile a program"), ("watch", "compile it again whenever a file changes")):
        command = commands.add_parser(name, parents=[shared], help=help_text)
        command.add_argument("-o", "--output", metavar="PROGRAM", help="where the program goes (the file's own name)")
        command.add_argument("--check", action="store_true", help="look for errors only")
    run = commands.add_parser("run", parents=[shared], help="compile a program and run it")
    run.set_defaults(output=None, check=False)
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs")
    return int(text)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
