"""What earlier builds did. Owns the meaning of the records in the log; the log owns their bytes.

For each output: the command that made it (as a fingerprint), when that command began by the file system's clock, how
long it took, how much memory it had, and which files it was seen to read. A record `started` is written before a
command runs and `finished` after it: an output that has only the first was interrupted, however the build died, and is
not trusted.
A command that failed leaves a record `failed`: its outputs are not trusted either, but its end was seen.

Records are tuples in marshal's format 2, which every Python writes and reads alike: it is the fastest codec at
hand, and the log's checksums keep damage from it. Paths are written once and then named by number.
"""

import marshal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jeton.store import Log
from jeton.store.log import Warn

_SALT = "build history 2"
_MARSHAL = 2
_COMPACT_AT = 1000
"""Fewer records than this are not worth compacting."""

_PATH, _STARTED, _FINISHED, _DEPS, _FORGOTTEN, _FAILED = range(6)


@dataclass(frozen=True, slots=True)
class Made:
    """How an output was made."""

    fingerprint: int
    """Of the command; see `fingerprint`."""
    mtime: int
    """No input that is newer than this was seen by the command. Nanoseconds."""
    duration_ms: int
    peak_kib: int
    """The most memory that the command was seen to have, KiB; no less than its largest process had. 0: not known."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Which files the command that made an output was seen to read."""

    mtime: int
    """The output's modification time then: a newer output was made by somebody else. Nanoseconds."""
    inputs: list[str]


class History:
    """The facts of one build folder. Reading is from memory; each write is on disk when it returns."""

    def __init__(self, log: Log | None = None, records: Iterable[bytes] = ()) -> None:
        """Begin with these records; write new ones to `log`, or keep them in memory only. See `open` and `read`."""
        self._path_ids: dict[str, int] = {}
        self._paths: list[str] = []
        self.made: dict[str, Made] = {}
        self._deps: dict[str, Deps | tuple[int, tuple[int, ...]]] = {}
        self._interrupted: set[str] = set()
        # Invariant: a part of _interrupted, without the outputs of commands that were seen to fail.
        self._running: set[str] = set()
        self._log = log
        self._written = 0
        for record in records:
            self._read(marshal.loads(record))  # noqa: S302  our own file, checksummed
            self._written += 1

    @classmethod
    def open(cls, path: Path, warn: Warn) -> "History":
        """Open the history at `path` to write into it. Whoever does holds the folder's lock. Raises OSError."""
        log = Log(path, salt=_SALT, warn=warn)
        history = cls(log, log.payloads)
        log.payloads = []
        if history._written > _COMPACT_AT and history._written > 3 * history._live():
            history.compact()
        return history

    @classmethod
    def read(cls, path: Path) -> "History":
        """Read the history at `path` without writing to it, whoever else may be."""
        return cls(None, Log.read(path, salt=_SALT))

    def interrupted(self, output: str) -> bool:
        """Tell whether a command that makes this output began and was never seen to end."""
        return output in self._interrupted

    def deps(self, output: str) -> Deps | None:
        """Return what the maker of this output was seen to read, or None where nothing is known."""
        found = self._deps.get(output)
        if isinstance(found, tuple):
            mtime, ids = found
            found = self._deps[output] = Deps(mtime, [self._paths[number] for number in ids])
        return found

    @property
    def was_cut_off(self) -> bool:
        """Some command began and was never seen to end: the build was killed."""
        return bool(self._running)

    def started(self, outputs: Sequence[str]) -> None:
        """Note that a command that makes these outputs is about to run."""
        self._append(_STARTED, outputs)
        self._interrupted.update(outputs)
        self._running.update(outputs)

    def failed(self, outputs: Sequence[str]) -> None:
        """Note that the command that makes these outputs has ended, and they cannot be trusted."""
        self._append(_FAILED, outputs)
        self._running.difference_update(outputs)

    def finished(self, outputs: Sequence[str], made: Made) -> None:
        """Note that it has run and its outputs can be trusted."""
        self._append(_FINISHED, outputs, made.fingerprint, made.mtime, made.duration_ms, made.peak_kib)
        self._settle(outputs, made)

    def read_by(self, output: str, deps: Deps) -> None:
        """Note what the maker of this output was seen to read. To be said before `finished`."""
        ids = tuple(self._ids(deps.inputs))
        self._append(_DEPS, [output], deps.mtime, ids)
        self._deps[output] = deps

    def forget(self, outputs: Iterable[str]) -> None:
        """Forget all about these outputs."""
        known = [output for output in outputs if self._known(output)]
        if known:
            self._append(_FORGOTTEN, known)
            self._drop(known)

    def restat(self, output: str, mtime: int) -> None:
        """Take the output as made at `mtime`, by the command that is on record."""
        made = self.made.get(output)
        if made is not None:
            self.finished([output], replace(made, mtime=mtime))

    def outputs(self) -> list[str]:
        """Return every output that something is known of."""
        return list(dict.fromkeys([*self.made, *self._deps, *self._interrupted]))

    def compact(self) -> None:
        """Write the history anew, with nothing in it but what holds now."""
        if self._log is None:
            return
        deps = {output: found for output in list(self._deps) if (found := self.deps(output)) is not None}
        self._path_ids.clear()
        self._paths.clear()
        self._deps.clear()
        records: list[bytes] = []
        for output, found in deps.items():
            ids = tuple(self._ids(found.inputs, records))
            of = tuple(self._ids([output], records))
            records.append(_record(_DEPS, of, found.mtime, ids))
            self._deps[output] = found
        for output, made in self.made.items():
            ids = tuple(self._ids([output], records))
            fields = made.fingerprint, made.mtime, made.duration_ms, made.peak_kib
            records.append(_record(_FINISHED, ids, *fields))
        for output in self._interrupted:
            ids = tuple(self._ids([output], records))
            records.append(_record(_STARTED, ids))
            if output not in self._running:
                records.append(_record(_FAILED, ids))
        self._log.rewrite(records)
        self._written = len(records)

    def close(self) -> None:
        """Let go of the file."""
        if self._log is not None:
            self._log.close()

    def _live(self) -> int:
        return len(self._paths) + len(self.made) + len(self._deps)

    def _known(self, output: str) -> bool:
        return output in self.made or output in self._deps or output in self._interrupted

    def _append(self, kind: int, outputs: Sequence[str], *fields: object) -> None:
        if self._log is None:
            return
        records: list[bytes] = []
        ids = tuple(self._ids(outputs, records))
        records.append(_record(kind, ids, *fields))
        self._log.extend(records)
        self._written += len(records)

    def _ids(self, paths: Iterable[str], records: list[bytes] | None = None) -> Iterator[int]:
        """Number the paths; new ones become records of their own."""
        for path in paths:
            number = self._path_ids.get(path)
            if number is None:
                number = self._path_ids[path] = len(self._paths)
                self._paths.append(path)
                record = _record(_PATH, path)
                if records is not None:
                    records.append(record)
                elif self._log is not None:
                    self._log.append(record)
            yield number

    def _read(self, record: tuple[object, ...]) -> None:
        match record:
            case (0, str() as path):
                self._path_ids[path] = len(self._paths)
                self._paths.append(path)
            case (1, tuple() as ids):
                outputs = [self._paths[number] for number in ids]
                self._interrupted.update(outputs)
                self._running.update(outputs)
            case (2, tuple() as ids, int() as fingerprint, int() as mtime, int() as duration_ms, int() as peak_kib):
                self._settle([self._paths[number] for number in ids], Made(fingerprint, mtime, duration_ms, peak_kib))
            case (3, tuple() as ids, int() as mtime, tuple() as inputs):
                self._deps[self._paths[ids[0]]] = (mtime, inputs)
            case (4, tuple() as ids):
                self._drop([self._paths[number] for number in ids])
            case (5, tuple() as ids):
                self._running.difference_update(self._paths[number] for number in ids)
            case _:
                raise AssertionError(f"a record of this version has another shape: {record!r}")

    def _settle(self, outputs: Iterable[str], made: Made) -> None:
        for output in outputs:
            self.made[output] = made
            self._interrupted.discard(output)
            self._running.discard(output)

    def _drop(self, outputs: Iterable[str]) -> None:
        for output in outputs:
            self.made.pop(output, None)
            self._deps.pop(output, None)
            self._interrupted.discard(output)
            self._running.discard(output)


def fingerprint(text: str) -> int:
    """Return 64 bits that stand for a text: BLAKE2b, as hashlib has it."""
    return int.from_bytes(blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "little")


def _record(*fields: Any) -> bytes:
    return marshal.dumps(fields, _MARSHAL)
