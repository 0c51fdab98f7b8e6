"""What a client and the server of a global pool say to each other. Pure: text to value and back, opens nothing.

A message is one line of JSON, an object: `jeton` is the version of the protocol, `type` the message, `fds` how many
descriptors came with it (SCM_RIGHTS, unix(7)); the rest are its fields. Nothing is taken that is not exactly so:
an unknown type or field, a missing one, a value of another type, a line that is too long are each `Garbled`, in words.
"""

import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

PROTOCOL = 1
"""Goes up with every change of a message."""
MAX_REQUEST = 65_536
"""How long a line to the server may be, in bytes."""
MAX_REPLY = 16 * 1024 * 1024
"""How long a line from the server may be: the status of thousands of places is long."""
MAX_NAME = 4_000
"""How long a name may be, in characters; what sends one cuts it."""
MAX_FDS = 2
"""How many descriptors one message carries at most."""
_MAX_NUMBER = 2**31
_T = TypeVar("_T")


class Garbled(Exception):  # noqa: N818  the name says what is the case
    """A line that is no message. The text says why."""


# From a client.


@dataclass(frozen=True, slots=True)
class Hello:
    """Come in as a client, whose implicit slot counts. Carries a pidfd of the sender, where the system has them."""

    name: str


@dataclass(frozen=True, slots=True)
class Sit:
    """Give me a place for a child, or for myself where `own`. `Seated` comes back."""

    name: str
    fifo: bool
    own: bool


@dataclass(frozen=True, slots=True)
class Started:
    """The child of this place runs. Carries a pidfd of it, where the system has them."""

    place: int


@dataclass(frozen=True, slots=True)
class Left:
    """The child of this place has ended."""

    place: int


@dataclass(frozen=True, slots=True)
class SitShell:
    """Give a shell a fifo for as long as it lives. Carries a pidfd of it. `Seated` comes back."""

    name: str


@dataclass(frozen=True, slots=True)
class AskStatus:
    """Tell what is going on: `Report` comes back."""


@dataclass(frozen=True, slots=True)
class Resize:
    """Have that many slots. `Done` comes back."""

    jobs: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End. `Done` comes back, then end of file."""


# From the server.


@dataclass(frozen=True, slots=True)
class Welcome:
    """Answers Hello: the pool has that many slots."""

    jobs: int


@dataclass(frozen=True, slots=True)
class Seated:
    """Answers Sit and SitShell: the path of a fifo, or two descriptors, the one to read from first."""

    place: int
    fifo: str | None
    jobs: int


@dataclass(frozen=True, slots=True)
class Done:
    """It is done."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be done. `number` is an errno, or 0."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """The account of one place, a moment old."""

    name: str
    pid: int | None
    fifo: bool
    state: str
    """A value of `arbiter.SeatState`."""
    waiting: bool
    """It took all that it was offered, and none is left to offer."""
    since_s: float
    """Seconds since it came into that state."""
    held: int
    taken: int
    """Tokens that it has taken in all."""
    returned_too_many: int


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """One client: a program that came in, a shell, or what a client that is gone has left running."""

    kind: str
    """`program`, `shell` or `orphan`."""
    name: str
    pid: int | None
    joined_s: float
    """Seconds since it came."""
    counted: bool
    """Its implicit slot is one of the pool's."""
    own: PlaceStatus | None
    """Its own place, where it has one."""
    children: list[PlaceStatus]
    """The places of the commands that it runs."""


@dataclass(frozen=True, slots=True)
class DeskStatus:
    """The whole pool."""

    pid: int
    """Of the server."""
    up_s: float
    jobs: int
    tokens: int
    """How many there are beside the implicit slots of those who count."""
    free: int
    """Tokens that nobody holds."""
    held: int
    to_swallow: int
    """Tokens that still have to come back because the pool became smaller."""
    reclaimed: int
    """Tokens that came back by the end of who held them."""
    clients: list[ClientStatus]


@dataclass(frozen=True, slots=True)
class Report:
    """Answers AskStatus."""

    status: DeskStatus


Request = Hello | Sit | Started | Left | SitShell | AskStatus | Resize | Stop
Reply = Welcome | Seated | Done | Failed | Report

_REQUESTS: dict[str, type[Request]] = {kind.__name__: kind for kind in get_args(Request)}
_REPLIES: dict[str, type[Reply]] = {kind.__name__: kind for kind in get_args(Reply)}


def encode(message: Request | Reply, fds: int = 0) -> bytes:
    """Return the line, its end included."""
    said = {"jeton": PROTOCOL, "type": type(message).__name__, "fds": fds, **asdict(message)}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def decode_request(line: bytes) -> tuple[Request, int]:
    """Read a line from a client: the message, and how many descriptors came with it. Raises Garbled."""
    kind, fds, rest = _envelope(line)
    return _made(_known(_REQUESTS, kind), rest, kind), fds


def decode_reply(line: bytes) -> tuple[Reply, int]:
    """Read a line from the server likewise. Raises Garbled."""
    kind, fds, rest = _envelope(line)
    return _made(_known(_REPLIES, kind), rest, kind), fds


def cut(name: str) -> str:
    """Return as much of a name as a message takes."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


class Lines:
    """Cuts a stream of bytes into lines of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> None:
        """Add what came."""
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the next whole line without its end, None where there is none yet. Raises Garbled: too long."""
        end = self._buffer.find(b"\n", self._searched)
        if (len(self._buffer) if end < 0 else end) > self._limit:
            raise Garbled(f"a line of more than {self._limit} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    @property
    def empty(self) -> bool:
        """Nothing is left over."""
        return not self._buffer


def _envelope(line: bytes) -> tuple[str, int, dict[str, Any]]:
    try:
        said = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Garbled(f"not a line of JSON: {line[:40]!r}") from None
    if not isinstance(said, dict):
        raise Garbled(f"not an object: {line[:40]!r}")
    version, kind, fds = said.pop("jeton", None), said.pop("type", None), said.pop("fds", None)
    if version != PROTOCOL or isinstance(version, bool):
        raise Garbled(f"protocol {str(version)[:20]}, this is {PROTOCOL}: use the same jeton on both sides")
    if not isinstance(kind, str):
        raise Garbled("a message without a type")
    if not isinstance(fds, int) or isinstance(fds, bool) or not 0 <= fds <= MAX_FDS:
        raise Garbled(f"{kind[:20]}: fds is not 0 to {MAX_FDS}")
    return kind, fds, said


def _no_number(text: str) -> float:
    raise ValueError(text)


def _known(kinds: dict[str, type[_T]], name: str) -> type[_T]:
    if name not in kinds:
        raise Garbled(f"no message is called {name[:20]!r}")
    return kinds[name]


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _made(kind: type[_T], said: Any, where: str) -> _T:
    """Make a dataclass of an object that has exactly its fields."""
    hashable: Any = kind
    types = _types(hashable)
    if not isinstance(said, dict) or said.keys() != types.keys():
        raise Garbled(f"{where}: its fields are {', '.join(types) or 'none'}")
    return kind(**{name: _value(types[name], said[name], f"{where}.{name}") for name in types})


def _value(kind: Any, said: Any, where: str) -> Any:
    """Hold a value to its type."""
    if isinstance(kind, UnionType):
        allowed = get_args(kind)
        if said is None and NoneType in allowed:
            return None
        (kind,) = (other for other in allowed if other is not NoneType)
    if get_origin(kind) is list and isinstance(said, list):
        (element,) = get_args(kind)
        return [_value(element, each, where) for each in said]
    if is_dataclass(kind):
        return _made(kind, said, where)  # type: ignore[arg-type]  # it is a class, not an instance of one
    if kind is bool and isinstance(said, bool):
        return said
    if kind is int and isinstance(said, int) and not isinstance(said, bool) and 0 <= said < _MAX_NUMBER:
        return said
    if kind is float and isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < _MAX_NUMBER:
        return float(said)
    if kind is str and isinstance(said, str) and len(said) <= MAX_NAME:
        return said
    raise Garbled(f"{where}: {str(said)[:20]!r} is no {getattr(kind, '__name__', kind)} in range")
