"""Why an inherited pool cannot be used. Owns the closed set of reasons and the advice for each.

Each reason has one cause that can be seen and one thing to do about it, after the jobserver crate's
`FromEnvErrorKind` (rust-lang/jobserver-rs, src/error.rs).
"""

from enum import Enum


class Unusable(Enum):
    """What is wrong with the pool that MAKEFLAGS or JETON_POOL names; the value is the advice."""

    NOT_NAMED = "no pool is named there; start it under jeton jobserver or make, or open a Server"
    CLOSED = "the parent did not pass the descriptors on; mark the command with + in its makefile"
    NOT_A_PIPE = "the descriptor belongs to another file now; mark the command with + in its makefile"
    WRONG_DIRECTION = "the read end must be readable and the write end writable; fix whoever set MAKEFLAGS"
    NO_FIFO = "the server that made the fifo has ended; unset MAKEFLAGS or start anew"
    NOT_A_FIFO = "the path is not a fifo; fix whoever set MAKEFLAGS"
    DENIED = "the pool belongs to another user; run as that user or unset MAKEFLAGS"
    SEMAPHORE = "a named semaphore is for Windows; this system needs a pipe or a fifo"
    DEAD = "every process that could return a token has ended; start anew"
    NO_DAEMON = "nothing serves this pool; start it with jeton jobserver start, or unset JETON_POOL"
    NOT_A_SOCKET = "the path is not a socket; fix JETON_POOL or unset it"
    PATH_TOO_LONG = "a socket's path has at most 107 bytes; choose a shorter one"
    FOREIGN_DAEMON = "the pool belongs to another user; run as that user or unset JETON_POOL"
    DAEMON_ENDED = "the server of the pool has ended; start it with jeton jobserver start, then start this anew"
    SILENT = "the server of the pool does not answer; stop it and start it anew, or unset JETON_POOL"
    GARBLED = "what serves this socket speaks another protocol; use the same jeton on both sides"


class PoolUnusable(Exception):  # noqa: N818  the name says what is the case
    """The pool cannot be used. `place` is the text that named it, `reason` one of the closed set."""

    def __init__(self, place: str, reason: Unusable) -> None:
        super().__init__(f"{place}: {reason.value}")
        self.place = place
        self.reason = reason
