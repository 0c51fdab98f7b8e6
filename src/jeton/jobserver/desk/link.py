"""A client's line to the server of a global pool. Owns the connection: one question and its answer at a time.

Any thread may ask. It is not for a forked child, whose words would mix with its parent's.
"""

import errno
import os
import socket
import stat
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from jeton.jobserver.desk.protocol import MAX_REPLY, Failed, Garbled, Reply, Request, decode_reply, encode
from jeton.jobserver.desk.wire import Wire, is_same_user, peer, pidfd_of
from jeton.jobserver.errors import PoolUnusable, Unusable

MAX_PATH = 107
"""How many bytes the path of a Unix socket may have (unix(7): 108 with the zero behind it)."""
PATIENCE_S = 30
"""How long an answer is waited for. It comes within a millisecond, unless the server is stopped."""


class DeskLink:
    """A connection to the server at `path`."""

    def __init__(self, path: str, place: str | None = None) -> None:
        """Connect. Raises PoolUnusable, whose place is `place` or else the path; OSError where there is no room."""
        self.path = path
        self._place = path if place is None else place
        self._wire = Wire(self._connected(), MAX_REPLY)
        # Guarded by _lock: the wire, from a question to its answer.
        self._lock = threading.Lock()
        self._broken = False
        self.server_pid, uid = peer(self._wire.socket)
        if not is_same_user(uid):
            self._wire.close()
            raise self._unusable(Unusable.FOREIGN_DAEMON)

    def ask(self, request: Request, fds: Sequence[int] = ()) -> tuple[Reply, tuple[int, ...]]:
        """Return the answer, and the descriptors that came with it: the caller's from now on.

        Raises PoolUnusable where there is none, OSError where the server says that there is no room.
        """
        with self._lock:
            self._send(request, fds)
            reply, came = self._receive()
        if isinstance(reply, Failed) and reply.number:
            raise OSError(reply.number, reply.why)
        return reply, came

    def tell(self, request: Request, fds: Sequence[int] = ()) -> None:
        """Say something that has no answer. A server that has ended needs not hear it."""
        with self._lock, suppress(PoolUnusable):
            self._send(request, fds)

    def wait_for_end(self) -> None:
        """Wait until the server has ended."""
        server = pidfd_of(self.server_pid)
        self._wire.socket.settimeout(None)
        self._wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
        with suppress(OSError, Garbled):
            while self._wire.receive():
                while self._wire.next_line() is not None:
                    pass
        if server is not None:
            _wait_readable(server)
            os.close(server)

    def close(self) -> None:
        """Close the connection: the server takes it for the client's end."""
        self._wire.close()

    def answer_is_strange(self) -> PoolUnusable:
        """Return the error for an answer that does not belong to the question."""
        return self._unusable(Unusable.GARBLED)

    def _send(self, request: Request, fds: Sequence[int]) -> None:
        if self._broken:
            raise self._unusable(Unusable.DAEMON_ENDED)
        data = encode(request, len(fds))
        try:
            while data:
                data = data[self._wire.send(data, fds) :]
                fds = ()
        except BlockingIOError:
            raise self._broke(Unusable.SILENT) from None
        except (BrokenPipeError, ConnectionResetError):
            raise self._broke(Unusable.DAEMON_ENDED) from None

    def _receive(self) -> tuple[Reply, tuple[int, ...]]:
        try:
            while (line := self._wire.next_line()) is None:
                if not self._wire.receive():
                    raise self._broke(Unusable.DAEMON_ENDED)
            reply, count = decode_reply(line)
            return reply, self._wire.take_fds(count)
        except Garbled:
            raise self._broke(Unusable.GARBLED) from None
        except BlockingIOError:
            raise self._broke(Unusable.SILENT) from None
        except ConnectionResetError:
            raise self._broke(Unusable.DAEMON_ENDED) from None
        except OSError:
            self._broken = True  # descriptors were lost: what comes next is not to be told apart
            raise

    def _broke(self, reason: Unusable) -> PoolUnusable:
        self._broken = True
        return self._unusable(reason)

    def _unusable(self, reason: Unusable) -> PoolUnusable:
        return PoolUnusable(self._place, reason)

    def _connected(self) -> socket.socket:
        if len(os.fsencode(self.path)) > MAX_PATH:
            raise self._unusable(Unusable.PATH_TOO_LONG)
        try:
            mode = Path(self.path).stat().st_mode
        except PermissionError:
            raise self._unusable(Unusable.FOREIGN_DAEMON) from None
        except (OSError, ValueError):
            raise self._unusable(Unusable.NO_DAEMON) from None
        if not stat.S_ISSOCK(mode):
            raise self._unusable(Unusable.NOT_A_SOCKET)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Not settimeout: a socket that does not block is refused where others wait to be let in.
            patience = struct.pack("ll", PATIENCE_S, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            sock.connect(self.path)
        except OSError as error:
            sock.close()
            reasons = {errno.EACCES: Unusable.FOREIGN_DAEMON, errno.EPERM: Unusable.FOREIGN_DAEMON}
            reasons |= {errno.EAGAIN: Unusable.SILENT, errno.EPROTOTYPE: Unusable.GARBLED}
            raise self._unusable(reasons.get(error.errno or 0, Unusable.NO_DAEMON)) from None
        return sock


def _wait_readable(fd: int) -> None:
    import select  # noqa: PLC0415  only `stop` waits

    ready = select.poll()
    ready.register(fd, select.POLLIN)
    ready.poll()
