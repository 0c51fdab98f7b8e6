"""Where tokens pass: one pipe or fifo, seen from a client. Owns descriptors; does not know who may take a token.

Everything is checked before anything is read, because a number in MAKEFLAGS may be any file by now. Reading
never blocks and never sets O_NONBLOCK on an inherited description, which is shared with make and all its
children: the read end is opened anew through /dev/fd, which gives a description of our own, and where that is
not allowed it is read with RWF_NOWAIT (preadv2(2), Linux 4.14).
"""

import errno
import fcntl
import os
import select
import stat
from collections.abc import Callable

from jeton.jobserver.errors import PoolUnusable, Unusable
from jeton.jobserver.flags import Auth, Disabled, FifoAuth, PipeAuth

_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


class Channel:
    """The two ends of a pool. `read_fd` becomes readable when a token is on offer."""

    def __init__(self, read_fd: int, write_fd: int, read_one: Callable[[], bytes], owned: tuple[int, ...]) -> None:
        self.read_fd = read_fd
        self._write_fd = write_fd
        self._read_one = read_one
        self._owned = owned  # the descriptors that close() closes: never one that was inherited

    def try_take(self) -> bytes | None:
        """Take a token if one is on offer: the byte that was read. Raises PoolUnusable(DEAD) at end of file."""
        try:
            byte = self._read_one()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in (errno.EBADF, errno.EIO):
                raise PoolUnusable(f"descriptor {self.read_fd}", Unusable.CLOSED) from None
            raise
        if not byte:
            raise PoolUnusable(f"descriptor {self.read_fd}", Unusable.DEAD)
        return byte

    def give(self, token: bytes) -> None:
        """Return the byte that was read. Waits where the pipe is full: only a client that returns too much fills it.

        Raises PoolUnusable: DEAD where nobody can read it any more, CLOSED where the descriptor is gone.
        """
        while True:
            try:
                os.write(self._write_fd, token)
            except BlockingIOError:
                _wait(self._write_fd, select.POLLOUT, None)
            except BrokenPipeError:
                raise PoolUnusable(f"descriptor {self._write_fd}", Unusable.DEAD) from None
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise PoolUnusable(f"descriptor {self._write_fd}", Unusable.CLOSED) from None
                raise
            else:
                return

    def ends_of(self, path: str) -> PipeAuth:
        """Open the fifo at `path`, which this channel holds, once more, for children to inherit.

        Blocking, so that no flag of ours reaches them. Raises OSError where it is gone.
        """
        read_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._owned += (read_fd,)
        write_fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._owned += (write_fd,)
        return PipeAuth(read_fd, write_fd)

    def close(self) -> None:
        """Close what this channel opened itself."""
        for fd in self._owned:
            os.close(fd)
        self._owned = ()


def open_channel(auth: Auth) -> Channel:
    """Open the pool that MAKEFLAGS named. Raises PoolUnusable with the reason."""
    if isinstance(auth, FifoAuth):
        return _open_fifo(auth)
    if isinstance(auth, PipeAuth):
        return _open_pipe(auth)
    raise PoolUnusable(str(auth), Unusable.CLOSED if isinstance(auth, Disabled) else Unusable.SEMAPHORE)


def _open_fifo(auth: FifoAuth) -> Channel:
    try:
        # O_RDWR: to open a fifo for one direction waits for the other, for ever if the server is dead.
        fd = os.open(auth.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise PoolUnusable(str(auth), Unusable.DENIED) from None
    except (OSError, ValueError):  # ValueError: what no path can hold
        raise PoolUnusable(str(auth), Unusable.NO_FIFO) from None
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise PoolUnusable(str(auth), Unusable.NOT_A_FIFO)
    return Channel(fd, fd, lambda: os.read(fd, 1), (fd,))


def _open_pipe(auth: PipeAuth) -> Channel:
    for fd, access in ((auth.read_fd, os.O_RDONLY), (auth.write_fd, os.O_WRONLY)):
        try:
            mode = os.fstat(fd).st_mode
            opened = fcntl.fcntl(fd, fcntl.F_GETFL) & _ACCESS
        except (OSError, OverflowError):
            raise PoolUnusable(str(auth), Unusable.CLOSED) from None
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            raise PoolUnusable(str(auth), Unusable.NOT_A_PIPE)
        if opened not in (access, os.O_RDWR):
            raise PoolUnusable(str(auth), Unusable.WRONG_DIRECTION)
    try:
        own = os.open(f"/dev/fd/{auth.read_fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Channel(auth.read_fd, auth.write_fd, _reader_without_flag(auth.read_fd), ())
    if os.get_blocking(own):  # some systems give the inherited description back, whatever the flags ask for
        os.close(own)
        return Channel(auth.read_fd, auth.write_fd, _reader_without_flag(auth.read_fd), ())
    return Channel(own, auth.write_fd, lambda: os.read(own, 1), (own,))


def _reader_without_flag(fd: int) -> Callable[[], bytes]:
    """Read one byte from a description whose flags belong to others."""
    buffer = bytearray(1)

    def read_without_waiting() -> bytes:
        try:
            return bytes(buffer[: os.preadv(fd, [buffer], -1, os.RWF_NOWAIT)])
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:  # what Linux before 6.4 says of a pipe
                raise
            return poll_and_read()

    def poll_and_read() -> bytes:
        # Another client may take the byte in between: then this read waits for the next one.
        if not _wait(fd, select.POLLIN, 0):
            raise BlockingIOError
        return os.read(fd, 1)

    return read_without_waiting if hasattr(os, "RWF_NOWAIT") else poll_and_read


def _wait(fd: int, events: int, timeout_ms: int | None) -> bool:
    # poll, because select knows no descriptor beyond 1,023.
    ready = select.poll()
    ready.register(fd, events)
    return bool(ready.poll(timeout_ms))
