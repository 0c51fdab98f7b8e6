"""What process trees have, from a fake /proc and from a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jeton.build.resident import ProcessTrees

PAGE = os.sysconf("SC_PAGE_SIZE")


def process(proc: Path, pid: int, parent: int, group: int, pages: int, name: str = "cc1") -> None:
    (proc / str(pid)).mkdir()
    fields = ["S", str(parent), str(group), *["0"] * 18, str(pages), "0"]
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")


def test_descendants_and_orphans_of_the_group_count(tmp_path: Path) -> None:
    process(tmp_path, 1, 0, 1, 1000)
    process(tmp_path, 10, 1, 10, 1)
    process(tmp_path, 11, 10, 10, 2, name="a) S 1 (b")
    process(tmp_path, 12, 11, 12, 4)  # in a group of its own, as make's and ninja's children may be
    process(tmp_path, 13, 1, 10, 8)  # its parent has ended
    process(tmp_path, 20, 1, 20, 16)
    process(tmp_path, 30, 1, 30, 32)
    (tmp_path / "40").mkdir()  # it has ended meanwhile
    (tmp_path / "meminfo").write_text("")
    assert ProcessTrees(tmp_path)([10, 20, 99]) == {10: 15 * PAGE, 20: 16 * PAGE}


def test_parents_in_a_circle_end_the_search(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 10, 1)
    process(tmp_path, 11, 12, 11, 2)
    process(tmp_path, 12, 11, 12, 4)
    assert ProcessTrees(tmp_path)([10]) == {10: PAGE}


def test_system_without_proc_tells_nothing(tmp_path: Path) -> None:
    assert ProcessTrees(tmp_path / "no")([1]) == {}


def test_memory_of_a_real_child_is_seen() -> None:
    code = "m = b'x' * (50 << 20); print(1, flush=True); input()"
    shell = ["/bin/sh", "-c", f'{sys.executable} -S -c "{code}"; :']
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        size = ProcessTrees()([child.pid])[child.pid]
        child.communicate(b"\n")
    assert 50 << 20 <= size < 150 << 20
