"""Running one command. Owns how a step's command becomes a child process; not when it runs or what follows.

`Runner` is the seam at which a test puts a simulated shell.
"""

import os
from collections.abc import Mapping
from typing import Protocol

from jeton.build.graph import CONSOLE, Step
from jeton.jobserver import Invitation, Pool, Style, style_for
from jeton.runtime import ProcessResult, run_process


class Runner(Protocol):
    """Runs commands."""

    async def run(self, step: Step) -> ProcessResult:
        """Run the step's command to its end. Raises OSError where it cannot be started."""


class ShellRunner:
    """Runs commands with /bin/sh, each invited into the pool."""

    def __init__(self, pool: Pool, environ: Mapping[str, str]) -> None:
        self._pool = pool
        self._environ = environ
        self._invitations: dict[Style, Invitation] = {}

    async def run(self, step: Step) -> ProcessResult:
        """See `Runner.run`."""
        command = step.recipe.command
        invitation = self._invitation(command)
        return await run_process(
            ["/bin/sh", "-c", command],
            environ=invitation.environment,
            pass_fds=invitation.pass_fds,
            terminal=step.recipe.pool is CONSOLE,
        )

    def _invitation(self, command: str) -> Invitation:
        style = style_for(command)
        invitation = self._invitations.get(style)
        if invitation is None:
            invitation = self._invitations[style] = self._pool.invitation(command, self._environ, style)
        return invitation


def machine_load() -> float:
    """Return the load average of the last minute, or 0 where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0
