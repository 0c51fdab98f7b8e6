"""Slots of the pool that this process was started in, or of one of its own. Owns the line of threads in front of it.

A process has one implicit slot that nobody else can use. So it goes from seat to seat: whoever gives a seat back gives
a token back as long as there is one, and the implicit slot stays with those who still compute.
"""

from collections.abc import Mapping
from threading import Lock

from jeton.jobserver import Invitation, Pool, Slot, open_pool
from jeton.jobserver.line import Line, Request
from jeton.sync import Signal


class _Seat:
    """The right to keep one core busy, by whichever slot."""

    __slots__ = ("slot",)

    def __init__(self, slot: Slot) -> None:
        self.slot = slot


class PoolSlots:
    """What `seats.Slots` asks for, over a `Pool`."""

    def __init__(self, jobs: int | None, environ: Mapping[str, str]) -> None:
        """Join or open it as `open_pool`. Raises PoolUnusable, ValueError."""
        self.pool: Pool = open_pool(jobs, environ)
        self._line = Line(self.pool)
        self._requests: dict[Signal, Request] = {}
        # Guarded by _lock: the seats that are taken, and which slot each has.
        self._lock = Lock()
        self._taken: dict[_Seat, None] = {}

    @property
    def jobs(self) -> int:
        """How many slots the pool has, as far as this process knows."""
        return self.pool.jobs

    def take(self, wake: Signal) -> object | None:
        """See `Slots.take`."""
        slot = self._line.try_take()
        if slot is None:
            request = self._requests[wake] = Request(wake.set)
            self._line.enter(request)
            return None
        return self._seat(slot)

    def taken(self, wake: Signal) -> object:
        """See `Slots.taken`."""
        return self._seat(self._requests.pop(wake).result())

    def give(self, slot: object) -> None:
        """See `Slots.give`."""
        assert isinstance(slot, _Seat)
        with self._lock:
            del self._taken[slot]
            if slot.slot.token is None and self._taken:
                other = next(iter(self._taken))
                slot.slot, other.slot = other.slot, slot.slot
        self._line.give(slot.slot)

    def invite(self, command: str, environ: Mapping[str, str]) -> Invitation:
        """See `Slots.invite`."""
        return self.pool.invite(command, environ)

    def close(self) -> None:
        """Give all back, and end the thread that waited for more."""
        self._line.close(RuntimeError("the engine is closed"))
        self.pool.close()

    def _seat(self, slot: Slot) -> _Seat:
        seat = _Seat(slot)
        with self._lock:
            self._taken[seat] = None
        return seat
