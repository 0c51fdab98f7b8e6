"""`jeton`: finds the command and calls it. Owns the list of commands; each lives in a file of its own.

A command's file is imported when it is called, because the others' imports would be most of its time.
"""

import signal
import sys
from importlib import import_module

import click

from jeton import __version__

_COMMANDS = {
    "build": ("jeton.cli.build", "build"),
    "jobserver": ("jeton.cli.jobserver", "jobserver"),
    "ninja": ("jeton.cli.ninja", "command"),
}


class _Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name]
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="jeton %(version)s")
def jeton() -> None:
    """Parallel work on every core, under one pool of job tokens.

    Everything that jeton starts (make, cargo, rustc, gcc, ninja) shares the pool: no more jobs run at once than it
    has slots, over the whole tree of processes. Started inside such a pool, jeton joins it.
    """


def main() -> None:
    """Run `jeton` with the arguments of this process."""
    # Whoever started us may ignore it, and that is inherited: then no child could be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.argv[1:2] == ["ninja"]:
        sys.argv[:2] = ["jeton-ninja"]  # every word is ninja's, `--` included
        ninja()
    jeton(prog_name="jeton")


def ninja() -> None:
    """Run `jeton ninja` with the arguments of this process: a program that can stand where ninja is expected."""
    from jeton.cli.ninja import run  # noqa: PLC0415  the other commands do not need it

    sys.exit(run(sys.argv[1:]))
