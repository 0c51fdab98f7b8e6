"""Holds the census to known trees, so that what it says of a build can be trusted."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

if not Path("/proc/self/stat").exists():
    pytest.skip("the census reads /proc", allow_module_level=True)

from tests.peers.census import Census, Reading, Worker, take

RUST = Path(__file__).resolve().parents[2] / "examples" / "mixed" / "rust" / "lib.rs"


@pytest.fixture
def tree(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """Run a script whose last act is to say so on its output, then to wait for its input's end."""
    script = f"{request.param}\necho ready; read line; kill $kids 2>/dev/null; wait"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as root:
        assert root.stdout is not None
        assert root.stdin is not None
        assert root.stdout.readline() == b"ready\n"
        yield root
        root.stdin.close()


# A cat that has passed on a line is past its exec; it then waits for more from a pipe that stays open.
THREE_CATS = """
dir=$(mktemp -d); kids=
for i in 1 2 3; do
  mkfifo $dir/in$i $dir/out$i; cat $dir/in$i > $dir/out$i & kids="$kids $!"
done
exec 4<>$dir/in1 5<>$dir/in2 6<>$dir/in3 7<>$dir/out1 8<>$dir/out2 9<>$dir/out3
echo x >&4; echo x >&5; echo x >&6; read a <&7; read a <&8; read a <&9; rm -r $dir
"""


@pytest.mark.parametrize("tree", [THREE_CATS], indirect=True)
def test_working_leaves_count_and_waiting_drivers_do_not(tree: subprocess.Popen[bytes]) -> None:
    census = Census(tree.pid)
    census.read()
    census.read()
    assert census.peak().count == 3
    assert census.names() == {"cat": 3}
    assert not census.strangers


@pytest.mark.parametrize("tree", [THREE_CATS], indirect=True)
def test_zombies_do_not_count(tree: subprocess.Popen[bytes]) -> None:
    census = Census(tree.pid)
    census.read()
    cats = [worker.pid for worker in census.readings[0].workers]
    watches = [os.pidfd_open(pid) for pid in cats]
    os.kill(cats[0], 9)
    os.kill(cats[1], 9)
    for watch in watches[:2]:
        poll(watch)
    census.read()
    census.read()
    for watch in watches:
        os.close(watch)
    assert [len(workers) for _, workers in census.counts()] == [1, 1]


def poll(watch: int) -> None:
    """Wait until the process of a pidfd has ended."""
    ended = select.poll()
    ended.register(watch, select.POLLIN)
    assert ended.poll(10_000)


def reading(at: float, *workers: tuple[Worker, int]) -> Reading:
    return Reading(at, dict(workers))


def test_a_worker_and_its_successor_are_not_at_once() -> None:
    census = Census(1)
    first, second, third = (Worker(pid, 1, "cc1") for pid in (2, 3, 4))
    # The second ended while a reading was taken, which so saw its successor too.
    census.readings = [
        reading(0, (first, 0), (second, 0)),
        reading(1, (first, 0), (second, 0), (third, 0)),
        reading(2, (first, 0), (third, 0)),
        reading(3, (first, 0), (third, 0)),
    ]
    assert census.peak().count == 2


def test_a_process_number_used_again_is_another_worker() -> None:
    census = Census(1)
    census.readings = [reading(0, (Worker(2, 10, "cc1"), 0)), reading(1, (Worker(2, 11, "cc1"), 0))]
    assert census.peak().count == 0


def test_rustc_counts_as_its_threads_that_still_have_work_ahead() -> None:
    census = Census(1)
    main = Worker(2, 1, "rustc")
    units = [Worker(2, 1, f"opt cgu.{i}", 3 + i) for i in range(3)]
    ms = 1_000_000
    census.readings = [
        reading(0, (main, 0)),
        reading(1, (main, 0), (units[0], 1 * ms), (units[1], 1 * ms)),
        # The first has reported and is about to end, its clock a tick behind; the third has its token.
        reading(2, (main, 0), (units[0], 80 * ms), (units[1], 20 * ms), (units[2], 0)),
        reading(3, (main, 0), (units[0], 89 * ms), (units[1], 60 * ms), (units[2], 50 * ms)),
        reading(4, (main, 0)),
    ]
    assert [len(workers) for _, workers in census.counts()] == [1, 2, 2, 1]
    assert census.peak().names == ("opt cgu.0[3] 88.0 ms", "opt cgu.1[4] 59.0 ms")


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("rustc") is None, reason="needs rustc")
def test_rustc_without_a_jobserver_is_seen_to_run_many_threads(tmp_path: Path) -> None:
    units = "-C opt-level=3 -C codegen-units=8 --crate-type staticlib --edition 2021"
    command = f"rustc {units} {RUST} -o {tmp_path}/lib.a; :"
    env = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "CARGO_MAKEFLAGS"}}
    with (tmp_path / "log").open("wb") as log:
        code, census = take(["sh", "-c", command], log, env=env)
    assert code == 0
    assert (tmp_path / "lib.a").exists(), (tmp_path / "log").read_text()
    assert census.peak().count > 2, census.peak()


def test_a_python_program_counts_by_its_script(tmp_path: Path) -> None:
    script = tmp_path / "step.py"
    script.write_text("print('ready', flush=True)\ninput()\n")
    command = ["sh", "-c", '"$0" "$1"; :', sys.executable, str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as root:
        assert root.stdout is not None
        assert root.stdin is not None
        assert root.stdout.readline() == b"ready\n"
        counted = Census(root.pid, frozenset({"step.py"}))
        other = Census(root.pid, frozenset({"else.py"}))
        for census in (counted, other):
            census.read()
            census.read()
        root.stdin.write(b"\n")
    assert counted.peak().count == 1
    assert other.peak().count == 0
