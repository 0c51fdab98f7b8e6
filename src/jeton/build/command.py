"""Running one command. Owns how a step's command becomes a child process; not when it runs or what follows.

`Runner` is the seam at which a test puts a simulated shell.
"""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Protocol

from jeton.build.graph import CONSOLE, Step
from jeton.jobserver import Pool
from jeton.runtime import ProcessResult, run_process


class Runner(Protocol):
    """Runs commands."""

    async def run(self, step: Step) -> ProcessResult:
        """Run the step's command to its end. Raises OSError where it cannot be started."""


class ShellRunner:
    """Runs commands with /bin/sh, each invited into the pool."""

    def __init__(
        self, pool: Pool, environ: Mapping[str, str], started: Callable[[Step, int], object] | None = None
    ) -> None:
        """`started` is called with each step and the pid of its command."""
        self._pool = pool
        self._environ = environ
        # Commands inherit what is ignored: where that is the interrupt, they are asked to end in another way.
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        self._stop_signal = signal.SIGTERM if ignored else signal.SIGINT
        self._started = started

    async def run(self, step: Step) -> ProcessResult:
        """See `Runner.run`."""
        command = step.recipe.command
        with self._pool.invite(command, self._environ) as invitation:

            def started(pid: int) -> None:
                invitation.started(pid)
                if self._started is not None:
                    self._started(step, pid)

            return await run_process(
                ["/bin/sh", "-c", command],
                environ=invitation.environment,
                pass_fds=invitation.pass_fds,
                terminal=step.recipe.pool is CONSOLE,
                started=started,
                stop_signal=self._stop_signal,
            )


def machine_load() -> float:
    """Return the load average of the last minute, or 0 where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0
