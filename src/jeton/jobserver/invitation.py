"""How a child is told of the pool. Owns the choice between pipe and fifo style; does not start the child.

Pipe style is understood by every make, by cargo, rustc and gcc, and on Linux costs nothing: it is the rule. Fifo
style is fatal to make before 4.4 and gcc 12 ignores the pool under it, so it is kept for the clients that
speak nothing else: ninja since 1.13, and samurai.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Style(Enum):
    """The two ways in which the protocol passes a pool."""

    PIPE = "pipe"
    FIFO = "fifo"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a child needs to join the pool: pass `environment` and keep `pass_fds` open under their numbers."""

    environment: Mapping[str, str]
    pass_fds: tuple[int, ...]


_PIPE_SPEAKERS = re.compile(r"""(?:^|[\s;&|('"/+])(?:g?make|cargo|rustc|cc|c\+\+|gcc|g\+\+|ld)(?=$|[\s;&|)'"])""")
_FIFO_SPEAKERS = re.compile(
    r"""(?:^|[;&|('"]\s*)(?:(?:exec|env|nice|time)\s+|\w+=\S*\s+)*(?:\S*/)?(?:ninja|ninja-build|samu)(?=$|[\s;&|)'"])"""
)


def style_for(command: str) -> Style:
    """Choose the style by what the shell command starts: fifo where ninja is run and nothing that dies of it."""
    if _FIFO_SPEAKERS.search(command) and not _PIPE_SPEAKERS.search(command):
        return Style.FIFO
    return Style.PIPE
