"""`jeton jobserver`: any command under one pool. Owns its options, the passing on of signals, and the exit status."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

import click

from jeton.jobserver import MAX_JOBS, Invitation, Style, open_pool_or_one_slot

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


@click.command(
    short_help="Run a command, and all that it starts, under one pool.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "-j",
    "jobs",
    metavar="N",
    type=click.IntRange(1, MAX_JOBS),
    help="A pool of N slots  [default: the pool that it is started in, else one slot a core]",
)
@click.option(
    "--style",
    type=click.Choice(["auto", *(style.value for style in Style)]),
    default="auto",
    show_default=True,
    help="How the command is told of the pool: make before 4.4 dies of fifo, ninja speaks nothing else.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def jobserver(jobs: int | None, style: str, command: tuple[str, ...]) -> None:
    """Run COMMAND under a pool of job tokens: `jeton jobserver -j 8 -- make`.

    Every make, cargo, rustc, gcc and ninja below it shares the pool. A signal that jeton gets is passed on to COMMAND.

    Exit status: COMMAND's own; 128 + N where signal N ended it; 127 where it cannot be found.
    """
    try:
        pool = open_pool_or_one_slot(jobs, os.environ, _say)
        with pool.invite(shlex.join(command), os.environ, None if style == "auto" else Style(style)) as invitation:
            status = _run(command, invitation)
    except OSError as error:
        _say(f"cannot open a pool of job tokens: {error.strerror}")
        sys.exit(1)
    pool.close()
    if status is None:
        sys.exit(127)
    sys.exit(status if status >= 0 else 128 - status)


def _run(command: Sequence[str], invitation: Invitation) -> int | None:
    """Run the command with signals passed on to it; None where it cannot be found."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # signals that came before there was a child

    def pass_on(signum: int, frame: FrameType | None) -> None:
        del frame
        # A terminal's own signals have reached the whole foreground group, the child included.
        if signum in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
            return
        if child is None:
            early.append(signum)
        else:
            child.send_signal(signum)

    for signum in _PASSED_ON:
        signal.signal(signum, pass_on)
    try:
        child = subprocess.Popen(command, env=invitation.environment, pass_fds=invitation.pass_fds)
    except OSError as error:
        _say(f"{command[0]}: {error.strerror}")
        return None if isinstance(error, FileNotFoundError) or not command[0] else 126
    invitation.started(child.pid)
    for number in early:
        child.send_signal(number)
    return child.wait()


def _say(line: str) -> None:
    click.echo(line, err=True)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # no terminal there, or nothing at all
        return False
