"""The commands of `jeton`, but for ninja's face. Owns their list; each lives in a file of its own.

A command's file is imported when it is called, because the others' imports would be most of its time.
"""

from importlib import import_module

import click

from jeton import __version__

_COMMANDS = {
    "build": ("jeton.cli.build", "build"),
    "jobserver": ("jeton.cli.jobserver", "jobserver"),
    "store": ("jeton.cli.store", "store"),
}
# Listed with the others. `main` has called it before any word of it comes here: every one is ninja's.
_NINJA = click.Command("ninja", short_help="Stand in for ninja, with its arguments and answers.")


class _Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        del ctx
        return [*_COMMANDS, "ninja"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        del ctx
        if cmd_name == "ninja":
            return _NINJA
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
