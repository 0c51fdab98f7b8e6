"""Where the socket of a global pool is, and who may serve there. Owns its folder's check, the lock, and the binding.

Whoever could write into the folder could put a socket of their own in its place, and whoever could enter it could hand
out tokens: so the folder is this user's alone. A lock beside the socket says that a server lives, however the last one
ended; the kernel lets it go with the process.
"""

import errno
import fcntl
import os
import socket
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jeton.jobserver.desk.link import MAX_PATH

_NAME = "pool.sock"
_BACKLOG = 1024
"""How many clients may knock at once."""


class NoAddress(Exception):  # noqa: N818  the name says what is the case
    """No server can live there. The text is one line: the path, what is wrong, what to do."""


def default_socket(environ: Mapping[str, str]) -> Path:
    """Return where the pool of this user is: below XDG_RUNTIME_DIR, or else in the temporary folder.

    A runtime folder that is another user's (after su) or is not there counts as none.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        with suppress(OSError, ValueError):
            found = Path(runtime).stat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                return Path(runtime) / "jeton" / _NAME
    return Path(tempfile.gettempdir()).absolute() / f"jeton-{os.geteuid()}" / _NAME


def check_private(folder: Path) -> None:
    """Make the folder, or hold the one that is there to be this user's alone. Raises NoAddress."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except FileExistsError:
        raise NoAddress(f"{folder}: is no folder; remove it, or name another place with --socket") from None
    except OSError as error:
        raise NoAddress(f"{folder}: {error.strerror}; name another place with --socket") from None
    if not stat.S_ISDIR(found.st_mode):
        raise NoAddress(f"{folder}: is no folder of its own; remove it, or name another place with --socket")
    if found.st_uid != os.geteuid():
        raise NoAddress(f"{folder}: belongs to user {found.st_uid}; name another place with --socket")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise NoAddress(f"{folder}: others may enter it (mode {mode:04o}); chmod 700 {folder}")


def check_guarded(folder: Path) -> None:
    """Hold a folder that somebody named to be one where nobody else can replace the socket. Raises NoAddress."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise NoAddress(f"{folder}: {error.strerror}") from None
    if found.st_uid not in (os.geteuid(), 0):
        raise NoAddress(f"{folder}: belongs to user {found.st_uid}; name another place with --socket")
    if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        raise NoAddress(
            f"{folder}: others may write into it (mode {stat.S_IMODE(found.st_mode):04o}); name another place"
        )


class Address:
    """The place of one server: taken when made, given up by `close`."""

    def __init__(self, path: Path) -> None:
        """Take the place and listen there. Raises NoAddress."""
        self.path = path
        self.fifos = path.with_name(path.name + ".fifos")
        """A folder of the server's own beside the socket, for the fifos of its clients."""
        if len(os.fsencode(path)) > MAX_PATH:
            raise NoAddress(f"{path}: a socket's path has at most {MAX_PATH} bytes; name a shorter one with --socket")
        self._lock_path = path.with_name(path.name + ".lock")
        try:
            self._lock_fd = self._locked()
        except OSError as error:
            raise NoAddress(f"{self._lock_path}: {error.strerror}") from None
        try:
            self.listener = self._listening()
            self._make_folder()
        except BaseException as error:
            with suppress(OSError):
                self._lock_path.unlink()
            os.close(self._lock_fd)
            if isinstance(error, OSError):
                raise NoAddress(f"{path}: {error.strerror or error}") from None
            raise

    def close(self) -> None:
        """Give the place up: nothing is left of it."""
        self.listener.close()
        with suppress(OSError):
            self.path.unlink()
        _remove_fifos(self.fifos)
        with suppress(OSError):
            self._lock_path.unlink()
        os.close(self._lock_fd)

    def _locked(self) -> int:
        """Take the lock that says that a server lives."""
        while True:
            fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_the_file_at(fd, self._lock_path):
                    os.ftruncate(fd, 0)
                    os.write(fd, f"{os.getpid()}\n".encode())
                    return fd
            except BlockingIOError:
                holder = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
                os.close(fd)
                raise NoAddress(
                    f"{self.path}: a pool is served there already (process {holder}); end it with jeton jobserver stop"
                ) from None
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # its owner removed it between the opening and the locking

    def _listening(self) -> socket.socket:
        self._clear_the_way()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            listener.bind(os.fspath(self.path))
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
        finally:
            os.umask(old)
        return listener

    def _clear_the_way(self) -> None:
        """Remove the socket of a server that is dead, and nothing else."""
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise NoAddress(f"{self.path}: is a file and no socket; remove it, or name another place with --socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(os.fspath(self.path))
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    self.path.unlink()
                    return
        raise NoAddress(f"{self.path}: another program listens there; name another place with --socket")

    def _make_folder(self) -> None:
        _remove_fifos(self.fifos)
        try:
            self.fifos.mkdir(mode=0o700)
        except BaseException:
            self.listener.close()
            self.path.unlink()
            raise


def _is_the_file_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _remove_fifos(folder: Path) -> None:
    """Remove what a server left: fifos in folders of one level, and nothing else."""
    with suppress(OSError):
        for inner in [*folder.iterdir()]:
            for fifo in [*inner.iterdir()]:
                if stat.S_ISFIFO(fifo.lstat().st_mode):
                    fifo.unlink()
            inner.rmdir()
        folder.rmdir()
