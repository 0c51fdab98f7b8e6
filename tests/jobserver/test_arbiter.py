"""Covers who gets the next token: the share of each, what becomes of an offer that nobody takes, who comes first."""

from itertools import pairwise

import pytest
from tests.jobserver.arbiter_world import Client, World

from jeton.jobserver.arbiter import PATIENCE_S, RIGHT_S, SeatState


def take_all(world: World, *hungry: Client) -> None:
    """Let these clients take whatever is offered, until nothing more is."""
    while [client for client in hungry if client.take()]:
        for client in hungry:
            world.see(client)


def shares(*clients: Client) -> list[int]:
    return sorted(client.holds for client in clients)


@pytest.mark.parametrize("seats", [1, 2, 3, 7])
@pytest.mark.parametrize("tokens", [0, 1, 5, 16])
@pytest.mark.parametrize("room", [1, 4096])
def test_seats_that_are_always_hungry_share_within_one(seats: int, tokens: int, room: int) -> None:
    world = World(0)
    hungry = [world.sit(room) for _ in range(seats)]
    for number in range(tokens):
        world.resize(number + 1)
        take_all(world, *hungry)
    for round_ in range(3 * tokens):
        whose = hungry[round_ * round_ % seats]
        if whose.holds:
            whose.give_back()
            world.see(whose)
            take_all(world, *hungry)
        got = shares(*hungry)
        assert sum(got) == tokens
        assert got[-1] - got[0] <= 1


@pytest.mark.parametrize("others", [1, 3, 8])
def test_whoever_comes_later_has_its_share_as_soon_as_enough_came_back(others: int) -> None:
    world = World(12)
    first = world.sit()
    take_all(world, first)
    assert first.holds == 12
    late = [world.sit() for _ in range(others)]
    for _ in range(12):
        first.give_back()
        world.see(first)
        take_all(world, first, *late)
        if len({first.holds, *shares(*late)}) <= 2 and first.holds - min(shares(*late)) <= 1:
            break
    got = shares(first, *late)
    assert sum(got) == 12
    assert got[-1] - got[0] <= 1


def test_a_token_goes_to_whoever_wanted_it_for_longest_among_equals() -> None:
    world = World(0)
    clients = []
    for _ in range(3):
        clients.append(world.sit())
        world.now += 1
    for number, client in enumerate(clients):
        world.resize(number + 1)
        assert [each.lies for each in clients] == [each is client for each in clients]
        client.take()  # and then works for long
        world.see(client)


def test_what_lies_idle_reaches_a_hungry_seat_within_the_arbiter_s_patience() -> None:
    world = World(1)
    idle = world.sit()
    assert idle.lies == 1
    world.now += 5
    hungry = world.sit()  # the offer has lain for long
    assert (idle.lies, hungry.lies) == (0, 1)
    assert idle.seat.state is SeatState.SATED

    world = World(1)
    idle = world.sit()
    hungry = world.sit()  # the offer is fresh: the other may be about to take it
    assert (idle.lies, hungry.lies) == (1, 0)
    began = world.now
    assert world.tick_when_due()
    assert (idle.lies, hungry.lies) == (0, 1)
    assert world.now - began <= PATIENCE_S


@pytest.mark.parametrize("room", [1, 4096])
def test_all_that_lies_idle_reaches_the_one_who_wants_it(room: int) -> None:
    world = World(8)
    for _ in range(8):
        world.sit(room)
    hungry = world.sit()
    began = world.now
    while hungry.holds < 8 and world.tick_when_due():
        take_all(world, hungry)
        assert world.now - began < 0.1
    assert hungry.holds == 8


def test_an_idle_seat_is_asked_twice_as_late_each_time_and_not_for_ever_later() -> None:
    world = World(1)
    idle, hungry = world.sit(), world.sit()
    asked: list[float] = []
    while world.now < 1010 and world.tick_when_due():
        if idle.lies and (not asked or world.now - asked[-1] > PATIENCE_S):
            asked.append(world.now)
        take_all(world, hungry)
        if hungry.holds:
            hungry.give_back()
            world.see(hungry)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert len(gaps) > 10
    assert all(later >= 0.9 * earlier for earlier, later in pairwise(gaps))
    assert max(gaps) < 0.6


def test_strangers_to_the_protocol_cost_one_who_works_next_to_nothing() -> None:
    """Twenty commands that never take a token, beside a make of four that returns one every five milliseconds."""
    world = World(3)
    for _ in range(20):
        world.sit()
    worker = world.sit()
    lent = 0.0
    while world.now < 1020:
        due = world.arbiter.next_tick()
        before, world.now = world.now, min(world.now + 0.005, due if due is not None else world.now + 0.005)
        lent += (3 - worker.holds) * (world.now - before) if before > 1005 else 0
        world.tick()
        if worker.holds and int(before / 0.005) != int(world.now / 0.005):
            worker.give_back()
            world.see(worker)
        take_all(world, worker)
    assert lent / (3 * 15) < 0.1


def test_a_request_of_this_process_comes_before_every_seat() -> None:
    world = World(1)
    holder, other = world.sit(), world.sit()
    take_all(world, holder)
    request = world.ask()
    holder.give_back()
    world.see(holder)
    assert world.granted == [request]
    assert (holder.lies, other.lies) == (0, 0)
    world.give()
    assert holder.lies + other.lies == 1


def test_a_request_of_this_process_has_what_lies_idle_withdrawn() -> None:
    world = World(2)
    world.sit(room=5)
    assert not world.arbiter.try_take(), "what lies in a pipe is the child's to take"
    requests = [world.ask(), world.ask()]
    while len(world.granted) < 2:
        assert world.tick_when_due()
    assert world.granted == requests
    assert world.now - 1000 <= 2 * PATIENCE_S


def test_requests_are_granted_in_the_order_of_asking_and_not_if_taken_back() -> None:
    world = World(1)
    assert world.arbiter.try_take()
    requests = [world.ask() for _ in range(4)]
    world.arbiter.take_back(requests[1])
    for _ in range(3):
        assert not world.arbiter.try_take(), "nobody passes those who wait"
        world.give()
    assert world.granted == [requests[0], requests[2], requests[3]]
    world.arbiter.take_back(requests[0])  # granted already: nothing changes
    assert world.arbiter.own == 1


def test_a_withdrawal_that_comes_too_late_finds_the_token_taken() -> None:
    world = World(1)
    slow, hungry = world.sit(), world.sit()
    world.before_withdrawing = lambda client: client.take()
    assert world.tick_when_due()
    assert (slow.holds, hungry.lies) == (1, 0)
    assert (slow.seat.held, slow.seat.state) == (1, SeatState.WANTING)


def test_a_smaller_pool_swallows_tokens_as_they_come_back() -> None:
    world = World(4)
    holder = world.sit()
    take_all(world, holder)
    world.resize(1)
    assert (world.arbiter.to_swallow, holder.holds) == (3, 4)
    for left in (2, 1, 0):
        holder.give_back()
        world.see(holder)
        assert (world.arbiter.to_swallow, holder.lies) == (left, 0)
    holder.give_back()
    world.see(holder)
    assert holder.lies == 1


def test_a_pool_made_larger_again_spares_what_was_to_be_swallowed() -> None:
    world = World(4)
    holder = world.sit()
    take_all(world, holder)
    world.resize(0)
    world.resize(3)
    assert (world.arbiter.to_swallow, world.arbiter.free) == (1, 0)
    world.resize(6)
    assert (world.arbiter.to_swallow, holder.lies) == (0, 1)
    assert holder.holds + holder.lies + world.arbiter.free == 6


def test_a_smaller_pool_withdraws_what_lies_idle() -> None:
    world = World(3)
    idle = world.sit(room=9)
    world.resize(1)
    while world.arbiter.to_swallow:
        assert world.tick_when_due()
    assert idle.lies + world.arbiter.free == 1


def test_all_that_a_child_held_comes_back_at_its_end_whether_seen_or_not() -> None:
    world = World(5)
    dies = world.sit(room=5)
    for _ in range(3):
        dies.take()
    world.see(dies)
    dies.take()  # unseen
    dies.give_back()  # unseen
    world.leave(dies)
    assert world.arbiter.free == 5
    assert (dies.seat.reclaimed, dies.seat.returned_too_many, dies.seat.taken) == (3, 0, 4)


def test_a_child_that_takes_and_returns_before_it_is_seen_has_lost_nothing_at_its_end() -> None:
    world = World(1)
    quick = world.sit()
    quick.take()
    quick.give_back()
    world.leave(quick)
    assert (quick.seat.reclaimed, quick.seat.returned_too_many) == (0, 0)


def test_returns_of_what_was_never_taken_are_not_counted() -> None:
    world = World(2)
    client = world.sit()
    client.take()
    world.see(client)
    world.carry_out(world.arbiter.returned(client.seat, 0, world.now))
    client.holds -= 1  # one is real
    world.carry_out(world.arbiter.returned(client.seat, 7, world.now))
    assert client.seat.returned_too_many == 6
    assert world.arbiter.free + client.lies == 2


def test_a_pool_where_time_changes_nothing_names_no_time() -> None:
    world = World(2)
    assert world.arbiter.next_tick() is None
    client = world.sit()
    take_all(world, client)
    assert world.arbiter.next_tick() is None, "all is held: only a return can change that"
    client.give_back()
    world.see(client)
    assert world.arbiter.next_tick() is None, "it lies idle and nobody wants it"


def two_that_share_eight() -> tuple[World, Client, Client]:
    """The first holds four, as a make whose jobs are short; the second four, as a cargo that keeps them."""
    world = World(8)
    make, cargo = world.sit(), world.sit()
    take_all(world, make, cargo)
    assert (make.holds, cargo.holds) == (4, 4)
    return world, make, cargo


def test_several_tokens_returned_at_once_are_kept_for_the_one_who_has_the_right() -> None:
    """One token lies in its pipe at a time: the others are not given away while it takes them one by one."""
    world, make, cargo = two_that_share_eight()
    for _ in range(3):
        make.give_back()
    world.see(make)
    assert (make.lies, cargo.lies, world.arbiter.free) == (1, 0, 2)
    take_all(world, make)
    assert (make.holds, cargo.lies) == (4, 0)


def test_one_who_has_the_right_is_waited_for_longer_and_not_for_ever() -> None:
    world, make, cargo = two_that_share_eight()
    make.give_back()
    world.see(make)
    world.now += 5 * PATIENCE_S
    world.tick()
    assert (make.lies, cargo.lies) == (1, 0), "it may not be on a core just now"
    while not cargo.lies:
        assert world.tick_when_due()
    assert world.now <= 1000 + RIGHT_S + PATIENCE_S
    assert make.lies == 0
