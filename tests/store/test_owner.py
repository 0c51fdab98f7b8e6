"""Covers the right to write: real processes that hold it, wait for it and die with it."""

import os
from pathlib import Path

import pytest
from tests.store.children import Child

from jeton.store import OwnerLock

HOLD = """
import sys
from pathlib import Path
from jeton.store import OwnerLock
lock = OwnerLock(Path(sys.argv[1]))
print("will take", flush=True)
lock.take()
print("took", flush=True)
sys.stdin.readline()
"""

ASK = """
import sys
from pathlib import Path
from jeton.store import OwnerLock
lock = OwnerLock(Path(sys.argv[1]))
print(lock.try_take(), lock.holder(), lock.held_by_ancestor(), flush=True)
"""

ASK_FROM_BELOW = f"""
import subprocess, sys
sys.exit(subprocess.call([sys.executable, "-c", {ASK!r}, sys.argv[1]]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_one_process_holds_it_and_the_other_is_told_who(path: Path) -> None:
    lock = OwnerLock(path)
    with Child(HOLD, path) as holder:
        assert [holder.says(), holder.says()] == ["will take", "took"]
        assert not lock.try_take()
        assert lock.holder() == holder.pid
        holder.hears("done")
        assert holder.ends() == 0
    assert lock.try_take()
    assert lock.holder() == os.getpid()
    lock.release()


def test_a_killed_holder_lets_go(path: Path) -> None:
    lock = OwnerLock(path)
    with Child(HOLD, path) as holder:
        assert [holder.says(), holder.says()] == ["will take", "took"]
        holder.kill()
    assert lock.try_take()
    lock.release()


def test_who_waits_gets_it_when_the_holder_lets_go(path: Path) -> None:
    """Hand-over from this process to another.

    test:  take            hear 1, release            hear 2
    child:       say 1, take ............. has it, say 2
    """
    lock = OwnerLock(path)
    lock.take()
    with Child(HOLD, path) as waiting:
        assert waiting.says() == "will take"
        assert lock.holder() == os.getpid()
        lock.release()
        assert waiting.says() == "took"
        again = OwnerLock(path)
        assert not again.try_take()
        assert again.holder() == waiting.pid
        again.release()


def test_who_waits_for_a_process_that_is_killed_gets_it(path: Path) -> None:
    with Child(HOLD, path) as holder, Child(HOLD, path) as waiting:
        first, second = holder, waiting
        assert [first.says(), second.says()] == ["will take", "will take"]
        lock = OwnerLock(path)
        # Whichever of the two came first holds it; its death is the other's turn.
        taken = OwnerLock(path)
        while taken.try_take() or taken.holder() not in {first.pid, second.pid}:
            taken.release()
            taken = OwnerLock(path)
        if taken.holder() == second.pid:
            first, second = second, first
        assert first.says() == "took"
        first.kill()
        assert second.says() == "took"
        assert lock.holder() == second.pid
        lock.release()
        taken.release()


@pytest.mark.parametrize("code", [ASK, ASK_FROM_BELOW], ids=["child", "grandchild"])
def test_a_process_below_the_holder_is_told_that_waiting_would_never_end(path: Path, code: str) -> None:
    lock = OwnerLock(path)
    lock.take()
    with Child(code, path) as below:
        assert below.says() == f"False {os.getpid()} True"
    lock.release()


def test_a_process_beside_the_holder_may_wait(path: Path) -> None:
    with Child(HOLD, path) as holder:
        assert [holder.says(), holder.says()] == ["will take", "took"]
        with Child(ASK, path) as beside:
            assert beside.says() == f"False {holder.pid} False"


def test_a_holder_s_child_keeps_nothing_of_it(path: Path) -> None:
    lock = OwnerLock(path)
    lock.take()
    with Child("import sys; print('up', flush=True); sys.stdin.readline()") as child:
        assert child.says() == "up"
        lock.release()
        other = OwnerLock(path)
        assert other.try_take(), "only the holder's own descriptor held it"
        other.release()


def test_the_file_stays_when_the_holder_lets_go_and_letting_go_twice_is_letting_go_once(path: Path) -> None:
    lock = OwnerLock(path)
    lock.take()
    inode = path.stat().st_ino
    lock.release()
    lock.release()
    again = OwnerLock(path)
    assert again.try_take()
    assert path.stat().st_ino == inode
    again.release()


@pytest.mark.parametrize("text", [b"", b"\n", b"somebody\n", b"-1\n", b"\xff\xfe", b"1 2\n"])
def test_a_file_that_names_nobody_names_nobody(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    lock = OwnerLock(path)
    assert lock.holder() is None
    assert not lock.held_by_ancestor()
    assert lock.try_take()
    assert lock.holder() == os.getpid()
    lock.release()


def test_a_shorter_number_leaves_no_digits_of_a_longer_one(path: Path) -> None:
    path.write_text("4194304123\n")
    lock = OwnerLock(path)
    lock.take()
    assert lock.holder() == os.getpid()
    lock.release()


def test_touch_gives_the_file_system_s_idea_of_now(path: Path, tmp_path: Path) -> None:
    lock = OwnerLock(path)
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text("x")
    now = lock.touch()
    after.write_text("x")
    assert before.stat().st_mtime_ns <= now <= after.stat().st_mtime_ns
    assert path.stat().st_mtime_ns == now
    os.utime(path, ns=(0, 0))
    assert lock.touch() >= now
    lock.release()


def test_a_lock_that_cannot_be_made_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        OwnerLock(tmp_path / "missing" / "lock")
