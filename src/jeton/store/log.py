"""An append-only log of checksummed records. Owns the framing and what a crash may leave; not the payloads' meaning.

The file is a header, then records. A record is its payload's length, the complement of that length, and the
payload's CRC-32 (all little-endian u32), then the payload. The complement tells a damaged length from a torn tail:
either reaches past the end of the file. One record goes out in one write(2), so that a process killed at any moment
leaves whole records and at most one torn tail. What is found at opening decides:

- a torn tail (the file ends inside a record) is what a kill leaves: it is cut off, silently;
- another format, another salt, or a record whose checksum is wrong cannot be trusted: the whole file is set
  aside under another name, with one line of warning, and a new log begins.

Whoever opens a log for writing holds its `OwnerLock`; the log itself takes no lock.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

_MAGIC = b"jeton log 1\n"
_SALT_BYTES = 16
_FRAME = struct.Struct("<III")
_MAX_PAYLOAD = 1 << 28
"""A length beyond this is damage, not data."""
_ALL_BITS = 0xFFFFFFFF

Warn = Callable[[str], None]


class Log:
    """The records of one file, read once at opening, and the place where new ones go.

    `payloads` holds what was found, oldest first; the owner may drop it when it has read it.
    """

    def __init__(self, path: Path, *, salt: str, warn: Warn) -> None:
        """Open or create the log at `path`, for the reader and writer that `salt` names (16 bytes of it count).

        Raises OSError where the file cannot be read or made.
        """
        self.path = path
        self._header = _header(salt)
        # Each write is one whole record, appended: the file is never in a state between two records.
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.payloads = self._load(warn)

    def append(self, payload: bytes) -> None:
        """Add one record. It survives the death of this process once the call returns. Raises OSError."""
        self._write(_framed(payload))

    def extend(self, payloads: Iterable[bytes]) -> None:
        """Add several records in one write."""
        self._write(b"".join(map(_framed, payloads)))

    def rewrite(self, payloads: Iterable[bytes]) -> None:
        """Replace all records, atomically: a crash leaves either the old file or the new one."""
        new = self.path.with_name(self.path.name + ".new")
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _write_all(fd, self._header + b"".join(map(_framed, payloads)))
            os.fsync(fd)
            new.replace(self.path)
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd = fd

    def close(self) -> None:
        """Let go of the file. Nothing is buffered, so nothing is lost without it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @classmethod
    def read(cls, path: Path, *, salt: str) -> list[bytes]:
        """Return the records of a log that others may be writing, and leave it alone; none where it is damaged."""
        try:
            data = path.read_bytes()
        except OSError:
            return []
        header = _header(salt)
        return (_whole_records(data, len(header))[0] or []) if data.startswith(header) else []

    def _load(self, warn: Warn) -> list[bytes]:
        size = os.fstat(self._fd).st_size
        data = os.pread(self._fd, size, 0) if size else b""
        if len(data) < len(self._header) and self._header.startswith(data):
            os.ftruncate(self._fd, 0)  # empty, or killed while the header was written
            self._write(self._header)
            return []
        if not data.startswith(_MAGIC):
            return self._set_aside("not a log of this version", warn)
        if not data.startswith(self._header):
            return self._set_aside("written by another version of its owner", warn)
        payloads, end = _whole_records(data, len(self._header))
        if payloads is None:
            return self._set_aside(f"damaged at byte {end}", warn)
        if end < size:
            os.ftruncate(self._fd, end)
        return payloads

    def _set_aside(self, why: str, warn: Warn) -> list[bytes]:
        aside = self.path.with_name(f"{self.path.name}.aside-{os.getpid()}")
        self.path.replace(aside)
        os.close(self._fd)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._write(self._header)
        warn(f"{self.path}: {why}; set aside as {aside.name}, starting anew")
        return []

    def _write(self, data: bytes) -> None:
        before = os.fstat(self._fd).st_size
        try:
            _write_all(self._fd, data)
        except BaseException:  # a full disk may have taken a part, and the next record must not follow that
            os.ftruncate(self._fd, before)
            raise


def _header(salt: str) -> bytes:
    return _MAGIC + salt.encode()[:_SALT_BYTES].ljust(_SALT_BYTES, b"\0")


def _framed(payload: bytes) -> bytes:
    assert 0 < len(payload) <= _MAX_PAYLOAD, "an empty record would look like a hole"
    return _FRAME.pack(len(payload), ~len(payload) & _ALL_BITS, zlib.crc32(payload)) + payload


def _whole_records(data: bytes, at: int) -> tuple[list[bytes] | None, int]:
    """Return the payloads and the byte after the last whole one; or None and the byte where the damage is."""
    payloads: list[bytes] = []
    size = len(data)
    while at + _FRAME.size <= size:
        length, complement, checksum = _FRAME.unpack_from(data, at)
        if length ^ complement != _ALL_BITS or not 0 < length <= _MAX_PAYLOAD:
            return None, at
        end = at + _FRAME.size + length
        if end > size:
            break
        payload = data[at + _FRAME.size : end]
        if zlib.crc32(payload) != checksum:
            return None, at
        payloads.append(payload)
        at = end
    return payloads, at


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
