"""A pool that this process serves. Owns the server, and what it has granted and nobody has fetched yet."""

import os
from collections.abc import Callable, Mapping

from jeton.jobserver.arbiter import Request
from jeton.jobserver.flags import PipeAuth
from jeton.jobserver.invitation import Invitation, Style, environment_with, style_for
from jeton.jobserver.pool import Pool, Watcher
from jeton.jobserver.server import Server

_TOKEN = b"+"


class OwnPool(Pool):
    """Slots of a server in this process. Each child has a place of its own there."""

    def __init__(self, jobs: int) -> None:
        """Open it. Raises ValueError for `jobs` out of range."""
        super().__init__()
        self.server = Server(jobs)
        # Guarded by _lock: the watch, its one pending request, and the tokens granted to it that try_take has not
        # fetched. Invariant: there is a request exactly while there is a watch and nothing to fetch.
        self._watch: tuple[Watcher, Callable[[], object]] | None = None
        self._request: Request | None = None
        self._to_fetch = 0

    @property
    def jobs(self) -> int:
        """See `Pool.jobs`."""
        return self.server.jobs

    def watch(self, loop: Watcher, callback: Callable[[], object]) -> Callable[[], None]:
        """See `Pool.watch`."""
        with self._lock:
            assert self._watch is None, "one watch at a time"
            self._watch = (loop, callback)
        self._ask()
        return self._unwatch

    def invite(self, command: str, environ: Mapping[str, str], style: Style | None = None) -> Invitation:
        """See `Pool.invite`."""
        place = self.server.sit(command, fifo=(style or style_for(command)) is Style.FIFO)
        auth = place.pipes.auth
        fds = (auth.read_fd, auth.write_fd) if isinstance(auth, PipeAuth) else ()
        return Invitation(environment_with(environ, auth, self.jobs), fds, place)

    def _ask(self) -> None:
        request = self.server.ask(self._granted)
        with self._lock:
            # It may have been granted, and another made, before this line.
            if self._request is None and self._watch is not None and not self._to_fetch:
                self._request = request

    def _granted(self) -> None:
        with self._lock:
            self._request = None
            watch = self._watch
            self._to_fetch += watch is not None
        if watch is None:
            self.server.give()  # the watch ended while this was on its way
        else:
            loop, callback = watch
            loop.call_from_thread(callback)

    def _unwatch(self) -> None:
        with self._lock:
            self._watch = None
            request, self._request = self._request, None
            unfetched, self._to_fetch = self._to_fetch, 0
        if request is not None:
            self.server.take_back(request)
        for _ in range(unfetched):
            self.server.give()

    def _take_token(self) -> bytes | None:
        with self._lock:
            fetched = self._to_fetch > 0
            self._to_fetch -= fetched
            watching = self._watch is not None
        if fetched:
            if watching:
                self._ask()
            return _TOKEN
        return _TOKEN if self.server.try_take() else None

    def _give_token(self, token: bytes) -> None:
        del token
        self.server.give()

    def _close(self) -> None:
        if os.getpid() == self._owner:
            self.server.close()
