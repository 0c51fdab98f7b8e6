"""A pool that this process serves. Owns the server, and what it has granted and nobody has fetched yet."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from jeton.jobserver.arbiter import Request
from jeton.jobserver.invitation import Invitation, Style
from jeton.jobserver.pool import Pool, Watcher
from jeton.jobserver.server import Server

_TOKEN = b"+"


@dataclass(slots=True, eq=False)
class _Wish:
    """A request that may be granted, or not wanted any more, before the server has said which one it is."""

    request: Request | None = None


class OwnPool(Pool):
    """Slots of a server in this process. Each child has a place of its own there."""

    def __init__(self, served: int | Server) -> None:
        """Open it with that many slots, or over a server that stays its opener's. Raises ValueError as `Server`."""
        super().__init__()
        self.server = served if isinstance(served, Server) else Server(served)
        self._serves_alone = self.server is not served
        # Guarded by _lock: the watch, its one pending wish, and the tokens granted to it that try_take has not fetched.
        # Invariant: nothing is wished for without a watch, or while there is something to fetch.
        self._watch: tuple[Watcher, Callable[[], object]] | None = None
        self._wish: _Wish | None = None
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
        return self.server.invite(command, environ, style)

    def _ask(self) -> None:
        with self._lock:
            if self._watch is None or self._wish is not None or self._to_fetch:
                return
            wish = self._wish = _Wish()
        request = self.server.ask(partial(self._granted, wish))
        with self._lock:
            wish.request = request
            withdrawn = self._wish is not wish  # or granted: then to take it back changes nothing
        if withdrawn:
            self.server.take_back(request)

    def _granted(self, wish: _Wish) -> None:
        with self._lock:
            watch = self._watch if self._wish is wish else None
            if watch is not None:
                self._wish = None
                self._to_fetch += 1
        if watch is None:
            self.server.give()  # the watch ended while this was on its way
        else:
            loop, callback = watch
            loop.call_from_thread(callback)

    def _unwatch(self) -> None:
        with self._lock:
            self._watch = None
            wish, self._wish = self._wish, None
            unfetched, self._to_fetch = self._to_fetch, 0
        if wish is not None and wish.request is not None:
            self.server.take_back(wish.request)
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
        if self._serves_alone and os.getpid() == self._owner:
            self.server.close()
