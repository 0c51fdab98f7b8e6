"""Covers files that cannot be trusted: they are set aside with one line of warning, and a new log begins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.children import SALT
from tests.store.conftest import Logs

from jeton.store import Log

PAYLOADS = [b"a", b"five!", b"\0" * 20, b"\xff" * 20]


def assert_set_aside(logs: Logs, data: bytes) -> None:
    """Hold that opening a log with this content trusts nothing of it, keeps it, and says so in one line."""
    for path in logs.aside():
        path.unlink()
    logs.warnings.clear()
    logs.path.write_bytes(data)
    assert Log.read(logs.path, salt=SALT) == []
    log = logs.open()
    assert log.payloads == []
    log.append(b"after")
    log.close()
    (line,) = logs.warnings
    (aside,) = logs.aside()
    assert "\n" not in line
    assert line.startswith(f"{logs.path}: ")
    assert aside.name in line
    assert aside.read_bytes() == data
    logs.warnings.clear()
    assert logs.found() == [b"after"]
    assert logs.warnings == []


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80, 0xFF])
def test_a_log_with_any_byte_flipped_is_set_aside(logs: Logs, flip: int) -> None:
    data = logs.filled(*PAYLOADS)
    for at in range(len(data)):
        assert_set_aside(logs, data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])


@settings(deadline=None)
@given(
    payloads=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8),
    where=st.floats(0, 1),
    flip=st.integers(1, 255),
)
def test_any_log_with_any_byte_flipped_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], where: float, flip: int
) -> None:
    logs = Logs(tmp_path_factory.getbasetemp() / "any-flip")
    data = bytearray(logs.filled(*payloads))
    data[round(where * (len(data) - 1))] ^= flip
    assert_set_aside(logs, bytes(data))


@settings(deadline=None)
@given(head=st.integers(0, 200), tail=st.binary(max_size=200))
def test_whatever_follows_a_cut_only_a_beginning_of_the_records_is_ever_found(
    tmp_path_factory: pytest.TempPathFactory, head: int, tail: bytes
) -> None:
    logs = Logs(tmp_path_factory.getbasetemp() / "any-tail")
    logs.path.write_bytes(logs.filled(*PAYLOADS)[:head] + tail)
    found = Log.read(logs.path, salt=SALT)
    assert found == PAYLOADS[: len(found)]
    assert logs.found() == found
    for path in logs.aside():
        path.unlink()


@pytest.mark.parametrize("zeros", [12, 13, 4096])
def test_a_tail_filled_with_zeros_is_not_taken_for_records(logs: Logs, zeros: int) -> None:
    assert_set_aside(logs, logs.filled(*PAYLOADS) + bytes(zeros))


@pytest.mark.parametrize("zeros", [1, 11])
def test_a_tail_of_zeros_too_short_for_a_record_is_a_torn_one(logs: Logs, zeros: int) -> None:
    logs.path.write_bytes(logs.filled(*PAYLOADS) + bytes(zeros))
    assert logs.found() == PAYLOADS
    assert logs.warnings == []


def test_a_log_of_another_owner_s_version_is_set_aside(logs: Logs) -> None:
    log = logs.open("a reader 2")
    log.append(b"one")
    log.close()
    assert_set_aside(logs, logs.path.read_bytes())


def test_a_log_of_another_format_is_set_aside(logs: Logs) -> None:
    data = logs.filled(*PAYLOADS)
    assert data.startswith(b"jeton log 1\n")
    assert_set_aside(logs, data.replace(b"jeton log 1\n", b"jeton log 2\n", 1))


@pytest.mark.parametrize(
    "data",
    [b"x", b"\0", b"\0" * 4096, b"# ninja log v5\n" + b"1\t2\t3\tout\tabc\n" * 20, b"\x7fELF" + bytes(range(256))],
    ids=["one byte", "one zero", "zeros", "ninja's log", "a program"],
)
def test_a_foreign_file_is_set_aside(logs: Logs, data: bytes) -> None:
    assert_set_aside(logs, data)


def test_a_length_beyond_all_measure_is_damage(logs: Logs) -> None:
    length = (1 << 28) + 1
    frame = length.to_bytes(4, "little") + (length ^ 0xFFFFFFFF).to_bytes(4, "little") + bytes(4)
    assert_set_aside(logs, logs.filled(*PAYLOADS) + frame)


def test_a_warning_names_the_place_of_the_damage(logs: Logs) -> None:
    good = logs.filled(*PAYLOADS[:2])
    data = bytearray(logs.filled(*PAYLOADS))
    data[-1] ^= 1
    data[len(good)] ^= 1
    logs.path.write_bytes(data)
    assert logs.found() == []
    assert f"damaged at byte {len(good)};" in logs.warnings[0]
