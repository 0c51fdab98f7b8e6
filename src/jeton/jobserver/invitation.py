"""How a child is told of the pool. Owns the choice between pipe and fifo style; does not start the child.

Pipe style is understood by every make, by cargo, rustc and gcc, and on Linux costs nothing: it is the rule. Fifo
style is fatal to make before 4.4 and gcc 12 ignores the pool under it, so it is kept for the clients that
speak nothing else: ninja since 1.13, and samurai.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, Self

from jeton.jobserver.flags import FifoAuth, PipeAuth, with_auth


class Style(Enum):
    """The two ways in which the protocol passes a pool."""

    PIPE = "pipe"
    FIFO = "fifo"


VARIABLES = ("CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS")
"""Where clients of the protocol look, in this order (the jobserver crate's)."""

POOL_VARIABLE = "JETON_POOL"
"""Names the socket of the global pool that a user's programs join."""


class ChildsPlace(Protocol):
    """A child's place at a server."""

    def child_started(self, pid: int) -> None:
        """Hear that the child runs."""

    def leave(self) -> None:
        """Hear that it has ended."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a child needs to join the pool: pass `environment`, keep `pass_fds` open under their numbers.

    As a context manager around the child's life: what it held comes back at the end of the block. `started` is to be
    called with its pid as soon as it runs.
    """

    environment: Mapping[str, str]
    pass_fds: tuple[int, ...]
    _place: ChildsPlace | None = None

    def started(self, pid: int) -> None:
        """Hear that the child runs: this process closes its copies of what the child has inherited."""
        if self._place is not None:
            self._place.child_started(pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._place is not None:
            self._place.leave()


def environment_with(environ: Mapping[str, str], auth: PipeAuth | FifoAuth, jobs: int) -> Mapping[str, str]:
    """Return the environment with this pool in place of any other that it names."""
    environment = {key: value for key, value in environ.items() if key not in VARIABLES}
    environment["MAKEFLAGS"] = with_auth(environ.get("MAKEFLAGS", ""), auth, jobs)
    return environment


_PIPE_SPEAKERS = re.compile(r"""(?:^|[\s;&|('"/+])(?:g?make|cargo|rustc|cc|c\+\+|gcc|g\+\+|ld)(?=$|[\s;&|)'"])""")
_FIFO_SPEAKERS = re.compile(
    r"""(?:^|[;&|('"]\s*)(?:(?:exec|env|nice|time)\s+|\w+=\S*\s+)*(?:\S*/)?(?:ninja|ninja-build|samu)(?=$|[\s;&|)'"])"""
)


def style_for(command: str) -> Style:
    """Choose the style by what the shell command starts: fifo where ninja is run and nothing that dies of it."""
    if _FIFO_SPEAKERS.search(command) and not _PIPE_SPEAKERS.search(command):
        return Style.FIFO
    return Style.PIPE
