"""Covers child processes with real ones: what they write, how they end, and that each is reaped and its pipe closed."""

import gc
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.runtime.conftest import MakeLoop, open_descriptors

import jeton.runtime.process as process_module
from jeton.runtime import (
    Event,
    ProcessResult,
    Scope,
    Task,
    TaskState,
    checkpoint,
    current_scheduler,
    run,
    run_process,
    stdlib_loop,
)
from jeton.trace import STREAM, DidExitProcess, DidStartProcess, Recording

pytestmark = pytest.mark.usefixtures("leaks_nothing")

ENVIRON = {"PATH": os.environ.get("PATH", os.defpath)}


def shell(script: str, make_loop: MakeLoop, *args: str) -> ProcessResult:
    """Run a script to its end."""
    return run(lambda: sh(script, *args), loop=make_loop())


async def sh(script: str, *args: str) -> ProcessResult:
    return await run_process(["/bin/sh", "-c", script, "sh", *args], environ=ENVIRON)


class Doorbell:
    """A fifo by which a child says where it is. `rung` returns the bytes that it has written so far."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    async def rung(self, wanted: bytes) -> None:
        """Return when the child has written these."""
        while wanted:
            event = Event()
            undo = current_scheduler().loop.watch_readable(self._fd, event.set)
            try:
                await event.wait()
            finally:
                undo()
            got = os.read(self._fd, len(wanted))
            assert wanted.startswith(got)
            wanted = wanted[len(got) :]

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def bell(leaks_nothing: None, tmp_path: Path) -> Iterator[Doorbell]:
    bell = Doorbell(tmp_path / "bell")
    yield bell
    bell.close()


def gone(pid: int) -> bool:
    """Say whether the process is no more, or is only waiting for init to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_child_s_output_and_status_are_told(make_real_loop: MakeLoop) -> None:
    result = shell("echo out; echo err >&2; echo out again; exit 3", make_real_loop)
    assert (result.status, result.output) == (3, b"out\nerr\nout again\n")
    assert not result.pipe_held
    assert result.peak_kib > 0


def test_a_child_killed_by_a_signal_has_minus_its_number_as_status(make_real_loop: MakeLoop) -> None:
    assert shell("kill -TERM $$", make_real_loop).status == -signal.SIGTERM


def test_a_child_has_nothing_to_read_and_leads_a_group(make_real_loop: MakeLoop) -> None:
    result = shell("cat; ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat; echo $$", make_real_loop)
    group, pid = result.output.split()
    assert group == pid


def test_output_larger_than_any_pipe_is_read_whole(make_real_loop: MakeLoop) -> None:
    result = shell("head -c 3000000 /dev/zero", make_real_loop)
    assert len(result.output) == 3_000_000


def test_a_full_pipe_at_the_end_is_read_whole(make_real_loop: MakeLoop) -> None:
    result = shell("head -c 65536 /dev/zero", make_real_loop)
    assert len(result.output) == 65536


def test_a_child_that_closes_its_output_is_waited_for(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    async def main() -> ProcessResult:
        async with Scope() as scope:
            task = scope.spawn(sh, 'echo said; exec >&- 2>&-; echo 1 > "$1"; exit 4', bell.path)
            await bell.rung(b"1\n")
        return await task

    result = run(main, loop=make_real_loop())
    assert (result.status, result.output, result.pipe_held) == (4, b"said\n", False)


def test_what_a_child_leaves_behind_holds_nobody_up(
    make_real_loop: MakeLoop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_module, "_LINGER_S", 0.01)
    pid_file = tmp_path / "pid"
    result = shell('sleep 1000 & echo $! > "$1"; echo parent', make_real_loop, str(pid_file))
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert (result.status, result.output) == (0, b"parent\n")
    assert result.pipe_held


def test_what_is_left_behind_and_writes_without_end_holds_nobody_up(
    make_real_loop: MakeLoop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_module, "_LINGER_S", 0.01)
    pid_file = tmp_path / "pid"
    result = shell('yes & echo $! > "$1"', make_real_loop, str(pid_file))
    pid = int(pid_file.read_text())
    try:
        assert result.status == 0
        assert result.pipe_held
    finally:
        with suppress(ProcessLookupError):  # its pipe may have broken
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_writes_a_last_word_is_heard(make_real_loop: MakeLoop, tmp_path: Path) -> None:
    """Runs as long as the daemon needs: it ends when its parent has, which the loop knows by then."""
    script = '(while s=$(cut -d" " -f3 /proc/$$/stat 2>&1) && [ "$s" != Z ]; do :; done; echo last) & echo first'
    result = shell(script, make_real_loop)
    assert result.output.startswith(b"first\n")


def test_a_program_that_is_not_there_raises_and_leaves_nothing(make_real_loop: MakeLoop, tmp_path: Path) -> None:
    not_executable = tmp_path / "file"
    not_executable.write_text("")

    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await run_process([str(tmp_path / "nothing")], environ=ENVIRON)
        with pytest.raises(PermissionError):
            await run_process([str(not_executable)], environ=ENVIRON)

    run(main, loop=make_real_loop())


def test_many_children_at_once_are_told_apart(make_real_loop: MakeLoop) -> None:
    async def main() -> list[ProcessResult]:
        async with Scope() as scope:
            tasks = [scope.spawn(sh, f"echo {number}; exit {number}") for number in range(100)]
        return [task.result() for task in tasks]

    results = run(main, loop=make_real_loop())
    assert [result.output for result in results] == [f"{number}\n".encode() for number in range(100)]
    assert [result.status for result in results] == list(range(100))


def test_a_child_inherits_the_descriptors_that_are_passed_and_no_others(make_real_loop: MakeLoop) -> None:
    passed, other = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)

    async def main() -> ProcessResult:
        return await run_process(
            ["/bin/sh", "-c", f"for fd in {passed} {other}; do [ -e /dev/fd/$fd ] && echo $fd; done; true"],
            environ=ENVIRON,
            pass_fds=[passed],
        )

    result = run(main, loop=make_real_loop())
    os.close(passed)
    os.close(other)
    assert result.output == f"{passed}\n".encode()


def test_a_child_cancelled_gets_the_signal_and_may_clean_up(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    script = r'trap "kill \$!; echo 2 > $1; exit" INT; echo 1 > "$1"; while :; do sleep 1000 & wait; done'

    async def main() -> Task[ProcessResult]:
        async with Scope() as scope:
            task = scope.spawn(sh, script, bell.path)
            await bell.rung(b"1\n")
            scope.cancel()
        await bell.rung(b"2\n")
        return task

    assert run(main, loop=make_real_loop()).error is not None


def test_a_child_deaf_to_the_signal_is_killed_with_its_group(
    make_real_loop: MakeLoop, bell: Doorbell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_module, "_GRACE_S", 0.01)
    pid_file = tmp_path / "pid"
    script = 'trap "" INT; sleep 1000 & echo $! > "$2"; echo 1 > "$1"; wait'

    async def main() -> None:
        async with Scope() as scope:
            scope.spawn(sh, script, bell.path, str(pid_file))
            await bell.rung(b"1\n")
            scope.cancel()

    run(main, loop=make_real_loop())
    pid = int(pid_file.read_text())
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([pidfd], [], [])
    os.close(pidfd)
    assert gone(pid)


def test_a_child_that_has_left_its_group_is_signalled_all_the_same(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    script = """if True:
        import os, sys, time
        os.setpgid(0, os.getpgid(os.getppid()))
        os.write(os.open(sys.argv[1], os.O_WRONLY), b"1")
        time.sleep(1000)
    """

    async def main() -> None:
        async with Scope() as scope:
            scope.spawn(lambda: run_process([sys.executable, "-Ic", script, bell.path], environ=ENVIRON))
            await bell.rung(b"1")
            scope.cancel()

    run(main, loop=make_real_loop())


def test_children_of_a_program_that_is_interrupted_are_stopped(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    async def main() -> None:
        async with Scope() as scope:
            scope.spawn(sh, 'echo 1 > "$1"; exec sleep 1000', bell.path)
            await bell.rung(b"1\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(main, loop=make_real_loop())


def test_a_failing_sibling_stops_the_child(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    async def fail() -> None:
        await bell.rung(b"1\n")
        raise KeyError

    async def main() -> None:
        async with Scope() as scope:
            scope.spawn(sh, 'echo 1 > "$1"; exec sleep 1000', bell.path)
            scope.spawn(fail)

    with pytest.raises(ExceptionGroup):
        run(main, loop=make_real_loop())


def test_a_scope_cancelled_before_the_child_is_started_starts_none(make_real_loop: MakeLoop, tmp_path: Path) -> None:
    async def main() -> None:
        async with Scope() as scope:
            scope.cancel()
            scope.spawn(sh, 'touch "$1"', str(tmp_path / "started"))

    run(main, loop=make_real_loop())
    assert not (tmp_path / "started").exists()


def test_cancelled_while_the_pipe_is_still_held_ends_at_once(make_real_loop: MakeLoop, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async def main() -> Task[ProcessResult]:
        async with Scope() as scope:
            with STREAM.listening(recording):
                task = scope.spawn(sh, 'sleep 1000 & echo $! > "$1"', str(pid_file))
                while not any(isinstance(record.event, DidExitProcess) for record in recording.records()):
                    await checkpoint()
            while task.state is TaskState.READY:
                await checkpoint()
            scope.cancel()
        return task

    recording = Recording()
    task = run(main, loop=make_real_loop())
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert task.error is not None


def test_the_start_and_the_end_are_told_to_the_stream(make_real_loop: MakeLoop) -> None:
    recording = Recording()
    with STREAM.listening(recording):
        shell("exit 5", make_real_loop)
    events = [record.event for record in recording.records()]
    started, ended = (event for event in events if isinstance(event, DidStartProcess | DidExitProcess))
    assert isinstance(started, DidStartProcess)
    assert isinstance(ended, DidExitProcess)
    assert (started.pid, ended.status) == (ended.pid, 5)


def test_a_listener_that_fails_leaves_no_child_behind(make_real_loop: MakeLoop) -> None:
    def listen(_at_ns: int, event: object) -> None:
        if isinstance(event, DidStartProcess):
            raise ZeroDivisionError

    with STREAM.listening(listen), pytest.raises(ZeroDivisionError):
        shell("exec sleep 1000", make_real_loop)


def test_without_pidfd_a_thread_waits(make_real_loop: MakeLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    result = shell("echo out; exit 6", make_real_loop)
    assert (result.status, result.output) == (6, b"out\n")


def test_a_child_on_the_terminal_has_our_streams_and_our_group(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    async def main() -> ProcessResult:
        return await run_process(
            ["/bin/sh", "-c", 'cut -d" " -f5 /proc/$$/stat > "$1"', "sh", bell.path], environ=ENVIRON, terminal=True
        )

    async def both() -> ProcessResult:
        async with Scope() as scope:
            task = scope.spawn(main)
            await bell.rung(f"{os.getpgid(0)}\n".encode())
        return await task

    result = run(both, loop=make_real_loop())
    assert (result.status, result.output) == (0, b"")


def test_a_pipe_that_takes_the_number_of_a_standard_stream_is_no_mistake(tmp_path: Path) -> None:
    """Runs in a child interpreter that has closed its standard streams, so that its pipes get the numbers 0 and 1."""
    program = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from jeton.runtime import run, run_process, stdlib_loop
async def main():
    return await run_process(["/bin/sh", "-c", "echo out; echo err >&2; cat"], environ={{}})
loop = stdlib_loop()
for fd in (0, 1, 2):
    os.close(fd)
result = run(main, loop=loop)
open(sys.argv[1], "wb").write(result.output)
"""
    shell_result = run(
        lambda: run_process([sys.executable, "-Ic", program, str(tmp_path / "out")], environ=ENVIRON),
        loop=stdlib_loop(),
    )
    assert shell_result.status == 0, shell_result.output
    assert (tmp_path / "out").read_bytes() == b"out\nerr\n"


def test_abandoned_by_a_second_interrupt_a_child_is_killed(make_real_loop: MakeLoop, bell: Doorbell) -> None:
    pids: list[int] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        loop = current_scheduler().loop
        async with Scope() as scope:
            scope.spawn(sh, 'trap "" INT; echo 1 > "$1"; exec sleep 1000', bell.path)
            await bell.rung(b"1\n")
            loop.call_soon(interrupt)
            try:
                await Event().wait()
            finally:
                loop.call_soon(interrupt)

    def listen(_at_ns: int, event: object) -> None:
        if isinstance(event, DidStartProcess):
            pids.append(event.pid)

    def interrupted() -> bool:
        try:
            run(main, loop=make_real_loop())
        except KeyboardInterrupt:
            return True  # and the traceback is let go, which held the task
        return False

    before = open_descriptors()
    with STREAM.listening(listen):
        assert interrupted()
    gc.collect()
    _, status = os.waitpid(pids[0], 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    for fd in open_descriptors() - before:  # the witness of its end, which nobody reads any more
        os.close(int(fd))
