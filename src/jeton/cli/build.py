"""`jeton build`. Owns its options, what it prints, and its exit status."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from jeton.build import Build, BuildError, MemoryLimit, Options
from jeton.cli.advice import without_manifest
from jeton.cli.memory_size import memory_size
from jeton.jobserver import MAX_JOBS
from jeton.report import PlainProgress
from jeton.trace import STREAM, BuildOutcome, Listener, Recording

_FOLDER = click.Path(exists=True, file_okay=False)


@click.command(short_help="Build the targets of a build.ninja.")
@click.argument("targets", nargs=-1)
@click.option("-C", "folder", metavar="DIR", type=_FOLDER, help="Go to DIR first.")
@click.option("-f", "manifest", metavar="FILE", default="build.ninja", show_default=True, help="Read FILE.")
@click.option(
    "-j",
    "jobs",
    metavar="N",
    type=click.IntRange(1, MAX_JOBS),
    help="A pool of N slots of its own  [default: the pool that it is started in, else one slot a core]",
)
@click.option(
    "-k",
    "keep_going",
    metavar="N",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Stop after N failures; 0 never stops.",
)
@click.option(
    "-l",
    "load",
    metavar="N",
    type=click.FloatRange(0),
    default=0.0,
    help="Start no step beside others while the load is over N.",
)
@click.option(
    "--memory",
    metavar="SIZE",
    callback=memory_size,
    help="Start a step beside others only while all fit into SIZE: 12G, 512M, 80%, or auto for what can be spared.",
)
@click.option(
    "--memory-pressure",
    "pressure",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    default=10.0,
    show_default=True,
    help="Start no step beside others while processes wait for memory over PERCENT of the time; 0 sets no limit.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run and run nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Show whole commands.")
@click.option("-q", "--quiet", is_flag=True, help="Show failures and what steps write only.")
@click.option(
    "-d",
    "debug",
    metavar="MODE",
    multiple=True,
    type=click.Choice(["explain", "keepdepfile", "keeprsp"]),
    help="explain: say why each step runs; keepdepfile, keeprsp: do not remove such files.",
)
@click.option(
    "--timings",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a page that shows where the time went.",
)
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "terminal"]),
    default="auto",
    show_default=True,
    help="How progress is shown; auto: by what standard output is.",
)
def build(
    targets: tuple[str, ...],
    folder: str | None,
    manifest: str,
    jobs: int | None,
    keep_going: int,
    load: float,
    memory: MemoryLimit | None,
    pressure: float,
    dry_run: bool,
    verbose: bool,
    quiet: bool,
    debug: tuple[str, ...],
    timings: str | None,
    progress: str,
) -> None:
    """Build TARGETS of a build.ninja, or what it builds by default.

    Every command draws on one pool of job tokens, and so does every make, cargo, rustc, gcc and ninja that it starts.
    TARGET^ means whatever is made from TARGET. A build that was stopped in any way goes on with the next one.

    Exit status: 0 when everything is up to date, 1 when something failed, 2 for wrong usage, 128 + N when signal N
    stopped it.
    """
    page = Path(timings).absolute() if timings else None
    if folder:
        os.chdir(folder)
    advice = without_manifest(manifest)
    if advice:
        _say(advice)
        sys.exit(1)
    options = Options(
        manifest,
        jobs,
        keep_going,
        dry_run,
        load,
        "keepdepfile" in debug,
        "keeprsp" in debug,
        memory=memory,
        pressure_limit=pressure,
    )
    explain = _explain if "explain" in debug else None
    recording = Recording() if page else None
    with ExitStack() as listening:
        if recording is not None:
            listening.enter_context(STREAM.listening(recording))
        listener, close = _listener(progress, verbose=verbose, quiet=quiet)
        listening.callback(close)
        listening.enter_context(STREAM.listening(listener))
        try:
            result = Build(options, warn=_say, explain=explain).run(targets)
        except BuildError as error:
            close()
            _say(str(error))
            sys.exit(1)
    if page is not None and recording is not None:
        _write_page(page, recording)
    if result.outcome is BuildOutcome.INTERRUPTED:
        sys.exit(128 + result.status)
    sys.exit(result.outcome is BuildOutcome.FAILED)


def _listener(progress: str, *, verbose: bool, quiet: bool) -> tuple[Listener, Callable[[], None]]:
    """Choose the form of progress; return it and what ends it."""
    if progress == "plain" or quiet or (progress == "auto" and not _is_terminal()):
        return PlainProgress(sys.stdout.buffer, verbose=verbose, quiet=quiet), lambda: None
    from jeton.report.terminal_progress import TerminalProgress  # noqa: PLC0415  only a terminal pays for rich

    shown = TerminalProgress(verbose=verbose, force=progress == "terminal")
    return shown, shown.close


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _write_page(page: Path, recording: Recording) -> None:
    from jeton.report.timings import write_page  # noqa: PLC0415  only who asks for the page pays for it

    try:
        write_page(page, recording.records(), f"jeton build in {Path.cwd().name}")
    except OSError as error:
        _say(f"{page}: {error.strerror}")
        sys.exit(1)
    _say(f"timings: {page}")


def _explain(why: str) -> None:
    _say(f"explain: {why}")


def _say(line: str) -> None:
    sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)
