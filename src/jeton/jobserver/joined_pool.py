"""A pool that somebody else serves: make, cargo, another jeton. Owns the channel to it; passes it on to children."""

import os
from collections.abc import Callable, Mapping

from jeton.jobserver.channel import Channel, open_channel
from jeton.jobserver.errors import PoolUnusable
from jeton.jobserver.flags import FifoAuth, MakeFlags, PipeAuth, can_be_said
from jeton.jobserver.invitation import Invitation, Style, environment_with, style_for
from jeton.jobserver.machine import default_jobs
from jeton.jobserver.pool import Pool, Watcher


class JoinedPool(Pool):
    """Slots of a pool that MAKEFLAGS named."""

    def __init__(self, flags: MakeFlags) -> None:
        """Join it. Raises PoolUnusable with the reason."""
        super().__init__()
        assert flags.auth is not None, "MAKEFLAGS names a pool"
        self._channel: Channel = open_channel(flags.auth)
        self._jobs = flags.jobs or default_jobs()
        self._fifo = flags.auth if isinstance(flags.auth, FifoAuth) else None
        self._pipe: PipeAuth | None = flags.auth if isinstance(flags.auth, PipeAuth) else None

    @property
    def identity(self) -> object:
        """See `Pool.identity`: the pipe or fifo itself."""
        read = os.fstat(self._channel.read_fd)
        return read.st_dev, read.st_ino

    @property
    def jobs(self) -> int:
        """See `Pool.jobs`."""
        return self._jobs

    def watch(self, loop: Watcher, callback: Callable[[], object]) -> Callable[[], None]:
        """See `Pool.watch`. Others may take the token first."""
        return loop.watch_readable(self._channel.read_fd, callback)

    def invite(self, command: str, environ: Mapping[str, str], style: Style | None = None) -> Invitation:
        """See `Pool.invite`. All children share the one channel, as it was passed to this process."""
        auth = self._auth(style or style_for(command))
        fds = (auth.read_fd, auth.write_fd) if isinstance(auth, PipeAuth) else ()
        return Invitation(environment_with(environ, auth, self._jobs), fds)

    def _auth(self, style: Style) -> PipeAuth | FifoAuth:
        if self._fifo is not None and style is Style.FIFO and can_be_said(self._fifo.path):
            return self._fifo
        if self._pipe is None:
            # Joined by its path; what speaks pipe style only, or cannot be told the path, gets descriptors of the same.
            assert self._fifo is not None
            self._pipe = self._channel.ends_of(self._fifo.path)
        return self._pipe

    def _take_token(self) -> bytes | None:
        return self._channel.try_take()

    def _give_token(self, token: bytes) -> None:
        try:  # noqa: SIM105  on the way of every token, where contextlib.suppress is a third of the cost
            self._channel.give(token)
        except PoolUnusable:
            pass  # a pool that nobody serves any more needs no token back

    def _close(self) -> None:
        self._channel.close()
