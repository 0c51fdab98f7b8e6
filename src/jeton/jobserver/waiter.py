"""The one thread of a process that waits for tokens. Owns it and what wakes it; knows nothing of tokens.

It is a `Watcher`, as an event loop is, for programs that have no loop or several.
"""

import select
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from jeton.jobserver.deaf_thread import start_deaf_thread


class WaiterThread:
    """A thread that sleeps in poll(2) until a descriptor is readable or somebody calls."""

    def __init__(self) -> None:
        """Start it. Raises OSError where there is no descriptor left, RuntimeError where there is no thread."""
        # Sockets, because one that is closed refuses a late call; the number of a closed pipe may be another file.
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        # Appended to by any thread and by signal handlers, so without a lock; emptied by the thread itself.
        self._calls: deque[Callable[[], object]] = deque()
        self._ending = False
        # The rest is the thread's own.
        self._poll = select.poll()
        self._poll.register(self._wake_read, select.POLLIN)
        self._watched: dict[int, Callable[[], object]] = {}
        try:
            self._thread = start_deaf_thread(self._run, "jeton-waiter")
        except BaseException:
            self._close_wakes()
            raise

    def watch_readable(self, fd: int, callback: Callable[[], object]) -> Callable[[], None]:
        """See `Watcher.watch_readable`. To be called on the thread, and so is the undo, unless the thread has ended."""
        assert fd not in self._watched, f"{fd}: a second watch would put out the first"
        self._watched[fd] = callback
        self._poll.register(fd, select.POLLIN)
        return lambda: self._unwatch(fd)

    def call_from_thread(self, callback: Callable[[], object]) -> None:
        """See `Watcher.call_from_thread`. Safe in a signal handler."""
        self._calls.append(callback)
        with suppress(OSError):  # full of wakes: it will wake; closed: nobody waits any more
            self._wake_write.send(b"x")

    def close(self) -> None:
        """End the thread when it has made the calls that it was given, and wait for that. Not to be called on it."""
        self.call_from_thread(self._end)
        self._thread.join()
        self._close_wakes()

    def _run(self) -> None:
        while not self._ending:
            for fd, _ in self._poll.poll():
                if fd == self._wake_read.fileno():
                    self._wake_read.recv(4096)
                elif fd in self._watched:  # an earlier callback may have ended the watch
                    self._watched[fd]()
            while self._calls:
                self._calls.popleft()()

    def _end(self) -> None:
        self._ending = True

    def _unwatch(self, fd: int) -> None:
        del self._watched[fd]
        self._poll.unregister(fd)

    def _close_wakes(self) -> None:
        self._wake_read.close()
        self._wake_write.close()
