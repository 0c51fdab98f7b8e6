"""Covers the pipes of one seat: what the kernel tells of a token taken, a token returned, and a child's end."""

import fcntl
import os
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from tests.jobserver.pipes import is_open, open_fds, waits

from jeton.jobserver import FifoAuth, PipeAuth
from jeton.jobserver.channel import Channel, open_channel
from jeton.jobserver.seat_pipes import PACKETS, FifoPipes, PairPipes, SeatPipes

needs_packets = pytest.mark.skipif(not PACKETS, reason="no pipe here is full of one token")


@pytest.fixture
def pair() -> Iterator[PairPipes]:
    pipes = PairPipes()
    yield pipes
    pipes.close()


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[FifoPipes]:
    pipes = FifoPipes(tmp_path / "tokens")
    yield pipes
    pipes.close()


@pytest.fixture(params=["pair", "fifo"])
def pipes(request: pytest.FixtureRequest) -> SeatPipes:
    seat: SeatPipes = request.getfixturevalue(request.param)
    return seat


@pytest.fixture
def client(pipes: SeatPipes) -> Iterator[Channel]:
    channel = open_channel(pipes.auth)
    yield channel
    channel.close()


def childs_ends(pair: PairPipes) -> PipeAuth:
    assert isinstance(pair.auth, PipeAuth)
    return pair.auth


def ready(fd: int, events: int) -> bool:
    poll = select.poll()
    poll.register(fd, events)
    return bool(poll.poll(0))


# What both styles do.


def test_a_token_that_is_offered_is_there_to_be_taken_once(pipes: SeatPipes, client: Channel) -> None:
    assert client.try_take() is None
    pipes.offer()
    assert pipes.lying() == 1
    assert client.try_take() == b"+"
    assert pipes.lying() == 0
    assert client.try_take() is None


def test_a_token_is_withdrawn_or_taken_and_never_both(pipes: SeatPipes, client: Channel) -> None:
    pipes.offer()
    assert pipes.withdraw()
    assert client.try_take() is None
    pipes.offer()
    assert client.try_take() == b"+"
    assert not pipes.withdraw()


@pytest.mark.concurrency
def test_one_of_two_gets_the_token_when_both_reach_for_it_at_once(pipes: SeatPipes, client: Channel) -> None:
    """Again and again: meet (1), both reach, meet (2), one has it."""
    together = Barrier(2)
    got: list[bool] = []

    def take() -> None:
        for _ in range(300):
            together.wait()
            got.append(client.try_take() is not None)
            together.wait()

    thread = Thread(target=take)
    thread.start()
    withdrawn = []
    for _ in range(300):
        pipes.offer()
        together.wait()
        withdrawn.append(pipes.withdraw())
        together.wait()
    thread.join()
    assert [one != other for one, other in zip(got, withdrawn, strict=True)] == [True] * 300


def test_returns_are_counted_and_taken_out(pipes: SeatPipes, client: Channel) -> None:
    assert pipes.read_returns(0) == 0
    for _ in range(3):
        client.give(b"+")
    assert pipes.read_returns(0) == 3
    assert pipes.read_returns(0) == 0


def test_a_pipe_full_of_what_a_client_put_there_stops_nobody(pipes: SeatPipes, client: Channel) -> None:
    auth = pipes.auth
    path = auth.path if isinstance(auth, FifoAuth) else f"/dev/fd/{auth.read_fd}"
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while ready(writer, select.POLLOUT):
            os.write(writer, b"x")
        pipes.offer()
        assert client.try_take() == b"x", "any byte is a token"
    finally:
        os.close(writer)


def test_closing_closes_all(tmp_path: Path) -> None:
    before = open_fds()
    for started in (False, True):
        for pipes in (PairPipes(), FifoPipes(tmp_path / "one")):
            if started:
                pipes.child_started()
                pipes.child_started()
            pipes.close()
    assert open_fds() == before
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_reads_and_writes_never_waits_whatever_make_sets_on_the_child_s_ends(pair: PairPipes) -> None:
    """make sets O_NONBLOCK on the read end that it shares with its whole tree, and takes it off again."""
    ends = childs_ends(pair)
    assert waits(ends.read_fd)
    assert waits(ends.write_fd)
    assert pair.withdraw() is False
    assert pair.read_returns(0) == 0
    for blocking in (False, True):
        for fd in (ends.read_fd, ends.write_fd):
            os.set_blocking(fd, blocking)
        pair.offer()
        assert pair.lying() == 1
        assert os.read(ends.read_fd, 1) == b"+"
        assert pair.withdraw() is False
        os.write(ends.write_fd, b"+")
        assert pair.read_returns(0) == 1
        assert pair.read_returns(0) == 0
    assert waits(ends.read_fd)


# A pair of pipes.


@needs_packets
def test_one_token_fills_the_pipe_and_it_is_writable_exactly_when_it_was_taken(pair: PairPipes) -> None:
    ends = childs_ends(pair)
    for _ in range(3):
        assert ready(pair.grant_fd, select.POLLOUT)
        pair.offer()
        assert not ready(pair.grant_fd, select.POLLOUT)
        with pytest.raises(BlockingIOError):
            os.write(pair.grant_fd, b"+")
        assert os.read(ends.read_fd, 1) == b"+"
        assert ready(pair.grant_fd, select.POLLOUT)
        pair.offer()
        assert pair.withdraw()
        assert ready(pair.grant_fd, select.POLLOUT)


@needs_packets
def test_a_client_that_reads_more_than_one_byte_gets_one_token(pair: PairPipes) -> None:
    pair.offer()
    assert os.read(childs_ends(pair).read_fd, 4096) == b"+"
    assert pair.lying() == 0


@pytest.mark.skipif(not hasattr(fcntl, "F_GETPIPE_SZ"), reason="Linux only")
def test_the_grant_pipe_is_one_page_small(pair: PairPipes) -> None:
    assert fcntl.fcntl(pair.grant_fd, fcntl.F_GETPIPE_SZ) == os.sysconf("SC_PAGE_SIZE")


def test_a_return_wakes_whoever_watches_and_so_does_the_end(pair: PairPipes) -> None:
    assert not ready(pair.return_fd, select.POLLIN)
    os.write(childs_ends(pair).write_fd, b"+")
    assert ready(pair.return_fd, select.POLLIN)
    assert pair.read_returns(0) == 1
    assert not ready(pair.return_fd, select.POLLIN)
    pair.child_started()
    assert ready(pair.return_fd, select.POLLIN | select.POLLHUP)
    assert pair.read_returns(0) is None
    assert pair.read_returns(0) is None, "once ended, always ended"


def test_what_came_back_before_the_end_is_counted_first(pair: PairPipes) -> None:
    os.write(childs_ends(pair).write_fd, b"++")
    pair.child_started()
    assert [pair.read_returns(0), pair.read_returns(0)] == [2, None]


def test_the_end_is_told_when_the_last_holder_has_died(pair: PairPipes) -> None:
    """A child and its child hold the pipe; the test kills the first (1), hears no end, then lets the second go (2)."""
    code = """
import os, sys
if os.fork():
    print("forked", flush=True)
    os.read(0, 1)
else:
    os.read(0, 1)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=pair.pass_fds()
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        pair.child_started()
        assert child.stdout.readline() == b"forked\n"
        child.kill()
        child.wait()
        assert pair.read_returns(0) == 0
        child.stdin.close()
        assert child.stdout.read() == b"", "the second has ended too"
    poll = select.poll()
    poll.register(pair.return_fd, select.POLLIN)
    poll.poll()
    assert pair.read_returns(0) is None


def test_the_child_s_ends_are_closed_once_it_runs(pair: PairPipes) -> None:
    ends = pair.pass_fds()
    assert all(map(is_open, ends))
    pair.child_started()
    assert not any(map(is_open, ends))
    assert pair.pass_fds() == ()


def test_an_offer_to_a_dead_child_is_no_error_and_can_be_withdrawn(pair: PairPipes) -> None:
    pair.child_started()
    pair.offer()
    assert pair.lying() == 1
    assert pair.withdraw()


def test_more_returns_than_a_page_holds_stop_no_client(pair: PairPipes) -> None:
    ends = childs_ends(pair)
    os.set_blocking(ends.write_fd, False)
    written = 0
    while ready(ends.write_fd, select.POLLOUT):
        written += os.write(ends.write_fd, b"+" * 1000)
    counted = 0
    while count := pair.read_returns(0):
        counted += count
    assert counted == written
    assert ready(ends.write_fd, select.POLLOUT)


# A fifo of a child's own.


def test_a_fifo_is_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        pipes = FifoPipes(tmp_path / "tokens")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o600
    assert (tmp_path / "tokens").is_fifo()
    pipes.close()
    assert not (tmp_path / "tokens").exists()


def test_many_tokens_lie_in_a_fifo_at_once(fifo: FifoPipes) -> None:
    for _ in range(fifo.room):
        fifo.offer()
    assert fifo.lying() == fifo.room
    client = open_channel(fifo.auth)
    for _ in range(fifo.room):
        assert client.try_take() == b"+"
    assert client.try_take() is None
    client.close()


def test_what_lies_in_a_fifo_beyond_the_offers_came_back(fifo: FifoPipes) -> None:
    client = open_channel(fifo.auth)
    for _ in range(4):
        fifo.offer()
    assert client.try_take() == b"+"
    assert fifo.lying() == 3
    assert fifo.read_returns(lying=3) == 0
    client.give(b"+")
    client.give(b"+")  # never taken
    assert fifo.read_returns(lying=3) == 2
    assert fifo.lying() == 3
    client.close()


def test_a_fifo_has_no_end(fifo: FifoPipes) -> None:
    open_channel(fifo.auth).close()
    assert fifo.read_returns(0) == 0
    assert (fifo.return_fd, fifo.grant_fd, fifo.pass_fds()) == (-1, -1, ())


def test_a_fifo_in_the_place_of_another_file_is_refused_and_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("somebody else's")
    with pytest.raises(FileExistsError):
        FifoPipes(tmp_path / "tokens")
    assert (tmp_path / "tokens").read_text() == "somebody else's"
