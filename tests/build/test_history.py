"""What the history holds of commands that did not end well: a failure was seen, a kill was not."""

from pathlib import Path

import pytest
from tests.build.simulated import MemoryDisk, build

from jeton.build.graph import Step
from jeton.build.history import History

FAILS = "rule r\n  command = x\nbuild out: r\n"
TELLS_NONSENSE = "rule r\n  command = x\n  deps = gcc\n  depfile = out.d\nbuild out: r\n"


@pytest.mark.parametrize(("manifest", "status"), [(FAILS, 1), (TELLS_NONSENSE, 0)])
def test_a_command_that_was_seen_to_end_badly_is_not_trusted_and_not_looked_for(
    tmp_path: Path, manifest: str, status: int
) -> None:
    disk = MemoryDisk()

    def command(step: Step) -> int:
        disk.write("out.d", "no rule at all\n")
        return status

    assert build(manifest, disk, tmp_path / "log", command).failures == 1
    history = History.read(tmp_path / "log")
    assert history.interrupted("out")
    assert not history.was_cut_off


def test_a_command_that_was_not_seen_to_end_is_looked_for(tmp_path: Path) -> None:
    history = History.open(tmp_path / "log", warn=pytest.fail)
    history.started(["out"])
    history.close()
    assert History.read(tmp_path / "log").was_cut_off
