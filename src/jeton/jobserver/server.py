"""The server of a pool: carries out what the arbiter decides. Owns the lock, the seats' pipes, and the thread for them.

This process's own requests are served on the spot, by whichever thread makes them. The children's pipes are served by
one thread, which starts with the first child and sleeps in the selector while nothing happens.

One lock guards the arbiter and the seats. The effects are carried out under it: each is one system call that never
waits, and they must happen in the order in which they were decided. What is outside code (the `granted` of a request)
is called after it is let go.
"""

import os
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path

from jeton.jobserver.arbiter import Arbiter, Effect, Grant, Offer, Request, Seat, Withdraw
from jeton.jobserver.deaf_thread import start_deaf_thread
from jeton.jobserver.flags import can_be_said
from jeton.jobserver.hosting import Host
from jeton.jobserver.readiness import Readiness
from jeton.jobserver.seat_pipes import FifoPipes, PairPipes, SeatPipes
from jeton.jobserver.status import SeatStatus, Status

_Handler = Callable[["Place | None", list[Request]], None]
_Event = tuple[_Handler, "Place | None"]

MAX_JOBS = 4096
"""The largest pool: no machine that this runs on has more cores, and a mistyped number is caught."""
_LOOK_S = 0.01
"""How often the pipes are looked at that say nothing on their own."""


class Place:
    """One child's place at the pool: its account, its pipes. Made by `Server.sit`; to be left by whoever made it."""

    def __init__(self, server: "Server", seat: Seat, pipes: SeatPipes) -> None:
        self.seat = seat
        self.pipes = pipes
        self.pid: int | None = None
        self._server = server

    def child_started(self, pid: int) -> None:
        """Hear that the child runs: from now on the end of its pipes is its own end."""
        self._server.child_started(self, pid)

    def leave(self) -> None:
        """Hear that the child has ended: what it holds comes back at once. Calling twice changes nothing."""
        self._server.leave(self)


class Server(Host):
    """A pool of `jobs` slots: `jobs` - 1 tokens and the implicit slot of whoever opened it. Any thread may call."""

    def __init__(self, jobs: int) -> None:
        """Open the pool. Raises ValueError unless 1 <= jobs <= MAX_JOBS."""
        _check_jobs(jobs)
        self.reclaimed = 0
        # Guarded by _lock: the arbiter, the places and all their pipes.
        self._lock = threading.Lock()
        self._arbiter = Arbiter(jobs - 1)
        self._places: dict[Seat, Place] = {}
        self._left: set[Place] = set()  # children that have ended, whose pipes others still hold
        self._folder: Path | None = None  # of the fifos; made with the first one
        self._fifos = 0
        self._readiness: Readiness[_Event] | None = None
        self._thread: threading.Thread | None = None
        self._wake_fds: tuple[int, int] = (-1, -1)
        self._closed = False
        # Guarded by _lock: when the thread wakes by itself, by time.monotonic(); minus infinity while it is awake.
        self._sleeps_until = -inf
        # Guarded by _lock: when the arbiter wants to hear that time has passed, as last reckoned by _timeout.
        self._tick_at = inf

    @property
    def jobs(self) -> int:
        """How many slots the pool has."""
        return self._arbiter.tokens + 1

    def try_take(self) -> bool:
        """Take a token for this process if one is free."""
        with self._lock:
            return self._arbiter.try_take()

    def ask(self, granted: Callable[[], object]) -> Request:
        """Want a token for this process: `granted` is called once, on any thread, when it is its own."""
        request = Request(granted)
        self._do(lambda now: self._arbiter.ask(request, now))
        return request

    def take_back(self, request: Request) -> None:
        """Want it no more. Where it was granted already, `granted` is or will be called all the same."""
        with self._lock:
            self._arbiter.take_back(request)

    def give(self) -> None:
        """Give one of this process's tokens back."""
        self._do(self._arbiter.give)

    def resize(self, jobs: int) -> None:
        """Make the pool larger at once, or smaller as tokens come back. Raises ValueError as the constructor."""
        _check_jobs(jobs)
        self._do(lambda now: self._arbiter.resize(jobs - 1, now))

    def sit(self, name: str, *, fifo: bool = False) -> Place:
        """Give a child a place, in pipe or fifo style. Raises OSError where no pipe can be made."""
        pipes: SeatPipes
        pipes = FifoPipes(self._fifo_path()) if fifo else PairPipes()
        granted: list[Request] = []
        with self._lock:
            assert not self._closed, "a closed pool takes no child"
            try:
                self._start_thread()
            except BaseException:
                pipes.close()
                raise
            seat, effects = self._arbiter.sit(name, pipes.room, time.monotonic())
            place = self._places[seat] = Place(self, seat, pipes)
            self._carry_out(effects, granted)
            self._wake_thread()
        self._tell(granted)
        return place

    def child_started(self, place: Place, pid: int) -> None:
        """See `Place.child_started`."""
        with self._lock:  # the child may have ended by now, and the thread be about to close its pipes
            place.pid = pid
            if place.seat in self._places or place in self._left:
                place.pipes.child_started()

    def leave(self, place: Place) -> None:
        """See `Place.leave`."""
        granted: list[Request] = []
        with self._lock:
            if place.seat in self._places and not self._closed:
                self._retire(place, granted)
        self._tell(granted)

    def status(self) -> Status:
        """Return what is known of the pool now."""
        with self._lock:
            now = time.monotonic()
            arbiter = self._arbiter
            arbiter.check()
            seats = [
                SeatStatus(
                    seat.name,
                    place.pid,
                    seat.state,
                    now - seat.since,
                    seat.held,
                    seat.taken,
                    seat.returned_too_many,
                )
                for seat, place in self._places.items()
            ]
            lying = sum(seat.lying for seat in self._places)
            return Status(
                self.jobs,
                arbiter.free + lying,
                arbiter.own,
                arbiter.waiting(),
                arbiter.to_swallow,
                self.reclaimed,
                seats,
            )

    def close(self) -> None:
        """End the thread and close every pipe. Children that still run find their pool dead."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
        if thread is not None:
            os.write(self._wake_fds[1], b"x")
            thread.join()
            for fd in self._wake_fds:
                os.close(fd)
            self._ready().close()
        for place in [*self._places.values(), *self._left]:
            place.pipes.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _do(self, decide: Callable[[float], list[Effect]]) -> None:
        """Let the arbiter decide and carry it out; then tell those whose requests were granted."""
        granted: list[Request] = []
        with self._lock:
            effects = decide(time.monotonic())
            if not self._closed:  # else its pipes are no more, and their numbers may be other files
                self._carry_out(effects, granted)
                self._wake_thread()
        self._tell(granted)

    def _carry_out(self, effects: list[Effect], granted: list[Request]) -> None:
        """Carry out the effects, and those that follow from them. With _lock held; `granted` is told after it."""
        arbiter = self._arbiter
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, Grant):
                granted.append(effect.request)
                continue
            place = self._places[effect.seat]
            if isinstance(effect, Offer):
                place.pipes.offer()
                self._watch(place)
            elif isinstance(effect, Withdraw):
                seat, now = effect.seat, time.monotonic()
                back = place.pipes.withdraw()
                waiting += arbiter.withdrawn(seat, now) if back else arbiter.took(seat, seat.lying, now)

    @staticmethod
    def _tell(granted: list[Request]) -> None:
        for request in granted:
            request.granted()

    def _retire(self, place: Place, granted: list[Request]) -> None:
        """Take a child off the account. Its pipes stay while others hold them: writing to a closed one kills."""
        del self._places[place.seat]
        place.pipes.child_started()  # where it never was: nobody else has its ends then
        seat = place.seat
        returned, ended = 0, place.pipes.return_fd < 0
        while count := place.pipes.read_returns(seat.lying):
            returned += count
        ended = ended or count is None
        lay = min(place.pipes.lying(), seat.lying)
        for _ in range(lay):
            place.pipes.withdraw()
        effects = self._arbiter.leave(seat, returned, lay, time.monotonic())
        self.reclaimed += place.seat.reclaimed
        if ended:
            self._forget(place)
        else:
            self._left.add(place)
            self._watch(place)
        self._carry_out(effects, granted)
        self._wake_thread()

    def _forget(self, place: Place) -> None:
        """Close the pipes of a child that has ended, with all that inherited them."""
        self._left.discard(place)
        self._ready().forget(place.pipes.return_fd)
        self._ready().forget(place.pipes.grant_fd)
        place.pipes.close()

    # The thread.

    def _serve(self) -> None:
        while True:
            with self._lock:
                if self._closed:
                    return
                timeout = self._timeout()
                self._sleeps_until = inf if timeout is None else time.monotonic() + timeout
            ready = self._ready().wait(timeout)
            granted: list[Request] = []
            with self._lock:
                self._sleeps_until = -inf  # awake: it reckons anew before it sleeps again
                if self._closed:
                    return
                for handle, place in ready:
                    handle(place, granted)
                self._look_at_silent_pipes(granted)
                if self._tick_at <= (now := time.monotonic()):
                    self._carry_out(self._arbiter.tick(now), granted)
            self._tell(granted)

    def _on_return(self, place: Place | None, granted: list[Request]) -> None:
        assert place is not None
        if place in self._left:
            if place.pipes.read_returns(0) is None:
                self._forget(place)
            return
        if place.seat not in self._places:
            return  # it left after the selector had looked
        returned = place.pipes.read_returns(place.seat.lying)
        if returned is None:
            self._retire(place, granted)
        else:
            if place.pipes.return_fd >= 0:
                self._on_taken(place, granted)  # what came back had been taken, seen or not
            self._carry_out(self._arbiter.returned(place.seat, returned, time.monotonic()), granted)

    def _on_taken(self, place: Place | None, granted: list[Request]) -> None:
        assert place is not None
        seat = place.seat
        if seat not in self._places or (taken := seat.lying - place.pipes.lying()) <= 0:
            return
        self._carry_out(self._arbiter.took(seat, taken, time.monotonic()), granted)

    def _on_wake(self, _: Place | None, __: list[Request]) -> None:
        os.read(self._wake_fds[0], 4096)

    def _look_at_silent_pipes(self, granted: list[Request]) -> None:
        for place in list(self._places.values()):
            # What was taken first: a token taken and one returned look like none of either, and that is as good.
            if place.pipes.grant_fd < 0:
                self._on_taken(place, granted)
            if place.pipes.return_fd < 0:
                self._on_return(place, granted)

    def _timeout(self) -> float | None:
        """Return how many seconds the thread may sleep; None for until something happens."""
        due = self._arbiter.next_tick()
        self._tick_at = inf if due is None else due
        timeout = None if due is None else max(0.0, due - time.monotonic())
        silent = any(place.pipes.grant_fd < 0 for place in self._places.values())
        return min(_LOOK_S, timeout if timeout is not None else _LOOK_S) if silent else timeout

    def _watch(self, place: Place) -> None:
        """Watch what the pipes tell: from the first offer on, for nothing is taken and nothing comes back before it."""
        if place.pipes.grant_fd >= 0:
            self._ready().watch_drained(place.pipes.grant_fd, (self._on_taken, place))
        if place.pipes.return_fd >= 0:
            self._ready().watch_readable(place.pipes.return_fd, (self._on_return, place))

    def _start_thread(self) -> None:
        if self._thread is not None:
            return
        self._wake_fds = os.pipe()
        try:
            self._readiness = Readiness()
        except BaseException:
            for fd in self._wake_fds:
                os.close(fd)
            raise
        for fd in self._wake_fds:
            os.set_blocking(fd, False)
        self._readiness.watch_readable(self._wake_fds[0], (self._on_wake, None))
        self._thread = start_deaf_thread(self._serve, "jeton-jobserver")

    def _wake_thread(self) -> None:
        """Wake the thread if it is to do something before it would wake by itself. With _lock held."""
        timeout = self._timeout() if self._thread is not None else None
        if timeout is not None and time.monotonic() + timeout < self._sleeps_until:
            self._sleeps_until = -inf
            with suppress(BlockingIOError):  # full of wakes: it will wake
                os.write(self._wake_fds[1], b"x")

    def _ready(self) -> Readiness[_Event]:
        assert self._readiness is not None, "it comes with the first child, as the thread does"
        return self._readiness

    def _fifo_path(self) -> Path:
        with self._lock:
            if self._folder is None:
                folder = Path(tempfile.gettempdir()).absolute()
                if not can_be_said(str(folder)):
                    folder = Path("/tmp")  # noqa: S108  mkdtemp makes a folder of our own in it
                self._folder = Path(tempfile.mkdtemp(prefix="jeton-", dir=folder))  # 0700
            self._fifos += 1
            return self._folder / f"tokens{self._fifos}"


def _check_jobs(jobs: int) -> None:
    if not 1 <= jobs <= MAX_JOBS:
        raise ValueError(f"-j {jobs}: a pool has 1 to {MAX_JOBS} slots")
