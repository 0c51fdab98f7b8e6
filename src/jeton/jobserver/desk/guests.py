"""Who is at the desk, and which places are theirs. Owns the record of each, and how it is shown; decides nothing."""

import time
from collections import deque
from dataclasses import dataclass, field

from jeton.jobserver.arbiter import SeatState
from jeton.jobserver.desk.protocol import ClientStatus, PlaceStatus
from jeton.jobserver.desk.wire import Wire
from jeton.jobserver.server import Place


@dataclass(eq=False, slots=True)
class Chair:
    """A place that was given away. Invariant: `pidfd`, where there is one, is in the selector."""

    number: int
    place: Place
    fifo: bool
    guest: "Guest | None"
    """Who asked for it; None for a shell's, and for what a client that is gone left running."""
    own: bool = False
    shell: bool = False
    pidfd: int | None = None
    since: float = field(default_factory=time.monotonic)


@dataclass(eq=False, slots=True)
class Guest:
    """One connection."""

    wire: Wire
    pid: int
    name: str = ""
    joined: bool = False
    counted: bool = False
    chairs: dict[int, Chair] = field(default_factory=dict)
    unsent: deque[tuple[bytes, tuple[int, ...]]] = field(default_factory=deque)
    """Answers with descriptors of their own, which are closed once sent."""
    since: float = field(default_factory=time.monotonic)


def _place_status(chair: Chair, now: float) -> PlaceStatus:
    """Read its account without the pool's lock: for people, so a moment old."""
    seat = chair.place.seat
    return PlaceStatus(
        name=seat.name,
        pid=chair.place.pid,
        fifo=chair.fifo,
        state=seat.state.value,
        waiting=seat.state is SeatState.WANTING,
        since_s=max(0.0, now - seat.since),
        held=seat.held,
        taken=seat.taken,
        returned_too_many=seat.returned_too_many,
    )


def program_status(guest: Guest, now: float) -> ClientStatus:
    """Show a program that came in."""
    own = [_place_status(chair, now) for chair in guest.chairs.values() if chair.own]
    children = [_place_status(chair, now) for chair in guest.chairs.values() if not chair.own]
    first = own[0] if own else None
    return ClientStatus("program", guest.name, guest.pid, now - guest.since, guest.counted, first, children)


def shell_status(chair: Chair, now: float) -> ClientStatus:
    """Show a shell."""
    own = _place_status(chair, now)
    return ClientStatus("shell", own.name, own.pid, now - chair.since, False, own, [])


def orphan_status(chair: Chair, now: float) -> ClientStatus:
    """Show what a client that is gone left running."""
    own = _place_status(chair, now)
    return ClientStatus("orphan", own.name, own.pid, now - chair.since, False, own, [])
