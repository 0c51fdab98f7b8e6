"""Covers folders that cannot be read or written: an OSError that says so or a warning, right results, nothing lost."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.query.persist.loops import FOLDER, ROOT, SRC, Loop, plain, total, write_number

from jeton.query import Engine

NOBODY = 65534


class Store:
    """A store that was saved once, and what the inputs say."""

    def __init__(self, folder: Path) -> None:
        loop = Loop(folder, 0)
        self.inputs, self.path = loop.folder, loop.store
        FOLDER[0] = self.inputs
        self.warnings: list[str] = []
        assert self.ask() == self.expected()

    def change(self, value: int) -> None:
        write_number(self.inputs, 0, value)

    def expected(self) -> tuple[int, ...]:
        return plain([int((self.inputs / str(at)).read_text()) for at in range(6)])[0]

    def open(self) -> Engine:
        return Engine(jobs=1, store=self.path, warn=self.warnings.append)

    def ask(self) -> tuple[int, ...]:
        with self.open() as engine, engine.begin() as db:
            return total(db)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.path.iterdir() if path.name != "facts.lock"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_store_that_is_a_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(OSError, match="file"):
        Engine(jobs=1, store=path)
    assert path.read_text() == "mine"


def test_a_store_below_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        Engine(jobs=1, store=tmp_path / "file" / "store")


def test_folders_above_it_are_made_when_it_is_saved(tmp_path: Path, store: Store) -> None:
    store.path = tmp_path / "a" / "b" / "store"
    assert store.ask() == store.expected()
    assert (store.path / "facts").exists()


# A full disk.


class Disk:
    """Lets so many bytes through to files, and then none."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.refused = 0
        self._write = os.write

    def write(self, fd: int, data: Any) -> int:
        if fd < 3:
            return self._write(fd, data)
        if self.room <= 0:
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = memoryview(data)[: self.room]
        self.room -= len(part)
        return self._write(fd, part)


@pytest.fixture
def with_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Disk]:
    def make(room: int) -> Disk:
        disk = Disk(room)
        monkeypatch.setattr(os, "write", disk.write)
        return disk

    return make


@pytest.mark.parametrize("room", [0, 1, 100, 500])
def test_a_save_that_finds_the_disk_full_says_so_and_leaves_what_was_there(
    store: Store, with_room: Callable[[int], Disk], room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (11, 12):
        before = store.files()
        store.change(value)
        disk = with_room(room)
        with pytest.raises(OSError, match="No space left"), store.open() as engine, engine.begin() as db:
            assert total(db) == store.expected()
        monkeypatch.undo()
        assert disk.refused
        assert store.files() == before
        assert store.ask() == store.expected()
    assert store.warnings == []


def test_an_engine_that_could_not_save_is_closed_and_lets_go_of_the_lock(
    store: Store, with_room: Callable[[int], Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.change(11)
    engine = store.open()
    with engine.begin() as db:
        total(db)
    with_room(0)
    with pytest.raises(OSError, match="No space left"):
        engine.close()
    monkeypatch.undo()
    engine.close()
    assert store.ask() == store.expected()


PROCESS = f"""
import os, sys
sys.path[:0] = [{str(SRC)!r}, {str(ROOT)!r}]
from pathlib import Path
from jeton.query import Engine
from jeton.query import pool_slots  # imported later otherwise, from where nobody else may look
from tests.query.persist.loops import FOLDER, total
FOLDER[0], store = Path(sys.argv[1]), Path(sys.argv[2])
if sys.argv[3:] and not os.getuid():
    os.seteuid(int(sys.argv[3]))  # root may write anywhere; the folders above are not looked at from here on
try:
    with Engine(jobs=1, store=store) as engine, engine.begin() as db:
        print(total(db), flush=True)
except OSError as error:
    print(type(error).__name__, error)
"""


def runs(store: Store, *user: str) -> list[str]:
    folder = store.inputs.parent
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, "inputs", os.path.relpath(store.path, folder), *user],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    store.warnings += done.stderr.splitlines()
    return done.stdout.splitlines()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    path = tmp_path / "disk"
    path.mkdir()
    if (
        os.getuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(path)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("only root can mount a file system, and not everywhere")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_real_disk_that_is_full_costs_the_save_alone(store: Store, small_disk: Path) -> None:
    store.path = small_disk / "store"
    assert runs(store) == [str(store.expected())]
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1024))
    before = store.files()
    for value in range(11, 40):
        store.change(value)
        said, *refused = runs(store)
        assert said == str(store.expected())
        assert all("No space left" in line for line in refused)
        if refused:
            assert store.files() == before
            break
        before = store.files()
    else:
        pytest.fail("it was never full")
    filler.unlink()
    assert runs(store) == [str(store.expected())]
    assert store.warnings == []


# A folder that may only be read.


@pytest.fixture
def read_only(store: Store) -> Iterator[Store]:
    store.inputs.parent.chmod(0o755)
    for path in store.path.iterdir():
        path.chmod(0o444)
    store.path.chmod(0o555)
    yield store
    store.path.chmod(0o755)


def as_nobody(store: Store) -> list[str]:
    return runs(store, str(NOBODY))


def test_an_unchanged_run_of_a_store_that_may_only_be_read_says_nothing(read_only: Store) -> None:
    before = read_only.files()
    assert as_nobody(read_only) == [str(read_only.expected())]
    assert (read_only.files(), read_only.warnings) == (before, [])


def test_a_change_is_computed_and_its_save_refused(read_only: Store) -> None:
    before = read_only.files()
    read_only.change(11)
    said, refused = as_nobody(read_only)
    assert said == str(read_only.expected())
    assert refused.startswith("PermissionError")
    assert (read_only.files(), read_only.warnings) == (before, [])


@pytest.mark.parametrize("header", [True, False])
def test_a_damaged_store_that_may_only_be_read_is_left_alone_with_one_line(read_only: Store, header: bool) -> None:
    data = bytearray((read_only.path / "facts").read_bytes())
    begin = 30 if header else 700
    for at in range(begin, len(data) if not header else begin + 10):
        data[at] ^= 0x55
    read_only.path.joinpath("facts").chmod(0o644)
    read_only.path.joinpath("facts").write_bytes(data)
    read_only.path.joinpath("facts").chmod(0o444)
    read_only.change(11)
    said, *refused = as_nobody(read_only)
    assert said == str(read_only.expected())
    assert all(line.startswith("PermissionError") for line in refused)
    assert len(read_only.warnings) == 1
    assert (read_only.path / "facts").read_bytes() == data
