"""Starts real clients of a server and tells what they take. Owns the smallest client, and the wait for a whole pool.

The smallest client knows nothing of jeton. It writes a byte for each token that it has taken, so that a test knows, by
number, how far it has come.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Self

from jeton.jobserver import FifoAuth, Place, Server

HOARD = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
def ends():
    auth = sys.argv[1]
    if auth.startswith("fifo:"):
        return [os.open(auth[5:], os.O_RDWR)] * 2
    return [int(fd) for fd in auth.split(",")]
r, w = ends()
def take():
    if os.read(r, 1):
        os.write(1, b"t")
    else:
        os.write(1, b"e")
        os._exit(0)
def give():
    os.write(w, b"+")
limit = int(sys.argv[2])
"""
"""Defines take, give and limit."""

TAKES_ALL = "for _ in range(limit): take()\nos.read(0, 1)\n"
"""Takes so many, and stands."""

BUSY = """
state = int(sys.argv[3])
held = 0
while True:
    state = (state * 1103515245 + 12345) % 2**31
    if held == limit or held and state % 5 < 2:
        give()
        held -= 1
    else:
        take()
        held += 1
"""
"""Takes and gives in an order that a number decides, and never ends."""


class Member:
    """A process with a place at the server. What it writes is read by `saw`."""

    def __init__(self, place: Place, command: Sequence[str], environ: dict[str, str] | None = None) -> None:
        self.place = place
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environ,
            pass_fds=place.pipes.pass_fds(),
            process_group=0,
        )
        place.child_started(self.child.pid)

    @property
    def pid(self) -> int:
        return self.child.pid

    def saw(self, number: int) -> bytes:
        """Wait until it has written so many bytes, or has ended."""
        assert self.child.stdout is not None
        said = b""
        while len(said) < number and (more := self.child.stdout.read(number - len(said))):
            said += more
        return said

    def let_go(self) -> None:
        """Close its standard input."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.stdin = None

    def kill(self, signum: int) -> None:
        """Send it a signal that ends it, and wait for its end."""
        os.kill(self.child.pid, signum)
        assert self.child.wait() == -signum

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.communicate()
        self.place.leave()


def hoarder(server: Server, code: str, limit: int, *more: object, fifo: bool = False) -> Member:
    """Start the smallest client with this code behind `HOARD`."""
    place = server.sit("hoarder", fifo=fifo)
    auth = place.pipes.auth
    said = f"fifo:{auth.path}" if isinstance(auth, FifoAuth) else f"{auth.read_fd},{auth.write_fd}"
    return Member(place, [sys.executable, "-I", "-S", "-c", HOARD + code, said, str(limit), *map(str, more)])


def is_whole(server: Server) -> bool:
    """Wait until this process was granted every token that there is, give them back, and see that there are no more."""
    came = threading.Semaphore(0)
    tokens = server.jobs - 1
    for _ in range(tokens):
        server.ask(came.release)
    for _ in range(tokens):
        came.acquire()
    status = server.status()
    whole = (status.own, status.free, server.try_take()) == (tokens, 0, False)
    for _ in range(tokens):
        server.give()
    return whole and server.status().free == tokens
