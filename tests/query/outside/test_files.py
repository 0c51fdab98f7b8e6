"""Covers files and folders as inputs: each change is seen at the next refresh, and what did not change is not read."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.query.outside.world import run_script
from tests.query.scenario import Runs, engine_of

from jeton.query import Db, Engine, query
from jeton.query.outside import file_bytes, file_stamp, file_text, folder

OLD_NS = 1_000_000_000_000_000_000
"""A time of modification that is long past."""


@pytest.fixture
def engine() -> Engine:
    """An engine that opens no pool: nothing here runs a command."""
    return engine_of(1)


def text_of(engine: Engine, path: Path) -> str:
    with engine.begin() as db:
        return file_text(db, str(path))


def names_in(engine: Engine, path: Path) -> tuple[str, ...]:
    with engine.begin() as db:
        return folder(db, str(path))


def settled(path: Path) -> None:
    """Make a file look as if it had been written long ago."""
    os.utime(path, ns=(OLD_NS, OLD_NS))


def test_text_is_had_as_it_is(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("\ufeffgrüße\r\n\0".encode())
    assert text_of(engine, path) == "\ufeffgrüße\r\n\0"
    with engine.begin() as db:
        assert file_bytes(db, str(path)) == path.read_bytes()


def test_text_that_is_not_utf_8_is_an_error_until_it_is(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        text_of(engine, path)
    path.write_bytes(b"x")
    engine.refresh()
    assert text_of(engine, path) == "x"


def test_an_edit_is_not_seen_before_a_refresh(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    assert text_of(engine, path) == "one"
    path.write_text("two")
    assert text_of(engine, path) == "one"
    assert engine.refresh() == 1
    assert text_of(engine, path) == "two"


def test_edits_within_one_tick_of_the_clock_are_all_seen(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for number in range(200):
        path.write_text(f"{number:04}")  # always the same size, and often the same time
        engine.refresh()
        assert text_of(engine, path) == f"{number:04}"


def test_an_edit_right_after_the_first_read_is_seen_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "file"
    program = f"""
from pathlib import Path
from jeton.query import Engine
from jeton.query.outside import file_text
with Engine(jobs=1, store={str(tmp_path / "store")!r}) as engine:
    for value in SAYS:
        Path({str(path)!r}).write_text(value)
        engine.refresh()
        with engine.begin() as db:
            print(file_text(db, {str(path)!r}))
Path({str(path)!r}).write_text("last")
"""
    assert run_script(program.replace("SAYS", "['aaaa', 'bbbb']"), tmp_path) == "aaaa\nbbbb\n"
    last = program.replace("SAYS", "[]").replace(
        "engine:\n", "engine, engine.begin() as db:\n    print(file_text(db, PATH))\n"
    )
    assert run_script(last.replace("PATH", repr(str(path))), tmp_path) == "last\n"


def test_a_file_with_its_stamp_is_not_read_again(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    settled(path)
    assert text_of(engine, path) == "x"
    path.chmod(0)
    assert engine.refresh() == 0
    assert text_of(engine, path) == "x"


def test_a_touched_file_runs_none_of_its_readers(engine: Engine, tmp_path: Path, runs: Runs) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    settled(path)

    @query
    def length(db: Db, name: str) -> int:
        runs.note(name)
        return len(file_text(db, name))

    with engine.begin() as db:
        length(db, str(path))
    path.touch()
    assert engine.refresh() == 0
    with engine.begin() as db:
        length(db, str(path))
    assert runs.take() == [str(path)]


@pytest.mark.parametrize("read", [file_text, file_bytes, folder])
def test_what_is_not_there_is_an_error_until_it_is(
    engine: Engine, tmp_path: Path, read: Callable[[Db, str], object]
) -> None:
    path = tmp_path / "thing"

    def there() -> bool:
        try:
            with engine.begin() as db:
                read(db, str(path))
        except FileNotFoundError:
            return False
        return True

    seen = [there()]
    for _ in range(2):
        path.mkdir() if read is folder else path.write_text("x")
        settled(path)  # it comes back with the time that it had
        engine.refresh()
        seen.append(there())
        path.rmdir() if read is folder else path.unlink()
        engine.refresh()
        seen.append(there())
    assert seen == [False, True, False, True, False]


def test_a_file_that_was_replaced_by_one_of_the_same_time_and_size_is_seen(engine: Engine, tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    for one, text in ((path, "one"), (other, "two")):
        one.write_text(text)
        settled(one)
    assert text_of(engine, path) == "one"
    other.replace(path)
    assert engine.refresh() == 1
    assert text_of(engine, path) == "two"


def test_a_file_that_was_written_and_given_its_old_time_is_seen(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    settled(path)
    assert text_of(engine, path) == "one"
    path.write_text("two")
    settled(path)
    engine.refresh()
    assert text_of(engine, path) == "two"


def test_a_symbolic_link_is_what_it_leads_to(engine: Engine, tmp_path: Path) -> None:
    one, two, link = tmp_path / "one", tmp_path / "two", tmp_path / "link"
    for path, text in ((one, "one"), (two, "two")):
        path.write_text(text)
        settled(path)
    link.symlink_to("one")
    assert text_of(engine, link) == "one"
    link.unlink()
    link.symlink_to("two")
    engine.refresh()
    assert text_of(engine, link) == "two"
    two.write_text("2")
    engine.refresh()
    assert text_of(engine, link) == "2"


def test_a_link_in_a_ring_is_an_error(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(OSError, match="symbolic links"):
        text_of(engine, tmp_path / "ring")


# Folders.


def test_a_folder_is_its_names_in_order(engine: Engine, tmp_path: Path) -> None:
    for name in ("b", "a", ".c"):
        (tmp_path / name).write_text("")
    (tmp_path / "d").mkdir()
    (tmp_path / "to-d").symlink_to("d")
    (tmp_path / "to-nowhere").symlink_to("nowhere")
    assert names_in(engine, tmp_path) == (".c", "a", "b", "d/", "to-d/", "to-nowhere")


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (lambda top: (top / "new").write_text(""), ("a", "b/", "new")),
        (lambda top: (top / "a").rename(top / "z"), ("b/", "z")),
        (lambda top: (top / "a").unlink(), ("b/",)),
        (lambda top: ((top / "b").rmdir(), (top / "b").write_text("")), ("a", "b")),
        (lambda top: (top / "a").write_text("longer"), ("a", "b/")),
        (lambda top: (top / "b" / "below").write_text(""), ("a", "b/")),
    ],
    ids=["added", "renamed", "removed", "turned into a file", "edited", "changed below"],
)
def test_a_folder_changes_with_its_names_and_nothing_else(
    engine: Engine, tmp_path: Path, change: Callable[[Path], object], after: tuple[str, ...]
) -> None:
    top = tmp_path / "top"
    (top / "b").mkdir(parents=True)
    (top / "a").write_text("")
    settled(top)
    before = names_in(engine, top)
    change(top)
    assert engine.refresh() == (after != before)
    assert names_in(engine, top) == after


def test_changes_of_a_folder_within_one_tick_are_all_seen(engine: Engine, tmp_path: Path) -> None:
    for number in range(100):
        for path in tmp_path.iterdir():
            path.rename(tmp_path / f"{number:03}")
        (tmp_path / f"{number:03}").touch()
        engine.refresh()
        assert names_in(engine, tmp_path) == (f"{number:03}",)


def test_a_file_is_no_folder_and_a_folder_no_file(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        names_in(engine, tmp_path / "file")
    with pytest.raises(IsADirectoryError):
        text_of(engine, tmp_path)


# Stamps.


def test_the_stamp_of_what_was_long_ago_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    settled(path)
    later = time.time_ns() + 1_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert file_stamp(str(path)) == file_stamp(str(path))


def test_a_stamp_of_what_was_just_changed_comes_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    ahead = 1 << 62  # a clock that goes wrong: it is younger than now
    os.utime(path, ns=(ahead, ahead))
    assert file_stamp(str(path)) != file_stamp(str(path))


def test_each_part_of_a_stamp_counts(tmp_path: Path) -> None:
    path, copy = tmp_path / "file", tmp_path / "copy"
    stamps = set()
    for one in (path, copy):
        one.write_text("x")
        settled(one)
        stamps.add(file_stamp(str(one)))
    path.write_text("xx")
    settled(path)
    stamps.add(file_stamp(str(path)))
    os.utime(path, ns=(OLD_NS, OLD_NS + 1))
    stamps.add(file_stamp(str(path)))
    assert len(stamps) == 4
