"""Slots for processes that inherit no descriptors: a client lends its slots to them over a local socket.

Owns the socket and who holds which of the client's slots. The one that lends is the process in the pool, so that its
implicit slot is lent like any other. The kernel tells of a borrower's end, however it died, by the end of its
connection: what it held comes back then. One connection borrows one slot at a time:

    borrower: WANT ......... (runs) GIVE, WANT ...
    lender:         SLOT                      SLOT
"""

import os
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from jeton.jobserver.client import Client
from jeton.jobserver.deaf_thread import start_deaf_thread
from jeton.jobserver.errors import PoolUnusable

_WANT, _SLOT, _GIVE = b"w", b"s", b"g"
_LONGEST = 100
"""A socket's path has 104 to 108 bytes (unix(7)), and mkdtemp adds to its folder's."""


class Lender:
    """Lends the slots of `client` to whoever connects to `path`, which this user alone can enter."""

    def __init__(self, client: Client) -> None:
        """Open it. Raises OSError where there is no folder or socket to be had."""
        self._client = client
        folder = tempfile.gettempdir()
        if len(os.fsencode(folder)) + len("/jeton-01234567/slots") > _LONGEST:
            folder = "/tmp"  # noqa: S108  mkdtemp makes a folder of our own in it
        self._folder = Path(tempfile.mkdtemp(prefix="jeton-", dir=folder))  # 0700
        self.path = str(self._folder / "slots")
        # Guarded by _lock: whom a slot is or may be lent to, and the threads that see to them.
        self._lock = Lock()
        self._borrowers: dict[socket.socket, Thread] = {}
        self._closed = False
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(self.path)
            self._listener.listen()
            self._thread = start_deaf_thread(self._accept, "jeton-lender")
        except BaseException:
            self._listener.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def close(self) -> None:
        """End every connection. To be called when the borrowers have ended, before the client is closed."""
        with self._lock:
            self._closed = True
        with suppress(OSError), socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)  # wakes who accepts
        self._thread.join()
        self._listener.close()
        with self._lock:
            threads = list(self._borrowers.values())
            for connection in self._borrowers:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                thread = Thread(target=self._lend, args=(connection,), name="jeton-lender", daemon=True)
                self._borrowers[connection] = thread
            thread.start()

    def _lend(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, PoolUnusable):  # it has ended, or the pool has: the borrower sees that
            while connection.recv(1) == _WANT:
                with self._client.slot():
                    connection.sendall(_SLOT)
                    connection.recv(1)  # _GIVE, or nothing at its end
        with self._lock:
            del self._borrowers[connection]


class Borrower:
    """Borrows one slot at a time from a lender in another process."""

    def __init__(self, path: str) -> None:
        """Connect to it. Raises OSError where it is not there."""
        self._process = os.getpid()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise

    def take(self) -> bool:
        """Wait for a slot; False where the lender or its pool has ended, or in a forked child."""
        if os.getpid() != self._process:
            return False
        with suppress(OSError):
            self._socket.sendall(_WANT)
            return self._socket.recv(1) == _SLOT
        return False

    def give(self) -> None:
        """Give the slot back, unless this is a forked child, to which it was not lent."""
        if os.getpid() == self._process:
            with suppress(OSError):
                self._socket.sendall(_GIVE)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()
