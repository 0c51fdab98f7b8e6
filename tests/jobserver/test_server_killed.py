"""Kills clients of every kind at every moment: no token is lost, and nobody who goes on is slower for it."""

import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobserver.clients import BUSY, TAKES_ALL, Member, hoarder, is_whole
from tests.peers.jobserver_command import Gate, environment, makefile, ninja, ninja_manifest

from jeton.jobserver import Server, with_auth

TOKENS = 8
NINJA = ninja()
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
needs_ninja = pytest.mark.skipif(NINJA is None, reason="needs ninja 1.13")
needs_rustc = pytest.mark.skipif(shutil.which("rustc") is None, reason="needs rustc")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(TOKENS + 1)
    yield server
    server.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def invited(server: Server, command: list[str], *, fifo: bool = False) -> Member:
    place = server.sit(command[0], fifo=fifo)
    return Member(place, command, environment(MAKEFLAGS=with_auth("", place.pipes.auth, server.jobs)))


@pytest.mark.parametrize(("kind", "kills"), [("pipe", 90), ("pipe, left", 60), ("fifo", 60)])
def test_a_client_killed_at_any_moment_loses_no_token(server: Server, kind: str, kills: int) -> None:
    """The smallest client, killed after it took a random number; its end is told by its pipe, or by whoever waited."""
    drawn = random.Random(kills)
    for number in range(kills):
        with hoarder(server, BUSY, 6, drawn.randrange(2**31), fifo=kind == "fifo") as member:
            member.saw(drawn.randrange(1, 12))
            member.kill(signal.SIGKILL)
            if kind != "pipe":
                member.place.leave()
            assert is_whole(server), number
    assert server.reclaimed > kills / 2
    assert server.status().seats == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_client_that_any_other_signal_ends_loses_no_token(server: Server, signum: signal.Signals) -> None:
    for number in range(5):
        with hoarder(server, BUSY, 6, number) as member:
            member.saw(1 + number)
            member.kill(signum)
            assert is_whole(server)


def test_clients_killed_beside_each_other_lose_no_token_and_the_others_go_on(server: Server) -> None:
    """Three at once that want nine of eight tokens; one of them, by lot, is killed after a few more takes.

    They hold two each at most when all three wait, so that they never wait for each other.
    """
    drawn = random.Random(3)
    members = [hoarder(server, BUSY, 3, number) for number in range(3)]
    for number in range(60):
        victim = drawn.randrange(3)
        with members[victim] as member:
            assert b"e" not in member.saw(drawn.randrange(1, 9))
            member.kill(signal.SIGKILL)
        members[victim] = hoarder(server, BUSY, 3, number, fifo=drawn.random() < 0.3)
        status = server.status()
        assert status.free + sum(seat.held for seat in status.seats) == TOKENS
    for member in members:
        with member:
            member.kill(signal.SIGKILL)
    assert is_whole(server)


def test_a_client_of_jeton_s_own_loses_no_token_when_it_is_killed(server: Server) -> None:
    code = """
import os, select
from jeton.jobserver import join_pool
pool = join_pool(os.environ)
ready = select.poll()
ready.register(pool._channel.read_fd, select.POLLIN)
while True:
    while pool.try_take() is None:
        ready.poll()
    os.write(1, b"t")
"""
    for fifo in (False, True):
        for takes in range(1, TOKENS + 2):
            with invited(server, [sys.executable, "-c", code], fifo=fifo) as member:
                assert member.saw(takes) == b"t" * takes
                member.kill(signal.SIGKILL)
                member.place.leave()
                assert is_whole(server)
    assert server.reclaimed >= 2 * sum(range(TOKENS))


@pytest.mark.peer
@needs_make
def test_a_make_that_is_killed_loses_no_token(tmp_path: Path, server: Server, gate: Gate) -> None:
    makefile(tmp_path / "top", gate, 12)
    for begun in [1, 2, 3, 5, 8, TOKENS + 1] * 2:
        with invited(server, ["make", "-s", "-C", str(tmp_path / "top")]) as member:
            for _ in range(begun):
                os.read(gate._begun, 1)
            member.kill(signal.SIGKILL)
            os.killpg(member.pid, signal.SIGKILL)  # the recipes, which hold no pipe: make keeps it from them
            assert is_whole(server)
        drain(gate)


@pytest.mark.peer
@needs_make
def test_a_make_s_tokens_are_back_while_its_recipes_run_on(tmp_path: Path, server: Server, gate: Gate) -> None:
    makefile(tmp_path / "top", gate, 12)
    with invited(server, ["make", "-s", "-C", str(tmp_path / "top")]) as member:
        for _ in range(TOKENS + 1):
            os.read(gate._begun, 1)
        member.kill(signal.SIGKILL)
        assert is_whole(server)
        os.killpg(member.pid, signal.SIGKILL)
    assert server.reclaimed == TOKENS


@pytest.mark.peer
@needs_ninja
def test_a_ninja_that_is_killed_loses_no_token(tmp_path: Path, server: Server, gate: Gate) -> None:
    ninja_manifest(tmp_path / "top", gate, 12)
    for begun in (1, 2, 4, 8, TOKENS + 1):
        command = [str(NINJA), "--quiet", "-C", str(tmp_path / "top")]
        with invited(server, command, fifo=True) as member:
            for _ in range(begun):
                os.read(gate._begun, 1)
            steps = stopped_with_its_children(member)
            member.kill(signal.SIGKILL)
            member.place.leave()
            for pid in steps:
                os.killpg(pid, signal.SIGKILL)
            assert is_whole(server)
        drain(gate)
    assert server.reclaimed >= 5


def stopped_with_its_children(member: Member) -> list[int]:
    """Stop a ninja, which starts each step in a group of its own, and tell which those are."""
    os.kill(member.pid, signal.SIGSTOP)
    os.waitpid(member.pid, os.WUNTRACED)
    return [int(pid) for pid in Path(f"/proc/{member.pid}/task/{member.pid}/children").read_text().split()]


def drain(gate: Gate) -> None:
    """Take out what recipes said that were killed."""
    os.set_blocking(gate._begun, False)
    try:
        while os.read(gate._begun, 4096):
            pass
    except BlockingIOError:
        os.set_blocking(gate._begun, True)


@pytest.mark.peer
@needs_rustc
@pytest.mark.parametrize("takes", [1, 2, 5])
def test_a_rustc_that_is_killed_loses_no_token(tmp_path: Path, server: Server, takes: int) -> None:
    source = tmp_path / "lib.rs"
    source.write_text(
        "".join(f"pub mod m{n} {{ pub fn f(x: &str) -> String {{ x.repeat({n}) }} }}\n" for n in range(16))
    )
    flags = ["-Ccodegen-units=16", "-Copt-level=1", "--crate-type=rlib"]
    with invited(server, ["rustc", *flags, str(source), "-o", str(tmp_path / "lib.rlib")]) as member:
        while member.child.poll() is None and member.place.seat.taken < takes:
            os.sched_yield()
        member.child.kill()
        member.child.wait()
        assert is_whole(server)


@pytest.mark.parametrize("fifo", [False, True])
def test_the_survivor_of_a_peer_killed_with_all_tokens_has_them_all_at_once(server: Server, fifo: bool) -> None:
    with hoarder(server, TAKES_ALL, TOKENS, fifo=fifo) as peer:
        assert peer.saw(TOKENS) == b"t" * TOKENS
        with hoarder(server, TAKES_ALL, TOKENS) as survivor:
            peer.kill(signal.SIGKILL)
            if fifo:
                peer.place.leave()  # a fifo has no end of its own
            assert survivor.saw(TOKENS) == b"t" * TOKENS
    assert is_whole(server)
    assert server.reclaimed == 2 * TOKENS
