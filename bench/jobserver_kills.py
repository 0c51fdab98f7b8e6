"""How many tokens are lost when clients are killed, of several kinds, at random moments."""

from __future__ import annotations

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD

from bench.jobserver_setting import Jeton, Row, Shared, client, compiled, opened

from jeton.jobserver import Place, with_auth

TOKENS = 8
KILLS = {"C, by pipe": 500, "Python, jeton's client": 100, "make": 200, "ninja, by fifo": 150, "rustc": 50}
JETON_CLIENT = """
import os, select
from jeton.jobserver import join_pool
pool = join_pool(os.environ)
ready = select.poll()
ready.register(pool._channel.read_fd, select.POLLIN)
held = []
while True:
    slot = pool.try_take()
    if slot is None:
        ready.poll()
    elif len(held) > 5:
        pool.give(slot)
        pool.give(held.pop())
    else:
        held.append(slot)
"""


def kills(folder: Path, quick: bool) -> list[Row]:
    """Kill clients after a random number of takes; each kind's tokens that never come back."""
    commands = _commands(folder)
    drawn = random.Random(1)
    pool = Jeton(TOKENS)
    killed = 0
    said = []
    with opened(pool):
        for kind, command in commands.items():
            number = max(5, KILLS[kind] // 20) if quick else KILLS[kind]
            for _ in range(number):
                _kill_one(pool, command, drawn, fifo="fifo" in kind)
            killed += number
            said.append(f"{number} {kind}")
        reclaimed = pool.server.reclaimed
        lost = pool.lost()
    shared = sum(_lost_on_a_shared_pipe(folder, drawn) for _ in range(100))
    return [
        Row(
            f"tokens lost with {killed} clients killed ({'; '.join(said)})",
            f"{lost} ({reclaimed} reclaimed)",
            f"{shared} with 100 killed (C, by pipe)",
            "0",
            lost == 0,
        )
    ]


def _commands(folder: Path) -> dict[str, list[str]]:
    work = folder / "kills"
    work.mkdir()
    targets = [f"t{number}" for number in range(12)]
    (work / "Makefile").write_text(f"all: {' '.join(targets)}\n{' '.join(targets)}:\n\t@sleep 5\n")
    steps = "".join(f"build {target}: sleep\n" for target in targets)
    (work / "build.ninja").write_text(f"rule sleep\n  command = sleep 5\n{steps}")
    modules = (f"pub mod m{n} {{ pub fn f(x: &str) -> String {{ x.repeat({n}) }} }}\n" for n in range(16))
    (work / "lib.rs").write_text("".join(modules))
    commands = {
        "C, by pipe": client(compiled(folder), "burst", 10**9),
        "Python, jeton's client": [sys.executable, "-c", JETON_CLIENT],
    }
    if shutil.which("make"):
        commands["make"] = ["make", "-s", "-C", str(work)]
    ninja = next(
        filter(None, [shutil.which("ninja", path=str(Path(sys.executable).parent)), shutil.which("ninja")]), ""
    )
    if ninja:
        commands["ninja, by fifo"] = [ninja, "--quiet", "-C", str(work)]
    if shutil.which("rustc"):
        flags = ["-Ccodegen-units=16", "-Copt-level=1", "--crate-type=rlib"]
        commands["rustc"] = ["rustc", *flags, str(work / "lib.rs"), "-o", str(work / "lib.rlib")]
    return commands


def _kill_one(pool: Jeton, command: Sequence[str], drawn: random.Random, *, fifo: bool) -> None:
    takes = drawn.randrange(1, 9)
    if fifo:
        place = pool.server.sit(command[0], fifo=True)
        env = {**os.environ, "MAKEFLAGS": with_auth("", place.pipes.auth, TOKENS + 1)}
        child = subprocess.Popen(command, env=env, process_group=0, stdout=subprocess.DEVNULL)
        place.child_started(child.pid)
        _kill_after(place, child, takes)
        place.leave()
        return
    child = pool.start(command[0], command)
    _kill_after(pool.place_of(child), child, takes)
    pool.ended(child)


def _kill_after(place: Place, child: subprocess.Popen[bytes], takes: int) -> None:
    """Kill the client, and all that it started, once it has taken so many; or where it has ended by itself."""
    while place.seat.taken < takes and child.poll() is None:
        time.sleep(0)
    started = _children(child.pid)  # ninja starts each step in a group of its own
    child.kill()
    child.wait()
    for pid in (child.pid, *started):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _lost_on_a_shared_pipe(folder: Path, drawn: random.Random) -> int:
    ack_read, ack_write = os.pipe()
    pool = Shared(TOKENS)
    with opened(pool):
        takes = drawn.randrange(1, 9)
        child = pool.start("", client(folder / "client", "hoard", takes, ack_write), ack_write)
        for _ in range(takes):
            os.read(ack_read, 1)
        child.kill()
        child.wait()
        (left,) = struct.unpack("i", ioctl(pool.fds[0], FIONREAD, bytes(4)))
    os.close(ack_read)
    os.close(ack_write)
    return TOKENS - int(left)
