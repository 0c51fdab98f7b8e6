"""What the server's thread sleeps in. Owns the watched descriptors of the seats; decides nothing.

On Linux this is epoll, used directly: a grant pipe is watched once, edge-triggered (EPOLLET, epoll(7)), and tells each
time that it can be written to again, where arming it anew for each token would cost two more system calls. Elsewhere no
pipe tells that (see `seat_pipes`), and poll serves for the rest.
"""

import select
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Readiness(Generic[T]):
    """Descriptors, each with the data that is returned when it is ready. Any thread may watch while one waits."""

    def __init__(self) -> None:
        """Open it. Raises OSError."""
        self._data: dict[int, T] = {}
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._poll = select.poll() if self._epoll is None else None

    def watch_readable(self, fd: int, data: T) -> None:
        """Return `data` from `wait` whenever reading would not wait. Watching again changes nothing."""
        if fd not in self._data:
            self._data[fd] = data
            if self._epoll is not None:
                self._epoll.register(fd, select.EPOLLIN)
            elif self._poll is not None:
                self._poll.register(fd, select.POLLIN)

    def watch_drained(self, fd: int, data: T) -> None:
        """Return `data` each time that a pipe which was full can be written to again. Linux only."""
        if fd not in self._data:
            assert self._epoll is not None, "no pipe tells that here"
            self._data[fd] = data
            self._epoll.register(fd, select.EPOLLOUT | select.EPOLLET)

    def forget(self, fd: int) -> None:
        """Watch it no more, if it was. To be called before it is closed."""
        if self._data.pop(fd, None) is None:
            return
        with suppress(OSError):
            if self._epoll is not None:
                self._epoll.unregister(fd)
            elif self._poll is not None:
                self._poll.unregister(fd)

    def wait(self, timeout: float | None) -> list[T]:
        """Wait that many seconds at most, None for ever; return the data of what is ready."""
        if self._epoll is not None:
            ready = self._epoll.poll(timeout)
        else:
            assert self._poll is not None
            ready = self._poll.poll(None if timeout is None else timeout * 1000)
        return [self._data[fd] for fd, _ in ready if fd in self._data]

    def close(self) -> None:
        """Let go of everything; the descriptors stay open."""
        self._data.clear()
        if self._epoll is not None:
            self._epoll.close()
