"""Child processes as awaitables. Owns one child from its start to its reaping; does not know what it is for.

A child is started with posix_spawn(3) (no fork of this interpreter), watched through a pidfd, and its output is
read as it comes, so that no child waits for a full pipe. Its standard output and error are one pipe, in the
order in which they were written. The child's end decides when it is done, not the pipe's: a daemon that it leaves
behind, with the pipe still open, is waited for a moment only.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jeton.runtime.current import current_scheduler
from jeton.runtime.event import Event
from jeton.runtime.loop import EventLoop, Undo
from jeton.runtime.scheduler import sleep
from jeton.runtime.scope import Scope
from jeton.trace import STREAM, DidExitProcess, DidStartProcess

_READ = 65536
"""As much as a pipe holds."""
_LINGER_S = 0.5
"""How long the output of a child that has ended is waited for while others still hold its pipe."""
_GRACE_S = 5.0
"""How long a child may take to end after the first signal; then it is killed."""


_Usage = tuple[int, float, float, int]
_OnExit = Callable[[_Usage], None]


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a child ended. CPU in seconds and peak resident memory in KiB are of it and all that it reaped."""

    status: int
    """Exit status, or minus the signal's number."""
    output: bytes
    user_s: float
    system_s: float
    peak_kib: int
    pipe_held: bool
    """Another process still held the output pipe when the waiting ended."""


async def run_process(
    argv: list[str],
    *,
    environ: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    terminal: bool = False,
    stop_signal: int = signal.SIGINT,
    started: Callable[[int], object] | None = None,
) -> ProcessResult:
    """Run `argv` to its end and return how it ended, with what it wrote.

    The first word is a path, or a name that is looked for on PATH. `environ` None is this process's own. `started` is
    called with the child's pid as soon as there is one.

    With `terminal`, the child has this process's own standard streams and process group, and `output` stays empty.
    Otherwise it leads a group of its own with nothing to read. When the task is cancelled, the group gets
    `stop_signal`, and SIGKILL if it has not ended after a grace of seconds; the child is reaped in any case.
    Raises OSError where it cannot be started.
    """
    given = os.environ if environ is None else environ
    child = _Child(current_scheduler().loop, argv, given, pass_fds, terminal=terminal)
    try:
        if started is not None:
            started(child.pid)
        if STREAM.on:
            STREAM.emit(DidStartProcess(child.pid, argv[0]))
        await child.ended.wait()
        if child.reading:
            await child.linger()
        return child.result()
    except GeneratorExit:
        raise  # nothing can be awaited any more
    except BaseException:
        async with Scope(shield=True):
            await child.stop(stop_signal)
        raise
    finally:
        child.close()


class _Child:
    """One running child. `ended` is set when it has been reaped."""

    def __init__(
        self,
        loop: EventLoop,
        argv: list[str],
        environ: Mapping[str, str],
        pass_fds: Sequence[int],
        *,
        terminal: bool,
    ) -> None:
        self.ended = Event()
        self._drained = Event()
        self._output: list[bytes] = []
        self._usage: _Usage = (0, 0.0, 0.0, 0)
        self._alone = not terminal  # it leads a process group of its own
        self._loop = loop
        self._pipe, self.pid = _start(argv, environ, pass_fds, terminal=terminal)
        # Invariant: the pipe is open and watched exactly while _unread is not None.
        self._unread: Undo | None = None
        if self._pipe >= 0:
            self._unread = loop.watch_readable(self._pipe, self._on_output)
        _watch_exit(loop, self.pid, self._on_exit)

    @property
    def reading(self) -> bool:
        """Somebody may still write into the pipe."""
        return self._unread is not None

    def result(self) -> ProcessResult:
        """Tell how it ended, once it has; before `close`, which forgets whether the pipe was held."""
        assert self.ended.is_set
        status, user_s, system_s, peak_kib = self._usage
        return ProcessResult(status, b"".join(self._output), user_s, system_s, peak_kib, self.reading)

    async def linger(self) -> None:
        """Wait a moment for the pipe's end."""
        try:
            async with Scope(timeout=_LINGER_S):
                await self._drained.wait()
        except TimeoutError:
            pass

    async def stop(self, signum: int) -> None:
        """Make the child end, politely first, and wait until it has."""
        self._signal(signum)
        async with Scope() as scope:
            scope.spawn(self._kill_later)
            await self.ended.wait()
            scope.cancel()
        if self._alone:
            _kill(os.killpg, self.pid, signal.SIGKILL)  # what it left behind: a shell's background ignores interrupts

    def close(self) -> None:
        """Free the pipe. The child has been reaped, unless nothing can be awaited any more: then it is killed."""
        self._signal(signal.SIGKILL)
        self._close_pipe()

    async def _kill_later(self) -> None:
        await sleep(_GRACE_S)
        self._signal(signal.SIGKILL)

    def _signal(self, signum: int) -> None:
        if self.ended.is_set:
            return
        if not self._alone:
            if signum != signal.SIGINT:  # a terminal's own interrupt has reached its whole group already
                _kill(os.kill, self.pid, signum)
        elif not _kill(os.killpg, self.pid, signum):
            _kill(os.kill, self.pid, signum)  # it has joined another group

    def _on_output(self) -> None:
        try:
            data = os.read(self._pipe, _READ)
        except BlockingIOError:
            return
        if data:
            self._output.append(data)
        else:
            self._close_pipe()

    def _on_exit(self, usage: _Usage) -> None:
        self._usage = usage
        # What is in the pipe now is the child's; its end may be another's, who may write without end.
        for _ in range(2):  # the whole pipe, and its end
            if self.reading:
                self._on_output()
        self.ended.set()  # first, so that a listener that fails holds up nobody who waits
        if STREAM.on:
            STREAM.emit(DidExitProcess(self.pid, *usage))

    def _close_pipe(self) -> None:
        if self._unread is not None:
            unread, self._unread = self._unread, None
            unread()
            os.close(self._pipe)
            self._drained.set()


def _start(argv: list[str], environ: Mapping[str, str], pass_fds: Sequence[int], *, terminal: bool) -> tuple[int, int]:
    """Start the child; return the read end of its output pipe (-1 without one) and its pid."""
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int] | tuple[int, int]] = []
    read_fd = write_fd = -1
    if not terminal:
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)  # our end's own description; the child's stays blocking
        # In this order, because the pipe itself has a number below 3 where we were started without streams.
        actions += [(os.POSIX_SPAWN_DUP2, write_fd, 1), (os.POSIX_SPAWN_DUP2, write_fd, 2)]
        actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
    # dup2 onto itself clears close-on-exec in the child only (POSIX.1-2024; glibc since 2.29).
    actions += [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in pass_fds]
    try:
        if terminal:
            pid = os.posix_spawnp(argv[0], argv, environ, file_actions=actions, setsigdef=_DEFAULTS, setsigmask=())
        else:
            pid = os.posix_spawnp(
                argv[0], argv, environ, file_actions=actions, setsigdef=_DEFAULTS, setsigmask=(), setpgroup=0
            )
    except BaseException:
        if read_fd >= 0:
            os.close(read_fd)
        raise
    finally:
        if write_fd >= 0:
            os.close(write_fd)
    return read_fd, pid


# The interpreter ignores these two; no child expects that.
_DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ)


def _watch_exit(loop: EventLoop, pid: int, callback: _OnExit) -> None:
    """Reap the child when it ends and tell `callback`, on the loop's thread."""
    try:
        pidfd = os.pidfd_open(pid)
    except (AttributeError, OSError):  # another system, or a kernel before 5.3
        threading.Thread(target=lambda: _wait_in_thread(loop, pid, callback), daemon=True).start()
        return

    def exited() -> None:
        unwatch()
        os.close(pidfd)
        callback(_reap(pid))

    unwatch = loop.watch_readable(pidfd, exited)


def _wait_in_thread(loop: EventLoop, pid: int, callback: _OnExit) -> None:
    if hasattr(os, "waitid"):  # not on macOS before Python 3.13
        # Reaped on the loop's thread, so that nobody signals a number that is another's by now.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        loop.call_from_thread(lambda: callback(_reap(pid)))
    else:
        usage = _reap(pid)
        loop.call_from_thread(lambda: callback(usage))


def _kill(kill: Callable[[int, int], None], number: int, signum: int) -> bool:
    """Send the signal; False where nobody has that number. What runs as another user is waited for unasked."""
    try:
        kill(number, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _reap(pid: int) -> _Usage:
    _, wait_status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(wait_status), usage.ru_utime, usage.ru_stime, usage.ru_maxrss
