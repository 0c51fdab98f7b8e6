"""Covers a torn tail: the file is cut at every byte, as a kill may leave it."""

from tests.store.children import SALT
from tests.store.conftest import Logs

from jeton.store import Log

PAYLOADS = [b"a", b"five!", b"\0" * 40, b"zz"]


def test_a_log_cut_at_any_byte_keeps_the_whole_records_before_and_goes_on(logs: Logs) -> None:
    ends = [len(logs.filled(*PAYLOADS[:count])) for count in range(len(PAYLOADS) + 1)]
    data = logs.filled(*PAYLOADS)
    assert ends[-1] == len(data)
    for cut in range(len(data) + 1):
        whole = [payload for payload, end in zip(PAYLOADS, ends[1:], strict=True) if end <= cut]
        logs.path.write_bytes(data[:cut])
        assert Log.read(logs.path, salt=SALT) == whole, cut
        log = logs.open()
        assert log.payloads == whole, cut
        log.append(b"after")
        log.close()
        assert logs.found() == [*whole, b"after"], cut
    assert logs.warnings == []
    assert logs.aside() == []


def test_a_log_cut_while_its_own_header_was_written_is_an_empty_log(logs: Logs) -> None:
    header = logs.filled()
    for cut in range(len(header)):
        logs.path.write_bytes(header[:cut])
        assert logs.found() == []
        assert logs.path.read_bytes() == header
    assert logs.warnings == []


def test_a_rewrite_cut_at_any_byte_leaves_the_old_log(logs: Logs) -> None:
    new = logs.filled(b"new", b"newer")
    old = logs.filled(b"old")
    for cut in range(len(new) + 1):
        logs.path.with_name("log.new").write_bytes(new[:cut])
        assert logs.found() == [b"old"]
    assert logs.path.read_bytes() == old
    assert logs.warnings == []
