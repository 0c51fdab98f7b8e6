"""A global pool as a client has it: JETON_POOL names its server. Owns this process's line and its own place there.

Every child gets a place of its own, so that the server knows who holds what, and nothing is lost with who is killed.
The place for this process's own tokens is asked for when it first wants one: most that only start a command never do.
"""

import os
import shlex
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from jeton.jobserver.channel import Channel, open_channel
from jeton.jobserver.desk.link import DeskLink
from jeton.jobserver.desk.protocol import Failed, Hello, Left, Seated, Sit, Started, Welcome, cut
from jeton.jobserver.desk.wire import pidfd_of
from jeton.jobserver.errors import PoolUnusable, Unusable
from jeton.jobserver.flags import FifoAuth, PipeAuth
from jeton.jobserver.invitation import POOL_VARIABLE, Invitation, Style, environment_with, style_for
from jeton.jobserver.pool import Pool, Watcher


class DeskPool(Pool):
    """Slots of a pool that a server of this user gives to all who ask."""

    def __init__(self, path: str) -> None:
        """Join it. Raises PoolUnusable with the reason, OSError where this process has no descriptors left."""
        super().__init__()
        self._name = f"{POOL_VARIABLE}: {path}"
        self._link = DeskLink(path, self._name)
        # Guarded by _sitting: the asking for the own place, once.
        self._sitting = threading.Lock()
        self._channel: Channel | None = None
        self._fds: tuple[int, ...] = ()
        try:
            self._jobs = self._say_hello()
        except BaseException:
            self._link.close()
            raise

    @property
    def jobs(self) -> int:
        """See `Pool.jobs`: as many as there were when this process joined."""
        return self._jobs

    @property
    def identity(self) -> object:
        """See `Pool.identity`: the server, and no other that serves at the same path after it."""
        return self._link.path, self._link.server_pid

    def watch(self, loop: Watcher, callback: Callable[[], object]) -> Callable[[], None]:
        """See `Pool.watch`."""
        return loop.watch_readable(self._own().read_fd, callback)

    def invite(self, command: str, environ: Mapping[str, str], style: Style | None = None) -> Invitation:
        """See `Pool.invite`. Raises PoolUnusable where the server has ended."""
        fifo = (style or style_for(command)) is Style.FIFO
        seated, fds = self._sit(Sit(cut(command), fifo=fifo, own=False))
        auth = PipeAuth(*fds) if seated.fifo is None else FifoAuth(seated.fifo)
        place = _ChildsPlace(self._link, seated.place, fds)
        return Invitation(environment_with(environ, auth, seated.jobs), fds, place)

    def _say_hello(self) -> int:
        own = pidfd_of(os.getpid())
        try:
            reply, _ = self._link.ask(Hello(_own_command()), () if own is None else (own,))
        finally:
            if own is not None:
                os.close(own)
        if not isinstance(reply, Welcome):
            raise self._link.answer_is_strange()
        return reply.jobs

    def _own(self) -> Channel:
        with self._sitting:
            if self._channel is None:
                _, fds = self._sit(Sit(_own_command(), fifo=False, own=True))
                self._channel, self._fds = open_channel(PipeAuth(*fds)), fds
            return self._channel

    def _sit(self, request: Sit) -> tuple[Seated, tuple[int, ...]]:
        reply, fds = self._link.ask(request)
        if isinstance(reply, Seated) and len(fds) == (0 if reply.fifo is not None else 2):
            return reply, fds
        for fd in fds:
            os.close(fd)
        if isinstance(reply, Failed):
            raise OSError(reply.number, reply.why)
        raise self._link.answer_is_strange()

    def _take_token(self) -> bytes | None:
        try:
            return self._own().try_take()
        except PoolUnusable as error:
            if error.reason is Unusable.DEAD:
                raise PoolUnusable(self._name, Unusable.DAEMON_ENDED) from None
            raise

    def _give_token(self, token: bytes) -> None:
        assert self._channel is not None, "what is given back was taken"
        with suppress(PoolUnusable):  # a pool that nobody serves any more needs no token back
            self._channel.give(token)

    def _close(self) -> None:
        self._link.close()
        if self._channel is not None:
            self._channel.close()
        for fd in self._fds:
            os.close(fd)
        self._channel, self._fds = None, ()


class _ChildsPlace:
    """See `invitation.ChildsPlace`."""

    def __init__(self, link: DeskLink, place: int, fds: tuple[int, ...]) -> None:
        self._link = link
        self._place = place
        self._fds = fds
        self._left = False

    def child_started(self, pid: int) -> None:
        """Hear that the child runs: it is this process's, so that its pid is not another's yet."""
        self._close_fds()
        child = pidfd_of(pid)
        try:
            self._link.tell(Started(self._place), () if child is None else (child,))
        finally:
            if child is not None:
                os.close(child)

    def leave(self) -> None:
        """Hear that the child has ended."""
        self._close_fds()
        if not self._left:
            self._left = True
            self._link.tell(Left(self._place))

    def _close_fds(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = ()


def _own_command() -> str:
    return cut(shlex.join(sys.orig_argv))
