"""Covers the way of the tokens: what is checked before anything is read, and that nothing inherited is changed."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from tests.jobserver.pipes import bytes_in, is_open, pipe, waits

from jeton.jobserver import Disabled, FifoAuth, PipeAuth, PoolUnusable, Unusable
from jeton.jobserver.channel import Channel, open_channel
from jeton.jobserver.flags import Auth, SemaphoreAuth

SRC = Path(__file__).resolve().parents[2] / "src"


def why_unusable(auth: Auth) -> Unusable:
    with pytest.raises(PoolUnusable) as caught:
        open_channel(auth)
    assert caught.value.place == str(auth)
    assert str(caught.value) == f"{auth}: {caught.value.reason.value}"
    return caught.value.reason


def test_the_byte_that_was_read_is_the_byte_that_goes_back() -> None:
    every = bytes(range(256))
    with pipe(every) as auth:
        channel = open_channel(auth)
        taken = [channel.try_take() for _ in every]
        assert taken == [bytes([byte]) for byte in every]
        assert channel.try_take() is None
        for token in reversed(taken):
            assert token is not None
            channel.give(token)
        assert os.read(auth.read_fd, 256) == every[::-1]
        channel.close()


def test_an_empty_pool_is_no_reason_to_wait(inherited: PipeAuth) -> None:
    channel = open_channel(inherited)
    assert [channel.try_take() for _ in range(4)] == [b"a", b"b", b"c", None]
    channel.close()


def test_descriptors_of_another_file_are_refused_before_anything_is_read() -> None:
    with Path("/etc/passwd").open("rb") as file, pipe(b"a") as auth:
        assert why_unusable(PipeAuth(file.fileno(), auth.write_fd)) is Unusable.NOT_A_PIPE
        assert why_unusable(PipeAuth(auth.read_fd, file.fileno())) is Unusable.NOT_A_PIPE
        assert why_unusable(PipeAuth(file.fileno(), file.fileno())) is Unusable.NOT_A_PIPE
        assert file.tell() == 0
        assert bytes_in(auth.read_fd) == 1


def test_a_pipe_s_number_that_is_another_file_by_now_is_refused(inherited: PipeAuth) -> None:
    with Path("/etc/passwd").open("rb") as file:
        os.dup2(file.fileno(), inherited.read_fd)
    assert why_unusable(inherited) is Unusable.NOT_A_PIPE
    os.close(inherited.read_fd)


def test_closed_descriptors_are_refused(inherited: PipeAuth) -> None:
    gone = os.dup(inherited.read_fd)
    os.close(gone)
    assert why_unusable(PipeAuth(gone, inherited.write_fd)) is Unusable.CLOSED
    assert why_unusable(PipeAuth(inherited.read_fd, gone)) is Unusable.CLOSED


@pytest.mark.parametrize("number", [1 << 20, 1 << 31, 1 << 40, 1 << 59])
def test_numbers_that_can_be_no_descriptors_are_closed_ones(number: int) -> None:
    assert why_unusable(PipeAuth(number, number)) is Unusable.CLOSED


def test_swapped_ends_are_refused(inherited: PipeAuth) -> None:
    assert why_unusable(PipeAuth(inherited.write_fd, inherited.read_fd)) is Unusable.WRONG_DIRECTION
    assert why_unusable(PipeAuth(inherited.read_fd, inherited.read_fd)) is Unusable.WRONG_DIRECTION
    assert why_unusable(PipeAuth(inherited.write_fd, inherited.write_fd)) is Unusable.WRONG_DIRECTION


def test_one_descriptor_for_both_directions_is_accepted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokens")
    fd = os.open(tmp_path / "tokens", os.O_RDWR)
    channel = open_channel(PipeAuth(fd, fd))
    channel.give(b"x")
    assert channel.try_take() == b"x"
    assert channel.try_take() is None
    channel.close()
    os.close(fd)


def test_a_pool_that_was_not_passed_on_and_one_for_windows_are_declined() -> None:
    assert why_unusable(Disabled("-2,-2")) is Unusable.CLOSED
    assert why_unusable(SemaphoreAuth("gmake_semaphore_1")) is Unusable.SEMAPHORE


def test_a_fifo_that_is_missing_is_refused(tmp_path: Path) -> None:
    assert why_unusable(FifoAuth(str(tmp_path / "gone"))) is Unusable.NO_FIFO
    assert why_unusable(FifoAuth("")) is Unusable.NO_FIFO


@pytest.mark.parametrize("kind", ["file", "device"])
def test_a_path_that_is_no_fifo_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file" if kind == "file" else Path("/dev/null")
    if kind == "file":
        path.write_text("text")
    assert why_unusable(FifoAuth(str(path))) is Unusable.NOT_A_FIFO
    assert kind == "device" or path.read_text() == "text"


def test_a_path_that_is_a_folder_or_holds_a_zero_byte_is_refused(tmp_path: Path) -> None:
    assert why_unusable(FifoAuth(str(tmp_path))) in {Unusable.NOT_A_FIFO, Unusable.NO_FIFO}
    assert why_unusable(FifoAuth("/tmp/a\0b")) is Unusable.NO_FIFO


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_fifo_of_another_user_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokens", 0o000)
    assert why_unusable(FifoAuth(str(tmp_path / "tokens"))) is Unusable.DENIED


def test_a_fifo_that_nobody_holds_opens_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokens")
    channel = open_channel(FifoAuth(str(tmp_path / "tokens")))
    assert channel.try_take() is None
    channel.give(b"x")
    assert channel.try_take() == b"x"
    channel.close()


def test_the_flags_of_what_was_inherited_are_never_changed(inherited: PipeAuth) -> None:
    channel = open_channel(inherited)
    token = channel.try_take()
    assert token is not None
    channel.give(token)
    while channel.try_take():
        pass
    assert waits(inherited.read_fd)
    assert waits(inherited.write_fd)
    channel.close()
    assert is_open(inherited.read_fd)
    assert is_open(inherited.write_fd)


@pytest.mark.parametrize("before_linux_6_4", [False, True])
def test_the_flags_stay_where_the_pipe_cannot_be_opened_anew(
    inherited: PipeAuth, monkeypatch: pytest.MonkeyPatch, before_linux_6_4: bool
) -> None:
    def denied(*_arguments: object) -> int:
        raise PermissionError

    def unknown(*_arguments: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        channel = open_channel(inherited)
    if before_linux_6_4:
        monkeypatch.setattr(os, "preadv", unknown)
    assert channel.read_fd == inherited.read_fd
    assert [channel.try_take() for _ in range(4)] == [b"a", b"b", b"c", None]
    channel.give(b"b")
    assert bytes_in(inherited.read_fd) == 1
    assert waits(inherited.read_fd)
    channel.close()
    assert is_open(inherited.read_fd)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_pipe_of_another_user_is_read_without_a_flag() -> None:
    code = """
import os
from jeton.jobserver import PipeAuth
from jeton.jobserver.channel import open_channel
read_fd, write_fd = os.pipe()
os.write(write_fd, b"a")
os.setuid(65534)
channel = open_channel(PipeAuth(read_fd, write_fd))
print(channel.read_fd == read_fd, channel.try_take(), channel.try_take(), os.get_blocking(read_fd))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True b'a' None True\n"


def test_a_pipe_that_others_made_non_blocking_is_read_all_the_same(inherited: PipeAuth) -> None:
    os.set_blocking(inherited.read_fd, False)
    os.set_blocking(inherited.write_fd, False)
    channel = open_channel(inherited)
    assert [channel.try_take() for _ in range(4)] == [b"a", b"b", b"c", None]
    channel.close()
    assert not waits(inherited.read_fd)


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.concurrency
def test_giving_to_a_full_pipe_waits_for_room(blocking: bool) -> None:
    with pipe() as auth:
        room = fcntl.fcntl(auth.write_fd, fcntl.F_SETPIPE_SZ, 4096) if hasattr(fcntl, "F_SETPIPE_SZ") else 65536
        os.write(auth.write_fd, b"+" * room)
        os.set_blocking(auth.write_fd, blocking)
        channel = open_channel(auth)
        giving = Thread(target=channel.give, args=(b"x",))
        giving.start()
        assert os.read(auth.read_fd, room) == b"+" * room
        giving.join()
        assert channel.try_take() == b"x"
        channel.close()


def test_the_end_of_the_pipe_is_a_dead_pool_each_time_it_is_met(inherited: PipeAuth) -> None:
    channel = open_channel(inherited)
    os.close(inherited.write_fd)
    assert [channel.try_take() for _ in range(3)] == [b"a", b"b", b"c"], "what is left is still good"
    for _ in range(3):
        with pytest.raises(PoolUnusable) as caught:
            channel.try_take()
        assert caught.value.reason is Unusable.DEAD
    channel.close()


def test_a_device_that_is_always_at_its_end_is_a_dead_pool() -> None:
    fd = os.open("/dev/null", os.O_RDWR)
    channel = open_channel(PipeAuth(fd, fd))
    with pytest.raises(PoolUnusable) as caught:
        channel.try_take()
    assert caught.value.reason is Unusable.DEAD
    channel.close()
    os.close(fd)


def test_giving_where_nobody_can_read_is_a_dead_pool() -> None:
    with pipe() as auth, pipe() as other:
        channel = Channel(other.read_fd, auth.write_fd, lambda: os.read(other.read_fd, 1), ())
        os.close(auth.read_fd)
        with pytest.raises(PoolUnusable) as caught:
            channel.give(b"x")
        assert caught.value.reason is Unusable.DEAD


def test_a_descriptor_that_was_closed_meanwhile_is_named(inherited: PipeAuth) -> None:
    channel = open_channel(inherited)
    os.close(inherited.write_fd)
    with pytest.raises(PoolUnusable) as caught:
        channel.give(b"x")
    assert caught.value.reason is Unusable.CLOSED
    assert str(inherited.write_fd) in caught.value.place
    channel.close()


def test_what_a_channel_opens_is_not_inherited_and_closed_once(inherited: PipeAuth) -> None:
    channel = open_channel(inherited)
    own = channel.read_fd
    assert own != inherited.read_fd
    assert not os.get_inheritable(own)
    channel.close()
    assert not is_open(own)
    channel.close()


def test_every_reason_tells_what_to_do() -> None:
    for reason in Unusable:
        assert "; " in reason.value
        assert reason.value == reason.value.strip().rstrip(".")
