"""What one token costs: context switches of those who wait, time of the client, CPU time of the server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from statistics import median

from bench.jobserver_setting import Jeton, Row, Shared, client, compiled, opened

from jeton.jobserver import join_pool


def herd(folder: Path, quick: bool) -> list[Row]:
    """Release tokens one by one to many who wait, and count how often any of them was woken."""
    program = compiled(folder)
    releases = 300 if quick else 2000
    rows = []
    for waiters in (8, 64) if quick else (8, 64, 256):
        figures = []
        for pool in (Jeton(0, kept=releases), Shared(0)):
            with opened(pool):
                figures.append(_switches(pool, program, waiters, releases))
        own, shared = figures
        rows.append(
            Row(
                f"context switches per released token, {waiters} waiters",
                f"{own:.2f}",
                f"{shared:.1f}",
                "1 where nobody is woken in vain",
                own < 1.5,
            )
        )
    if shutil.which("make"):
        figures = []
        for pool in (Jeton(0, kept=200), Shared(0)):
            with opened(pool):
                figures.append(_makes_switches(pool, folder, 64, 200))
        own, shared = figures
        rows.append(Row("the same, 64 real makes (their own forks included)", f"{own:.1f}", f"{shared:.1f}", "fewer"))
    return rows


def _switches(pool: Jeton | Shared, program: Path, waiters: int, releases: int) -> float:
    ack_read, ack_write = os.pipe()
    children = [pool.start("waiter", client(program, "wait", 0, ack_write), ack_write) for _ in range(waiters)]
    _settle([child.pid for child in children])
    before = sum(_voluntary(child.pid) for child in children)
    for _ in range(releases):
        pool.release()
        os.read(ack_read, 1)
    _settle([child.pid for child in children])
    after = sum(_voluntary(child.pid) for child in children)
    _end(pool, children)
    os.close(ack_read)
    os.close(ack_write)
    return (after - before) / releases


def _makes_switches(pool: Jeton | Shared, folder: Path, makes: int, releases: int) -> float:
    """Each make has a job that stands on its implicit slot, and more that want a token each."""
    top = folder / pool.name.replace(" ", "-")
    top.mkdir()
    for name in ("ack", "never"):
        os.mkfifo(top / name)
    ack, never = (os.open(top / name, os.O_RDWR) for name in ("ack", "never"))
    targets = " ".join(f"t{number}" for number in range(releases + 1))
    (top / "Makefile").write_text(f"all: {targets}\n{targets}:\n\t@echo > ack; exec cat never\n")
    children = [pool.start("make", ["make", "-s", "-C", str(top)]) for _ in range(makes)]
    for _ in range(makes):
        os.read(ack, 1)
    _settle([child.pid for child in children])
    before = sum(_voluntary(child.pid) for child in children)
    for _ in range(releases):
        pool.release()
        os.read(ack, 1)
    _settle([child.pid for child in children])
    after = sum(_voluntary(child.pid) for child in children)
    _end(pool, children)
    os.close(ack)
    os.close(never)
    return (after - before) / releases


def _end(pool: Jeton | Shared, children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        pool.ended(child)


def _voluntary(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def _settle(pids: list[int]) -> None:
    """Wait until nobody is woken any more."""
    last = -1
    while (now := sum(map(_voluntary, pids))) != last:
        last = now
        time.sleep(0.2)


def acquire(folder: Path, quick: bool) -> list[Row]:
    """Take and give a token that is on offer, as a client of jeton's does it."""
    del folder
    turns = 2000
    read_fd, write_fd = os.pipe()
    os.write(write_fd, b"+")
    pool = join_pool({"MAKEFLAGS": f"-j2 --jobserver-auth={read_fd},{write_fd}"})
    assert pool is not None
    implicit = pool.try_take()
    assert implicit is not None
    raw, joined = [], []
    for _ in range(11 if quick else 51):
        began = time.perf_counter_ns()
        for _ in range(turns):
            os.write(write_fd, os.read(read_fd, 1))
        between = time.perf_counter_ns()
        for _ in range(turns):
            slot = pool.try_take()
            assert slot is not None
            pool.give(slot)
        raw.append((between - began) / turns / 1000)
        joined.append((time.perf_counter_ns() - between) / turns / 1000)
    pool.give(implicit)
    pool.close()
    os.close(read_fd)
    os.close(write_fd)
    return [
        Row(
            "take and give back a token on offer (client), µs",
            f"{median(joined):.2f}",
            f"{median(raw):.2f} (the two system calls)",
            "1.5 or less",
            median(joined) <= 1.5,
        )
    ]


def served(folder: Path, quick: bool) -> list[Row]:
    """Let one client take and return tokens as fast as it can, and see what the server's process spends on it."""
    program = compiled(folder)
    turns = 5_000 if quick else 50_000
    rows = []
    for plan, at_once, wanted in (("single", 1, ""), ("burst", 4, "6 or less")):
        pool = Jeton(8)
        with opened(pool):
            began = time.process_time()
            child = pool.start(plan, client(program, plan, turns // at_once))
            child.wait()
            spent = (time.process_time() - began) / turns * 1e6
            pool.ended(child)
            lost = pool.lost()
        met = spent <= 6 if wanted else None
        said = "one at a time" if at_once == 1 else "four at a time"
        rows.append(Row(f"server's CPU time per token, {said}, µs", f"{spent:.1f}", "0 (no server)", wanted, met))
        assert lost == 0, "a client that returns all loses none"
    return rows
