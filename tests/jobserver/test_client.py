"""Covers how a client joins and closes, and what it says where it cannot."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.jobserver.pipes import bytes_in, pipe
from tests.jobserver.waiting import drain, environ

from jeton.jobserver import Child, Client, FifoAuth, PipeAuth, PoolUnusable, Server, Style, Unusable

PRINTS = [sys.executable, "-c", "import os; print(os.environ['MAKEFLAGS'])"]


def test_a_client_has_the_implicit_slot_and_then_the_tokens(inherited: PipeAuth) -> None:
    with Client.from_env(environ(inherited)) as client:
        assert client.jobs == 4
        assert [slot.token for slot in drain(client)] == [None, b"a", b"b", b"c"]
        assert client.held == 4
    assert bytes_in(inherited.read_fd) == 3


def test_a_slot_ends_with_its_block_even_by_an_exception(inherited: PipeAuth) -> None:
    with Client.from_env(environ(inherited)) as client:
        with pytest.raises(ZeroDivisionError), client.slot(), client.slot():
            _ = 1 / (client.held - 2)
        assert (client.held, bytes_in(inherited.read_fd)) == (0, 3)


def test_a_slot_is_released_once(inherited: PipeAuth) -> None:
    with Client.from_env(environ(inherited)) as client:
        for slot in drain(client):
            client.release(slot)
            with pytest.raises(AssertionError, match="once"):
                client.release(slot)
    assert bytes_in(inherited.read_fd) == 3


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("", Unusable.NOT_NAMED),
        ("-j4", Unusable.NOT_NAMED),
        ("--jobserver-auth=-2,-2", Unusable.CLOSED),
        ("--jobserver-auth=1000,1001", Unusable.CLOSED),
        ("--jobserver-auth=fifo:/no/such/fifo", Unusable.NO_FIFO),
        ("--jobserver-auth=fifo:/dev/null", Unusable.NOT_A_FIFO),
        ("--jobserver-auth=a_semaphore", Unusable.SEMAPHORE),
    ],
)
def test_why_a_pool_cannot_be_joined_is_one_of_a_closed_set_and_says_what_to_do(flags: str, reason: Unusable) -> None:
    with pytest.raises(PoolUnusable) as caught:
        Client.from_env({"MAKEFLAGS": flags})
    assert caught.value.reason is reason
    assert str(caught.value).startswith("MAKEFLAGS: " if flags.startswith("--") else "MAKEFLAGS")
    assert str(caught.value).endswith(reason.value)


def test_all_who_join_one_pool_in_one_process_share_one_implicit_slot(inherited: PipeAuth) -> None:
    with Client.from_env(environ(inherited)) as one:
        with Client.from_env(environ(inherited)) as other:
            assert other is one
            assert len(drain(other)) == 4
        assert (one.held, bytes_in(inherited.read_fd)) == (4, 0), "the last who closes it returns the slots"
    assert bytes_in(inherited.read_fd) == 3
    with Client.from_env(environ(inherited)) as later:
        assert later is not one
        assert len(drain(later)) == 4


def test_two_pools_have_two_clients(inherited: PipeAuth) -> None:
    with (
        pipe(b"x") as second,
        Client.from_env(environ(inherited)) as one,
        Client.from_env(environ(second)) as other,
        Server(2) as server,
        Client.from_server(server) as own,
    ):
        assert [len(drain(client)) for client in (one, other, own)] == [4, 2, 2]


def test_a_closed_client_gives_nothing_and_takes_what_is_late_quietly(inherited: PipeAuth) -> None:
    client = Client.from_env(environ(inherited))
    slots = drain(client)
    client.close()
    for slot in slots:
        client.release(slot)
    assert bytes_in(inherited.read_fd) == 3
    for take in (client.try_acquire, client.acquire):
        with pytest.raises(RuntimeError, match="closed"):
            take()


def test_the_server_s_own_client_shares_its_pool_with_its_children(temporary: Path) -> None:
    """A client in the child takes what there is; the parent's client gets it when the child has ended."""
    takes = "from jeton.jobserver import *; c = Client.from_env(); n = 0\nwhile c.try_acquire(): n += 1\nprint(n)"
    src = Path(__file__).resolve().parents[2] / "src"
    with Server(3) as server, Client.from_server(server) as client:
        slots = drain(client)
        assert len(slots) == 3
        with server.popen([sys.executable, "-c", takes], env={"PYTHONPATH": str(src)}, stdout=subprocess.PIPE) as child:
            assert child.communicate()[0] == b"1\n", "all tokens are here: it has its implicit slot"
        assert child.returncode == 0
        client.release(slots.pop())
        assert server.status().own == 1
    assert list(temporary.iterdir()) == []


def test_closing_the_client_leaves_the_server_open() -> None:
    with Server(2) as server:
        with Client.from_server(server) as client:
            assert len(drain(client)) == 2
        assert server.status().free == 1
        with Client.from_server(server) as client:
            assert len(drain(client)) == 2


@pytest.mark.parametrize("style", Style)
def test_a_child_is_told_of_the_pool_in_the_style_that_is_asked_for(temporary: Path, style: Style) -> None:
    with Server(3) as server, server.popen(PRINTS, style=style, stdout=subprocess.PIPE, text=True) as child:
        said, _ = child.communicate()
    assert ("fifo:" in said) == (style is Style.FIFO)
    assert " -j3 " in said


def test_a_child_that_was_killed_gives_back_what_it_held_when_its_end_is_seen(temporary: Path) -> None:
    hold = "from jeton.jobserver import *; c = Client.from_env()\nwhile c.try_acquire(): pass\nprint('all', flush=True)"
    env = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    for style in Style:
        with Server(3) as server:
            argv = [sys.executable, "-c", hold + "\ninput()"]
            with server.popen(
                argv, env=env, style=style, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as child:
                assert child.stdout is not None
                assert child.stdout.readline() == "all\n"
                child.kill()
            status = server.status()
            assert (status.seats, status.free) == ([], 2)


def test_a_child_whose_end_was_polled_has_left() -> None:
    with Server(2) as server:
        child = server.popen(["cat"], stdin=subprocess.PIPE)
        assert len(server.status().seats) == 1
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.poll() == 0
        assert not server._places


def test_a_child_that_cannot_be_started_leaves_no_place_behind() -> None:
    with Server(2) as server:
        with pytest.raises(FileNotFoundError):
            server.popen(["/no/such/program"])
        assert server.status().seats == []


def test_a_client_starts_children_in_the_pool_that_it_joined(inherited: PipeAuth) -> None:
    takes = "from jeton.jobserver import *; c = Client.from_env(); n = 0\nwhile c.try_acquire(): n += 1\nprint(n)"
    env = {**environ(inherited), "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    with (
        Client.from_env(env) as client,
        client.slot(),
        client.popen([sys.executable, "-c", takes], env=env, stdout=subprocess.PIPE) as child,
    ):
        assert isinstance(child, Child)
        assert child.communicate()[0] == b"4\n"
    assert bytes_in(inherited.read_fd) == 3


def test_a_fifo_is_joined_by_its_path(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokens")
    held = os.open(tmp_path / "tokens", os.O_RDWR)
    os.write(held, b"xy")
    with Client.from_env(environ(FifoAuth(str(tmp_path / "tokens")))) as client:
        assert [slot.token for slot in drain(client)] == [None, b"x", b"y"]
    assert bytes_in(held) == 2
    os.close(held)


def test_no_thread_runs_while_nobody_waits(inherited: PipeAuth) -> None:
    threads = threading.active_count()
    with Client.from_env(environ(inherited)) as client:
        for _ in range(10):
            with client.slot():
                pass
        assert threading.active_count() == threads
