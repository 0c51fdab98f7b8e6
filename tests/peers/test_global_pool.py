"""Holds the global pool to its word: a real server in the background, real makes and `jeton build` that share it."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.peers.jobserver_command import COMMAND, TOP, Gate, environment, makefile, ninja_manifest

if not (hasattr(os, "pidfd_open") and Path("/proc/self/fdinfo").exists()):
    pytest.skip("needs pidfds and /proc", allow_module_level=True)

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
pytestmark = pytest.mark.peer


class Daemon:
    """A server in the background, in a folder with a short name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "jeton" / "pool.sock"
        self.environ = environment(XDG_RUNTIME_DIR=str(folder))
        self.environ.pop("JETON_POOL", None)

    def call(self, *words: str | Path, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *words],
            env=self.environ | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def must(self, *words: str | Path, **more: str) -> str:
        done = self.call(*words, **more)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def status(self) -> dict[str, Any]:
        said = json.loads(self.must("status", "--json"))
        assert isinstance(said, dict)
        return said

    def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        while not holds(status := self.status()):
            pass
        return status

    @property
    def pid(self) -> int:
        return int(self.socket.with_name("pool.sock.lock").read_text())

    @contextmanager
    def client(self, *words: str | Path, cwd: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a jeton that joins through JETON_POOL, in a process group of its own."""
        child = subprocess.Popen(
            [sys.executable, "-m", "jeton", *words],
            env=self.environ | {"JETON_POOL": str(self.socket)},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            yield child
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            assert child.stdout is not None
            child.stdout.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    folder = Path(tempfile.mkdtemp(prefix="gp", dir="/tmp"))
    daemon = Daemon(folder)
    yield daemon
    daemon.call("stop")
    shutil.rmtree(folder)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def passed(child: "subprocess.Popen[bytes]") -> str:
    assert child.stdout is not None
    said = child.stdout.read()
    assert child.wait() == 0, said.decode()
    return said.decode()


def hear(gate: Gate, count: int) -> None:
    for _ in range(count):
        os.read(gate._begun, 1)


def let_through(gate: Gate, count: int) -> None:
    os.write(gate._through, b"\n" * count)


# One server.


def test_start_says_where_it_is_and_stop_waits_until_it_has_ended(daemon: Daemon) -> None:
    said = daemon.must("start", "-j4")
    pid = daemon.pid
    assert said.splitlines() == [
        f"{daemon.socket}: a pool of 4 slots, served by process {pid}",
        'join it: eval "$(jeton jobserver env)"',
    ]
    assert daemon.socket.is_socket()
    assert {path.stat().st_mode & 0o077 for path in (daemon.socket, daemon.socket.parent)} == {0}
    assert daemon.must("stop") == f"{daemon.socket}: the pool has ended\n"
    # What may be left is for init to reap: it has no memory any more, and so no command line.
    assert not Path(f"/proc/{pid}/cmdline").exists() or Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    assert [path.name for path in daemon.socket.parent.iterdir()] == ["pool.sock.log"]


def test_the_server_has_left_its_terminal_its_folder_and_all_that_it_inherited(daemon: Daemon, tmp_path: Path) -> None:
    read_fd, write_fd = os.pipe()
    subprocess.run(
        [*COMMAND, "start"], env=daemon.environ, cwd=tmp_path, pass_fds=[write_fd], stdout=subprocess.PIPE, check=True
    )  # that it returns says that the server does not hold its standard output
    os.close(write_fd)
    assert os.read(read_fd, 1) == b""
    os.close(read_fd)
    pid = daemon.pid
    assert os.getsid(pid) not in (pid, os.getsid(0))  # it leads no session, so that it can get no terminal
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path(os.devnull)
    assert Path(f"/proc/{pid}/fd/2").readlink() == daemon.socket.with_name("pool.sock.log")


def test_a_second_start_is_one_line_and_status_1(daemon: Daemon) -> None:
    daemon.must("start", "-j2")
    for more in ([], ["--foreground"]):
        done = daemon.call("start", *more)
        told = f"a pool is served there already (process {daemon.pid}); end it with jeton jobserver stop"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{daemon.socket}: {told}\n")
    assert daemon.status()["jobs"] == 2


def test_the_socket_of_a_killed_server_is_replaced(daemon: Daemon) -> None:
    daemon.must("start", "-j2")
    pidfd = os.pidfd_open(daemon.pid)
    os.kill(daemon.pid, signal.SIGKILL)
    select.select([pidfd], [], [])
    os.close(pidfd)
    assert daemon.socket.is_socket()
    done = daemon.call("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{daemon.socket}: nothing serves this pool; start it with jeton jobserver start")
    daemon.must("start", "-j3")
    assert daemon.status()["jobs"] == 3


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_in_the_foreground_it_serves_until_a_signal_ends_it(daemon: Daemon, signum: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "start", "-j2", "--foreground"], env=daemon.environ, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        line = f"{daemon.socket}: a pool of 2 slots, served by process {server.pid}\n"
        assert server.stderr.readline() == line
        assert daemon.status()["pid"] == server.pid
        server.send_signal(signum)
        assert server.stderr.read() == "ended\n"
    assert server.returncode == 0
    assert list(daemon.socket.parent.iterdir()) == []


# Programs that share it.


@needs_make
def test_two_makes_of_two_shells_share_the_slots_and_status_shows_them(
    daemon: Daemon, gate: Gate, tmp_path: Path
) -> None:
    daemon.must("start", "-j3")
    for name in ("one", "two"):
        makefile(tmp_path / name, gate, 6)
    make = ("jobserver", "--", "make")
    with daemon.client(*make, cwd=tmp_path / "one") as one:
        hear(gate, 3)
        with daemon.client(*make, cwd=tmp_path / "two") as two:
            hear(gate, 1)  # the second make's implicit slot, which counts from now on
            status = daemon.until(lambda status: status["to_swallow"] == 1)
            assert (status["jobs"], status["tokens"], status["held"], status["free"]) == (3, 1, 2, 0)
            first, second = status["clients"]
            assert [first["pid"], second["pid"]] == [one.pid, two.pid]
            assert [first["kind"], first["counted"], second["counted"]] == ["program", True, True]
            (place,) = first["children"]
            assert (place["name"], place["held"], place["taken"], place["waiting"]) == ("make", 2, 2, True)
            assert first["tree"]["pid"] == one.pid
            assert first["tree"]["children"][0]["pid"] == place["pid"]
            assert len(first["tree"]["children"][0]["children"]) == 3
            columns = daemon.must("status")
            assert re.search(rf"^ *{place['pid']}  +2  waiting  .* 2  +0    make$", columns, re.MULTILINE)
            let_through(gate, 12)
            passed(one)
            passed(two)
    status = daemon.until(lambda status: not status["clients"])
    assert (status["held"], status["free"], status["reclaimed"]) == (0, 2, 0)


@needs_make
def test_no_more_jobs_of_two_makes_run_at_once_than_there_are_slots(daemon: Daemon, gate: Gate, tmp_path: Path) -> None:
    daemon.must("start", "-j3")
    for name in ("one", "two"):
        makefile(tmp_path / name, gate, 5)
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    ready_fd = os.open(ready, os.O_RDWR | os.O_CLOEXEC)
    # Both are in before either starts: then both implicit slots count from the first job on.
    script = f"read go < {ready}; exec make"
    make = ("jobserver", "--", "sh", "-c", script)
    with (
        daemon.client(*make, cwd=tmp_path / "one") as one,
        daemon.client(*make, cwd=tmp_path / "two") as two,
    ):
        daemon.until(lambda status: status["tokens"] == 1 and status["free"] == 1)
        os.write(ready_fd, b"\n\n")
        gate.meet(3, 10)
        passed(one)
        passed(two)
    os.close(ready_fd)
    assert gate.most_at_once() == 3


@needs_make
def test_make_and_jeton_build_share_it(daemon: Daemon, gate: Gate, tmp_path: Path) -> None:
    daemon.must("start", "-j4")
    makefile(tmp_path / "one", gate, 6)
    ninja_manifest(tmp_path / "two", gate, 6)
    with daemon.client("build", cwd=tmp_path / "two") as build:
        hear(gate, 4)
        status = daemon.status()
        (client,) = status["clients"]
        assert client["own"]["held"] == 3
        assert client["own"]["pid"] == build.pid
        assert len(client["children"]) == 4
        with daemon.client("jobserver", "make", cwd=tmp_path / "one") as make:
            hear(gate, 1)
            let_through(gate, 12)
            passed(build)
            passed(make)
    daemon.until(lambda status: not status["clients"] and status["free"] == 3)


@needs_make
def test_a_resize_changes_how_many_run_at_once(daemon: Daemon, gate: Gate, tmp_path: Path) -> None:
    daemon.must("start", "-j2")
    makefile(tmp_path / "one", gate, 12)
    with daemon.client("jobserver", "make", cwd=tmp_path / "one") as make:
        hear(gate, 2)
        assert daemon.must("resize", "5") == f"{daemon.socket}: 5 slots\n"
        hear(gate, 3)  # five run at once
        assert daemon.status()["held"] == 4
        daemon.must("resize", "1")
        let_through(gate, 5)
        hear(gate, 1)
        status = daemon.until(lambda status: status["to_swallow"] == 0)
        assert (status["held"], status["free"], status["tokens"]) == (0, 0, 0)
        for _ in range(6):
            let_through(gate, 1)
            hear(gate, 1)
        let_through(gate, 1)
        passed(make)
    assert gate.most_at_once() == 5


@needs_make
def test_a_killed_make_and_a_killed_jeton_lose_nothing(daemon: Daemon, gate: Gate, tmp_path: Path) -> None:
    daemon.must("start", "-j4")
    makefile(tmp_path / "one", gate, 9)
    with daemon.client("jobserver", "make", cwd=tmp_path / "one") as jeton:
        hear(gate, 4)
        (client,) = daemon.status()["clients"]
        make = client["children"][0]["pid"]
        jeton.kill()
        jeton.wait()
        (orphan,) = daemon.until(lambda status: status["clients"][0]["kind"] == "orphan")["clients"]
        assert (orphan["pid"], orphan["own"]["held"]) == (make, 3)
        os.kill(make, signal.SIGKILL)
        # Its recipes hold the pipes still: the pidfd says that make has ended.
        status = daemon.until(lambda status: not status["clients"])
        assert (status["held"], status["free"], status["reclaimed"]) == (0, 3, 3)


@needs_make
def test_a_make_whose_server_is_killed_goes_on_with_one_job_at_a_time(
    daemon: Daemon, gate: Gate, tmp_path: Path
) -> None:
    daemon.must("start", "-j3")
    makefile(tmp_path / "one", gate, 6)
    with daemon.client("jobserver", "make", cwd=tmp_path / "one") as make:
        hear(gate, 3)
        os.kill(daemon.pid, signal.SIGKILL)
        let_through(gate, 3)
        for _ in range(3):
            hear(gate, 1)
            let_through(gate, 1)
        assert passed(make) == ""
    assert gate.most_at_once() == 3


def test_a_build_whose_server_is_gone_says_so_and_runs_one_step_at_a_time(daemon: Daemon, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    ninja_manifest(tmp_path / "one", gate, 3)
    with daemon.client("build", cwd=tmp_path / "one") as build:
        gate.meet(1, 3)
        said = passed(build)
    assert f"JETON_POOL: {daemon.socket}: nothing serves this pool; start it with jeton jobserver start" in said
    assert "going on with one job at a time" in said
    assert gate.most_at_once() == 1
    gate.close()


def test_a_build_whose_server_ends_says_so_and_what_to_do(daemon: Daemon, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    daemon.must("start", "-j2")
    ninja_manifest(tmp_path / "one", gate, 5)
    with daemon.client("build", cwd=tmp_path / "one") as build:
        hear(gate, 2)
        daemon.must("stop")
        let_through(gate, 5)
        said, _ = build.communicate()
        assert build.returncode == 1
        assert (
            "the server of the pool has ended; start it with jeton jobserver start, then start this anew"
            in said.decode()
        )
        assert b"Traceback" not in said
    gate.close()


def test_a_shell_joins_by_eval(daemon: Daemon) -> None:
    daemon.must("start", "-j5")
    call = " ".join(COMMAND)
    script = f'eval "$({call} env --makeflags)"; echo "$$ $JETON_POOL $MAKEFLAGS"; {call} status --json; :'
    said = subprocess.run(["sh", "-c", script], env=daemon.environ, capture_output=True, text=True, check=True).stdout
    line, report = said.split("\n", 1)
    pid, pool, *flags = line.split()
    assert pool == str(daemon.socket)
    assert flags[0] == "-j5"
    assert flags[1].startswith(f"--jobserver-auth=fifo:{daemon.socket}.fifos/")
    (client,) = json.loads(report)["clients"]
    assert client["kind"] == "shell"
    pids = [client["pid"]]
    tree = client["tree"]
    while tree["children"]:
        tree = tree["children"][0]
        pids.append(tree["pid"])
    assert int(pid) in pids
    daemon.until(lambda status: not status["clients"])


def test_env_speaks_fish_and_leaves_makeflags_where_make_is_old(daemon: Daemon, tmp_path: Path) -> None:
    daemon.must("start")
    assert daemon.must("env", "--shell", "fish", "--no-makeflags") == f"set -gx JETON_POOL '{daemon.socket}'\n"
    assert daemon.must("env", "--shell", "fish", "--makeflags").count("set -gx MAKEFLAGS ' -j") == 1
    make = tmp_path / "make"
    for version, names in (("4.2.1", False), ("4.3", False), ("4.4", True), ("10.0", True)):
        make.write_text(f"#!/bin/sh\necho GNU Make {version}\n")
        make.chmod(0o755)
        said = daemon.must("env", PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert said.startswith(f"export JETON_POOL={daemon.socket}\n")
        assert ("export MAKEFLAGS=" in said) is names
        assert (f"# make {version} knows no fifo" in said) is not names


def test_watch_shows_it_until_the_pool_ends(daemon: Daemon) -> None:
    daemon.must("start", "-j2")
    command = [*COMMAND, "status", "--watch", "--json"]
    with subprocess.Popen(command, env=daemon.environ, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["jobs"] == 2
        daemon.must("resize", "7")
        while json.loads(watching.stdout.readline())["jobs"] != 7:
            pass
        daemon.must("stop")
        for line in watching.stdout:
            json.loads(line)
    assert watching.returncode == 0


# Misuse is answered in words.


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["start", "-j0"], 2, "-j"),
        (["start", "-j", "70000"], 2, "-j"),
        (["start", "make"], 2, "unexpected extra argument"),
        (["-j2", "start"], 2, "write -- before it to run a program of that name"),
        (["resize"], 2, "Missing argument 'N'"),
        (["resize", "many"], 2, "'many' is not a valid integer"),
        (["env", "--shell", "csh"], 2, "'csh' is not one of"),
        (["--", "status"], 127, "status: No such file or directory"),
        (["start", "--socket", "/" + "x" * 107], 1, "a socket's path has at most 107 bytes"),
        (["start", "--socket", "/proc/s"], 1, "/proc/s"),
        (["start", "--socket", "/dev/null/s"], 1, "/dev/null: "),
        (["start", "--socket", os.fspath(TOP / "README.md")], 1, "is a file and no socket"),
        (["stop"], 1, "nothing serves this pool"),
        (["env"], 1, "nothing serves this pool"),
        (["resize", "3"], 1, "nothing serves this pool"),
        (["status", "--socket", os.fspath(TOP / "README.md")], 1, "the path is not a socket"),
        (["status", "--socket", "x" * 200], 1, "a socket's path has at most 107 bytes"),
    ],
)
def test_misuse_is_told_without_a_traceback(daemon: Daemon, words: list[str], status: int, told: str) -> None:
    done = daemon.call(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert status == 2 or done.stderr.count("\n") == 1


def test_a_runtime_folder_that_others_may_enter_is_refused(daemon: Daemon) -> None:
    daemon.socket.parent.mkdir()
    daemon.socket.parent.chmod(0o755)
    done = daemon.call("start")
    assert done.returncode == 1
    assert done.stderr == f"{daemon.socket.parent}: others may enter it (mode 0755); chmod 700 {daemon.socket.parent}\n"


@pytest.mark.parametrize("command", ["start", "stop", "status", "resize", "env"])
def test_each_command_explains_itself(daemon: Daemon, command: str) -> None:
    said = daemon.must(command, "-h")
    assert said.startswith(f"Usage: jeton jobserver {command} [OPTIONS]")
    assert command in daemon.must("-h")


def test_the_unit_file_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = TOP / "share" / "systemd" / "user" / "jeton-jobserver.service"
    assert "Type=exec" in unit.read_text()
    assert unit.read_text() in (TOP / "docs" / "how-to" / "global-pool.md").read_text()
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable} -m", unit.read_text()))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", copy], capture_output=True, text=True, env=environment(), check=False
    )
    assert unit.name not in done.stderr, done.stderr
