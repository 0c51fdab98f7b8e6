"""Covers the ends of a process that holds slots: by itself, by an exception, by a signal, and in a forked child."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.jobserver.pipes import bytes_in
from tests.jobserver.waiting import environ

from jeton.jobserver import PipeAuth

SRC = Path(__file__).resolve().parents[2] / "src"
HOLDS = """
import asyncio, os, signal, sys, threading
from jeton.jobserver import Client
client = Client.from_env()
slots = [client.acquire() for _ in range(4)]
"""


def start(code: str, auth: PipeAuth) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS + code],
        env={**os.environ, **environ(auth), "PYTHONPATH": str(SRC)},
        pass_fds=(auth.read_fd, auth.write_fd),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("1 / 0", 1),
        ("async def main(): 1 / 0\nasyncio.run(main())", 1),
        ("threading.Thread(target=client.acquire, daemon=True).start()", 0),
        ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); signal.raise_signal(signal.SIGTERM)", 7),
    ],
)
def test_every_end_by_itself_returns_all(inherited: PipeAuth, code: str, status: int) -> None:
    with start(code, inherited) as child:
        child.communicate()
    assert child.returncode == status
    assert bytes_in(inherited.read_fd) == 3


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize(
    "stands", ["input()", "client.acquire()", "while True: pass", "client._line._lock.acquire(); input()"]
)
def test_a_signal_returns_all_where_it_was_asked_for(inherited: PipeAuth, signum: signal.Signals, stands: str) -> None:
    code = "signal.signal(signal.SIGINT, signal.SIG_DFL); client.release_on_signals(); print('holds', flush=True)\n"
    with start(code + stands, inherited) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "holds\n"
        assert bytes_in(inherited.read_fd) == 0
        child.send_signal(signum)
        assert child.wait() == -signum
    assert bytes_in(inherited.read_fd) == 3


def test_without_being_asked_no_signal_is_touched(inherited: PipeAuth) -> None:
    code = "print([signal.getsignal(s) for s in (15, 1, 2)] == [signal.SIG_DFL] * 2 + [signal.default_int_handler])"
    with start(code, inherited) as child:
        assert child.communicate()[0] == "True\n"


def test_signals_that_the_program_ignores_or_handles_are_left_alone(inherited: PipeAuth) -> None:
    code = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)
def handle(*_): print("handled")
signal.signal(signal.SIGTERM, handle)
client.release_on_signals()
for signum in (signal.SIGHUP, signal.SIGTERM): signal.raise_signal(signum)
print(client.held)
"""
    with start(code, inherited) as child:
        assert child.communicate()[0] == "handled\n4\n"
    assert bytes_in(inherited.read_fd) == 3


def test_a_forked_child_holds_nothing_and_returns_nothing(inherited: PipeAuth) -> None:
    """The child leaves the block that it was forked in, meets every method, and ends as an interpreter does."""
    code = """
with client:
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        assert client.held == 0
        for take in (client.try_acquire, client.acquire, lambda: client.popen(["true"])):
            try:
                take()
            except RuntimeError as error:
                assert "forked" in str(error)
            else:
                os._exit(3)
        for slot in slots:
            client.release(slot)
    else:
        status = os.waitpid(pid, 0)[1]
        print(status, client.held, flush=True)
        assert sys.stdin.readline()
"""
    with start(code, inherited) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "0 4\n"
        assert bytes_in(inherited.read_fd) == 0
        child.communicate("go on\n")
    assert child.returncode == 0
    assert bytes_in(inherited.read_fd) == 3


def test_a_forked_child_joins_anew_for_itself(inherited: PipeAuth) -> None:
    code = """
client.release(slots.pop())
pid = os.fork()
if pid == 0:
    signal.alarm(60)
    with Client.from_env() as own:
        assert own is not client
        assert [own.acquire().token is None for _ in range(2)] == [True, False]
    sys.exit()
print(os.waitpid(pid, 0)[1])
"""
    with start(code, inherited) as child:
        said, failed = child.communicate()
        assert (said, failed) == ("0\n", "")
    assert bytes_in(inherited.read_fd) == 3


def test_a_fork_under_a_held_lock_does_not_hang_the_child(inherited: PipeAuth) -> None:
    code = """
from jeton.jobserver import client as module
with module._OPENING, client._line._lock, client._pool._lock:
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        client.close()
        Client.from_env().close()
        os._exit(0)
print(os.waitpid(pid, 0)[1])
"""
    with start(code, inherited) as child:
        assert child.communicate() == ("0\n", "")
