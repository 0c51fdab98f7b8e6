"""Covers the server: its fifo, who may open it, how many tokens it holds, and which of them are missing."""

import errno
import os
import stat
from pathlib import Path

import pytest
from tests.jobserver.pipes import bytes_in, waits

from jeton.jobserver import MAX_JOBS, FifoAuth, Server, open_pool
from jeton.jobserver.channel import open_channel


@pytest.mark.parametrize("jobs", [1, 2, 64, MAX_JOBS])
def test_a_pool_of_n_slots_has_n_minus_one_tokens(temporary: Path, jobs: int) -> None:
    server = Server(jobs)
    assert bytes_in(server.channel.read_fd) == jobs - 1
    taken = 0
    while server.channel.try_take() is not None:
        taken += 1
    assert taken == jobs - 1
    server.close()


@pytest.mark.parametrize("jobs", [0, -1, MAX_JOBS + 1, 70_000])
def test_a_pool_out_of_range_is_refused_in_words_before_anything_is_made(temporary: Path, jobs: int) -> None:
    with pytest.raises(ValueError, match=f"-j {jobs}: a pool has 1 to 4096 slots"):
        open_pool(jobs, {})
    assert list(temporary.iterdir()) == []


def test_nobody_else_may_open_the_fifo_or_look_into_its_folder(temporary: Path) -> None:
    old = os.umask(0)
    try:
        server = Server(2)
    finally:
        os.umask(old)
    fifo = Path(server.fifo.path)
    assert fifo.is_fifo()
    assert stat.S_IMODE(fifo.stat().st_mode) == 0o600
    assert stat.S_IMODE(fifo.parent.stat().st_mode) == 0o700
    assert fifo.parent.parent == temporary
    server.close()


def test_closing_removes_the_folder_and_closing_twice_is_closing_once(temporary: Path) -> None:
    server = Server(2)
    server.close()
    assert list(temporary.iterdir()) == []
    server.close()


def test_closing_where_the_folder_is_gone_already_is_no_error(temporary: Path) -> None:
    server = Server(2)
    Path(server.fifo.path).unlink()
    server.close()
    assert list(temporary.iterdir()) == []


def test_what_children_inherit_waits_and_what_the_server_reads_does_not(temporary: Path) -> None:
    server = Server(2)
    assert waits(server.pipe.read_fd)
    assert waits(server.pipe.write_fd)
    assert not waits(server.channel.read_fd)
    assert not any(map(os.get_inheritable, (server.pipe.read_fd, server.pipe.write_fd, server.channel.read_fd)))
    server.close()


def test_both_styles_are_one_pool(temporary: Path) -> None:
    server = Server(4)
    by_pipe, by_fifo = open_channel(server.pipe), open_channel(server.fifo)
    assert [by_pipe.try_take(), by_fifo.try_take(), server.channel.try_take()] == [b"+"] * 3
    assert [by_pipe.try_take(), by_fifo.try_take(), server.channel.try_take()] == [None] * 3
    by_fifo.give(b"+")
    assert by_pipe.try_take() == b"+"
    for channel in (by_pipe, by_fifo):
        channel.close()
    server.close()


def test_missing_counts_the_tokens_that_did_not_come_back_and_puts_them_back(temporary: Path) -> None:
    server = Server(5)
    assert server.missing() == 0
    killed = open_channel(server.fifo)
    killed.try_take()
    killed.try_take()
    killed.close()  # as a kill does it: nothing is returned
    assert server.missing() == 2
    assert bytes_in(server.channel.read_fd) == 4
    assert server.missing() == 0
    server.close()


def test_a_token_too_many_is_not_counted_and_does_not_stay(temporary: Path) -> None:
    server = Server(3)
    os.write(server.pipe.write_fd, b"xx")
    assert server.missing() == 0
    assert bytes_in(server.channel.read_fd) == 2
    server.close()


def test_a_pool_of_one_slot_misses_nothing(temporary: Path) -> None:
    server = Server(1)
    assert server.missing() == 0
    assert bytes_in(server.channel.read_fd) == 0
    server.close()


@pytest.mark.parametrize("name", ["with a blank", "back\\slash", "tab\there"])
def test_a_temporary_folder_that_no_client_could_be_told_of_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    pool = open_pool(2, {})
    assert "fifo:/tmp/jeton-" in pool.invitation("ninja", {}).environment["MAKEFLAGS"]
    pool.close()


def test_the_path_of_the_fifo_holds_wherever_the_child_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", ".")
    server = Server(2)
    monkeypatch.chdir("/")
    channel = open_channel(server.fifo)
    assert channel.try_take() == b"+"
    channel.close()
    server.close()
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_cannot_make_its_fifo_leaves_no_folder(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "mkfifo", refused)
    with pytest.raises(OSError, match="No space"):
        Server(2)
    assert list(temporary.iterdir()) == []


def test_clients_keep_what_they_have_open_when_the_server_closes(temporary: Path) -> None:
    server = Server(3)
    client = open_channel(FifoAuth(server.fifo.path))
    token = client.try_take()
    assert token is not None
    server.close()
    client.give(token)
    assert [client.try_take(), client.try_take(), client.try_take()] == [b"+", b"+", None]
    client.close()
