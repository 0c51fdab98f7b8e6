"""All facts as one process sees them: a snapshot and the segments on top of it. Never changes; a save makes another.

Owns which place a fact is read from. Whatever was read is the right answer, or Damaged is raised: an entry's checksum
has its number in it, a value's is in the entry.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from zlib import crc32

from jeton.store.change_log import KEPT, Segment
from jeton.store.fact import (
    KEY_SIZE,
    Damaged,
    Fact,
    decoded,
    encoded,
    entry_at,
    flags_of,
    key_of,
    reads_of,
    value_of,
)
from jeton.store.snapshot import Owner, Snapshot
from jeton.store.snapshot_writing import Columns

Find = Callable[[bytes], int | None]


class Place:
    """Where the log has a fact: its entry and its value, and where it was before."""

    __slots__ = ("before", "entry_at", "segment", "value_at")

    def __init__(self, segment: Segment, entry_at: int, value_at: int, before: "Place | None") -> None:
        self.segment = segment
        self.entry_at = entry_at
        self.value_at = value_at
        self.before = before


class View:
    """The facts numbered 0 to `count` - 1. Any thread may read."""

    def __init__(self, snapshot: Snapshot | None, log_path: Path) -> None:
        self.snapshot = snapshot
        self.count = 0 if snapshot is None else snapshot.count
        self.owner = Owner() if snapshot is None else snapshot.owner
        self._log_path = log_path
        # Invariant: a fact that the snapshot has not is in _changed, and its key in _new.
        self._changed: dict[int, Place] = {}
        self._new: dict[bytes, int] = {}
        # Tells the number of the fact with this key; raises Damaged.
        self.find: Find = self._new.get if snapshot is None else snapshot.find
        # Readers that the snapshot does not know; made when first asked for, because most sessions ask for none.
        self._more_readers: dict[int, list[int]] | None = None

    def with_segments(self, segments: Sequence[Segment]) -> "View":
        """Return the facts as they are after these saves. Raises Damaged where one does not follow the other."""
        view = View(self.snapshot, self._log_path)
        view.count, view.owner = self.count, self.owner
        view._changed, view._new = dict(self._changed), dict(self._new)
        for segment in segments:
            view._apply(segment)
        if view._new:
            view.find = view._new.get if view.snapshot is None else _first_of(view._new, view.snapshot.find)
        return view

    def _apply(self, segment: Segment) -> None:
        if segment.count_before != self.count:
            raise Damaged(self._log_path, "a part of it is missing")
        changed = self._changed
        for number, at, value_at in zip(segment.numbers, segment.places, segment.value_places, strict=True):
            changed[number] = Place(segment, at, value_at, changed.get(number))
            if number >= segment.count_before:
                key_at = segment.base + at
                self._new[segment.data[key_at : key_at + KEY_SIZE]] = number
                self.count += 1
        self.owner = segment.owner

    def entry(self, number: int) -> bytes:
        """Return the entry of a fact. Raises Damaged, and IndexError for no fact."""
        if number in self._changed:
            place = self._changed[number]
            return entry_at(number, place.segment.data, place.segment.base + place.entry_at, self._log_path)
        snapshot = self.snapshot
        if snapshot is None or not 0 <= number < self.count:
            raise IndexError(f"no fact has the number {number}")
        return entry_at(number, snapshot.data, snapshot.places[number], snapshot.path)

    def value(self, number: int) -> bytes:
        """Return the value of a fact. Raises Damaged, and IndexError for no fact."""
        size, crc = value_of(self.entry(number))
        value = self._raw_value(number, size)
        if len(value) != size or crc32(value) != crc:
            where = self._log_path if self.snapshot is None or number in self._changed else self.snapshot.path
            raise Damaged(where, f"the value of fact {number} is damaged")
        return value

    def _raw_value(self, number: int, size: int) -> bytes:
        """Return what stands in the place of a fact's value of this size."""
        place = self._changed.get(number)
        while place is not None and place.value_at == KEPT:
            place = place.before
        if place is not None:
            at = place.segment.base + place.value_at
            return place.segment.data[at : at + size]
        return b"" if self.snapshot is None or number >= self.snapshot.count else self.snapshot.value(number, size)

    def readers(self, number: int) -> Sequence[int]:
        """Return the facts that read this one, and maybe some that once did. Raises Damaged, and IndexError."""
        if not 0 <= number < self.count:
            raise IndexError(f"no fact has the number {number}")
        if self._more_readers is None:
            self._more_readers = self._readers_in_log()
        more = self._more_readers.get(number, ())
        if self.snapshot is None or number >= self.snapshot.count:
            return tuple(more)
        known = self.snapshot.readers(number)
        return tuple(dict.fromkeys((*known, *more))) if more else tuple(known)

    def _readers_in_log(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number in sorted(self._changed):
            for read in set(reads_of(self.entry(number))):
                found.setdefault(read, []).append(number)
        return found

    def with_flag(self, flag: int) -> Iterator[tuple[int, Fact]]:
        """Yield the facts that have a bit of `flag` set, without their values. Raises Damaged."""
        if self.snapshot is not None:
            for number in self.snapshot.with_flag(flag):
                if number not in self._changed:
                    yield number, decoded(self.entry(number))
        for number in sorted(self._changed):
            entry = self.entry(number)
            if flags_of(entry) & flag:
                yield number, decoded(entry)

    def columns(self) -> Columns:
        """Return everything, as a snapshot has it. Raises Damaged."""
        columns = Columns()
        for number in range(self.count):
            entry = self.entry(number)
            value = self._raw_value(number, value_of(entry)[0])
            columns.add(key_of(entry), flags_of(entry), reads_of(entry), entry, value)
        return columns

    def renumbered(self, kept: Sequence[int]) -> tuple[Columns, dict[int, int]]:
        """Return these facts only, with new numbers in the same order, and the new number of each. Raises Damaged.

        Whatever they read has to be among them.
        """
        new = {old: number for number, old in enumerate(kept)}
        columns = Columns()
        for number, old in enumerate(kept):
            entry = self.entry(old)
            size, crc = value_of(entry)
            fact = decoded(entry)
            fact = fact._replace(reads=tuple([new[read] for read in fact.reads]))
            value = self._raw_value(old, size)
            columns.add(fact.key, fact.flags, fact.reads, encoded(number, fact, size, crc), value)
        return columns, new


def _first_of(new: dict[bytes, int], find: Find) -> Find:
    """Return a look-up in both; no method, because a view that holds itself would keep its files mapped."""

    def find_in_both(key: bytes) -> int | None:
        number = new.get(key)
        return find(key) if number is None else number

    return find_in_both
