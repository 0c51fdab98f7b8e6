"""Commands as queries. Owns how a command runs in a folder of its own, and that the same one does not run twice.

A `@process` query is two: its function describes the command, from whatever it reads, and is run again when that has
changed; what a command makes is a query by itself, of the description's fingerprint. So a change that leaves the
description as it was runs nothing, and neither does one that goes back to a description from before.
"""

import shlex
import signal
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, overload

from jeton.query.db import Db
from jeton.query.definition import Key, Kind, Options, Query
from jeton.query.entry import Function, make_entry, query
from jeton.query.outside.files import program
from jeton.store.fingerprint import digest

P = ParamSpec("P")

_IN_FOLDER = 'cd "$0" && exec "$@"'
"""posix_spawn(3) has no way to choose the child's folder that every system knows."""


@dataclass(frozen=True)
class Command:
    """What to run: `argv` in a new folder that has `files`, and which files it leaves are the result.

    What it reads beside these is not seen: a compiler's own headers, say. The program itself is, by its stamp.
    `environ` goes on top of the engine's. With `check`, an exit status other than 0 raises CommandFailed; a death by a
    signal does in any case. Raises TypeError and ValueError for what is no command.
    """

    argv: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    check: bool = True

    def __post_init__(self) -> None:
        for name in ("argv", "outputs"):
            words = getattr(self, name)
            if isinstance(words, (str, bytes)):
                raise TypeError(f"{name}={words!r}: one text; give a tuple of words")
            object.__setattr__(self, name, tuple(words))
        if not self.argv:
            raise ValueError("a command without words: give at least the program")
        for file in (*self.files, *self.outputs):
            path = Path(file)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{file}: not inside the command's folder; name files relative to it")

    def __str__(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True)
class Made:
    """What a command left: its output files, what it wrote (standard output and error, in order), and how it ended."""

    files: Mapping[str, bytes]
    output: bytes
    status: int
    """Exit status, or minus the signal's number."""


class CommandFailed(Exception):  # noqa: N818  the name says what is the case
    """A command ended with another status than 0, or did not leave an output."""

    def __init__(self, command: str, why: str, made: Made) -> None:
        super().__init__(command, why, made)
        self.command = command
        self.why = why
        self.made = made

    def __str__(self) -> str:
        command = self.command.replace("\n", "\\n")
        return f"{command}: {self.why}"


class CommandKilled(CommandFailed):
    """Somebody ended the command. No result: at the next change it is tried again."""


class _Forgotten(Exception):  # noqa: N818  no result: raised where only the fingerprint of a command is known
    """The description has to be had again."""


class Decorator(Protocol):
    """What `@process(...)` with options is, before it is given the function."""

    def __call__(self, function: Callable[Concatenate[Db, P], Command], /) -> Function[P, Made]:
        """Make the query."""


@overload
def process(function: Callable[Concatenate[Db, P], Command], /) -> Function[P, Made]: ...


@overload
def process(*, persist: bool = True, uses: tuple[Any, ...] = ()) -> Decorator: ...


def process(
    function: Callable[..., Command] | None = None, /, *, persist: bool = True, uses: tuple[Any, ...] = ()
) -> Any:
    """Make a query whose result is what a command made, of a function that describes the command.

    The command runs under one slot of the engine's pool, which holds for all that it starts. Raises, at every reader,
    CommandFailed where it fails. OSError, where it cannot be started, and CommandKilled are not remembered. The options
    are those of `query`.
    """

    def decorate(function: Callable[..., Command]) -> Any:
        described = Query(function, Kind.PLAIN, Options(persist=persist, uses=uses))

        def made(db: Db, key: Key) -> Made:
            description = db.asks.demand(db, described, key)
            if not isinstance(description, Command):
                kind = type(description).__name__
                raise TypeError(f"{described.show(key)}: gave {kind}; a @process query gives a Command")
            fingerprint = digest(description).hex()
            with db.asks.noting(("command", fingerprint), description):
                return command(db, fingerprint)

        definition = Query(function, Kind.PLAIN, Options(persist=persist, uses=(*uses, Command, Made)))
        definition.call = made
        definition.name += "!"  # the description has the function's own name
        return make_entry(definition)

    return decorate if function is None else decorate(function)


@query(transient=(_Forgotten, CommandKilled, OSError), lru=1024)
def command(db: Db, fingerprint: str) -> Made:
    """Run the command with this fingerprint: what every `@process` query demands, and shows how many commands ran."""
    described: Command | None = db.asks.noted(("command", fingerprint))
    if described is None:
        raise _Forgotten
    name = described.argv[0]
    if "/" not in name or name.startswith("/"):  # else it is one of the command's own files
        environ = {**db.asks.environ, **described.environ}
        program(db, name, environ.get("PATH"))
    made = _run(db, described)
    if made.status < 0:
        how = f"killed by signal {-made.status}"
        raise (CommandKilled if -made.status in _FROM_OUTSIDE else CommandFailed)(str(described), how, made)
    if described.check:
        if made.status:
            raise CommandFailed(str(described), f"exit status {made.status}", made)
        for output in described.outputs:
            if output not in made.files:
                raise CommandFailed(str(described), f"did not leave {output}", made)
    return made


_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that say nothing of the command, but of the machine or its user."""


def _run(db: Db, described: Command) -> Made:
    with tempfile.TemporaryDirectory(prefix="jeton-command-") as folder:
        for name, content in described.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        for name in described.outputs:
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        argv = ["/bin/sh", "-c", _IN_FOLDER, folder, *described.argv]
        result = db.asks.errand(db, lambda awaited: awaited.command(argv, str(described), described.environ), lend=True)
        found = {name: Path(folder, name) for name in described.outputs}
        files = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
    return Made(files, result.output, result.status)
