"""Covers where the socket of a global pool is: private, one server each, the remains of a dead one removed."""

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jeton.jobserver.desk.address import Address, NoAddress, check_guarded, check_private, default_socket


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ja", dir="/tmp"))
    yield made
    shutil.rmtree(made)


def refusal(folder: Path) -> str:
    with pytest.raises(NoAddress) as caught:
        check_private(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_runtime_folder_is_used_where_it_is_ours(folder: Path) -> None:
    assert default_socket({"XDG_RUNTIME_DIR": str(folder)}) == folder / "jeton" / "pool.sock"
    fallback = Path(tempfile.gettempdir()) / f"jeton-{os.geteuid()}" / "pool.sock"
    for runtime in ("", "relative", str(folder / "gone"), "/proc/1/cmdline", "/a\0b"):
        assert default_socket({"XDG_RUNTIME_DIR": runtime}) == fallback
    assert default_socket({}) == fallback


def test_a_runtime_folder_of_another_user_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: own + 1)
    assert default_socket({"XDG_RUNTIME_DIR": str(folder)}).parent.name == f"jeton-{own + 1}"


def test_the_folder_is_made_private_whatever_the_umask(folder: Path) -> None:
    old = os.umask(0)
    try:
        check_private(folder / "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "x").stat().st_mode) == 0o700
    check_private(folder / "x")


def test_a_folder_that_others_may_enter_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in (0o750, 0o701, 0o777):
        folder.chmod(mode)
        assert refusal(folder) == f"{folder}: others may enter it (mode {mode:04o}); chmod 700 {folder}"
    folder.chmod(0o700)
    (folder / "link").symlink_to(folder)
    assert "is no folder of its own" in refusal(folder / "link")
    (folder / "file").touch()
    assert "is no folder; remove it" in refusal(folder / "file")
    assert "No such file or directory" in refusal(folder / "a" / "b")
    assert "File name too long" in refusal(folder / ("x" * 300))
    own = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: own + 1)
    assert f"belongs to user {own}" in refusal(folder)


def test_a_folder_that_was_named_is_one_where_nobody_else_can_replace_the_socket(folder: Path) -> None:
    check_guarded(folder / "a" / "b")
    assert stat.S_IMODE((folder / "a" / "b").stat().st_mode) == 0o700
    folder.chmod(0o777 | stat.S_ISVTX)
    check_guarded(folder)
    folder.chmod(0o777)
    with pytest.raises(NoAddress, match="others may write into it"):
        check_guarded(folder)
    folder.chmod(0o700)
    (folder / "file").touch()
    with pytest.raises(NoAddress, match="File exists"):
        check_guarded(folder / "file")


def test_the_socket_is_this_user_s_alone_and_nothing_is_left_of_it(folder: Path) -> None:
    old = os.umask(0)
    try:
        address = Address(folder / "s")
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600
    assert stat.S_IMODE(address.fifos.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "s.lock").stat().st_mode) == 0o600
    address.close()
    assert list(folder.iterdir()) == []


def test_there_is_one_server_for_each_path(folder: Path) -> None:
    address = Address(folder / "s")
    with pytest.raises(NoAddress) as caught:
        Address(folder / "s")
    told = f"a pool is served there already (process {os.getpid()}); end it with jeton jobserver stop"
    assert str(caught.value) == f"{folder}/s: {told}"
    other = Address(folder / "t")
    other.close()
    address.close()
    Address(folder / "s").close()


def test_what_a_dead_server_left_is_removed(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "s"))
    (folder / "s.lock").write_text("1\n")
    (folder / "s.fifos" / "jeton-x").mkdir(parents=True)
    os.mkfifo(folder / "s.fifos" / "jeton-x" / "tokens1")
    address = Address(folder / "s")
    assert list(address.fifos.iterdir()) == []
    address.close()
    assert list(folder.iterdir()) == []


def test_nothing_but_a_dead_socket_is_removed(folder: Path) -> None:
    (folder / "file").write_text("precious")
    with pytest.raises(NoAddress, match="is a file and no socket"):
        Address(folder / "file")
    assert (folder / "file").read_text() == "precious"
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(folder / "other"))
        alive.listen()
        with pytest.raises(NoAddress, match="another program listens there"):
            Address(folder / "other")
    assert (folder / "other").is_socket()


def test_a_lock_that_is_a_link_is_not_followed(folder: Path) -> None:
    (folder / "target").write_text("precious")
    (folder / "s.lock").symlink_to(folder / "target")
    with pytest.raises(NoAddress, match=r"s\.lock: Too many levels of symbolic links"):
        Address(folder / "s")
    assert (folder / "target").read_text() == "precious"


def test_a_path_that_is_too_long_is_told(folder: Path) -> None:
    longest = folder / ("x" * (107 - len(str(folder)) - 1))
    Address(longest).close()
    with pytest.raises(NoAddress, match="a socket's path has at most 107 bytes"):
        Address(folder / ("x" * 107))
