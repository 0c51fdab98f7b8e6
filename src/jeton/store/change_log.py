"""The log of changes to a snapshot: what each save changed, one checksummed segment after the other.

A segment is appended with one write, so that a kill leaves whole segments and at most one torn tail, which readers
leave alone and the next writer cuts off. Owns the framing; whoever writes holds the folder's lock. The file names the
snapshot that it continues: one that continues an older snapshot is what a kill leaves between the renaming of a new
snapshot and the removal of its predecessor's log, and counts as empty.

    header | segment*        segment = frame | owner | places | value places | numbers | entries | values

The frame's CRC covers all up to the numbers; entries and values have their own, as in a snapshot.
"""

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import accumulate
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import Struct
from zlib import crc32

from jeton.store.fact import Buffer, Damaged
from jeton.store.snapshot import MARK, Generation, Owner

_MAGIC = b"jeton facts 1 l\n"
# Magic, mark, serial and nonce of the snapshot, the log's own nonce; CRC.
_HEADER = Struct("=16sIQ16s8sI")
# Length of the segment, its complement, facts, facts that there were before, size of the owner's bytes; CRC.
_FRAME = Struct("=QQIIII")
_ALL_BITS = (1 << 64) - 1
KEPT = _ALL_BITS
"""In the place of a value: it is where it was."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One save. Places count from `base` in `data`."""

    data: Buffer = field(repr=False)
    base: int
    size: int
    count_before: int
    owner: Owner
    numbers: Sequence[int]
    places: Sequence[int]
    value_places: Sequence[int]


class LogState(Enum):
    """What was found in the place of a log."""

    ABSENT = auto()
    """No file, or one that ends inside its header."""
    OLDER = auto()
    """It continues a snapshot that was replaced: it counts as empty."""
    OURS = auto()
    """It continues the snapshot."""


@dataclass(frozen=True, slots=True)
class FoundLog:
    """A log as it was found: where it can go on, and by which bytes it is known again."""

    state: LogState
    header: bytes = b""
    end: int = 0
    segments: tuple[Segment, ...] = ()
    """As read; those that are appended are with whoever appended them."""


def read_log(path: Path, generation: Generation) -> FoundLog:
    """Read the segments' heads. Raises OSError, and Damaged where the log cannot be trusted."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _HEADER.size:
                return FoundLog(LogState.ABSENT)
            data = mmap(file.fileno(), size, access=ACCESS_READ)
    except FileNotFoundError:
        return FoundLog(LogState.ABSENT)
    header = data[: _HEADER.size]
    magic, mark, serial, nonce, _, crc = _HEADER.unpack(header)
    if magic != _MAGIC or mark != MARK:
        raise Damaged(path, "not a log of this version")
    if crc32(header[:-4]) != crc:
        raise Damaged(path, "its header is damaged")
    if (serial, nonce) != generation:
        if serial < generation.serial:
            return FoundLog(LogState.OLDER)
        raise Damaged(path, "continues another snapshot")
    segments = tuple(_segments(path, data, _HEADER.size))
    end = segments[-1].base + segments[-1].size if segments else _HEADER.size
    return FoundLog(LogState.OURS, header, end, segments)


def goes_on(path: Path, generation: Generation, found: FoundLog) -> bool:
    """Tell whether the log is still as it was found, but for a torn tail. Raises OSError, and Damaged."""
    if found.state is LogState.OURS:
        try:
            with path.open("rb") as file:
                if file.read(_HEADER.size) == found.header and os.fstat(file.fileno()).st_size == found.end:
                    return True
        except FileNotFoundError:
            return False
    now = read_log(path, generation)
    return (now.header, now.end) == (found.header, found.end)


def begin_log(path: Path, generation: Generation, segment: bytes) -> FoundLog:
    """Replace the log by a new one with one segment. Returns it as it will be found. Raises OSError."""
    head = _HEADER.pack(_MAGIC, MARK, generation.serial, generation.nonce, os.urandom(8), 0)[:-4]
    header = head + Struct("=I").pack(crc32(head))
    new = path.with_name(f"{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _write_all(fd, header + segment)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return FoundLog(LogState.OURS, header, len(header) + len(segment))


def append_segment(path: Path, found: FoundLog, segment: bytes) -> FoundLog:
    """Add a segment where the whole ones end; what is behind is a torn tail and is cut off.

    Returns the log as it will be found. Raises OSError, with nothing added.
    """
    end = found.end
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, end)
        try:
            _write_all(fd, segment)
        except BaseException:  # a full disk may have taken a part
            os.ftruncate(fd, end)
            raise
    finally:
        os.close(fd)
    return replace(found, end=end + len(segment))


def encode_segment(
    numbers: Sequence[int], entries: Sequence[bytes], values: Sequence[bytes | None], count_before: int, owner: Owner
) -> tuple[bytes, Segment]:
    """Return one save as bytes, and as it will be read from them."""
    owner_bytes = owner.pack()
    count = len(numbers)
    starts = accumulate(map(len, entries), initial=_FRAME.size + len(owner_bytes) + 20 * count)
    places = array("Q", starts)
    at = places.pop()
    value_places = array("Q")
    for value in values:
        value_places.append(KEPT if value is None else at)
        at += len(value or b"")
    frame = _FRAME.pack(at, at ^ _ALL_BITS, count, count_before, len(owner_bytes), 0)[:-4]
    head = b"".join((owner_bytes, places.tobytes(), value_places.tobytes(), array("I", numbers).tobytes()))
    crc = Struct("=I").pack(crc32(head, crc32(frame)))
    data = b"".join((frame, crc, head, *entries, *filter(None, values)))
    assert len(data) == at
    return data, Segment(data, 0, at, count_before, owner, numbers, places, value_places)


def _segments(path: Path, data: mmap, at: int) -> Iterator[Segment]:
    while at + _FRAME.size <= len(data):
        length, complement, count, count_before, owner_size, crc = _FRAME.unpack_from(data, at)
        head_size = owner_size + 20 * count
        if length ^ complement != _ALL_BITS or length < _FRAME.size + head_size:
            raise Damaged(path, f"damaged at byte {at}")
        if at + length > len(data):
            return
        head = data[at + _FRAME.size : at + _FRAME.size + head_size]
        if crc32(head, crc32(data[at : at + _FRAME.size - 4])) != crc:
            raise Damaged(path, f"damaged at byte {at}")
        yield Segment(
            data,
            at,
            length,
            count_before,
            Owner.unpack(head[:owner_size]),
            array("I", head[owner_size + 16 * count :]),
            array("Q", head[owner_size : owner_size + 8 * count]),
            array("Q", head[owner_size + 8 * count : owner_size + 16 * count]),
        )
        at += length


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
