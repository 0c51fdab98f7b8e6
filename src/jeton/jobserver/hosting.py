"""How plain code uses a pool of its own: as a `with` block, and to start children in. Owns no token and no pipe."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, Self

from jeton.jobserver.child import Child, Command
from jeton.jobserver.flags import PipeAuth
from jeton.jobserver.invitation import Invitation, Style, environment_with, style_for
from jeton.jobserver.seat_pipes import SeatPipes


class HostedPlace(Protocol):
    """A child's place, as this file sees it."""

    pipes: SeatPipes

    def child_started(self, pid: int) -> None:
        """Hear that the child runs."""

    def leave(self) -> None:
        """Hear that it has ended."""


class Host(ABC):
    """What a server is to plain code."""

    @property
    @abstractmethod
    def jobs(self) -> int:
        """How many slots the pool has."""

    @abstractmethod
    def sit(self, name: str, *, fifo: bool = False) -> HostedPlace:
        """Give a child a place."""

    @abstractmethod
    def close(self) -> None:
        """Close the pool."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def invite(self, command: str, environ: Mapping[str, str], style: Style | None = None) -> Invitation:
        """Tell how a child that runs the shell text `command` joins, starting from `environ`.

        For code that starts processes in its own way; `popen` does the rest. Raises OSError where no pipe can be made.
        """
        place = self.sit(command, fifo=(style or style_for(command)) is Style.FIFO)
        auth = place.pipes.auth
        fds = (auth.read_fd, auth.write_fd) if isinstance(auth, PipeAuth) else ()
        return Invitation(environment_with(environ, auth, self.jobs), fds, place)

    def popen(self, argv: Command, **popen_kwargs: Any) -> Child:
        """Start a child in the pool, as `subprocess.Popen` does; `style` chooses between pipe and fifo.

        The child brings an implicit slot of its own, and this process pays for it: with its own implicit slot for one
        child at a time, with a slot of `Client.from_server` for each beside it. Raises OSError.
        """
        return Child(self.invite, argv, **popen_kwargs)
