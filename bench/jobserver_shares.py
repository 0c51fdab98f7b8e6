"""Who gets how much: two builds side by side, and one beside a peer that was killed with all tokens in its hands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bench.jobserver_setting import Jeton, Row, Shared, client, compiled, opened

SLOTS = 9
"""Its tokens can be halved. More than most machines' cores, so that clients are slow to take what they are offered."""


def makes(folder: Path, quick: bool) -> list[Row]:
    """Run two makes at once, and count the jobs that each has done when the first has ended."""
    if not shutil.which("make"):
        return []
    jobs = 100 if quick else 400
    figures = []
    for pool in (Jeton(SLOTS - 1), Shared(SLOTS - 1)):
        with opened(pool):
            tops = [_jobs(folder / f"{pool.name}-{number}", jobs, 0.02) for number in range(2)]
            children = [pool.start("make", ["make", "-s", "-C", str(top)]) for top in tops]
            while all(child.poll() is None for child in children):
                time.sleep(0.001)
            done = sorted(len((top / "log").read_text().split()) for top in tops)
            for child in children:
                child.wait()
                pool.ended(child)
        figures.append((done[0], done[1]))
    (less, more), (shared_less, shared_more) = figures
    return [
        Row(
            f"two makes of {jobs} jobs: jobs done when the first ends",
            f"{more} and {less} ({less / more:.0%})",
            f"{shared_more} and {shared_less} ({shared_less / shared_more:.0%})",
            "90 % or more",
            less >= 0.9 * more,
        )
    ]


def cargo_beside_make(folder: Path, quick: bool) -> list[Row]:
    """Run cargo build and make at once, and look every two milliseconds how many slots each holds."""
    if not (shutil.which("make") and shutil.which("cargo")):
        return []
    workspace = _crates(folder / "workspace", 12 if quick else 40)
    top = _jobs(folder / "beside", 2000, 0.05)
    pool = Jeton(SLOTS - 1)
    held: dict[str, int] = {"cargo": 0, "make": 0}
    looks = 0
    with opened(pool):
        cargo = pool.start("cargo", ["cargo", "build", "--offline", "--quiet", "--manifest-path", str(workspace)])
        make = pool.start("make", ["make", "-s", "-C", str(top)])
        while cargo.poll() is None and make.poll() is None:
            status = pool.server.status()
            if {seat.name for seat in status.seats if seat.taken} == set(held):
                looks += 1
                for seat in status.seats:
                    held[seat.name] += seat.held + 1
            time.sleep(0.002)
        for child in (make, cargo):
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            pool.ended(child)
    if not looks:
        return []
    mean = {name: total / looks for name, total in held.items()}
    share = min(mean.values()) / max(mean.values())
    return [
        Row(
            "cargo build beside make: slots that each holds, on average",
            f"cargo {mean['cargo']:.1f}, make {mean['make']:.1f} ({share:.0%})",
            "",
            "90 % or more",
            share >= 0.9,
        )
    ]


def survivor(folder: Path, quick: bool) -> list[Row]:
    """Kill a peer that holds all four tokens, and time a make of 16 jobs that goes on beside it."""
    del quick
    if not shutil.which("make"):
        return []
    program = compiled(folder)
    figures = []
    cases: list[tuple[Jeton | Shared, bool]] = [(Jeton(4), False), (Jeton(4), True), (Shared(4), True)]
    for number, (pool, killed) in enumerate(cases):
        top = _jobs(folder / f"survivor-{number}", 16, 0.25)
        with opened(pool):
            if killed:
                _kill_with_all(pool, program)
            began = time.perf_counter()
            child = pool.start("make", ["make", "-s", "-C", str(top)])
            child.wait()
            figures.append(time.perf_counter() - began)
            pool.ended(child)
    alone, own, shared = figures
    return [
        Row(
            f"16 jobs of 0.25 s beside a peer killed with all 4 tokens, s (alone: {alone:.2f})",
            f"{own:.2f} ({own / alone:.1f}x)",
            f"{shared:.2f} ({shared / alone:.1f}x)",
            "as alone",
            own < 1.15 * alone,
        )
    ]


def _kill_with_all(pool: Jeton | Shared, program: Path) -> None:
    ack_read, ack_write = os.pipe()
    peer = pool.start("peer", client(program, "hoard", 4, ack_write), ack_write)
    for _ in range(4):
        os.read(ack_read, 1)
    peer.kill()
    peer.wait()
    pool.ended(peer)
    os.close(ack_read)
    os.close(ack_write)


def _jobs(top: Path, number: int, seconds: float) -> Path:
    """Write a Makefile with so many jobs that take so long; each is a line in its log."""
    top.mkdir()
    (top / "log").touch()
    targets = " ".join(f"t{job}" for job in range(number))
    (top / "Makefile").write_text(f"all: {targets}\n{targets}:\n\t@sleep {seconds}; echo $@ >> log\n")
    return top


def _crates(top: Path, number: int) -> Path:
    """Write a workspace of small crates that need nothing of each other."""
    names = [f"crate{each}" for each in range(number)]
    for name in names:
        (top / name / "src").mkdir(parents=True)
        (top / name / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n')
        functions = (
            f'pub fn f{n}(x: &str) -> String {{ x.repeat({n}) + &format!("{{x:>{n}}}") }}\n' for n in range(60)
        )
        (top / name / "src" / "lib.rs").write_text("".join(functions))
    (top / "Cargo.toml").write_text(f'[workspace]\nresolver = "2"\nmembers = {names}\n'.replace("'", '"'))
    subprocess.run(["cargo", "generate-lockfile", "--offline", "--quiet"], cwd=top, check=True)
    return top / "Cargo.toml"
