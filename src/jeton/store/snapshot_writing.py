"""Writes a snapshot: beside its place, forced to disk, then renamed. Owns building the tables that `snapshot` reads."""

import os
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from pathlib import Path
from zlib import crc32

from jeton.store.snapshot import GROUP, HEADER, MAGIC, MARK, SECTIONS, Generation, Owner, salted

_ALIGNED = 8


@dataclass(slots=True)
class Columns:
    """All facts of a moment, by their numbers."""

    keys: list[bytes] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    reads: list[tuple[int, ...]] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def add(self, key: bytes, flags: int, reads: tuple[int, ...], entry: bytes, value: bytes) -> None:
        """Add the fact with the next number."""
        self.keys.append(key)
        self.flags.append(flags)
        self.reads.append(reads)
        self.entries.append(entry)
        self.values.append(value)


def write_snapshot(path: Path, columns: Columns, owner: Owner, generation: Generation, salt: str) -> None:
    """Replace the file at `path`, atomically: a crash leaves the old one or the new one. Raises OSError."""
    table, longest = _table(columns.keys)
    starts, checksums, readers = _reversed(columns.reads)
    groups, members = _grouped(columns.flags)
    owner_bytes = owner.pack()
    # Where entries and values stand depends on the size of what is before them; that of the places is known.
    tables = [table, readers, groups, members]
    count = len(columns.keys)
    sections = [_aligned(HEADER.size)]
    for size in (len(owner_bytes), 8 * count, 8 * count, len(starts), len(checksums), *map(len, tables)):
        sections.append(_aligned(sections[-1] + size))
    places = array("Q", accumulate(map(len, columns.entries), initial=sections[-1]))
    sections.append(places.pop())
    value_places = array("Q", accumulate(map(len, columns.values), initial=sections[-1]))
    size = value_places.pop()
    assert len(sections) == SECTIONS
    head = HEADER.pack(
        MAGIC,
        MARK,
        salted(salt),
        generation.serial,
        generation.nonce,
        size,
        count,
        len(table) // 8,
        longest,
        len(groups) // GROUP.size,
        len(owner_bytes),
        crc32(owner_bytes),
        crc32(groups),
        crc32(table),
        *sections,
        0,
    )[:-4]
    before = [
        head + crc32(head).to_bytes(4, sys.byteorder),
        owner_bytes,
        places.tobytes(),
        value_places.tobytes(),
        starts,
        checksums,
        *tables,
    ]
    _replace(path, chain(_padded(before), columns.entries, columns.values))


def _table(keys: Sequence[bytes]) -> tuple[bytes, int]:
    """Return the table and its longest probe: open addressing, at most half full.

    A slot is 0, or has a fact's number and 1 in the low half, and in the high half the hash, so that other facts are
    passed by without a look at them.
    """
    slots = [0] * max(8, 1 << (2 * len(keys) - 1).bit_length())
    mask = len(slots) - 1
    longest = 1
    # By key, so that of two facts with one key the later one is found.
    numbers = dict(zip(keys, range(1, len(keys) + 1), strict=True))
    for key, number in numbers.items():
        hashed = crc32(key)
        slot = hashed & mask
        if slots[slot]:
            probe = 1
            while slots[slot]:
                slot = (slot + 1) & mask
                probe += 1
            longest = max(longest, probe)
        slots[slot] = hashed << 32 | number
    return array("Q", slots).tobytes(), longest


def _reversed(reads: Sequence[tuple[int, ...]]) -> tuple[bytes, bytes, bytes]:
    """Return where the readers of each fact begin, their checksums, and all readers."""
    readers: list[list[int]] = [[] for _ in reads]
    for number, read in enumerate(reads):
        for each in set(read):
            readers[each].append(number)
    starts = array("I", accumulate(map(len, readers), initial=0))
    data = array("I", chain.from_iterable(readers)).tobytes()
    checksums = array(
        "I", [crc32(data[4 * starts[number] : 4 * starts[number + 1]], number) for number in range(len(reads))]
    )
    return starts.tobytes(), checksums.tobytes(), data


def _grouped(flags: Sequence[int]) -> tuple[bytes, bytes]:
    """Return the groups of facts with the same flags, and their members."""
    members: dict[int, array[int]] = {each: array("I") for each in sorted(set(flags))}
    for number, each in enumerate(flags):
        members[each].append(number)
    groups = bytearray()
    start = 0
    for each, numbers in members.items():
        groups += GROUP.pack(each, len(numbers), start, crc32(numbers.tobytes()))
        start += len(numbers)
    return bytes(groups), b"".join(numbers.tobytes() for numbers in members.values())


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _padded(sections: Iterable[bytes]) -> Iterable[bytes]:
    for section in sections:
        yield section.ljust(_aligned(len(section)), b"\0")


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb", buffering=1 << 20) as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:  # on a full disk it would only take more of it
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
