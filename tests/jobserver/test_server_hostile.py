"""Covers what a client should not do and does: daemons, forks, returns of what it never took, full pipes."""

import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobserver.clients import TAKES_ALL, hoarder, is_whole
from tests.peers.jobserver_command import environment

from jeton.jobserver import MAX_JOBS, PipeAuth, Server
from jeton.jobserver.channel import open_channel

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(5)
    yield server
    server.close()


DAEMON = """
take(), take()
if os.fork():
    os._exit(0)
os.setsid()
os.read(0, 1)
give()
give()
os.write(1, b"alive")
"""


def test_a_daemon_that_a_child_leaves_keeps_no_token_and_may_write_to_the_pipe_still(server: Server) -> None:
    """child: take, take, fork, end (1)
    daemon:                       stand (2) ... write, say so (3), end
    test:              wait (1), leave, all is back (2), let it go, hear (3)
    """
    with hoarder(server, DAEMON, 2) as member:
        assert member.saw(2) == b"tt"
        member.child.wait()
        member.place.leave()
        assert is_whole(server)
        assert server.reclaimed == 2
        member.let_go()
        assert member.saw(99) == b"alive", "it was not ended by a signal for a broken pipe"
        assert is_whole(server), "what it returned beyond the reclaimed is not counted twice"


FORKS = """
take(), take()
if os.fork() == 0:
    os.write(1, b"f")
    os.read(0, 1)
    give()
    os.write(1, b"g")
os.read(0, 1)
os.read(0, 1)
"""


def test_a_forked_child_keeps_what_the_two_hold_until_both_have_died(server: Server) -> None:
    """Nobody waits for the child here: its pipe alone tells of its end."""
    with hoarder(server, FORKS, 2) as member:
        assert member.saw(3) == b"ttf"
        member.kill(signal.SIGKILL)
        assert (len(server.status().seats), server.reclaimed) == (1, 0)
        member.let_go()
        assert member.saw(1) == b"g"
        member.saw(1)  # it has ended
        assert is_whole(server)
    assert server.reclaimed == 1


def test_a_place_whose_command_could_not_be_started_keeps_nothing(server: Server) -> None:
    place = server.sit("no such command")
    with pytest.raises(FileNotFoundError):
        subprocess.run(["/no/such/command"], pass_fds=place.pipes.pass_fds(), check=False)
    place.leave()
    assert is_whole(server)
    assert server.status().seats == []


# Returns of what was never taken.


@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize("number", [1, 3, 70_000])
def test_a_client_that_returns_what_it_never_took_cannot_make_the_pool_larger(
    server: Server, fifo: bool, number: int
) -> None:
    """Each return is written by itself, as clients do, so more than a pipe holds must be read meanwhile."""
    code = f"take()\nfor _ in range(1 + {number}): give()\nos.write(1, b'd')\nos.read(0, 1)\n"
    with hoarder(server, code, 1, fifo=fifo) as member:
        assert member.saw(2) == b"td"
        assert is_whole(server)
        assert server.status().free == 4
    assert is_whole(server)
    assert server.reclaimed == 0


def test_a_client_that_fills_its_own_grant_pipe_harms_nobody_else(server: Server) -> None:
    place = server.sit("hostile")
    auth = place.pipes.auth
    assert isinstance(auth, PipeAuth)
    client = open_channel(auth)
    writer = os.open(f"/dev/fd/{auth.read_fd}", os.O_WRONLY | os.O_NONBLOCK)
    room = select.poll()
    room.register(writer, select.POLLOUT)
    for _ in range(50):
        while room.poll(0):
            os.write(writer, b"x")
        client.try_take()
        status = server.status()
        assert status.free + status.seats[0].held == 4
    os.close(writer)
    place.leave()
    client.close()
    assert is_whole(server)


# Interrupts.

STORM = """
import signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
"""

WORKS = """
for _ in range(300):
    for _ in range(2): take()
    for _ in range(2): give()
os.write(1, b"d")
os._exit(0)  # an interpreter that ends takes its handlers away, and the next alarm would kill it
"""

SERVES = """
import os
from tests.jobserver.clients import hoarder, is_whole
from tests.jobserver.test_server_hostile import STORM, WORKS
from jeton.jobserver import Server
server = Server(5)
exec(STORM)
for fifo in (False, True):
    with hoarder(server, STORM + WORKS, 3, fifo=fifo) as one, hoarder(server, STORM + WORKS, 3) as two:
        assert one.saw(99999)[-1:] == two.saw(99999)[-1:] == b"d"
        assert one.child.wait() == two.child.wait() == 0
        one.place.leave()
        two.place.leave()
        assert is_whole(server)
assert server.reclaimed == 0, server.reclaimed
server.close()
print("whole", flush=True)
os._exit(0)
"""


def test_a_storm_of_interrupts_in_server_and_clients_loses_nothing() -> None:
    """Each has a timer that goes off every 0.2 ms; nothing waits for it."""
    env = environment(PYTHONPATH=f"{TOP / 'src'}{os.pathsep}{TOP}")
    done = subprocess.run([sys.executable, "-c", SERVES], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("whole\n", "")


# The server's end.


def test_a_client_that_waits_hears_of_the_server_s_end() -> None:
    server = Server(2)
    with hoarder(server, TAKES_ALL, 2) as member:
        assert member.saw(1) == b"t"
        server.close()
        assert member.saw(99) == b"e"
        assert member.child.wait() == 0


def test_a_place_at_a_closed_server_can_be_left_and_a_token_be_given_back() -> None:
    server = Server(3)
    places = [server.sit("", fifo=fifo) for fifo in (False, True)]
    server.resize(4)
    assert server.try_take() or server.ask(lambda: None)
    server.close()
    for place in places:
        place.child_started(1)
        place.leave()
    if server.status().own:
        server.give()


# Large pools.


def test_one_client_may_hold_all_of_the_largest_pool() -> None:
    server = Server(MAX_JOBS)
    with hoarder(server, TAKES_ALL, MAX_JOBS - 1) as member:
        assert member.saw(MAX_JOBS - 1) == b"t" * (MAX_JOBS - 1)
        member.kill(signal.SIGKILL)
        member.place.leave()
        assert server.reclaimed == MAX_JOBS - 1
        assert is_whole(server)
    server.close()


def test_hundreds_of_children_are_served_with_descriptors_beyond_what_select_knows() -> None:
    seats = 300
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 8 * seats:
        pytest.skip("needs more descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 8 * seats), hard))
    server = Server(seats + 1)
    try:
        places = [server.sit(str(number)) for number in range(seats)]
        ends = [place.pipes.auth for place in places if isinstance(place.pipes.auth, PipeAuth)]
        assert max(auth.read_fd for auth in ends) > 1024
        for auth in ends:  # each waits, and gets one, since none has more than another
            assert os.read(auth.read_fd, 1) == b"+"
        for auth in ends[: seats // 2]:
            os.write(auth.write_fd, b"+")
        for place in places[seats // 2 :]:
            place.leave()
        assert is_whole(server)
        assert server.reclaimed == seats - seats // 2
    finally:
        server.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
