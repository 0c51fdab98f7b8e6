"""Covers a log in good health: appending, reading again, and replacing all of it."""

import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.children import SALT
from tests.store.conftest import Logs

from jeton.store import Log


def test_a_new_log_is_empty_and_says_nothing(logs: Logs) -> None:
    assert logs.found() == []
    assert logs.found() == []
    assert logs.warnings == []


def test_records_come_back_in_their_order(logs: Logs) -> None:
    logs.filled(b"one", b"\0", b"\xff" * 70_000, b"one")
    assert logs.found() == [b"one", b"\0", b"\xff" * 70_000, b"one"]
    assert logs.warnings == []


def test_extend_adds_records_as_append_does(logs: Logs) -> None:
    log = logs.open()
    log.append(b"one")
    log.extend([b"two", b"three"])
    log.extend([])
    log.append(b"four")
    log.close()
    assert logs.found() == [b"one", b"two", b"three", b"four"]


def test_an_empty_record_is_refused(logs: Logs) -> None:
    log = logs.open()
    with pytest.raises(AssertionError):
        log.append(b"")
    log.close()
    assert logs.found() == []


def test_closing_twice_is_closing_once(logs: Logs) -> None:
    log = logs.open()
    log.close()
    log.close()


@settings(deadline=None)
@given(payloads=st.lists(st.binary(min_size=1, max_size=300), max_size=20))
def test_any_payload_comes_back(tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes]) -> None:
    logs = Logs(tmp_path_factory.getbasetemp() / "any-payload")
    logs.filled(*payloads)
    assert logs.found() == payloads
    assert Log.read(logs.path, salt=SALT) == payloads


def test_rewrite_replaces_all_records_and_appending_goes_on_behind_them(logs: Logs) -> None:
    logs.filled(b"old", b"older")
    log = logs.open()
    log.rewrite([b"new"])
    log.append(b"newer")
    log.close()
    assert logs.found() == [b"new", b"newer"]
    assert [path.name for path in logs.path.parent.iterdir()] == ["log"]


def test_rewrite_is_not_disturbed_by_what_a_killed_one_left(logs: Logs) -> None:
    logs.filled(b"old")
    left = logs.path.with_name("log.new")
    left.write_bytes(b"half of something much longer than what comes")
    log = logs.open()
    log.rewrite([b"new"])
    log.close()
    assert logs.found() == [b"new"]
    assert not left.exists()


def test_a_rewrite_that_fails_leaves_the_old_records_and_an_open_log(logs: Logs) -> None:
    logs.filled(b"old")
    log = logs.open()
    number = os.dup(log._fd)  # the lowest that is free
    os.close(number)
    with pytest.raises(AssertionError):
        log.rewrite([b"new", b""])
    assert os.dup(log._fd) == number, "the descriptor of the new file was closed"
    os.close(number)
    log.append(b"more")
    log.close()
    assert logs.found() == [b"old", b"more"]


def test_a_record_that_found_no_room_leaves_no_half_of_itself(logs: Logs) -> None:
    whole = logs.filled(b"one")
    log = logs.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            log.append(b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert logs.path.read_bytes() == whole
    log.append(b"two")
    log.close()
    assert logs.found() == [b"one", b"two"]
    assert logs.warnings == []


def test_reading_finds_the_records_and_leaves_the_file_alone(logs: Logs) -> None:
    data = logs.filled(b"one", b"two") + b"torn"
    logs.path.write_bytes(data)
    assert Log.read(logs.path, salt=SALT) == [b"one", b"two"]
    assert logs.path.read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"jeton", b"a shopping list\n" * 10])
def test_reading_what_is_no_log_finds_nothing(logs: Logs, data: bytes) -> None:
    logs.path.write_bytes(data)
    assert Log.read(logs.path, salt=SALT) == []
    assert logs.path.read_bytes() == data


def test_reading_finds_nothing_where_there_is_no_file_or_a_folder_or_another_salt(logs: Logs) -> None:
    assert Log.read(logs.path, salt=SALT) == []
    assert not logs.path.exists()
    assert Log.read(logs.path.parent, salt=SALT) == []
    logs.filled(b"one")
    assert Log.read(logs.path, salt="another") == []


def test_a_log_that_cannot_be_made_is_an_oserror(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "log"):
        with pytest.raises(OSError, match=str(path)):
            Log(path, salt=SALT, warn=pytest.fail)


def test_children_do_not_inherit_the_log(logs: Logs) -> None:
    log = logs.open()
    assert not os.get_inheritable(log._fd)
    log.rewrite([b"one"])
    assert not os.get_inheritable(log._fd)
    log.close()
