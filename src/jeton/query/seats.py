"""The right to compute: a slot of the pool for each thread that does. Owns the pool and who has a slot of it here.

The pool is joined or opened when the first query has to run, so that a program whose results are all remembered
starts neither a server nor a thread.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from jeton.query.node import Lane
from jeton.sync import Primitives, Signal

if TYPE_CHECKING:
    from jeton.jobserver import Invitation  # the pool is imported when something computes

ORDER = 50
"""The place of the lock of counted slots in the order of locks. That of the seats themselves is before it."""


class Slots(Protocol):
    """Where slots come from."""

    @property
    def jobs(self) -> int:
        """How many there are in all."""

    def take(self, wake: Signal) -> object | None:
        """Take one, or return None and set `wake` when `taken(wake)` has it."""

    def taken(self, wake: Signal) -> object:
        """Return the slot that came after `take` gave None. Raises PoolUnusable where the pool has died."""

    def give(self, slot: object) -> None:
        """Give one back."""

    def invite(self, command: str, environ: Mapping[str, str]) -> "Invitation":
        """Tell how a child joins."""

    def close(self) -> None:
        """Give all back."""


class CountedSlots:
    """Slots of no pool: a number. For engines under a model checker, and where no command is ever started."""

    def __init__(self, jobs: int, sync: Primitives) -> None:
        self.jobs = jobs
        # Guarded by _lock: how many are free, and who waits, first come first served. Not both at once.
        self._lock = sync.lock(ORDER, "slots")
        self._free = jobs
        self._line: list[Signal] = []

    def take(self, wake: Signal) -> object | None:
        """See `Slots.take`."""
        with self._lock:
            if self._free:
                self._free -= 1
                return self
            self._line.append(wake)
            return None

    def taken(self, wake: Signal) -> object:
        """See `Slots.taken`."""
        assert wake.is_set
        return self

    def give(self, slot: object) -> None:
        """See `Slots.give`."""
        assert slot is self
        with self._lock:
            if not self._line:
                assert self._free < self.jobs, "a slot is given back once"
                self._free += 1
                return
            first = self._line.pop(0)
        first.set()

    def invite(self, command: str, environ: Mapping[str, str]) -> "Invitation":  # noqa: ARG002  as Slots has it
        """Refuse: there is no pool to join."""
        raise OSError(f"{command}: cannot join slots that are only counted")

    def close(self) -> None:
        """See `Slots.close`."""


class Seats:
    """Slots for the threads of one engine."""

    def __init__(self, jobs: int | None, environ: Mapping[str, str], sync: Primitives) -> None:
        self._jobs = jobs
        self.environ = environ
        self._sync = sync
        # Guarded by _lock: made once. A server of it is started before the first command, or never.
        self._lock = sync.lock(ORDER - 1, "seats")
        self._slots: Slots | None = None

    @property
    def slots(self) -> Slots:
        """The pool, joined or opened now if it was not. Raises PoolUnusable, ValueError for jobs out of range."""
        slots = self._slots
        if slots is None:
            with self._lock:
                slots = self._slots
                if slots is None:
                    slots = self._slots = self._open()
        return slots

    @property
    def jobs(self) -> int:
        """How many threads may compute at once."""
        return self.slots.jobs

    def sit(self, lane: Lane) -> None:
        """Wait for the right to compute on this thread."""
        assert lane.slot is None
        slots = self.slots
        signal = self._sync.signal("a slot")
        slot = slots.take(signal)
        if slot is None:
            signal.wait()
            slot = slots.taken(signal)
        lane.slot = slot

    def rise(self, lane: Lane) -> None:
        """Give it back, if this thread has it."""
        slot, lane.slot = lane.slot, None
        if slot is not None:
            assert self._slots is not None
            self._slots.give(slot)

    def invite(self, command: str, environ: Mapping[str, str]) -> "Invitation":
        """Tell how a child that runs `command` joins, with `environ` on top of the engine's. Raises OSError."""
        return self.slots.invite(command, {**self.environ, **environ})

    def close(self) -> None:
        """Give all back."""
        if self._slots is not None:
            self._slots.close()

    def _open(self) -> Slots:
        from jeton.query.pool_slots import PoolSlots  # noqa: PLC0415  the pool, for those who compute something

        return PoolSlots(self._jobs, self.environ)


def counted(jobs: int, sync: Primitives) -> Seats:
    """Return seats that are a number, for an engine that shares its slots with nobody."""
    seats = Seats(jobs, os.environ, sync)
    seats._slots = CountedSlots(jobs, sync)  # noqa: SLF001  of this class
    return seats
