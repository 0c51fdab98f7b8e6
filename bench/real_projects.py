"""Builds real projects with ninja and with jeton, in turn, and shows what each needed.

    python bench/real_projects.py                     the default projects, three runs
    python bench/real_projects.py --quick             one run, small enough for CI
    python bench/real_projects.py --markdown FILE     the table into a file as well
    python bench/real_projects.py --drop-in           cmake and meson with jeton-ninja, nothing measured

Every run also checks that both tools did the same work; see project_comparison.py.  Exit status: 0, 1 if a
build failed or the tools did not do the same, 2 if something the benchmark needs is missing.

Owns the command line, the order of the projects and the exit status.  The sources are kept under
${JETON_CACHE:-${XDG_CACHE_HOME:-~/.cache}/jeton}/projects.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a script, from any folder

from bench.project_comparison import Comparison, Result
from bench.project_drop_in import check_drop_in
from bench.project_report import markdown
from bench.project_runs import BuildFailedError, find_drop_in, find_jeton, find_ninja
from bench.project_sources import SetupError, SourceCache, install_missing
from bench.projects import COMMON_PACKAGES, PROJECTS, Project, chosen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.project_sources import Source


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _drop_in(options) if options.drop_in else _compare(options)
    except SetupError as error:
        _say(f"error: {error}")
        return 2
    except BuildFailedError as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="real_projects.py",
        description="Build real projects with ninja and with jeton, in turn: compare work, time and CPU.",
    )
    names = [project.name for project in PROJECTS]
    usual = ", ".join(project.name for project in chosen([]))
    parser.add_argument("--jobs", "-j", type=_positive, default=_cores(), help="jobs at once (%(default)s)")
    parser.add_argument("--runs", type=_positive, default=3, help="runs of each tool (%(default)s)")
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        choices=[*names, "all"],
        help=f"build this project only; may be given again (default: {usual})",
    )
    parser.add_argument("--quick", action="store_true", help="one run of each tool")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to this file too")
    parser.add_argument("--keep", action="store_true", help="keep the last build directory of each tool")
    parser.add_argument(
        "--drop-in",
        action="store_true",
        help="measure nothing: configure and build with jeton-ninja in ninja's place",
    )
    return parser


def _compare(options: argparse.Namespace) -> int:
    ninja, jeton = find_ninja(), find_jeton()
    results: list[Result] = []
    with _cache_folder() as root:
        for project, source in _sources(root, options.project):
            _say(f"{project.name} {source.version}: building with ninja and jeton in turn")
            comparison = Comparison(project, source, ninja, jeton, jobs=options.jobs)
            kept = True  # a failed build's directory stays, to be looked at
            try:
                comparison.prepare()
                runs, noops = (1, 1) if options.quick else (options.runs, 5)
                results.append(comparison.run(runs, noops))
                kept = options.keep
            finally:
                comparison.clean(keep=kept)
    text = markdown(results, ninja, jeton, jobs=options.jobs, cores=_cores())
    print(text, end="")
    if options.markdown is not None:
        try:
            options.markdown.write_text(text)
        except OSError as error:
            raise SetupError(f"cannot write {options.markdown}: {error.strerror}") from error
    return _verdict([line for result in results for line in result.violations])


def _drop_in(options: argparse.Namespace) -> int:
    drop_in = find_drop_in()
    violations: list[str] = []
    with _cache_folder() as root:
        for project, source in _sources(root, options.project):
            _say(f"{project.name} {source.version}: {project.configurer} with {drop_in}")
            found = check_drop_in(project, source, drop_in, jobs=options.jobs, keep=options.keep)
            if not found:
                print(f"{project.name}: {project.configurer} configures and builds with {Path(drop_in).name}")
            violations += found
    return _verdict(violations)


def _verdict(violations: Sequence[str]) -> int:
    for line in violations:
        _say(f"violated: {line}")
    return 1 if violations else 0


def _sources(root: Path, names: list[str]) -> Iterator[tuple[Project, Source]]:
    """Yield the chosen projects with their sources; all are there before the first is yielded."""
    projects = chosen(names)
    packages = {package: None for project in projects for package in project.packages}
    install_missing([*COMMON_PACKAGES, *packages])
    cache = SourceCache(root)
    yield from [(project, cache.get(project.name, project.package)) for project in projects]


@contextmanager
def _cache_folder() -> Iterator[Path]:
    """Hold the folder of sources and builds for this process alone."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(os.environ.get("JETON_CACHE") or Path(cache) / "jeton").absolute() / "projects"
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / "lock").open("w")
    except OSError as error:
        raise SetupError(f"cannot use the cache folder {root}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(f"another run of this benchmark uses {root}") from None
        yield root


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
