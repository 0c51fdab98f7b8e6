"""A process's way to a pool, for programs of any kind. Owns who holds a slot here, and that all of them go back.

One client a pool and process: `from_env` and `from_server` give the same one again, because a process has one implicit
slot, however many of its libraries ask. Whoever waits in it, waits in one queue, in front of one thread that polls.

What it does not see to is whether the program waits for another token, or for a lock, while it holds one. Who does may
wait for ever: those it waits for may wait for its token (docs/how-to/python-clients.md, "Hold one slot at a time").
"""

import atexit
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Event, Lock
from typing import Any, Self

from jeton.jobserver import awaiting
from jeton.jobserver.child import Child, Command
from jeton.jobserver.errors import PoolUnusable, Unusable
from jeton.jobserver.line import Line, Request
from jeton.jobserver.opening import join_pool
from jeton.jobserver.own_pool import OwnPool
from jeton.jobserver.pool import Pool, Slot
from jeton.jobserver.server import Server

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""The signals by which a process is asked to end."""


class Client:
    """Slots of one pool, for any thread and for tasks of asyncio and trio. To be closed; the last close returns all.

    At the end of the interpreter it closes itself. A forked child holds none of its parent's slots: there, taking
    raises RuntimeError, and giving back and closing do nothing.
    """

    def __init__(self, pool: Pool, key: object) -> None:
        """Not to be called from outside: see `from_env` and `from_server`."""
        self._pool = pool
        self._key = key
        self._line = Line(pool)
        self._process = os.getpid()
        self._opened = 1  # how many have it open; guarded by _OPENING
        self._closed = False  # set when closing begins
        self._returned = False  # set when it has ended
        self._signal = 0  # the one that came between the two

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Join the pool that this process was started in. Raises PoolUnusable with the reason and what to do."""
        pool = join_pool(environ)
        if pool is None:
            raise PoolUnusable("MAKEFLAGS", Unusable.NOT_NAMED)
        return cls._shared(pool.identity, pool)

    @classmethod
    def from_server(cls, server: Server) -> Self:
        """Take slots of a pool that this process serves. To be closed before the server is."""
        return cls._shared(server, OwnPool(server))

    @property
    def jobs(self) -> int:
        """How many slots the pool has in all, as far as this process knows; at least 1."""
        return self._pool.jobs

    @property
    def held(self) -> int:
        """How many slots this process holds now."""
        return 0 if self._is_forked() else self._pool.held

    def try_acquire(self) -> Slot | None:
        """Take a slot if there is one and nobody here waits for it. Raises PoolUnusable where the pool has died."""
        self._check_process()
        return self._line.try_take()

    def acquire(self, timeout: float | None = None) -> Slot:
        """Wait for a slot, in this thread, for `timeout` seconds at most. First come, first served.

        Raises TimeoutError, PoolUnusable where the pool has died, RuntimeError where the client is or gets closed.
        """
        slot = self.try_acquire()
        if slot is not None:
            return slot
        woken = Event()
        request = Request(woken.set)
        self._line.enter(request)
        try:
            in_time = woken.wait(timeout)
        except BaseException:
            self._line.leave(request)
            raise
        if not in_time:
            self._line.leave(request)
            raise TimeoutError(f"no slot came within {timeout} s")
        return request.result()

    async def acquire_async(self) -> Slot:
        """Wait for a slot, in a task of asyncio or trio. A cancelled task holds nothing. Raises as `acquire`."""
        self._check_process()
        return await awaiting.take(self._line)

    def release(self, slot: Slot) -> None:
        """Give a slot back, from any thread. Nothing where the client was closed: that gave it back."""
        if self._closed or self._is_forked():
            return
        try:
            self._line.give(slot)
        except (AssertionError, KeyError):
            if not self._closed:  # by another thread, just now
                raise

    @contextmanager
    def slot(self, timeout: float | None = None) -> Iterator[Slot]:
        """Hold a slot in the `with` block. Raises as `acquire`."""
        slot = self.acquire(timeout)
        try:
            yield slot
        finally:
            self.release(slot)

    @asynccontextmanager
    async def slot_async(self) -> AsyncIterator[Slot]:
        """Hold a slot in the `async with` block. Raises as `acquire_async`."""
        slot = await self.acquire_async()
        try:
            yield slot
        finally:
            self.release(slot)

    def popen(self, argv: Command, **popen_kwargs: Any) -> Child:
        """Start a child that joins the pool, as `subprocess.Popen` does; `style` chooses between pipe and fifo.

        It brings an implicit slot of its own: hold a slot for it until it has ended. Raises OSError.
        """
        self._check_process()
        return Child(self._pool.invite, argv, **popen_kwargs)

    def release_on_signals(self, signums: Sequence[int] = ENDING) -> None:
        """Let the signals that would end this process at once return every slot before. On the main thread only.

        A signal that the program ignores or handles is left alone: KeyboardInterrupt, SystemExit and every other way
        to end by unwinding return the slots in any case. Not done unasked, because a process's signals belong to its
        program, and because a server of jeton takes back by itself what a killed child held. Raises ValueError on other
        threads.
        """
        self._check_process()
        self._line.call(lambda: None)  # the waiter runs before the first signal comes
        for signum in signums:
            if signal.getsignal(signum) is signal.SIG_DFL:
                signal.signal(signum, self._end_by)

    def close(self) -> None:
        """Return every slot when the last who opened it closes it. Who still waits gets RuntimeError."""
        if self._is_forked():
            return
        with _OPENING:
            self._opened -= 1
            if self._opened:
                return
            del _OPEN[self._key]
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def _shared(cls, key: object, pool: Pool) -> Self:
        with _OPENING:
            client = _OPEN.get(key)
            if client is not None:
                assert isinstance(client, cls)
                client._opened += 1  # noqa: SLF001  of this class
            else:
                client = _OPEN[key] = cls(pool, key)
                atexit.register(client._close)
                return client
        pool.close()  # the one that is open does
        return client

    def _close(self) -> None:
        if self._closed or self._is_forked():
            return
        self._closed = True
        atexit.unregister(self._close)
        self._line.close(RuntimeError("the client is closed"))
        self._pool.close()
        self._returned = True
        if self._signal:
            os.kill(self._process, self._signal)

    def _end_by(self, signum: int, _: object) -> None:
        # This may have interrupted whoever holds a lock, so the waiter does the work.
        signal.signal(signum, signal.SIG_DFL)
        if self._is_forked() or self._returned:
            os.kill(os.getpid(), signum)
        elif self._closed:
            self._signal = signum
        else:
            self._line.call(lambda: self._return_and_end(signum))

    def _return_and_end(self, signum: int) -> None:
        with suppress(Exception):  # a pool that has died takes nothing back
            self._pool.close()
        os.kill(self._process, signum)

    def _check_process(self) -> None:
        if self._is_forked():
            raise RuntimeError("a forked child holds no slot of its parent; open a client of its own")

    def _is_forked(self) -> bool:
        return os.getpid() != self._process


# Guarded by _OPENING: the open clients of this process, by what they are clients of, and how many have each open.
_OPENING = Lock()
_OPEN: dict[object, Client] = {}


def _start_anew() -> None:
    """Forget, in a forked child, what its parent has open, and a lock that nobody is left to let go of."""
    global _OPENING  # noqa: PLW0603
    _OPENING = Lock()
    _OPEN.clear()


os.register_at_fork(after_in_child=_start_anew)
