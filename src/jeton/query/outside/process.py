"""Commands as queries. Owns how a command runs in a folder of its own, and that the same one does not run twice.

A `@process` query is two: its function describes the command, from whatever it reads, and is run again when that has
changed; what a command makes is a query by itself, of the description's fingerprint. So a change that leaves the
description as it was runs nothing, and neither does one that goes back to a description from before.
"""

import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from jeton.query.db import Db
from jeton.query.definition import Kind, Options, Query
from jeton.query.entry import Function, make_entry, query
from jeton.query.outside.files import program
from jeton.store.fingerprint import digest

P = ParamSpec("P")
R = TypeVar("R")

_IN_FOLDER = 'cd "$0" && exec "$@"'
"""posix_spawn(3) has no way to choose the child's folder that every system knows."""


@dataclass(frozen=True)
class Command:
    """What to run: `argv` in a new folder that has `files`, and which files it leaves are the result.

    What it reads beside these is not seen: a compiler's own headers, say. The program itself is, by its stamp.
    `environ` goes on top of the engine's. With `check`, an exit status other than 0 raises CommandFailed.
    """

    argv: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    check: bool = True

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError("a command without words: give at least the program")
        for name in (*self.files, *self.outputs):
            path = Path(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{name}: not inside the command's folder; name files relative to it")

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
        return f"{self.command}: {self.why}"


class _Forgotten(Exception):  # noqa: N818  no result: raised where only the fingerprint of a command is known
    """The description has to be had again."""


def process(function: Callable[Concatenate[Db, P], Command], /) -> Function[P, Made]:
    """Make a query whose result is what a command made, of a function that describes the command.

    The command runs under one slot of the engine's pool, which holds for all that it starts. Raises, at every reader,
    CommandFailed where it fails, and OSError where it cannot be started.
    """
    described = make_entry(Query(function, Kind.PLAIN, Options()))

    def made(db: Db, *key: Any) -> Made:
        command = described(db, *key)
        return _made(db, _remember(db, command))

    update_wrapper(made, function)
    definition = Query(function, Kind.PLAIN, Options(uses=(Command, Made)))
    definition.function = made
    definition.call = made if definition.keyed_by_one else lambda db, key: made(db, *key)
    definition.name += "!"  # the description has the function's own name
    entry: Any = make_entry(definition)
    return entry  # type: ignore[no-any-return]


def _remember(db: Db, command: Command) -> bytes:
    """Return the command's fingerprint, by which the engine now knows it."""
    fingerprint = digest(command)
    db.asks.note(("command", fingerprint), command)
    return fingerprint


@query(transient=(_Forgotten,))
def _made(db: Db, fingerprint: bytes) -> Made:
    command: Command | None = db.asks.noted(("command", fingerprint))
    if command is None:
        raise _Forgotten
    if "/" not in command.argv[0]:
        program(db, command.argv[0])
    made = _run(db, command)
    if command.check:
        if made.status:
            how = f"exit status {made.status}" if made.status > 0 else f"killed by signal {-made.status}"
            raise CommandFailed(str(command), how, made)
        for name in command.outputs:
            if name not in made.files:
                raise CommandFailed(str(command), f"did not leave {name}", made)
    return made


def _run(db: Db, command: Command) -> Made:
    with tempfile.TemporaryDirectory(prefix="jeton-command-") as folder:
        for name, content in command.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        for name in command.outputs:
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        argv = ["/bin/sh", "-c", _IN_FOLDER, folder, *command.argv]
        result = db.asks.errand(db, lambda awaited: awaited.command(argv, str(command), command.environ), lend=True)
        found = {name: Path(folder, name) for name in command.outputs}
        files = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
    return Made(files, result.output, result.status)
