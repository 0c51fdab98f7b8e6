"""What is known of a pool, for people. Owns the shape of the answer; a moment old when it is read."""

from dataclasses import dataclass

from jeton.jobserver.arbiter import SeatState


@dataclass(frozen=True, slots=True)
class SeatStatus:
    """What is known of one child."""

    name: str
    pid: int | None
    state: SeatState
    since_s: float
    """Seconds since it came into that state."""
    held: int
    taken: int
    returned_too_many: int


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of the pool. The tokens add up to `jobs` - 1, plus those that are still to be swallowed."""

    jobs: int
    free: int
    own: int
    """Tokens that the server's own process holds."""
    waiting: int
    """Requests of the server's own process."""
    to_swallow: int
    reclaimed: int
    """Tokens that children held when they ended, and that came back by it."""
    seats: list[SeatStatus]
