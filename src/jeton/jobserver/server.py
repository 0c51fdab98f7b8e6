"""The server: opens a pool and puts its tokens into it. Owns the fifo and its folder; does not count who holds what.

One named pipe serves both styles. A child that speaks pipe style inherits two descriptors of it, a child that
speaks fifo style gets its path. The folder is 0700 and the fifo 0600, because whoever can open a fifo can
steal from it.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from jeton.jobserver.channel import Channel
from jeton.jobserver.flags import FifoAuth, can_be_said

MAX_JOBS = 4096
"""The largest pool. A user who holds more than 1,024 pipes gets pipes of 8 KiB, which hold that many tokens safely."""


class Server:
    """A pool of `jobs` slots: `jobs` - 1 tokens in the pipe and the implicit slot of whoever opened it."""

    def __init__(self, jobs: int) -> None:
        """Open the pool. Raises ValueError unless 1 <= jobs <= MAX_JOBS, and OSError where no fifo can be made."""
        if not 1 <= jobs <= MAX_JOBS:
            raise ValueError(f"-j {jobs}: a pool has 1 to {MAX_JOBS} slots")
        self.jobs = jobs
        folder = Path(tempfile.gettempdir()).absolute()
        if not can_be_said(str(folder)):
            folder = Path("/tmp")  # noqa: S108  mkdtemp makes a folder of our own in it
        self._folder = Path(tempfile.mkdtemp(prefix="jeton-", dir=folder))  # 0700
        fifo = self._folder / "tokens"
        try:
            os.mkfifo(fifo, 0o600)
            own = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self.channel = Channel(own, own, lambda: os.read(own, 1), (own,))
            self.pipe = self.channel.ends_to_inherit(str(fifo))
        except OSError:
            self._remove()
            raise
        self.fifo = FifoAuth(str(fifo))
        os.write(own, b"+" * (jobs - 1))

    def missing(self) -> int:
        """Count the tokens that are not in the pipe, and put them back: to be asked when every client has ended."""
        found = 0
        while self.channel.try_take() is not None:
            found += 1
        if self.jobs > 1:
            os.write(self.pipe.write_fd, b"+" * (self.jobs - 1))
        return max(0, self.jobs - 1 - found)  # fewer than none: a client returned what it never took

    def close(self) -> None:
        """Remove the fifo and close every descriptor. Clients that still run keep what they have open."""
        self.channel.close()
        self._remove()

    def _remove(self) -> None:
        # Not shutil.rmtree: that needs a descriptor, and the lack of one may be why there is no pool.
        for remove in ((self._folder / "tokens").unlink, self._folder.rmdir):
            with suppress(OSError):
                remove()
