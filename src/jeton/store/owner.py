"""Who may write: a lock file that names its holder. Owns waiting for a folder; not what is written there.

The lock is flock(2) on a file that stays; the kernel lets go of it when the holder dies, however it dies. The
file's text names the holder, so that whoever waits can say for whom. Its modification time, set by `touch`,
is the file system's own idea of now: the clock by which files' times can be compared.
"""

import fcntl
import os
from pathlib import Path


class OwnerLock:
    """The right to write into one folder, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Open the lock file at `path`; take nothing yet. Raises OSError where it cannot be made."""
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def try_take(self) -> bool:
        """Take the lock if nobody holds it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._sign()
        return True

    def take(self) -> None:
        """Take the lock, waiting for its holder."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._sign()

    def holder(self) -> int | None:
        """Return the process that signed last, which holds the lock whenever `try_take` has just failed."""
        text = os.pread(self._fd, 32, 0)
        return int(text) if text.strip().isdigit() else None

    def held_by_ancestor(self) -> bool:
        """Tell whether the holder is a process that this one descends from: waiting for it would never end."""
        holder = self.holder()
        pid = os.getppid()
        while pid > 1:
            if pid == holder:
                return True
            pid = _parent(pid)
        return False

    def touch(self) -> int:
        """Set the file's modification time to now and return it, in nanoseconds by the file system's clock."""
        os.utime(self._fd)
        return os.fstat(self._fd).st_mtime_ns

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of one name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _sign(self) -> None:
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name, in parentheses, may hold anything: the parent's id is the second word after the last one.
    return int(status.rpartition(")")[2].split()[1])
