"""Who gets the next token. Owns the account of every token of one pool; pure: it opens, reads and writes nothing.

Each child has a *seat*. A token that is free is offered at a seat: it lies in the seat's pipe until the child takes it
or it is withdrawn. Nobody can see whether a child waits for a token, so the arbiter learns it by offering:

- a child that takes all that it is offered wants, perhaps, more: it is offered the next;
- an offer that lies for longer than the arbiter's patience, while somebody else wants a token, is withdrawn, and that
  child is asked again later, each time twice as late, until it takes one. The patience is longer with a child that
  has taken tokens before and has the better right: what is given to the other may not come back for long (cargo
  keeps its tokens while it has work, make returns each as soon as a job ends).

Of those who want, a step of this process comes first, because it has no core at all while each child has its implicit
slot; then the seat that holds the fewest tokens, and of these the one that has wanted for longest. The rule is max-min
fairness (Bertsekas and Gallager, "Data Networks", 6.5.2) over trees of processes. What nobody wants lies in the pipes
that have room for it, for clients that look once and do not wait.

Whoever calls a method carries out the effects that it returns, in their order; what answering one of them returns comes
behind the others.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from heapq import heapify, heappop, heappush

PATIENCE_S = 0.001
"""How long an offer may lie while another child wants it. Who waits for one takes it within microseconds."""
RIGHT_S = 0.02
"""The same for a child that has taken tokens before and holds no more than the one who wants it. It has the better
right, and where there are more slots than cores it is not always on one in time."""
_LAST_S = 0.256
"""A child that has taken tokens before is asked at least that often while there is a token for it."""
_LAST_STRANGER_S = 0.512
"""Likewise for one that has never taken any: most commands do not know the protocol."""


class SeatState(Enum):
    """What is known of a seat's child."""

    WANTING = "wanting"
    """It took all that it was offered, or it is time to ask it again. Nothing lies in its pipe."""
    OFFERED = "offered"
    """Tokens lie in its pipe."""
    WITHDRAWING = "withdrawing"
    """Tokens lie in its pipe, and one is about to be taken out: `Withdraw` was returned and not yet answered."""
    SATED = "sated"
    """It let an offer lie, and will be asked again at `ask_at`. Nothing lies in its pipe."""
    RETIRED = "retired"
    """It has ended. It holds nothing, and what still comes from it is not counted."""


_ALLOWED = frozenset(
    {
        (SeatState.WANTING, SeatState.OFFERED),
        (SeatState.OFFERED, SeatState.WANTING),
        (SeatState.OFFERED, SeatState.WITHDRAWING),
        (SeatState.WITHDRAWING, SeatState.OFFERED),
        (SeatState.WITHDRAWING, SeatState.WANTING),
        (SeatState.WITHDRAWING, SeatState.SATED),
        (SeatState.OFFERED, SeatState.OFFERED),
        (SeatState.SATED, SeatState.WANTING),
        (SeatState.WANTING, SeatState.RETIRED),
        (SeatState.OFFERED, SeatState.RETIRED),
        (SeatState.SATED, SeatState.RETIRED),
    }
)


class Seat:
    """The account of one child. Changed by the arbiter alone."""

    __slots__ = (
        "ask_at",
        "held",
        "lying",
        "name",
        "patience",
        "reclaimed",
        "returned_too_many",
        "room",
        "since",
        "state",
        "taken",
    )

    def __init__(self, name: str, room: int, now: float) -> None:
        self.name = name
        self.room = room
        """How many tokens can lie in its pipe at once."""
        self.lying = 0
        """Tokens that lie in its pipe. More than none exactly while OFFERED or WITHDRAWING."""
        self.state = SeatState.WANTING
        self.since = now
        """When it came into its state."""
        self.held = 0
        """Tokens that its child has taken and not returned."""
        self.taken = 0
        """Tokens that its child has taken in all."""
        self.reclaimed = 0
        """Tokens that it held when it ended."""
        self.returned_too_many = 0
        """Returns of what it never took, which are not counted."""
        self.ask_at = now
        self.patience = PATIENCE_S


@dataclass(frozen=True, slots=True)
class Offer:
    """Put a token into the seat's pipe, which has room for it."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Try to take one token out of the seat's pipe; then say `withdrawn`, or `took` all that lay there."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class Grant:
    """A token is this request's: tell whoever made it."""

    request: "Request"


Effect = Offer | Withdraw | Grant


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One wish of this process for a token. `granted` is called when there is one, on any thread."""

    granted: Callable[[], object]


class Arbiter:
    """The account of a pool of `tokens` tokens. Invariant (`check`): every token is in one place."""

    def __init__(self, tokens: int) -> None:
        assert tokens >= 0
        self.tokens = tokens
        """How many tokens there are, the ones to be swallowed not included."""
        self.free = tokens
        """Tokens that nobody holds and that lie in no pipe."""
        self.own = 0
        """Tokens that this process holds, granted ones included."""
        self.to_swallow = 0
        """Tokens that are to go out of the world when they come back: the pool was made smaller."""
        self.seats: dict[Seat, None] = {}
        self._requests: deque[Request] = deque()

    # What happens to this process's own requests.

    def try_take(self) -> bool:
        """Take a free token for this process. A token that lies in a pipe is not free; `ask` withdraws it."""
        if self.free and not self._requests:
            self.free -= 1
            self.own += 1
            return True
        return False

    def ask(self, request: Request, now: float) -> list[Effect]:
        """Want a token for this process; granted in the order of asking."""
        self._requests.append(request)
        return self._decide(now)

    def take_back(self, request: Request) -> None:
        """Want it no more, unless it has been granted already."""
        if request in self._requests:
            self._requests.remove(request)

    def give(self, now: float) -> list[Effect]:
        """Hear that this process gives a token back."""
        assert self.own > 0, "a token is given back once"
        self.own -= 1
        self._came_back(1)
        return self._decide(now)

    # What happens at the seats.

    def sit(self, name: str, room: int, now: float) -> tuple[Seat, list[Effect]]:
        """Make a seat for a new child whose pipe has room for that many tokens."""
        seat = Seat(name, room, now)
        self.seats[seat] = None
        return seat, self._decide(now)

    def took(self, seat: Seat, count: int, now: float) -> list[Effect]:
        """Hear that its child took that many of the tokens that lay there."""
        assert 0 < count <= seat.lying
        seat.lying -= count
        seat.held += count
        seat.taken += count
        seat.patience = PATIENCE_S
        self._set(seat, SeatState.OFFERED if seat.lying else SeatState.WANTING, now)
        return self._decide(now)

    def withdrawn(self, seat: Seat, now: float) -> list[Effect]:
        """Hear that one token was taken out of the seat's pipe again."""
        seat.lying -= 1
        if seat.lying:
            since = seat.since
            self._set(seat, SeatState.OFFERED, now)
            seat.since = since  # the others have lain there as long as before
        else:
            self._sate(seat, now)
        self._came_back(1)
        return self._decide(now)

    def returned(self, seat: Seat, count: int, now: float) -> list[Effect]:
        """Hear that the seat's child returned `count` tokens. More than it held are not counted."""
        self._count_returns(seat, count)
        return self._decide(now)

    def leave(self, seat: Seat, returned: int, lay: int, now: float) -> list[Effect]:
        """Hear that the seat's child has ended: all that it held comes back.

        It had returned that many tokens of late, and `lay` tokens lay in its pipe still: the rest is reclaimed.
        """
        assert lay <= seat.lying
        taken_of_late = seat.lying - lay
        seat.held += taken_of_late
        seat.taken += taken_of_late
        self._count_returns(seat, returned)
        seat.reclaimed = seat.held
        self._came_back(seat.held + lay)
        seat.held = seat.lying = 0
        self._set(seat, SeatState.RETIRED, now)
        del self.seats[seat]
        return self._decide(now)

    # What happens to the pool.

    def resize(self, tokens: int, now: float) -> list[Effect]:
        """Make the pool larger at once, or smaller as tokens come back."""
        assert tokens >= 0
        change = tokens - self.tokens
        self.tokens = tokens
        if change >= 0:
            spared = min(self.to_swallow, change)  # these are still out there: let them live
            self.to_swallow -= spared
            self.free += change - spared
        else:
            self.to_swallow -= change
            self._swallow()
        return self._decide(now)

    def tick(self, now: float) -> list[Effect]:
        """Hear that time has passed."""
        return self._decide(now)

    def next_tick(self) -> float | None:
        """Return when `tick` is due, None while time alone changes nothing."""
        times = []
        if self.free or any(seat.state is SeatState.OFFERED for seat in self.seats):
            times += [seat.ask_at for seat in self.seats if seat.state is SeatState.SATED]
        if self._somebody_wants():
            fewest = self._fewest_wanting()
            times += [_lies_until(seat, fewest) for seat in self._lying()]
        return min(times, default=None)

    def check(self) -> None:
        """Assert that every token is in one place."""
        lying = sum(seat.lying for seat in self.seats)
        held = sum(seat.held for seat in self.seats)
        assert self.free >= 0
        assert not (self.free and self.to_swallow), "free tokens are swallowed first"
        assert self.free + self.own + lying + held == self.tokens + self.to_swallow, "every token is in one place"

    def waiting(self) -> int:
        """Return how many requests of this process wait."""
        return len(self._requests)

    def _decide(self, now: float) -> list[Effect]:
        """Give what is free to those who want it, and withdraw what lies idle while somebody wants."""
        in_play = self.free or self._lying()
        for seat in self.seats:
            if seat.state is SeatState.SATED and seat.ask_at <= now and in_play:
                self._set(seat, SeatState.WANTING, now)
        effects: list[Effect] = []
        while self.free and self._requests:
            self.free -= 1
            self.own += 1
            effects.append(Grant(self._requests.popleft()))
        kept = self._offer_by_right(now, effects)
        while self.free > kept and (roomy := [seat for seat in self._lying() if seat.lying < seat.room]):
            self._offer(min(roomy, key=lambda seat: seat.held + seat.lying), now, effects)
        wanted = len(self._requests) + sum(seat.state is SeatState.WANTING for seat in self.seats)
        fewest = self._fewest_wanting()
        idle = [seat for seat in self._lying() if _lies_until(seat, fewest) <= now]
        for seat in sorted(idle, key=lambda seat: seat.since)[: wanted + self.to_swallow]:
            self._set(seat, SeatState.WITHDRAWING, now)
            effects.append(Withdraw(seat))
        return effects

    def _offer(self, seat: Seat, now: float, effects: list[Effect]) -> None:
        self.free -= 1
        seat.lying += 1
        if seat.state is SeatState.WANTING:
            self._set(seat, SeatState.OFFERED, now)
        effects.append(Offer(seat))

    def _offer_by_right(self, now: float, effects: list[Effect]) -> int:
        """Offer to those who want, fewest tokens first; return how many free tokens are kept for others.

        A make that reaps several children returns their tokens at once and takes them again one by one. While it has
        not had the time to take what lies there, its share is not given to one that holds more.
        """
        wanting = sum(seat.state is SeatState.WANTING for seat in self.seats)
        if not (self.free and wanting):
            return 0
        fewest = self._fewest_wanting()
        by_right = [
            (seat.held + seat.lying, seat.since, number, seat)
            for number, seat in enumerate(self.seats)
            if seat.state is SeatState.WANTING
            or (seat.state is SeatState.OFFERED and seat.taken and now < _lies_until(seat, fewest))
        ]
        heapify(by_right)
        kept = 0
        while self.free > kept and wanting:
            has, since, number, seat = heappop(by_right)
            if seat.state is SeatState.WANTING:
                wanting -= 1
                self._offer(seat, now, effects)
            else:
                kept += 1
            if seat.taken:  # nothing more is kept for one that has never taken any
                heappush(by_right, (has + 1, since, number, seat))
        return kept

    def _fewest_wanting(self) -> int:
        """Return how many tokens the poorest seat holds that wants one; -1 where this process comes before all."""
        if self._requests or self.to_swallow:
            return -1
        return min((seat.held for seat in self.seats if seat.state is SeatState.WANTING), default=-1)

    def _lying(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.state is SeatState.OFFERED]

    def _somebody_wants(self) -> bool:
        return bool(self._requests or self.to_swallow) or any(seat.state is SeatState.WANTING for seat in self.seats)

    def _count_returns(self, seat: Seat, count: int) -> None:
        real = min(count, seat.held)
        seat.returned_too_many += count - real
        seat.held -= real
        self._came_back(real)

    def _came_back(self, count: int) -> None:
        self.free += count
        self._swallow()

    def _swallow(self) -> None:
        swallowed = min(self.free, self.to_swallow)
        self.free -= swallowed
        self.to_swallow -= swallowed

    def _sate(self, seat: Seat, now: float) -> None:
        self._set(seat, SeatState.SATED, now)
        seat.ask_at = now + seat.patience
        seat.patience = min(2 * seat.patience, _LAST_S if seat.taken else _LAST_STRANGER_S)

    def _set(self, seat: Seat, state: SeatState, now: float) -> None:
        """Make every transition."""
        assert (seat.state, state) in _ALLOWED, f"{seat.name}: from {seat.state.value} to {state.value}"
        seat.state = state
        seat.since = now
        assert (seat.lying > 0) == (state in (SeatState.OFFERED, SeatState.WITHDRAWING)), seat.name


def _lies_until(seat: Seat, fewest_wanting: int) -> float:
    """Return until when the seat's offer may lie while others want it, the poorest of whom holds that many tokens."""
    has_the_right = seat.taken and seat.held + seat.lying <= fewest_wanting
    return seat.since + (RIGHT_S if has_the_right else PATIENCE_S)
