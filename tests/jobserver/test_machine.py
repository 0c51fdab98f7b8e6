"""Covers how many cores there are for this process, from control groups written as the kernel writes them."""

from pathlib import Path

import pytest

from jeton.jobserver import default_jobs
from jeton.jobserver.machine import cgroup_quota


class Groups:
    """A tree of control groups, and the file that names this process's own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.own = folder / "own"
        self.root.mkdir()

    def v2(self, group: str, text: str) -> None:
        folder = self.root / group.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(text)

    def v1(self, group: str, quota: str, period: str = "100000\n") -> None:
        folder = self.root / "cpu" / group.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.cfs_quota_us").write_text(quota)
        (folder / "cpu.cfs_period_us").write_text(period)

    def quota(self, own: str | bytes) -> float | None:
        self.own.write_bytes(own.encode() if isinstance(own, str) else own)
        return cgroup_quota(self.root, self.own)


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000\n", 2.0),
        ("150000 100000\n", 1.5),
        ("1000 100000\n", 0.01),
        ("400000 50000", 8.0),
        ("max 100000\n", None),
    ],
)
def test_the_quota_of_version_two_is_time_by_period(groups: Groups, text: str, cores: float | None) -> None:
    groups.v2("/job", text)
    assert groups.quota("0::/job\n") == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("200000\n", "100000\n", 2.0), ("-1\n", "100000\n", None), ("25000\n", "50000\n", 0.5)],
)
def test_the_quota_of_version_one_is_in_two_files(groups: Groups, quota: str, period: str, cores: float | None) -> None:
    groups.v1("/job", quota, period)
    assert groups.quota("11:memory:/other\n4:cpu,cpuacct:/job\n0::/\n") == cores


def test_of_nested_groups_the_tightest_bound_holds(groups: Groups) -> None:
    groups.v2("/outer", "300000 100000")
    groups.v2("/outer/middle", "max 100000")
    groups.v2("/outer/middle/inner", "800000 100000")
    groups.v2("/outer/sibling", "100000 100000")
    assert groups.quota("0::/outer/middle/inner\n") == 3.0
    groups.v2("/", "200000 100000")
    assert groups.quota("0::/outer/middle/inner\n") == 2.0


def test_a_container_that_sees_its_own_group_as_the_root_is_bounded_by_it(groups: Groups) -> None:
    """The file names the group as the host does; inside, only the root is mounted."""
    groups.v1("/", "100000\n")
    assert groups.quota("4:cpu,cpuacct:/docker/0123abcd\n") == 1.0
    groups.v2("/", "250000 100000")
    assert groups.quota("0::/../../kubepods/pod1\n") == 2.5


def test_both_versions_at_once_are_both_heeded(groups: Groups) -> None:
    groups.v1("/a", "400000\n")
    groups.v2("/b", "200000 100000")
    assert groups.quota("4:cpu:/a\n0::/b\n") == 2.0


@pytest.mark.parametrize("text", ["", "max", "many 100000", "100000 0", "1 2 3", "\n"])
def test_a_bound_that_makes_no_sense_is_no_bound(groups: Groups, text: str) -> None:
    groups.v2("/job", text)
    groups.v1("/job", text)
    assert groups.quota("4:cpu:/job\n0::/job\n") is None


@pytest.mark.parametrize("own", ["", "\n", "nonsense\n", "0:\n", "::\n", "5:cpuset:/job\n", b"0::/caf\xe9\n"])
def test_a_list_of_groups_that_makes_no_sense_is_no_bound(groups: Groups, own: str | bytes) -> None:
    assert groups.quota(own) is None


def test_no_control_groups_are_no_bound(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path / "none", tmp_path / "gone") is None


@pytest.mark.parametrize(("quota", "jobs"), [(0.1, 1), (1.0, 1), (1.2, 2), (4.0, 4), (99.0, 8), (None, 8)])
def test_a_part_of_a_core_is_a_slot_and_there_is_at_least_one(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, jobs: int
) -> None:
    monkeypatch.setattr("jeton.jobserver.machine.cgroup_quota", lambda *_: quota)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert default_jobs() == jobs
