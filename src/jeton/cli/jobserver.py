"""`jeton jobserver`: any command under one pool. Owns its options, the passing on of signals, and the exit status.

A first word that names one of the commands of a global pool (cli/jobserver_pool.py) is that command; a program of such
a name is run with `--` before it.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType
from typing import Any

import click

from jeton.jobserver import MAX_JOBS, Invitation, PoolUnusable, Style, open_pool_or_one_slot

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

_OF_A_GLOBAL_POOL = {
    "start": "serve a pool for all that you run",
    "stop": "end its server",
    "status": "show who holds which slots",
    "resize": "give it another number of slots",
    "env": "print what makes a shell part of it",
}


class _CommandOrPool(click.Command):
    """Runs a command under a pool; or is one of the commands of a global pool, if its first word names one."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of that command, or one's own."""
        if args and args[0] in _OF_A_GLOBAL_POOL:
            from jeton.cli.jobserver_pool import COMMANDS  # noqa: PLC0415  who runs a command needs none of them

            above = click.Context(click.Group(info_name), info_name=info_name, parent=parent)
            return COMMANDS[args[0]].make_context(args[0], args[1:], parent=above)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a command that may have been meant to be one of a global pool."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        words = ctx.params.get("command", ())
        if words and words[0] in _OF_A_GLOBAL_POOL and given[: -len(words)][-1:] != ["--"]:
            word = words[0]
            raise click.UsageError(
                f"{word}: options of `{word}` stand behind it; write -- before it to run a program of that name", ctx
            )
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return how it is called."""
        del ctx
        return ["[OPTIONS] [--] COMMAND..."]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands of a global pool behind the options."""
        super().format_options(ctx, formatter)
        with formatter.section("One pool for all that you run"):
            formatter.write_dl([(f"jeton jobserver {name}", text) for name, text in _OF_A_GLOBAL_POOL.items()])


@click.command(
    cls=_CommandOrPool,
    short_help="Run a command, and all that it starts, under one pool.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "-j",
    "jobs",
    metavar="N",
    type=click.IntRange(1, MAX_JOBS),
    help="A pool of N slots  [default: the pool that it is started in, or that JETON_POOL names, else one slot a core]",
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

    Without -j it joins the pool that MAKEFLAGS names, else the one that JETON_POOL names, else it opens one.

    Exit status: COMMAND's own; 128 + N where signal N ended it; 127 where it cannot be found.
    """
    try:
        with ExitStack() as closing:
            pool = open_pool_or_one_slot(jobs, os.environ, _say)
            closing.callback(pool.close)
            style_or_none = None if style == "auto" else Style(style)
            invitation = closing.enter_context(pool.invite(shlex.join(command), os.environ, style_or_none))
            status = _run(command, invitation)
    except OSError as error:
        _say(f"cannot open a pool of job tokens: {error.strerror}")
        sys.exit(1)
    except PoolUnusable as error:  # it could be used a moment ago
        _say(str(error))
        sys.exit(1)
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
        if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup(1) and a shell's background job want it ignored
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
