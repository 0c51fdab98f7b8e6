"""Facts on disk: a mapped snapshot and a log of changes on top, in one folder. Owns opening, saving and setting aside.

Opening reads a header; a look-up reads what it needs. A save appends one segment to the log, or writes a new snapshot:
the first time, when the log has grown large, and when the folder is no longer as this process knows it. Then the last
to save wins, whole. At any moment of a kill the folder holds the state before a save or the one after it. Knows nothing
of what the facts mean; which are worth keeping, their owner says by sessions and by what reads what.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Self
from zlib import crc32

from jeton.store.batch import Batch
from jeton.store.change_log import FoundLog, LogState, append_segment, begin_log, goes_on, read_log
from jeton.store.fact import Damaged, Fact, decoded, encoded, reads_of, value_of
from jeton.store.log import Warn
from jeton.store.owner import OwnerLock
from jeton.store.snapshot import Generation, Owner, Snapshot, salted
from jeton.store.snapshot_writing import Columns, write_snapshot
from jeton.store.sweep import asked_lately, closure
from jeton.store.view import View

_FOLD_FROM = 1 << 20
"""A log of less than a MiB is never folded into the snapshot."""
_FOLD_SHARE = 4
"""A larger one is when it has more than one part in so many of the snapshot's size."""
_NO_LOG = FoundLog(LogState.ABSENT)


class FactStore:
    """The facts of one folder. Any thread may read; those who save come one after another.

    What reads may raise Damaged: then `set_aside` lets go of everything, and the owner goes on with nothing.
    """

    def __init__(self, folder: Path, salt: str | None, warn: Warn) -> None:
        """Know where the store is; `open` and `look` read it."""
        self.folder = folder
        self.path = folder / "facts"
        self.log_path = folder / "facts.log"
        self._salt = salt
        self._warn = warn
        # Held through a save and a rewrite. Guards _log, and that each new view is made of the one before it.
        self._saving = Lock()
        self._closed = False
        self._view, self._log = self._nothing()

    @classmethod
    def open(cls, folder: Path, *, salt: str, warn: Warn) -> Self:
        """Open the store in `folder`, which need not be there yet, for the owner and version that `salt` names.

        Writes nothing, but where a file cannot be trusted: that is set aside under another name, with one line of
        warning. Raises OSError where a file cannot be read, and ValueError for a salt of more than 64 bytes.
        """
        salted(salt)
        store = cls(folder, salt, warn)
        try:
            store._view, store._log = store._looked_at()
        except Damaged as damage:
            store._repair(damage)
        return store

    @classmethod
    def look(cls, folder: Path) -> Self:
        """Open a store of any owner, and leave it alone. Raises Damaged, FileNotFoundError and OSError."""
        store = cls(folder, None, lambda _line: None)
        store._view, store._log = store._looked_at()
        if store._view.snapshot is None:
            raise FileNotFoundError(store.path)
        store._salt = store._view.snapshot.salt
        return store

    @property
    def meta(self) -> bytes:
        """The owner's own state, as last saved; empty in a new store."""
        return self._view.owner.meta

    @property
    def kinds(self) -> list[str]:
        """The names of the owner's kinds, as last saved."""
        return list(self._view.owner.kinds)

    @property
    def count(self) -> int:
        """How many facts there are. Their numbers are 0 to `count` - 1 and stay until `rewrite` or `prune`."""
        return self._view.count

    @property
    def view(self) -> View:
        """All facts as they are now: a later save or rewrite makes another view and leaves this one as it is."""
        return self._view

    def find(self, key: bytes) -> int | None:
        """Return the number of the fact with this key. Raises Damaged."""
        return self._view.find(key)

    def fact(self, number: int) -> Fact:
        """Return a fact; its `value` is None. Raises Damaged, and IndexError where there is none."""
        return decoded(self._view.entry(number))

    def value(self, number: int) -> bytes:
        """Return the value of a fact. Raises Damaged, and IndexError where there is none."""
        return self._view.value(number)

    def reads(self, number: int) -> tuple[int, ...]:
        """Return the facts that this one was computed from, in order. Raises Damaged, and IndexError."""
        return reads_of(self._view.entry(number))

    def readers(self, number: int) -> Sequence[int]:
        """Return all facts that read this one, and maybe some that did before they changed. Raises Damaged."""
        return self._view.readers(number)

    def with_flag(self, flag: int) -> Iterator[tuple[int, Fact]]:
        """Yield number and fact, its `value` None, where a bit of `flag` is set. Looks at no other. Raises Damaged."""
        return self._view.with_flag(flag)

    def closure(self, roots: Iterable[int]) -> set[int]:
        """Return these facts and all that they read, over any number of steps. Raises Damaged."""
        return closure(self._view, roots)

    def save(self, changed: Sequence[tuple[int | None, Fact]], meta: bytes, kinds: Sequence[str]) -> list[int]:
        """Keep these facts, all or none; return their numbers.

        A number of None is a new fact: the first gets `count`, the next one more, and they may read each other by
        these. A value of None is the one that the fact has. Raises OSError, with nothing saved; ValueError where a fact
        reads a number that is none; Damaged where what has to be copied is damaged.
        """
        with self._saving:
            batch = self._batch(changed, Owner(meta, tuple(kinds)))
            with self._locked():
                self._save(batch)
        return batch.numbers

    def rewrite(self, roots: Iterable[int], *, meta: bytes | None = None) -> dict[int, int]:
        """Keep the closure of `roots` and nothing else; return the new number of each fact that was kept.

        They stay in order. Raises OSError, with everything as it was, and Damaged.
        """
        with self._saving:
            view = self._view
            columns, numbers = view.renumbered(sorted(closure(view, roots)))
            with self._locked():
                self._write(columns, view.owner if meta is None else view.owner._replace(meta=meta))
        return numbers

    def prune(self, keep_sessions: int, *, session: int | None = None, meta: bytes | None = None) -> dict[int, int]:
        """Keep what was asked for in the last `keep_sessions` sessions and what that read; as `rewrite` does.

        `session` is the last one; the last in which something was asked for, if None.
        """
        return self.rewrite(asked_lately(self._view, keep_sessions, session), meta=meta)

    def set_aside(self, damage: Damaged | None = None) -> None:
        """Let go of everything, after Damaged was raised: the files get other names, and the store is empty.

        What another process has saved there in the meantime stays. Raises OSError.
        """
        with self._saving, self._locked():
            if self._view.snapshot is not None and self._goes_on():
                self._put_aside(str(damage or f"{self.path}: given up by its owner"), [self.log_path, self.path])
            self._view, self._log = self._nothing()

    def close(self) -> None:
        """Let go of the files. Nothing is buffered, so nothing is lost without it; from here on there are no facts."""
        self._closed = True
        self._view, self._log = self._nothing()

    # Opening.

    def _nothing(self) -> tuple[View, FoundLog]:
        return View(None, self.log_path), _NO_LOG

    def _looked_at(self) -> tuple[View, FoundLog]:
        while True:
            try:
                snapshot = Snapshot(self.path, self._salt)
            except FileNotFoundError:
                return self._nothing()
            try:
                log = read_log(self.log_path, snapshot.generation)
                view = View(snapshot, self.log_path).with_segments(log.segments)
            except Damaged:
                if _is_at(snapshot, self.path):
                    raise
                continue
            # Else somebody replaced the snapshot, and with it the log, between the two looks.
            if _is_at(snapshot, self.path):
                return view, log

    def _repair(self, damage: Damaged) -> None:
        """Set aside what is damaged, if it still is."""
        try:
            with self._locked():  # nobody replaces it between the look and the renaming
                self._view, self._log = self._repaired()
        except OSError:  # a folder that this process may only read
            self._warn(f"{damage}; starting anew")

    def _repaired(self) -> tuple[View, FoundLog]:
        try:
            return self._looked_at()
        except Damaged as damage:
            try:
                snapshot = Snapshot(self.path, self._salt)
            except Damaged:
                self._put_aside(str(damage), [self.log_path, self.path])
                return self._nothing()
            # The snapshot is a whole state by itself: the one before the saves of this log.
            self._put_aside(str(damage), [self.log_path])
            return View(snapshot, self.log_path), _NO_LOG

    def _put_aside(self, why: str, paths: Sequence[Path]) -> None:
        """Rename the files; those that were set aside before are lost, so that they cannot fill the disk."""
        asides = []
        for path in paths:
            aside = path.with_name(f"{path.name}.aside")
            try:
                path.replace(aside)
            except FileNotFoundError:
                continue
            asides.append(aside.name)
        left = "going on without it" if self.path not in paths else "starting anew"
        self._warn(f"{why}; set aside as {' and '.join(asides)}, {left}")

    # Saving.

    def _batch(self, changed: Sequence[tuple[int | None, Fact]], owner: Owner) -> Batch:
        """Return what is to be saved, as bytes."""
        view = self._view
        count = view.count
        batch = Batch(count, owner)
        for number, fact in changed:
            value = fact.value
            if number is None:
                number, count = count, count + 1  # noqa: PLW2901  from here on it has one
                value = value or b""
            size, crc = value_of(view.entry(number)) if value is None else (len(value), crc32(value))
            batch.numbers.append(number)
            batch.entries.append(encoded(number, fact, size, crc))
            batch.values.append(value)
        numbers = batch.numbers
        highest = max(chain(numbers, chain.from_iterable([fact.reads for _, fact in changed])), default=-1)
        if highest >= count:
            raise ValueError(f"fact {highest}: there are {count} facts")
        if len(set(numbers)) < len(numbers):
            raise ValueError("a fact is saved twice at once")
        return batch

    def _save(self, batch: Batch) -> None:
        snapshot = self._view.snapshot
        if snapshot is None:
            self._write(batch.columns(), batch.owner)
            return
        data, segment = batch.encode()
        view = self._view.with_segments([segment])
        if not self._goes_on() or self._is_to_fold(snapshot, len(data)):
            self._write(view.columns(), view.owner)
            return
        if self._log.state is LogState.OURS:
            self._log = append_segment(self.log_path, self._log, data)
        else:
            self._log = begin_log(self.log_path, snapshot.generation, data)
        self._view = view

    def _goes_on(self) -> bool:
        """Tell whether the folder is as this process knows it: opened so, or saved so."""
        snapshot = self._view.snapshot
        if snapshot is None:
            return not self.path.exists()
        if not _is_at(snapshot, self.path):
            return False
        try:
            return goes_on(self.log_path, snapshot.generation, self._log)
        except Damaged:
            return False

    def _is_to_fold(self, snapshot: Snapshot, more: int) -> bool:
        size = self._log.end + more
        return size > _FOLD_FROM and size > snapshot.size // _FOLD_SHARE

    def _write(self, columns: Columns, owner: Owner) -> None:
        """Write a snapshot in the place of whatever is there."""
        assert self._salt is not None, "known since it was opened"
        serial = 1 + max(_serial(self._view.snapshot), _serial_at(self.path))
        write_snapshot(self.path, columns, owner, Generation(serial, os.urandom(16)), self._salt)
        # A kill here leaves a log that is older than the snapshot, and counts as empty.
        self.log_path.unlink(missing_ok=True)
        self._view, self._log = View(Snapshot(self.path, self._salt), self.log_path), _NO_LOG

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only process that writes here. Raises ValueError after `close`."""
        if self._closed:
            raise ValueError(f"{self.folder}: the store is closed")
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = OwnerLock(self.folder / "facts.lock")
        try:
            lock.take()
            yield
        finally:
            lock.release()


def _is_at(snapshot: Snapshot, path: Path) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return (status.st_dev, status.st_ino) == snapshot.identity


def _serial(snapshot: Snapshot | None) -> int:
    return 0 if snapshot is None else snapshot.generation.serial


def _serial_at(path: Path) -> int:
    try:
        return _serial(Snapshot(path, None))
    except (OSError, Damaged):
        return 0
