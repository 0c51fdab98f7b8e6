"""Makes facts and tells all that a store says of them, in a form that can be compared with what should be there."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jeton.store.fact import Fact
from jeton.store.facts import FactStore
from jeton.store.fingerprint import digest

SALT = "facts of a test 1"
KINDS = ["file", "exports", "check"]
INPUT = 1


class Said(NamedTuple):
    """Everything of one fact, with keys in the place of numbers."""

    fact: Fact
    reads: tuple[bytes, ...]
    readers: frozenset[bytes]


@dataclass
class Stores:
    """One folder, opened as often as a test likes; `warnings` holds every line that was said of it."""

    folder: Path
    warnings: list[str] = field(default_factory=list)

    def open(self, salt: str = SALT) -> FactStore:
        return FactStore.open(self.folder, salt=salt, warn=self.warnings.append)

    @property
    def path(self) -> Path:
        return self.folder / "facts"

    @property
    def log_path(self) -> Path:
        return self.folder / "facts.log"

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def files(self) -> dict[str, bytes]:
        """Give the snapshot and the log as they are on disk."""
        return {path.name: path.read_bytes() for path in (self.path, self.log_path) if path.exists()}

    def lay(self, files: dict[str, bytes]) -> None:
        """Let the folder hold these files and no others."""
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.iterdir():
            path.unlink()
        for name, data in files.items():
            (self.folder / name).write_bytes(data)


def key(name: object) -> bytes:
    return digest(name)


def fact(name: str, value: bytes | None = b"", reads: tuple[int, ...] = (), **more: int) -> Fact:
    extra = b"stamp of " + name.encode() if more.get("flags", 0) & INPUT else b""
    fields = {"kind": len(name) % 3, "verified_at": 1, **more}
    return Fact(
        key(name), name=name.encode(), value=value, reads=reads, fingerprint=digest(value), extra=extra, **fields
    )


def said(store: FactStore) -> dict[bytes, Said]:
    """Ask the store for everything by key, and hold that numbers and keys fit together. Raises Damaged."""
    keys = [store.fact(number).key for number in range(store.count)]
    assert len(set(keys)) == len(keys)
    found = {}
    for number, each in enumerate(keys):
        assert store.find(each) == number
        one = store.fact(number)
        assert one.value is None
        assert one.reads == store.reads(number)
        found[each] = Said(
            one._replace(value=store.value(number), reads=()),
            tuple(keys[read] for read in one.reads),
            frozenset(keys[reader] for reader in store.readers(number)),
        )
    for bit in (1, 2, 4):
        flagged = [(number, store.fact(number)) for number in range(store.count) if store.fact(number).flags & bit]
        assert sorted(store.with_flag(bit)) == flagged
    return found


def sample(store: FactStore, turn: int = 0) -> None:
    """Save a few facts of every form: inputs, chains, fans, empty and long values."""
    count = store.count
    facts = [
        fact(f"a{turn}", b"text of a", flags=INPUT),
        fact(f"b{turn}", b"", flags=INPUT | 2),
        fact(f"exports{turn}", b"x" * 300, (count, count + 1), changed_at=turn),
        fact(f"check{turn}", b"\0\xff", (count + 2, count, count + 2), asked_at=turn + 1),
        fact(f"lonely{turn}", b"v", flags=4, asked_at=turn),
    ]
    store.save([(None, each) for each in facts], b"meta %d" % turn, KINDS)


def assert_readers_cover_reads(found: dict[bytes, Said]) -> None:
    """Hold that no reader is missing."""
    for each, one in found.items():
        for read in one.reads:
            assert each in found[read].readers
