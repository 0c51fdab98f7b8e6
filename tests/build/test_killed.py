"""Real builds, really killed: whatever moment SIGKILL strikes, the next build makes what a clean one makes."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
STEPS = 12
ROUNDS = 12

MANIFEST = """
rule slow
  command = echo half > $out; echo $out > told; if [ -p gate ]; then read line < gate; fi; $
    sed s/^/$tag/ $in > $out.whole; mv $out.whole $out; echo $out > told
"""


def jeton(folder: Path, *, wait: bool) -> subprocess.Popen[bytes]:
    environ = {key: value for key, value in os.environ.items() if "MAKEFLAGS" not in key}
    environ["PYTHONPATH"] = str(SRC)
    process = subprocess.Popen(
        [sys.executable, "-m", "jeton", "build", "-j2"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if wait:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output.decode()
    return process


def manifest(tag: str) -> str:
    lines = [MANIFEST, f"tag = {tag}\n"]
    for number in range(STEPS):
        source = "source" if number < 3 else f"o{number - 3}"
        lines.append(f"build o{number}: slow {source}\n")
    return "".join(lines)


@pytest.mark.parametrize("seed", [1, 2])
def test_build_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    os.mkfifo(tmp_path / "told")
    # Somebody always holds the fifo open, so that no step waits for a reader or dies without one.
    told = os.open(tmp_path / "told", os.O_RDWR)
    with os.fdopen(told, "rb", buffering=0) as lines:
        for round_ in range(ROUNDS):
            tag = f"r{round_ // 3}-"
            (tmp_path / "source").write_text(f"text {round_ // 2}\n")
            (tmp_path / "build.ninja").write_text(manifest(tag))
            if round_ % 3:
                (tmp_path / f"o{choose.randrange(STEPS)}").unlink(missing_ok=True)
            killed = kill_after_lines(
                tmp_path, lines.fileno(), choose.randrange(2 * STEPS), steps_too=choose.random() < 0.7
            )
            drain(lines.fileno())
            again = jeton(tmp_path, wait=True)
            assert again.returncode == 0
            drain(lines.fileno())
            for number in range(STEPS):
                depth = number // 3 + 1
                assert (tmp_path / f"o{number}").read_text() == tag * depth + f"text {round_ // 2}\n", killed


def test_step_killed_while_it_makes_a_removed_output_runs_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told")
    told = os.open(tmp_path / "told", os.O_RDWR)
    (tmp_path / "source").write_text("text\n")
    (tmp_path / "build.ninja").write_text(manifest("t-"))
    jeton(tmp_path, wait=True)
    drain(told)
    (tmp_path / "o0").unlink()
    os.mkfifo(tmp_path / "gate")  # nobody opens it: the step stays where it is
    # Half of it is there, newer than every input, and its command is the one on record.
    kill_after_lines(tmp_path, told, 1, steps_too=True)
    assert (tmp_path / "o0").read_text() == "half\n"
    (tmp_path / "gate").unlink()
    jeton(tmp_path, wait=True)
    assert (tmp_path / "o0").read_text() == "t-text\n"
    os.close(told)


def test_command_that_outlived_its_build_is_ended_before_its_step_runs_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told")
    told = os.open(tmp_path / "told", os.O_RDWR)
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "source").write_text("text\n")
    (tmp_path / "build.ninja").write_text(manifest("t-"))
    process = jeton(tmp_path, wait=False)
    os.read(told, 4096)
    process.kill()
    process.communicate()
    (orphan, *_) = processes_in(tmp_path)
    (tmp_path / "gate").unlink()
    again = jeton(tmp_path, wait=True)
    assert again.returncode == 0
    assert orphan not in processes_in(tmp_path)
    assert (tmp_path / "o0").read_text() == "t-text\n"
    os.close(told)


def kill_after_lines(folder: Path, told: int, lines: int, *, steps_too: bool) -> str:
    """Start a build, kill it when its steps have told that many lines, and wait until they have all ended."""
    process = jeton(folder, wait=False)
    assert process.stdout is not None
    ended = os.pidfd_open(process.pid)
    seen = 0
    while seen < lines:
        ready, _, _ = select.select([told, ended], [], [])
        if ended in ready:
            break
        seen += os.read(told, 4096).count(b"\n")
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(ended)
    # Its steps outlive it, as orphans in groups of their own. What tells them from others is their working folder.
    for pid in processes_in(folder):
        with contextlib.suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            if steps_too:
                os.kill(pid, signal.SIGKILL)
            select.select([watched], [], [])
            os.close(watched)
    process.stdout.close()
    return f"killed after {seen} lines"


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working folder this is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
    return found


def drain(told: int) -> None:
    """Read what the steps have told until now."""
    while select.select([told], [], [], 0)[0]:
        os.read(told, 4096)
