"""Stands in for the pipes and the clients around an arbiter. Owns what is really the case, beside the account of it.

A client acts at once; the arbiter hears of it when `see` is called, as the server's thread does, or when it tries to
withdraw what was taken meanwhile.
"""

from collections import deque
from collections.abc import Callable

from jeton.jobserver.arbiter import Arbiter, Effect, Grant, Offer, Request, Seat, Withdraw


class Client:
    """One child: what lies in its pipe, what it holds, and what it has returned and nobody has read."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.lies = 0
        self.holds = 0
        self.returned = 0

    def take(self) -> bool:
        """Take one if it is there."""
        if not self.lies:
            return False
        self.lies -= 1
        self.holds += 1
        return True

    def give_back(self) -> None:
        assert self.holds
        self.holds -= 1
        self.returned += 1


class World:
    """A pool, with a clock that stands until it is set."""

    def __init__(self, tokens: int) -> None:
        self.arbiter = Arbiter(tokens)
        self.clients: list[Client] = []
        self.now = 1000.0
        self.granted: list[Request] = []
        self.before_withdrawing: Callable[[Client], object] = lambda _: None
        """Called at the last moment before a token is taken out of a client's pipe: the client may be faster."""

    def sit(self, room: int = 1) -> Client:
        seat, effects = self.arbiter.sit(f"seat {len(self.clients)}", room, self.now)
        client = Client(seat)
        self.clients.append(client)
        self.carry_out(effects)
        return client

    def see(self, client: Client) -> None:
        """Let the arbiter hear what the client has done: what came back had been taken before."""
        returned = client.returned
        if taken := client.seat.lying - client.lies:
            self.carry_out(self.arbiter.took(client.seat, taken, self.now))
        if returned:
            client.returned -= returned
            self.carry_out(self.arbiter.returned(client.seat, returned, self.now))

    def leave(self, client: Client) -> None:
        self.clients.remove(client)
        effects = self.arbiter.leave(client.seat, client.returned, client.lies, self.now)
        self.carry_out(effects)

    def ask(self) -> Request:
        request = Request(lambda: None)
        self.carry_out(self.arbiter.ask(request, self.now))
        return request

    def give(self) -> None:
        self.carry_out(self.arbiter.give(self.now))

    def resize(self, tokens: int) -> None:
        self.carry_out(self.arbiter.resize(tokens, self.now))

    def tick(self) -> list[Effect]:
        effects = self.arbiter.tick(self.now)
        self.carry_out(effects)
        return effects

    def tick_when_due(self) -> bool:
        """Go on to the time that the arbiter names; False where it names none."""
        due = self.arbiter.next_tick()
        if due is None:
            return False
        self.now = max(self.now, due)
        self.tick()
        return True

    def carry_out(self, effects: list[Effect]) -> None:
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, Grant):
                self.granted.append(effect.request)
                continue
            client = next(client for client in self.clients if client.seat is effect.seat)
            if isinstance(effect, Offer):
                client.lies += 1
                assert client.lies <= client.seat.room, "nothing is offered beyond room"
            elif isinstance(effect, Withdraw):
                self.before_withdrawing(client)
                if client.lies:
                    client.lies -= 1
                    waiting += self.arbiter.withdrawn(client.seat, self.now)
                else:
                    waiting += self.arbiter.took(client.seat, client.seat.lying, self.now)
        self.check()

    def check(self) -> None:
        """Hold the account to what is the case: every token is in one place, seen or not."""
        arbiter = self.arbiter
        arbiter.check()
        out = sum(client.lies + client.holds + client.returned for client in self.clients)
        assert arbiter.free + arbiter.own + out == arbiter.tokens + arbiter.to_swallow
        for client in self.clients:
            assert client.lies <= client.seat.lying
            assert client.holds + client.returned == client.seat.held + client.seat.lying - client.lies
