"""The pool as one process sees it. Owns the slots that this process holds; not how it waits for one.

A process has one implicit slot, which its parent paid for, and may hold tokens beside it. The implicit slot
is used first and never goes into the pipe. `try_take` and `give` may be called from any thread.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from jeton.jobserver.channel import Channel, open_channel
from jeton.jobserver.errors import PoolUnusable, Unusable
from jeton.jobserver.flags import FifoAuth, MakeFlags, PipeAuth, can_be_said, parse, with_auth
from jeton.jobserver.invitation import Invitation, Style, style_for
from jeton.jobserver.server import Server
from jeton.trace import STREAM, DidGiveSlot, DidTakeSlot

_VARIABLES = ("CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS")
"""Where clients of the protocol look, in this order (the jobserver crate's)."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """The right to keep one core busy. `token` is the byte to return, or None for the implicit slot."""

    token: bytes | None


class Pool:
    """Slots of one pool. Made by `open_pool` or `join_pool`; to be closed by whoever made it."""

    def __init__(
        self, jobs: int, pipe: PipeAuth, fifo: FifoAuth | None, channel: Channel, server: Server | None = None
    ) -> None:
        self.jobs = jobs
        """How many slots the pool has in all, as far as the text that named it says; at least 1."""
        self.server = server
        self._pipe = pipe
        self._fifo = fifo
        self._channel = channel
        self._owner = os.getpid()
        self._implicit = Slot(None)
        # Guarded by _lock. Invariant: every slot in _held was returned by try_take and not yet given back;
        # the implicit slot is in _held exactly while it is in use.
        self._lock = Lock()
        self._held: set[Slot] = set()

    @property
    def fd(self) -> int:
        """A descriptor that is readable while a token is on offer. Others may take it first."""
        return self._channel.read_fd

    @property
    def held(self) -> int:
        """How many slots this process holds now."""
        return len(self._held)

    def try_take(self) -> Slot | None:
        """Take a slot if there is one: the implicit one first, then a token. Raises PoolUnusable if the pool died."""
        with self._lock:
            if self._implicit not in self._held:
                slot = self._implicit
            else:
                token = self._channel.try_take()
                if token is None:
                    return None
                if self.server is not None and len(self._held) >= self.jobs:
                    return None  # all slots are held here: a client returned what it never took; it is swallowed
                slot = Slot(token)
            self._held.add(slot)
            held = len(self._held)
        if STREAM.on:
            STREAM.emit(DidTakeSlot(held))
        return slot

    def give(self, slot: Slot) -> None:
        """Give a slot back. A slot given twice, or by a forked child, is an error of the caller."""
        with self._lock:
            assert slot in self._held, "a slot is given back once"
            assert os.getpid() == self._owner, "a forked child holds nothing"
            self._held.remove(slot)
            held = len(self._held)
        if slot.token is not None:
            self._channel.give(slot.token)
        if STREAM.on:
            STREAM.emit(DidGiveSlot(held))

    def invitation(self, command: str, environ: Mapping[str, str], style: Style | None = None) -> Invitation:
        """Tell how a child that runs `command` joins, starting from `environ`; it brings its own implicit slot."""
        style = style or style_for(command)
        # A pool that was joined by pipe has no fifo to tell of.
        auth = self._fifo if style is Style.FIFO and self._fifo is not None else self._pipe
        text = with_auth(environ.get("MAKEFLAGS", ""), auth, self.jobs)
        environment = {key: value for key, value in environ.items() if key not in _VARIABLES}
        environment["MAKEFLAGS"] = text
        fds = (auth.read_fd, auth.write_fd) if isinstance(auth, PipeAuth) else ()
        return Invitation(environment, fds)

    def close(self) -> None:
        """Return every token that is still held, and close the pool if this process opened it.

        A forked child returns nothing and closes its own copies of the descriptors only.
        """
        with self._lock:
            left, self._held = self._held, set()
        if os.getpid() != self._owner:
            self._channel.close()
            return
        for slot in left:
            if slot.token is not None:
                with suppress(PoolUnusable):  # a pool that nobody can read needs no token back
                    self._channel.give(slot.token)
        if self.server is not None:
            self.server.close()
        else:
            self._channel.close()


def open_pool(jobs: int | None, environ: Mapping[str, str]) -> Pool:
    """Join the pool that `environ` names, unless `jobs` asks for one of its own.

    An own -j wins over an inherited pool, as with make. Without either, the pool has `default_jobs()` slots.
    Raises PoolUnusable where a pool is named and cannot be used, ValueError for `jobs` out of range.
    """
    if jobs is None:
        joined = join_pool(environ)
        if joined is not None:
            return joined
    server = Server(default_jobs() if jobs is None else jobs)
    return Pool(server.jobs, server.pipe, server.fifo, server.channel, server)


def join_pool(environ: Mapping[str, str]) -> Pool | None:
    """Join the pool that `environ` names; None where it names none. Raises PoolUnusable with the reason."""
    failure: PoolUnusable | None = None
    for variable in _VARIABLES:
        flags = parse(environ.get(variable, ""))
        if flags.auth is None:
            continue
        try:
            return _joined(flags)
        except PoolUnusable as error:
            failure = failure or PoolUnusable(f"{variable}: {error.place}", error.reason)
    if failure is not None:
        raise failure
    return None


def default_jobs() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _joined(flags: MakeFlags) -> Pool:
    auth = flags.auth
    assert auth is not None
    channel = open_channel(auth)
    fifo = auth if isinstance(auth, FifoAuth) else None
    try:
        pipe = channel.ends_to_inherit(fifo.path) if fifo else auth
    except OSError:
        channel.close()
        raise PoolUnusable(str(auth), Unusable.NO_FIFO) from None
    assert isinstance(pipe, PipeAuth), "open_channel declines every other kind"
    # A fifo whose path cannot be said was named by a make that escapes it; children get descriptors instead.
    return Pool(flags.jobs or default_jobs(), pipe, fifo if fifo and can_be_said(fifo.path) else None, channel)
