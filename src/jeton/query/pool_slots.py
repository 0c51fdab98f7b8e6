"""Slots of the pool that this process was started in, or of one of its own. Owns the line of threads in front of it."""

from collections.abc import Mapping

from jeton.jobserver import Invitation, Pool, Slot, open_pool
from jeton.jobserver.line import Line, Request
from jeton.sync import Signal


class PoolSlots:
    """What `seats.Slots` asks for, over a `Pool`."""

    def __init__(self, jobs: int | None, environ: Mapping[str, str]) -> None:
        """Join or open it as `open_pool`. Raises PoolUnusable, ValueError."""
        self.pool: Pool = open_pool(jobs, environ)
        self._line = Line(self.pool)
        self._requests: dict[Signal, Request] = {}

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
        return slot

    def taken(self, wake: Signal) -> object:
        """See `Slots.taken`."""
        return self._requests.pop(wake).result()

    def give(self, slot: object) -> None:
        """See `Slots.give`."""
        assert isinstance(slot, Slot)
        self._line.give(slot)

    def invite(self, command: str, environ: Mapping[str, str]) -> Invitation:
        """See `Slots.invite`."""
        return self.pool.invite(command, environ)

    def close(self) -> None:
        """Give all back, and end the thread that waited for more."""
        self._line.close(RuntimeError("the engine is closed"))
        self.pool.close()
