"""`jeton jobserver start`, `stop`, `status`, `resize`, `env`: one pool for all that a user runs. Owns their options."""

import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from jeton.cli.daemon import Ready, StartFailed, start_in_background, write_to
from jeton.jobserver import MAX_JOBS, FifoAuth, PoolUnusable, default_jobs
from jeton.jobserver.desk.address import Address, NoAddress, check_guarded, check_private, default_socket
from jeton.jobserver.desk.desk import Desk
from jeton.jobserver.desk.link import DeskLink
from jeton.jobserver.desk.process_tree import command_of, shell_behind
from jeton.jobserver.desk.protocol import AskStatus, Failed, Reply, Report, Request, Resize, Seated, SitShell, Stop, cut
from jeton.jobserver.desk.wire import pidfd_of
from jeton.jobserver.invitation import POOL_VARIABLE, environment_with

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MAKE_WITH_FIFOS = (4, 4)
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _at_a_socket(function: _Function) -> _Function:
    option = click.option(
        "--socket",
        "path",
        metavar="PATH",
        type=click.Path(path_type=Path),
        envvar=POOL_VARIABLE,
        show_envvar=True,
        help="Where the pool's server listens  [default: jeton/pool.sock in XDG_RUNTIME_DIR]",
    )
    return option(function)


@click.command(short_help="Serve a pool for all that you run.")
@click.option("-j", "jobs", metavar="N", type=click.IntRange(1, MAX_JOBS), help="N slots  [default: one a core]")
@click.option("--foreground", is_flag=True, help="Do not go into the background: for systemd and containers.")
@_at_a_socket
def start(jobs: int | None, path: Path | None, *, foreground: bool) -> None:
    """Serve a pool in the background, for everything that this user runs, and say where it is.

    Programs join it through JETON_POOL: `eval "$(jeton jobserver env)"`. What is logged stands in PATH.log.

    Exit status: 0 when it serves; 1 where it cannot, or one serves there already.
    """
    where = _where(path)

    def serve(ready: Ready | None) -> None:
        _serve(where, default_jobs() if jobs is None else jobs, ready, own=path is None)

    try:
        click.echo(start_in_background(serve)) if not foreground else serve(None)
    except StartFailed as failed:
        _fail(str(failed))


@click.command(short_help="End the pool's server.")
@_at_a_socket
def stop(path: Path | None) -> None:
    """End the pool's server, and wait until it has ended.

    What runs under it goes on with one job at a time, but for `jeton build`, which ends and says why.
    """
    where = _where(path)
    with _link(where) as link:
        link.ask(Stop())
        link.wait_for_end()
    click.echo(f"{where}: the pool has ended")


@click.command(short_help="Give the pool another number of slots.")
@click.argument("jobs", metavar="N", type=click.IntRange(1, MAX_JOBS))
@_at_a_socket
def resize(jobs: int, path: Path | None) -> None:
    """Give the pool N slots while it serves: more at once, fewer as jobs end."""
    where = _where(path)
    with _link(where) as link:
        _answer(link, Resize(jobs))
    click.echo(f"{where}: {jobs} {'slot' if jobs == 1 else 'slots'}")


@click.command(short_help="Show who holds which slots.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; with --watch, one line each time.")
@click.option("--watch", is_flag=True, help="Go on showing it until interrupted, or until the pool ends.")
@_at_a_socket
def status(path: Path | None, *, as_json: bool, watch: bool) -> None:
    """Show the pool, and for every client its processes and the tokens that they hold.

    `waiting` has taken all that it was offered and would take more; `offered` has a token before it and has not taken
    it; `sated` let one lie.
    """
    from jeton.cli.jobserver_status import Shown, show  # noqa: PLC0415  the other commands show nothing

    where = _where(path)
    with _link(where) as link:
        show(Shown(str(where), lambda: _report(link)), as_json=as_json, watch=watch)


@click.command(short_help="Print what makes a shell part of the pool.")
@click.option("--shell", type=click.Choice(["sh", "fish"]), default="sh", show_default=True, help="Whose language.")
@click.option(
    "--makeflags/--no-makeflags",
    "makeflags",
    default=None,
    help="Set MAKEFLAGS too, or only JETON_POOL  [default: unless the make on PATH is older than 4.4]",
)
@_at_a_socket
def env(path: Path | None, shell: str, *, makeflags: bool | None) -> None:
    """Print what makes the calling shell part of the pool: `eval "$(jeton jobserver env)"`.

    JETON_POOL is for jeton. MAKEFLAGS names a fifo that lives as long as that shell, for every make, cargo and ninja
    that it starts; make before 4.4 dies of it, so that it is run as `jeton jobserver make`.
    """
    where = _where(path)
    note = None
    with _link(where) as link:
        lines = [_export(shell, POOL_VARIABLE, str(where))]
        if makeflags is None:
            old = _old_make()
            makeflags, note = old is None, old
        if makeflags:
            lines.append(_export(shell, "MAKEFLAGS", _makeflags(link)))
    if note:
        lines.append(f"# make {note} knows no fifo, so MAKEFLAGS stays as it was: run jeton jobserver make")
    click.echo("\n".join(lines))


COMMANDS = {"start": start, "stop": stop, "status": status, "resize": resize, "env": env}


def _serve(where: Path, jobs: int, ready: Ready | None, *, own: bool) -> None:
    """Be the server until somebody ends it. Raises StartFailed."""
    try:
        (check_private if own else check_guarded)(where.parent)
        address = Address(where)
    except NoAddress as error:
        raise StartFailed(str(error)) from None
    try:
        if ready is not None:
            write_to(where.with_name(where.name + ".log"))
        _raise_limit_of_files()
        tempfile.tempdir = str(address.fifos)  # the clients' fifos live and die with the socket
        desk = Desk(jobs, address.listener, _log)
        for signum in _ENDING:
            signal.signal(signum, lambda *_: desk.stop())
        signal.set_wakeup_fd(desk.wake_fd, warn_on_full_buffer=False)
        slots = f"{jobs} {'slot' if jobs == 1 else 'slots'}"
        _log(f"{where}: a pool of {slots}, served by process {os.getpid()}")
        if ready is not None:
            ready(f'{where}: a pool of {slots}, served by process {os.getpid()}\njoin it: eval "$({_env_call(where)})"')
        desk.run()
        _log("ended")
    except OSError as error:
        raise StartFailed(f"{where}: {error.strerror or error}") from None
    finally:
        signal.set_wakeup_fd(-1)
        address.close()


def _env_call(where: Path) -> str:
    default = where == default_socket(os.environ)
    return "jeton jobserver env" + ("" if default else f" --socket {shlex.quote(str(where))}")


def _raise_limit_of_files() -> None:
    """Allow as many descriptors as may be: each client takes up to five."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _makeflags(link: DeskLink) -> str:
    shell = shell_behind(os.getppid())
    pidfd = pidfd_of(shell)
    try:
        request = SitShell(cut(command_of(shell) or "a shell"))
        reply = _answer(link, request, () if pidfd is None else (pidfd,))
    finally:
        if pidfd is not None:
            os.close(pidfd)
    if not isinstance(reply, Seated) or reply.fifo is None:
        raise link.answer_is_strange()
    return environment_with(os.environ, FifoAuth(reply.fifo), reply.jobs)["MAKEFLAGS"]


def _old_make() -> str | None:
    """Return the version of the make on PATH if it knows no fifo."""
    make = shutil.which("make")
    if make is None:
        return None
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            [make, "--version"], env=environ, capture_output=True, text=True, errors="replace", timeout=10, check=False
        ).stdout
        found = re.match(r"GNU Make (\d+)\.(\d+)\S*", said)
        if found and (int(found[1]), int(found[2])) < _MAKE_WITH_FIFOS:
            return found[0].removeprefix("GNU Make ")
    return None


def _export(shell: str, name: str, value: str) -> str:
    if shell == "fish":
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{escaped}'"
    return f"export {name}={shlex.quote(value)}"


def _where(path: Path | None) -> Path:
    return default_socket(os.environ) if path is None else path.absolute()


@contextmanager
def _link(where: Path) -> Iterator[DeskLink]:
    """Connect to the server; what goes wrong is one line and exit status 1."""
    try:
        link = DeskLink(str(where))
        try:
            yield link
        finally:
            link.close()
    except PoolUnusable as error:
        _fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        _fail(f"{where}: {error.strerror or error}")


def _answer(link: DeskLink, request: Request, fds: tuple[int, ...] = ()) -> Reply:
    reply, _ = link.ask(request, fds)
    if isinstance(reply, Failed):
        _fail(f"{link.path}: {reply.why}")
    return reply


def _report(link: DeskLink) -> Report:
    reply = _answer(link, AskStatus())
    if not isinstance(reply, Report):
        raise link.answer_is_strange()
    return reply


def _log(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _fail(line: str) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(1)
