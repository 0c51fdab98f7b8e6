"""How much memory this process may use, from files written as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jeton.jobserver.machine_memory import MachineMemory

GIB = 1 << 30
MEMINFO = "MemTotal:       16777216 kB\nMemFree:        1 kB\nMemAvailable:   8388608 kB\n"
PRESSURE = "some avg10={} avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


class Machine:
    """A fake of /sys/fs/cgroup and /proc."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.proc = folder / "proc"
        self.own = folder / "own"
        self.own.write_text("0::/a/b\n")
        self.proc.mkdir()
        self.write(self.proc / "meminfo", MEMINFO)

    @staticmethod
    def write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def group(self, path: str, **files: str) -> None:
        for name, text in files.items():
            self.write(self.root / path / name.replace("__", "."), f"{text}\n")

    @property
    def memory(self) -> MachineMemory:
        return MachineMemory(self.root, self.own, self.proc)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_groups_the_machine_counts(machine: Machine) -> None:
    machine.own.unlink()
    assert (machine.memory.total(), machine.memory.available()) == (16 * GIB, 8 * GIB)


def test_smallest_bound_of_all_groups_around_counts(machine: Machine) -> None:
    machine.group("a/b", memory__max="max", memory__high="max")
    machine.group("a", memory__max=str(4 * GIB), memory__high=str(3 * GIB), memory__current=str(2 * GIB))
    machine.group("a", memory__stat=f"anon 1\ninactive_file {GIB}")
    assert machine.memory.total() == 3 * GIB
    assert machine.memory.available() == 2 * GIB, "file pages that are not in use do not count as used"


def test_group_beyond_its_bound_has_no_room(machine: Machine) -> None:
    machine.group("a", memory__high=str(GIB), memory__current=str(2 * GIB))
    assert machine.memory.available() == 0


def test_version_1_is_read(machine: Machine) -> None:
    machine.own.write_text("4:memory:/a/b\n1:cpu:/\n0::/\n")
    machine.group("memory", memory__limit_in_bytes="9223372036854771712")
    machine.group("memory/a/b", memory__limit_in_bytes=str(4 * GIB), memory__usage_in_bytes=str(3 * GIB))
    machine.group("memory/a/b", memory__stat=f"inactive_file 1\ntotal_inactive_file {GIB}")
    assert (machine.memory.total(), machine.memory.available()) == (4 * GIB, 2 * GIB)


def test_container_that_sees_its_group_as_the_root_is_bounded_by_it(machine: Machine) -> None:
    machine.own.write_text("0::/docker/1234\n")
    machine.group("", memory__max=str(GIB))
    assert machine.memory.total() == GIB


def test_files_that_say_nothing_of_use_set_no_bound(machine: Machine) -> None:
    machine.group("a/b", memory__max="", memory__high="?", memory__current="?")
    assert (machine.memory.total(), machine.memory.available()) == (16 * GIB, 8 * GIB)


def test_system_that_tells_nothing_is_unknown(tmp_path: Path) -> None:
    memory = MachineMemory(tmp_path / "no", tmp_path / "no", tmp_path / "no")
    assert (memory.total(), memory.available(), memory.pressure()) == (None, None, None)


def test_pressure_is_the_own_groups_before_the_machines(machine: Machine) -> None:
    machine.write(machine.proc / "pressure/memory", PRESSURE.format("1.50"))
    assert machine.memory.pressure() == 1.5
    machine.group("a", memory__pressure=PRESSURE.format("42.00"))
    assert machine.memory.pressure() == 42


def test_pressure_that_is_switched_off_is_unknown(machine: Machine) -> None:
    machine.write(machine.proc / "pressure/memory", "")
    assert machine.memory.pressure() is None
