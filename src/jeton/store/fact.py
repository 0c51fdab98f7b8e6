"""One fact and its bytes. Owns the entry: the same in a snapshot and in the log, wherever it stands there.

An entry is a head of fixed size, the name, the extra, the numbers of what the fact reads, and a CRC-32 that begins with
the fact's number: an entry that is found where another should be does not fit. The value stands elsewhere, so
that entries lie close together; the entry has its length and checksum. Knows nothing of files, nor of what is in a name
or a value.
"""

import struct
from functools import cache
from mmap import mmap
from struct import Struct
from typing import NamedTuple
from zlib import crc32

KEY_SIZE = 16
FINGERPRINT_SIZE = 16

# Key, fingerprint, changed and verified at; kind, flags, asked at; sizes of name, extra, reads; value's size and CRC.
_HEAD = Struct("=16s16sQQIIIIIIII")
_SIZES = Struct("=III")
_VALUE = Struct("=II")
_NUMBER = Struct("=I")
_FLAGS_AT, _ASKED_AT, _SIZES_AT, _VALUE_AT = 52, 56, 60, 72
_CRC = Struct("<I")
_AROUND = _HEAD.size + _CRC.size
"""What an entry has beside name, extra and reads."""
_WHOLE = 0x2144DF1C
"""The CRC-32 of anything that its own CRC-32, little end first, follows: no slice is needed to check it."""

_new = tuple.__new__  # half the cost of the named tuple's own

Buffer = bytes | mmap
"""Slices of both are bytes of their own."""


ALWAYS = 0xFFFFFFFF
"""In the place of a session: the fact is asked for in each, so it is never swept."""


class Damaged(Exception):  # noqa: N818  the name says what is the case
    """What was read is not what was written. The text is one line, the place first."""

    def __init__(self, place: object, what: str) -> None:
        super().__init__(f"{place}: {what}")


class Fact(NamedTuple):
    """What is known about one key. Made often, therefore a tuple."""

    key: bytes
    """16 bytes, of one fact only."""
    kind: int
    """An index into the owner's list of kinds."""
    name: bytes
    """The key in the owner's full form."""
    flags: int = 0
    """32 bits of the owner's."""
    fingerprint: bytes = bytes(FINGERPRINT_SIZE)
    changed_at: int = 0
    """A revision of the owner's clock, 64 bits; so is verified_at."""
    verified_at: int = 0
    asked_at: int = 0
    """The session, 32 bits, in which it was last asked for by itself and not by a reader; 0 for never, or ALWAYS."""
    value: bytes | None = b""
    """None where it was not loaded; saved so, the value stays as it was."""
    extra: bytes = b""
    reads: tuple[int, ...] = ()
    """The numbers of the facts that it was computed from, in order."""


def encoded(number: int, fact: Fact, value_size: int, value_crc: int) -> bytes:
    """Return the entry of a fact. Raises struct.error and OverflowError where a number is out of its range."""
    key, kind, name, flags, fingerprint, changed_at, verified_at, asked_at, _, extra, reads = fact
    if len(key) != KEY_SIZE or len(fingerprint) != FINGERPRINT_SIZE:
        raise ValueError(f"fact {number}: a key and a fingerprint have 16 bytes, not {len(key)} and {len(fingerprint)}")
    head = _HEAD.pack(
        key,
        fingerprint,
        changed_at,
        verified_at,
        kind,
        flags,
        asked_at,
        len(name),
        len(extra),
        len(reads),
        value_size,
        value_crc,
    )
    body = head + name + extra + _numbers(len(reads)).pack(*reads)
    return body + _CRC.pack(crc32(body, number))


def entry_at(number: int, data: Buffer, place: int, where: object) -> bytes:
    """Return the entry of fact `number` that stands in `data` at `place`. Raises Damaged if it is not there, whole."""
    try:
        name_size, extra_size, reads_count = _SIZES.unpack_from(data, place + _SIZES_AT)
    except (struct.error, OverflowError):
        raise Damaged(where, f"the place of fact {number} is damaged") from None
    entry = data[place : place + _AROUND + name_size + extra_size + 4 * reads_count]
    # What is shorter than its own sizes say ends with something else than its CRC.
    if crc32(entry, number) != _WHOLE or len(entry) != _AROUND + name_size + extra_size + 4 * reads_count:
        raise Damaged(where, f"fact {number} is damaged")
    return entry


def decoded(entry: bytes) -> Fact:
    """Return the fact of an entry, without its value."""
    (
        key,
        fingerprint,
        changed_at,
        verified_at,
        kind,
        flags,
        asked_at,
        name_size,
        extra_size,
        reads_count,
        _,
        _,
    ) = _HEAD.unpack_from(entry)
    name_end = _HEAD.size + name_size
    extra_end = name_end + extra_size
    name, extra = entry[_HEAD.size : name_end], entry[name_end:extra_end]
    reads = _numbers(reads_count).unpack_from(entry, extra_end) if reads_count else ()
    return _new(Fact, (key, kind, name, flags, fingerprint, changed_at, verified_at, asked_at, None, extra, reads))


def key_of(entry: bytes) -> bytes:
    """Return the key alone."""
    return entry[:KEY_SIZE]


def flags_of(entry: bytes) -> int:
    """Return the flags alone."""
    flags: int = _NUMBER.unpack_from(entry, _FLAGS_AT)[0]
    return flags


def asked_at_of(entry: bytes) -> int:
    """Return the session alone in which it was last asked for by itself."""
    session: int = _NUMBER.unpack_from(entry, _ASKED_AT)[0]
    return session


def reads_of(entry: bytes) -> tuple[int, ...]:
    """Return alone what the fact was computed from."""
    name_size, extra_size, reads_count = _SIZES.unpack_from(entry, _SIZES_AT)
    return _numbers(reads_count).unpack_from(entry, _HEAD.size + name_size + extra_size) if reads_count else ()


def value_of(entry: bytes) -> tuple[int, int]:
    """Return the size of the value and its CRC-32."""
    size, crc = _VALUE.unpack_from(entry, _VALUE_AT)
    return size, crc


@cache
def _numbers(count: int) -> Struct:
    return Struct(f"={count}I")
