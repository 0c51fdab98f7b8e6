"""Covers the server: how many tokens there are, where its fifos lie, and what is left when it closes."""

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

import pytest
from tests.jobserver.pipes import open_fds, waits

from jeton.jobserver import MAX_JOBS, FifoAuth, OwnPool, PipeAuth, Place, Server, open_pool
from jeton.jobserver.channel import Channel, open_channel


@contextmanager
def serving(jobs: int) -> Iterator[Server]:
    server = Server(jobs)
    try:
        yield server
    finally:
        server.close()


def fifo_of(place: Place) -> Path:
    assert isinstance(place.pipes.auth, FifoAuth)
    return Path(place.pipes.auth.path)


def taken_from(channel: Channel) -> int:
    taken = 0
    while channel.try_take() is not None:
        taken += 1
    return taken


@pytest.mark.parametrize("jobs", [1, 2, 64, MAX_JOBS])
def test_a_pool_of_n_slots_has_n_minus_one_tokens(temporary: Path, jobs: int) -> None:
    with serving(jobs) as server:
        taken = 0
        while server.try_take():
            taken += 1
        assert taken == jobs - 1
        assert (server.status().free, server.status().own) == (0, jobs - 1)
        for _ in range(taken):
            server.give()
        assert (server.status().free, server.status().own) == (jobs - 1, 0)


@pytest.mark.parametrize("jobs", [1, 2, 64, MAX_JOBS])
def test_a_fifo_client_that_looks_once_finds_all_tokens_that_nobody_wants(temporary: Path, jobs: int) -> None:
    with serving(jobs) as server:
        client = open_channel(server.sit("ninja", fifo=True).pipes.auth)
        assert taken_from(client) == jobs - 1
        client.close()


@pytest.mark.parametrize("jobs", [0, -1, MAX_JOBS + 1, 70_000])
def test_a_pool_out_of_range_is_refused_in_words_before_anything_is_made(temporary: Path, jobs: int) -> None:
    with pytest.raises(ValueError, match=f"-j {jobs}: a pool has 1 to 4096 slots"):
        open_pool(jobs, {})
    with serving(2) as server, pytest.raises(ValueError, match=f"-j {jobs}: "):
        server.resize(jobs)
    assert list(temporary.iterdir()) == []


def test_nobody_else_may_open_a_fifo_or_look_into_its_folder(temporary: Path) -> None:
    with serving(2) as server:
        old = os.umask(0)
        try:
            fifo = fifo_of(server.sit("ninja", fifo=True))
        finally:
            os.umask(old)
        assert fifo.is_fifo()
        assert stat.S_IMODE(fifo.stat().st_mode) == 0o600
        assert stat.S_IMODE(fifo.parent.stat().st_mode) == 0o700
        assert fifo.parent.parent == temporary


def test_no_folder_is_made_before_a_child_needs_a_fifo(temporary: Path) -> None:
    with serving(2) as server:
        server.sit("make")
        assert list(temporary.iterdir()) == []
        fifos = [fifo_of(server.sit("ninja", fifo=True)) for _ in range(2)]
        assert [fifo.parent for fifo in fifos] == list(temporary.iterdir()) * 2


def test_closing_removes_the_folder_and_closing_twice_is_closing_once(temporary: Path) -> None:
    server = Server(2)
    server.sit("ninja", fifo=True)
    server.close()
    assert list(temporary.iterdir()) == []
    server.close()


def test_closing_where_the_folder_is_gone_already_is_no_error(temporary: Path) -> None:
    with serving(2) as server:
        fifo = fifo_of(server.sit("ninja", fifo=True))
        fifo.unlink()
        fifo.parent.rmdir()
    assert list(temporary.iterdir()) == []


def test_a_fifo_goes_with_its_child(temporary: Path) -> None:
    with serving(2) as server:
        place = server.sit("ninja", fifo=True)
        place.leave()
        assert not fifo_of(place).exists()


def test_what_children_inherit_waits_and_is_not_inherited_by_chance(temporary: Path) -> None:
    with serving(2) as server:
        auth = server.sit("make").pipes.auth
        assert isinstance(auth, PipeAuth)
        for fd in (auth.read_fd, auth.write_fd):
            assert waits(fd)
            assert not os.get_inheritable(fd)


def test_a_pool_of_one_slot_offers_nothing(temporary: Path) -> None:
    with serving(1) as server:
        clients = [open_channel(server.sit("", fifo=fifo).pipes.auth) for fifo in (False, True)]
        assert [client.try_take() for client in clients] == [None, None]
        for client in clients:
            client.close()


@pytest.mark.parametrize("fifo", [False, True])
def test_a_child_that_leaves_twice_leaves_once(temporary: Path, fifo: bool) -> None:
    with serving(3) as server:
        place = server.sit("", fifo=fifo)
        client = open_channel(place.pipes.auth)
        assert client.try_take() is not None
        for _ in range(2):
            place.leave()
            assert (server.status().free, server.status().reclaimed) == (2, 1)
        client.close()


@pytest.mark.parametrize("name", ["with a blank", "back\\slash", "tab\there"])
def test_a_temporary_folder_that_no_client_could_be_told_of_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    pool = OwnPool(2)
    assert "fifo:/tmp/jeton-" in pool.invite("ninja", {}).environment["MAKEFLAGS"]
    pool.close()


def test_the_path_of_a_fifo_holds_wherever_the_child_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", ".")
    with serving(2) as server:
        place = server.sit("ninja", fifo=True)
        monkeypatch.chdir("/")
        channel = open_channel(place.pipes.auth)
        assert channel.try_take() == b"+"
        channel.close()
    assert list(tmp_path.iterdir()) == []


def test_a_fifo_that_cannot_be_made_is_an_error_and_the_pool_goes_on(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with serving(2) as server:
        with monkeypatch.context() as patch:
            patch.setattr(os, "mkfifo", refused)
            with pytest.raises(OSError, match="No space"):
                server.sit("ninja", fifo=True)
        client = open_channel(server.sit("ninja", fifo=True).pipes.auth)
        assert client.try_take() == b"+"
        client.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("fifo", [False, True])
def test_too_few_descriptors_for_a_child_are_an_error_that_leaves_none_open(temporary: Path, fifo: bool) -> None:
    """However many are left, from none to one too few: what was opened before the failure is closed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(2) as server:
        before = open_fds()
        refused = 0
        try:
            for limit in sorted(set(range(256)) - before)[:12]:  # one more is left each time
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
                try:
                    server.sit("", fifo=fifo)
                except OSError:
                    refused += 1
                    assert open_fds() == before
                else:
                    break
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert 0 < refused < 12
        assert server.status().free == 1


@pytest.mark.parametrize("fifo", [False, True])
def test_clients_keep_what_they_have_open_when_the_server_closes(temporary: Path, fifo: bool) -> None:
    server = Server(3)
    place = server.sit("", fifo=fifo)
    client = open_channel(place.pipes.auth)
    token = client.try_take()
    assert token is not None
    if fifo:
        server.close()
        client.give(token)
        assert client.try_take() == b"+"
        place.leave()  # too late to matter
    client.close()
    server.close()


def test_status_names_each_child_and_what_it_holds(temporary: Path) -> None:
    with serving(4) as server:
        place = server.sit("sub/ninja", fifo=True)
        place.child_started(77)
        client = open_channel(place.pipes.auth)
        assert taken_from(client) == 3
        while (status := server.status()).seats[0].held != 3:  # the thread looks at a fifo from time to time
            assert status.free + status.seats[0].held == 3
        (seat,) = status.seats
        assert (seat.name, seat.pid, seat.held, seat.taken, seat.returned_too_many) == ("sub/ninja", 77, 3, 3, 0)
        for _ in range(3):
            client.give(b"+")
        client.close()
        place.leave()
        assert (server.status().free, server.status().reclaimed, server.status().seats) == (3, 0, [])


def test_a_request_is_granted_when_a_token_comes_back_and_one_that_is_taken_back_is_not(temporary: Path) -> None:
    granted: list[str] = []
    with serving(2) as server:
        assert server.try_take()
        not_wanted = server.ask(lambda: granted.append("not wanted"))
        server.ask(lambda: granted.append("wanted"))
        server.take_back(not_wanted)
        assert (granted, server.status().waiting) == ([], 1)
        server.give()
        assert (granted, server.status().waiting) == (["wanted"], 0)


def test_a_child_that_comes_while_the_thread_sleeps_gets_what_lies_idle(temporary: Path) -> None:
    """The thread has nothing to do until then: an offer lies, and nobody else wants it."""
    for _ in range(50):
        with serving(2) as server:
            server.sit("idle")
            while server._sleeps_until != inf:
                os.sched_yield()
            auth = server.sit("waits").pipes.auth
            assert isinstance(auth, PipeAuth)
            assert os.read(auth.read_fd, 1) == b"+"
