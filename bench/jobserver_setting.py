"""What the jobserver's measures share: a pool of jeton's beside one shared pipe, the clients that are run under either.

Owns the two pools behind one face, the smallest client in C, and a row of the table. Measures nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jeton.jobserver import Place, Server, with_auth
from jeton.jobserver.flags import PipeAuth

CLIENT_C = r"""
/* client R W ACK PLAN N: "wait": poll and read as make does, keep each token, write a byte to ACK;
   "burst": N times take four and return four; "single": N times take one and return it;
   "hoard": take N, write a byte to ACK for each, and stand. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int r, w, ack;
static void take(void) { char c; while (read(r, &c, 1) != 1) { struct pollfd p = {r, POLLIN, 0}; poll(&p, 1, -1); } }
static void give(void) { while (write(w, "+", 1) != 1) {} }
static void say(void) { while (write(ack, "t", 1) != 1) {} }
int main(int argc, char **argv) {
    if (argc != 6) return 2;
    r = atoi(argv[1]), w = atoi(argv[2]), ack = atoi(argv[3]);
    long n = atol(argv[5]);
    if (!strcmp(argv[4], "wait")) {
        fcntl(r, F_SETFL, fcntl(r, F_GETFL) | O_NONBLOCK);
        for (;;) {
            struct pollfd p = {r, POLLIN, 0};
            char c;
            poll(&p, 1, -1);
            if (read(r, &c, 1) == 1) say();
        }
    }
    if (!strcmp(argv[4], "hoard")) {
        while (n--) take(), say();
        pause();
    }
    int at_once = strcmp(argv[4], "burst") ? 1 : 4;
    while (n--) {
        for (int i = 0; i < at_once; i++) take();
        for (int i = 0; i < at_once; i++) give();
    }
    return 0;
}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `shared` is the same on one shared pipe, or empty."""

    what: str
    jeton: str
    shared: str
    wanted: str
    met: bool | None = None


class Jeton:
    """jeton's pool: `tokens` of them are there at first, `kept` more may be released."""

    name = "jeton"

    def __init__(self, tokens: int, kept: int = 0) -> None:
        self.server = Server(tokens + kept + 1)
        for _ in range(kept):
            assert self.server.try_take()
        self._places: dict[int, Place] = {}

    def start(self, name: str, command: Sequence[str], ack: int = -1) -> subprocess.Popen[bytes]:
        """Start a client in the pool; `R` and `W` in its command are the numbers of its two descriptors."""
        place = self.server.sit(name)
        auth = place.pipes.auth
        assert isinstance(auth, PipeAuth)
        child = _start(command, auth, self.server.jobs, ack)
        place.child_started(child.pid)
        self._places[child.pid] = place
        return child

    def place_of(self, child: subprocess.Popen[bytes]) -> Place:
        """Give the client's place."""
        return self._places[child.pid]

    def release(self) -> None:
        """Release one of the tokens that were kept."""
        self.server.give()

    def ended(self, child: subprocess.Popen[bytes]) -> None:
        """Hear that the client has ended."""
        self._places.pop(child.pid).leave()

    def lost(self) -> int:
        """Count the tokens that do not come within ten seconds, once nobody else is there."""
        came = threading.Semaphore(0)
        wanted = self.server.jobs - 1
        for _ in range(wanted):
            self.server.ask(came.release)
        missing = wanted
        while missing and came.acquire(timeout=10):
            missing -= 1
        return missing

    def close(self) -> None:
        """End the server."""
        self.server.close()


class Shared:
    """One pipe for all, as make's own server has it."""

    name = "one shared pipe"

    def __init__(self, tokens: int) -> None:
        self.fds = os.pipe()
        os.write(self.fds[1], b"+" * tokens)
        self._jobs = tokens + 1

    def start(self, name: str, command: Sequence[str], ack: int = -1) -> subprocess.Popen[bytes]:
        """Start a client in the pool, as `Jeton.start` does."""
        del name
        return _start(command, PipeAuth(*self.fds), self._jobs, ack)

    def release(self) -> None:
        """Put in one token more."""
        os.write(self.fds[1], b"+")

    def ended(self, child: subprocess.Popen[bytes]) -> None:
        """Nobody hears."""

    def close(self) -> None:
        """Close the pipe."""
        for fd in self.fds:
            os.close(fd)


def _start(command: Sequence[str], auth: PipeAuth, jobs: int, ack: int) -> subprocess.Popen[bytes]:
    numbers = {"R": str(auth.read_fd), "W": str(auth.write_fd)}
    return subprocess.Popen(
        [numbers.get(word, word) for word in command],
        env={**os.environ, "MAKEFLAGS": with_auth("", auth, jobs), "MAKELEVEL": "0"},
        pass_fds=[auth.read_fd, auth.write_fd, *([ack] if ack >= 0 else [])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )


@contextmanager
def opened(pool: Jeton | Shared) -> Iterator[Jeton | Shared]:
    """Close it at the end."""
    try:
        yield pool
    finally:
        pool.close()


def compiled(folder: Path) -> Path:
    """Compile the smallest client. Raises where there is no C compiler."""
    (folder / "client.c").write_text(CLIENT_C)
    compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
    subprocess.run([compiler, "-O2", "-w", "-o", folder / "client", folder / "client.c"], check=True)
    return folder / "client"


def client(program: Path, plan: str, number: int, ack: int = -1) -> list[str]:
    """Give the smallest client's command."""
    return [str(program), "R", "W", str(ack), plan, str(number)]


Measure = Callable[[Path, bool], list[Row]]
"""Takes a folder to work in, and whether to be quick."""
