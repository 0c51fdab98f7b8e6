"""A child process in a pool, from plain code. Owns `Child`; knows nothing of servers or of who holds which slot."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

from jeton.jobserver.invitation import Invitation, Style

Command: TypeAlias = (
    str | bytes | PathLike[str] | PathLike[bytes] | Sequence[str | bytes | PathLike[str] | PathLike[bytes]]
)
Invite: TypeAlias = Callable[[str, Mapping[str, str], Style | None], Invitation]


class Child(subprocess.Popen[Any]):
    """A `subprocess.Popen` that was invited into a pool. Made by `Server.popen` and `Client.popen`.

    It leaves the pool, and all that it held comes back, when its end is seen: by `wait`, `poll`, `communicate` or the
    end of the `with` block.
    """

    def __init__(
        self,
        invite: Invite,
        argv: Command,
        *,
        env: Mapping[str, str] | None = None,
        style: Style | None = None,
        pass_fds: Sequence[int] = (),
        **popen_kwargs: Any,
    ) -> None:
        """Start it. Raises OSError where it cannot be started or no pipe can be made for it."""
        self._invitation = invite(_text(argv), os.environ if env is None else env, style)
        try:
            super().__init__(
                argv,
                env=self._invitation.environment,
                pass_fds=(*pass_fds, *self._invitation.pass_fds),
                **popen_kwargs,
            )
        except BaseException:
            self._leave()
            raise
        self._invitation.started(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """See `subprocess.Popen.wait`."""
        status = super().wait(timeout)
        self._leave()
        return status

    def poll(self) -> int | None:
        """See `subprocess.Popen.poll`."""
        status = super().poll()
        if status is not None:
            self._leave()
        return status

    def _leave(self) -> None:
        self._invitation.__exit__()  # a second time changes nothing


def _text(argv: Command) -> str:
    """Return the shell text of the command, by which its style is chosen."""
    if isinstance(argv, (str, bytes, PathLike)):
        return os.fsdecode(argv)
    return shlex.join(map(os.fsdecode, argv))
