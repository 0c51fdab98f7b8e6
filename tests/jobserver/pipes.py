"""Looks at pipes from outside: how many bytes are in one, and which flags its description has."""

import fcntl
import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from jeton.jobserver import PipeAuth


def bytes_in(fd: int) -> int:
    """Count the bytes that wait in a pipe, without taking one."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), "little")


def waits(fd: int) -> bool:
    """Tell whether the description of `fd`, shared by all who inherited it, makes its readers and writers wait."""
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


@contextmanager
def pipe(tokens: bytes = b"") -> Iterator[PipeAuth]:
    """Open a pipe with these bytes in it, as a make would pass it on."""
    read_fd, write_fd = os.pipe()
    os.write(write_fd, tokens)
    inodes = [os.fstat(fd).st_ino for fd in (read_fd, write_fd)]
    try:
        yield PipeAuth(read_fd, write_fd)
    finally:
        for fd, inode in zip((read_fd, write_fd), inodes, strict=True):
            if is_open(fd) and os.fstat(fd).st_ino == inode:
                os.close(fd)


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def open_fds() -> set[int]:
    """Give the open descriptors of this process."""
    return {fd for fd in range(256) if is_open(fd)}
