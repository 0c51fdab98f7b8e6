"""Walks through the arbiter at random: clients race withdrawals, and after each step every token is in one place."""

import copy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.jobserver.arbiter_world import Client, World

from jeton.jobserver.arbiter import RIGHT_S, Arbiter, Request, SeatState

INDEX = st.integers(min_value=0, max_value=9)


def states(arbiter: Arbiter) -> list[tuple[SeatState, int, float]]:
    return [(seat.state, seat.lying, seat.since) for seat in arbiter.seats]


class Walk(RuleBasedStateMachine):
    """Any order of what clients do, what is seen of it, and what this process asks for."""

    @initialize(tokens=st.integers(min_value=0, max_value=5))
    def open(self, tokens: int) -> None:
        self.world = World(tokens)
        self.world.before_withdrawing = self.race
        self.races: list[bool] = []
        self.requests: list[Request] = []

    def race(self, client: Client) -> None:
        if self.races and self.races.pop():
            client.take()

    def client(self, index: int) -> Client:
        return self.world.clients[index % len(self.world.clients)]

    @rule(races=st.lists(st.booleans(), max_size=4))
    def let_clients_race_withdrawals(self, races: list[bool]) -> None:
        self.races = races

    @rule(room=st.sampled_from([1, 1, 3, 4096]))
    def sit(self, room: int) -> None:
        self.world.sit(room)

    @precondition(lambda self: self.world.clients)
    @rule(index=INDEX, seen=st.booleans())
    def take(self, index: int, seen: bool) -> None:
        client = self.client(index)
        client.take()
        if seen:
            self.world.see(client)

    @precondition(lambda self: any(client.holds for client in self.world.clients))
    @rule(index=INDEX, seen=st.booleans())
    def give_back(self, index: int, seen: bool) -> None:
        holders = [client for client in self.world.clients if client.holds]
        client = holders[index % len(holders)]
        client.give_back()
        if seen:
            self.world.see(client)

    @precondition(lambda self: self.world.clients)
    @rule(index=INDEX)
    def leave(self, index: int) -> None:
        self.world.leave(self.client(index))

    @rule()
    def ask(self) -> None:
        self.requests.append(self.world.ask())

    @precondition(lambda self: self.requests)
    @rule(index=INDEX)
    def take_back(self, index: int) -> None:
        self.world.arbiter.take_back(self.requests[index % len(self.requests)])

    @rule()
    def try_take(self) -> None:
        self.world.arbiter.try_take()

    @precondition(lambda self: self.world.arbiter.own)
    @rule()
    def give(self) -> None:
        self.world.give()

    @rule(tokens=st.integers(min_value=0, max_value=6))
    def resize(self, tokens: int) -> None:
        self.world.resize(tokens)

    @rule(seconds=st.sampled_from([0.0, 0.0004, 0.001, 0.01, 1.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.tick()

    @rule()
    def wait_until_due(self) -> None:
        arbiter = self.world.arbiter
        before, due = states(arbiter), arbiter.next_tick()
        if due is None:
            later = copy.deepcopy(arbiter)
            assert later.tick(self.world.now + 1e6) == [], "no time was named, and yet time changes something"
            assert states(later) == before
        else:
            self.world.tick_when_due()
            assert states(arbiter) != before, "a tick when it is due changes something"

    @invariant()
    def every_token_is_in_one_place(self) -> None:
        self.world.check()
        arbiter = self.world.arbiter
        wanting = [seat for seat in arbiter.seats if seat.state is SeatState.WANTING]
        offered = [seat for seat in arbiter.seats if seat.state is SeatState.OFFERED]
        kept = [seat for seat in offered if seat.taken and self.world.now <= seat.since + RIGHT_S]
        assert not (arbiter.free and arbiter.waiting()), "this process comes first"
        assert not (arbiter.free and wanting and not kept), "nobody waits beside a free token that is kept for nobody"
        assert not (arbiter.free and any(seat.lying < seat.room for seat in offered) and not kept)
        assert len(self.world.granted) == len(set(self.world.granted)), "nobody is granted one twice"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for request in self.requests:
            self.world.arbiter.take_back(request)
        for client in list(self.world.clients):
            self.world.leave(client)
        while self.world.arbiter.own:
            self.world.give()
        assert self.world.arbiter.free == self.world.arbiter.tokens, "the pool is whole at the end"
        assert self.world.arbiter.to_swallow == 0


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
