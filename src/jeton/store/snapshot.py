"""Reads a snapshot: all facts of one moment in one file that never changes, mapped into memory.

Opening looks at the header and the owner's few bytes, whatever the number of facts; everything else is checked when it
is looked at: each entry, value, list of readers and list of flagged facts has a checksum, and most of them begin with
the number of their fact. Owns the format together with `snapshot_writing`; knows nothing of the log.

    header | owner | places, value places: u64 per fact | starts: u32 per fact and one more | checksums of readers:
    u32 per fact | table | readers | groups | numbers of the groups | entries | values

Numbers have the byte order of the machine; a snapshot of the other order is refused by its mark.
"""

import marshal
import mmap
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from jeton.store.fact import KEY_SIZE, Damaged

VERSION = 1
MAGIC = b"jeton facts %d\n\0\0" % VERSION
MARK = 0x01020304
SALT_BYTES = 64
SECTIONS = 11
"""Where owner, places, value places, starts, checksums, table, readers, groups, numbers, entries and values begin."""

# Magic, mark, salt, serial, nonce; size of the file; facts, slots, longest probe, groups; size and CRC of the owner's
# bytes, CRC of the groups, CRC of the table; where the sections begin; CRC of all before it.
HEADER = Struct(f"=16sI{SALT_BYTES}sQ16sQIIIIIIII{SECTIONS}QI")
GROUP = Struct("=IIII")
"""Flags, count, where it begins among the numbers, and CRC of its numbers."""

_LOW_BITS = (1 << 32) - 1


class Generation(NamedTuple):
    """Which snapshot this is: the log names the one that it continues."""

    serial: int
    """One more than that of the snapshot it replaced."""
    nonce: bytes
    """16 random bytes: two processes may both have replaced the same one."""


class Owner(NamedTuple):
    """The owner's own state and the names of its kinds."""

    meta: bytes = b""
    kinds: tuple[str, ...] = ()

    def pack(self) -> bytes:
        """Return it as bytes."""
        return marshal.dumps((self.meta, self.kinds), 2)

    @classmethod
    def unpack(cls, data: bytes) -> "Owner":
        """Return what was packed; `data` was checked before, because marshal is not made for what is damaged."""
        return cls(*marshal.loads(data))  # noqa: S302  behind a checksum, and marshal calls nothing


def salted(salt: str) -> bytes:
    """Return the salt as the header has it. Raises ValueError where it is too long."""
    data = salt.encode()
    if len(data) > SALT_BYTES or b"\0" in data:
        raise ValueError(f"{salt!r}: a salt has at most {SALT_BYTES} bytes and no zeros")
    return data.ljust(SALT_BYTES, b"\0")


class Snapshot:
    """A mapped snapshot. It stays readable when its file is replaced."""

    def __init__(self, path: Path, salt: str | None) -> None:
        """Map the file at `path`, of whatever salt if None. Raises FileNotFoundError, OSError, and Damaged."""
        self.path = path
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            self.identity = (status.st_dev, status.st_ino)  # it is not given to another file while this one is mapped
            if status.st_size < HEADER.size:
                raise Damaged(path, "not a snapshot of this version")
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = status.st_size
        self._read_header(None if salt is None else salted(salt))

    def _read_header(self, salt: bytes | None) -> None:
        magic, mark, own_salt, serial, nonce, size, *numbers, crc = HEADER.unpack_from(self.data, 0)
        if magic != MAGIC or mark != MARK:
            raise Damaged(self.path, "not a snapshot of this version")
        if crc != crc32(self.data[: HEADER.size - 4]):
            raise Damaged(self.path, "its header is damaged")
        if salt not in (None, own_salt):
            raise Damaged(self.path, "written by another version of its owner")
        if size != self.size:
            raise Damaged(self.path, f"it should have {size} bytes and has {self.size}")
        self.salt = own_salt.rstrip(b"\0").decode(errors="replace")
        self.generation = Generation(serial, nonce)
        self.count, slots, longest, self._groups, owner_size, owner_crc, self._groups_crc, table_crc, *sections = (
            numbers
        )
        owner, places, value_places, starts, checksums, table, readers, groups, members, *_ = sections
        owner_bytes = self.data[owner : owner + owner_size]
        if crc32(owner_bytes) != owner_crc:
            raise Damaged(self.path, "its owner's state is damaged")
        self.owner = Owner.unpack(owner_bytes)
        view = memoryview(self.data)
        count = self.count
        self.places = view[places : places + 8 * count].cast("Q")
        self._value_places = view[value_places : value_places + 8 * count].cast("Q")
        self._starts = view[starts : starts + 4 * count + 4].cast("I")
        self._checksums = view[checksums : checksums + 4 * count].cast("I")
        # Tells the number of the fact with this key; raises Damaged.
        self.find: Callable[[bytes], int | None] = self._finder(view[table : table + 8 * slots], longest, table_crc)
        self._readers_at = readers
        self._groups_at = groups
        self._members_at = members

    def _finder(self, slots: memoryview, longest: int, crc: int) -> Callable[[bytes], int | None]:
        """Return the look-up: a function of its own, because attributes would be a third of its time.

        What is found proves itself by its key. That there is nothing is believed of a table that is whole: it is
        looked through at the first miss, 2 ms for a million facts.
        """
        table = slots.cast("Q")
        is_whole = False
        data, places, count, path = self.data, self.places, self.count, self.path
        mask = len(table) - 1

        def found_at(slot: int, found: int, key: bytes) -> int | None:
            number = (found & _LOW_BITS) - 1
            if not 0 <= number < count:
                raise Damaged(path, f"slot {slot} of its table is damaged")
            place = places[number]
            return number if data[place : place + KEY_SIZE] == key else None

        def find(key: bytes) -> int | None:
            hashed = crc32(key)
            slot = hashed & mask
            found = table[slot]
            if not found:
                missed()
                return None
            if found >> 32 == hashed:  # most often; the same as below, without the calls
                number: int = (found & _LOW_BITS) - 1
                if 0 <= number < count:
                    place = places[number]
                    if data[place : place + KEY_SIZE] == key:
                        return number
            for _ in range(longest):
                if found >> 32 == hashed:
                    at = found_at(slot, found, key)
                    if at is not None:
                        return at
                slot = (slot + 1) & mask
                found = table[slot]
                if not found:
                    break
            missed()
            return None

        def missed() -> None:
            nonlocal is_whole
            if not is_whole and crc32(slots) != crc:
                raise Damaged(path, "its table is damaged")
            is_whole = True

        return find

    def value(self, number: int, size: int) -> bytes:
        """Return the bytes where the fact's value of this size is to be; its entry's checksum is not compared here."""
        place = self._value_places[number]
        return self.data[place : place + size]

    def readers(self, number: int) -> Sequence[int]:
        """Return the numbers of the facts that read this one, in ascending order. Raises Damaged."""
        start, end = self._starts[number], self._starts[number + 1]
        data = self.data[self._readers_at + 4 * start : self._readers_at + 4 * end]
        if crc32(data, number) != self._checksums[number]:
            raise Damaged(self.path, f"the readers of fact {number} are damaged")
        return array("I", data)

    def with_flag(self, flag: int) -> Iterator[int]:
        """Yield the numbers of the facts that have a bit of `flag` set; looks at no other. Raises Damaged."""
        data = self.data[self._groups_at : self._groups_at + GROUP.size * self._groups]
        if crc32(data) != self._groups_crc:
            raise Damaged(self.path, "its list of flags is damaged")
        for flags, count, start, crc in GROUP.iter_unpack(data):
            if flags & flag:
                at = self._members_at + 4 * start
                members = self.data[at : at + 4 * count]
                if crc32(members) != crc:
                    raise Damaged(self.path, f"the list of facts with flags {flags:#x} is damaged")
                yield from array("I", members)
