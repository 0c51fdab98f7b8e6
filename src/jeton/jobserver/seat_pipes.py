"""The pipes of one seat: how a token gets to a child and back. Owns their descriptors; decides nothing.

Pipe style names two descriptors, and nothing says that they are ends of one pipe. So each child gets a pair of its own:
grants come through one pipe, returns go through the other. Then

- the kernel tells who returned a token, and end of file on the return pipe says that the child and everything that
  inherited the pipe is dead, however it died: what it held comes back;
- the grant pipe is in packet mode (O_DIRECT, pipe(2)) and one page small, so that one token fills it: that it can be
  written to again means that the child took it;
- one process reads each pipe, so that no herd of waiters is woken for one byte.

A child that speaks fifo style only (ninja, samurai) has one named pipe of its own for both ways. Nothing wakes the
server there: what lies in it is counted from time to time. Such a client looks once and does not wait, so that many
tokens may lie there for it; what is not wanted is withdrawn when another child wants it.
"""

import fcntl
import os
import struct
import termios
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from jeton.jobserver.flags import FifoAuth, PipeAuth

_TOKEN = b"+"
_ONE_PAGE = 4096
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", None)
PACKETS = hasattr(os, "O_DIRECT") and _F_SETPIPE_SZ is not None
"""This system has pipes that one token fills. Elsewhere pairs too are counted from time to time."""


class SeatPipes(Protocol):
    """Both ways of one seat, whatever the style."""

    auth: PipeAuth | FifoAuth
    """What the child's MAKEFLAGS say."""
    return_fd: int
    """Readable when a token came back, or when the child has ended; -1 where that is seen by looking only."""
    room: int
    """How many tokens can lie there for the child."""
    grant_fd: int
    """Writable when the offer was taken; -1 where that is seen by looking only."""

    def pass_fds(self) -> tuple[int, ...]:
        """Return the descriptors that the child inherits under their numbers."""

    def child_started(self) -> None:
        """Close this process's copies of what the child has inherited."""

    def offer(self) -> None:
        """Put a token in for the child. There is room."""

    def withdraw(self) -> bool:
        """Take a token out again; False where the child was faster."""

    def lying(self) -> int:
        """Count the tokens that lie there."""

    def read_returns(self, lying: int) -> int | None:
        """Return how many tokens came back, and take them out; None at the child's end. `lying` are for the child."""

    def close(self) -> None:
        """Close everything."""


class PairPipes:
    """A pair of pipes: grants one way, returns the other."""

    room = 1

    def __init__(self) -> None:
        """Make the pair. Raises OSError."""
        fds: list[int] = []
        try:
            child_read, self._grant = os.pipe2(os.O_CLOEXEC | os.O_DIRECT) if PACKETS else os.pipe()
            fds += [child_read, self._grant]
            if _F_SETPIPE_SZ is not None:
                fcntl.fcntl(self._grant, _F_SETPIPE_SZ, _ONE_PAGE)
            os.set_blocking(self._grant, False)
            # An end of our own to withdraw by: the child's may be set to block or not by anyone who shares it.
            self._taker = os.open(f"/dev/fd/{child_read}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            fds.append(self._taker)
            self.return_fd, child_write = os.pipe()
            fds += [self.return_fd, child_write]
            os.set_blocking(self.return_fd, False)
        except BaseException:
            for fd in fds:
                os.close(fd)
            raise
        self.auth: PipeAuth | FifoAuth = PipeAuth(child_read, child_write)
        self.grant_fd = self._grant if PACKETS else -1
        self._childs: tuple[int, ...] = (child_read, child_write)

    def pass_fds(self) -> tuple[int, ...]:
        """See `SeatPipes.pass_fds`."""
        return self._childs

    def child_started(self) -> None:
        """See `SeatPipes.child_started`."""
        childs, self._childs = self._childs, ()  # first: once they are closed, the serving thread may call close
        for fd in childs:
            os.close(fd)

    def offer(self) -> None:
        """See `SeatPipes.offer`."""
        _put_token(self._grant)

    def withdraw(self) -> bool:
        """See `SeatPipes.withdraw`."""
        try:
            return bool(os.read(self._taker, 1))
        except BlockingIOError:
            return False

    def lying(self) -> int:
        """See `SeatPipes.lying`."""
        return _bytes_in(self._taker)

    def read_returns(self, lying: int) -> int | None:
        """See `SeatPipes.read_returns`."""
        del lying
        try:
            return len(os.read(self.return_fd, _ONE_PAGE)) or None
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """See `SeatPipes.close`."""
        self.child_started()
        for fd in (self._grant, self._taker, self.return_fd):
            os.close(fd)


class FifoPipes:
    """One named pipe for both ways. A child that ends says nothing here: whoever started it does."""

    room = _ONE_PAGE  # no write of a token waits, and neither does a return
    grant_fd = -1
    return_fd = -1

    def __init__(self, path: Path) -> None:
        """Make the fifo at `path`, in a folder that nobody else can enter. Raises OSError."""
        os.mkfifo(path, 0o600)
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except BaseException:
            path.unlink()
            raise
        self.auth: PipeAuth | FifoAuth = FifoAuth(str(path))

    def pass_fds(self) -> tuple[int, ...]:
        """See `SeatPipes.pass_fds`."""
        return ()

    def child_started(self) -> None:
        """See `SeatPipes.child_started`."""

    def offer(self) -> None:
        """See `SeatPipes.offer`."""
        _put_token(self._fd)

    def withdraw(self) -> bool:
        """See `SeatPipes.withdraw`."""
        try:
            return bool(os.read(self._fd, 1))
        except BlockingIOError:
            return False

    def lying(self) -> int:
        """See `SeatPipes.lying`. A token that was taken and returned since lies again, and that is as good."""
        return _bytes_in(self._fd)

    def read_returns(self, lying: int) -> int | None:
        """See `SeatPipes.read_returns`: what lies there beyond the offers came back."""
        beyond = _bytes_in(self._fd) - lying
        if beyond <= 0:
            return 0
        try:
            return len(os.read(self._fd, beyond))
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """See `SeatPipes.close`."""
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


def _put_token(fd: int) -> None:
    with suppress(BlockingIOError):  # full of what a client put there: then the token lies there already
        os.write(fd, _TOKEN)


def _bytes_in(fd: int) -> int:
    size: int = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]
    return size
