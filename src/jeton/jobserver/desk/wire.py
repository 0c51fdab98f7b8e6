"""One connection to the server of a global pool, as either end has it. Owns its socket, and descriptors that came.

Lines and descriptors travel side by side: the kernel hands the descriptors over with the first byte of the message
that they were sent with, so that they queue up in the messages' order, and each message says how many are its own.
"""

import array
import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from jeton.jobserver.desk.protocol import MAX_FDS, Garbled, Lines

_READ = 65_536
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_SIZE = array.array("i").itemsize


class Wire:
    """Both ways of one connection."""

    def __init__(self, sock: socket.socket, limit: int) -> None:
        """Take a connected socket over, whose lines are to be at most `limit` bytes long."""
        self.socket = sock
        self._lines = Lines(limit)
        self._fds: deque[int] = deque()

    def receive(self) -> bool:
        """Read once; False at end of file. Raises OSError: EMFILE where descriptors were lost for want of room."""
        data, ancillary, flags, _ = self.socket.recvmsg(_READ, socket.CMSG_SPACE(MAX_FDS * _SIZE), _CLOEXEC)
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                came = array.array("i")
                came.frombytes(payload[: len(payload) - len(payload) % _SIZE])
                for fd in came:
                    os.set_inheritable(fd, False)
                self._fds += came
        if flags & socket.MSG_CTRUNC:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._lines.feed(data)
        return bool(data)

    def next_line(self) -> bytes | None:
        """Return the next whole line, None where there is none yet. Raises Garbled."""
        line = self._lines.next()
        if line is None and self._lines.empty and self._fds:
            raise Garbled("descriptors without a message")
        return line

    def take_fds(self, count: int) -> tuple[int, ...]:
        """Return the next `count` descriptors: from now on the caller's. Raises Garbled."""
        if len(self._fds) < count:
            raise Garbled(f"{count} descriptors were said to come, {len(self._fds)} came")
        return tuple(self._fds.popleft() for _ in range(count))

    def send(self, data: bytes, fds: Sequence[int] = ()) -> int:
        """Send as much as goes, the descriptors with its first byte. Raises OSError."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        return self.socket.sendmsg([data], rights, socket.MSG_NOSIGNAL)

    def close(self) -> None:
        """Close the connection, and what came and nobody took."""
        self.socket.close()
        while self._fds:
            os.close(self._fds.popleft())


def peer(sock: socket.socket) -> tuple[int, int]:
    """Return the pid and the user id of who is at the other end (SO_PEERCRED, unix(7))."""
    pid, uid, _ = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def is_same_user(uid: int) -> bool:
    """Tell whether that user is this process's: nobody else may come in, root neither."""
    return uid == os.geteuid()


def pidfd_of(pid: int) -> int | None:
    """Open a descriptor that stands for that process; None where it has ended or the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def pid_of(pidfd: int) -> int | None:
    """Return which process a pidfd stands for; None where it has been reaped, or where this is no pidfd.

    Source: proc_pid_fdinfo(5); the number is as this process sees it, wherever the sender lives.
    """
    try:
        said = Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii")
    except OSError:
        return None
    numbers = [int(line.split()[1]) for line in said.splitlines() if line.startswith("Pid:")]
    return numbers[0] if numbers and numbers[0] > 0 else None


def opened_both_ways(fd: int) -> int:
    """Open an end of a pipe anew for reading and writing: a copy for a child that is to outlive the server.

    Its pipes then never end on its side: a make that returns a token is not killed by SIGPIPE, and one that waits for a
    token goes on with its implicit slot. A process's own place is to notice the end, so it has plain ends.
    """
    try:
        copy = os.open(f"/dev/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        return os.dup(fd)
    return copy


def copies(fds: tuple[int, ...], copy: Callable[[int], int]) -> tuple[int, ...]:
    """Copy each of them, or none: raises OSError."""
    made: list[int] = []
    try:
        for fd in fds:
            made.append(copy(fd))  # noqa: PERF401  what was made before an error is closed
    except BaseException:
        close_all(made)
        raise
    return tuple(made)


def close_all(fds: Sequence[int]) -> None:
    """Close each of them."""
    for fd in fds:
        os.close(fd)
