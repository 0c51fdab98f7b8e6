"""Runs every program of docs/how-to/python-clients.md under a pool, as a reader would."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from jeton.jobserver import Server

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```$", (TOP / "docs" / "how-to" / "python-clients.md").read_text(), re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_the_program_of_the_page_runs_and_holds_nothing_at_its_end(number: int, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAMS[number])
    if "import trio" in PROGRAMS[number] and find_spec("trio") is None:
        pytest.skip("needs trio")
    env = {**os.environ, "PYTHONPATH": str(TOP / "src")}
    argv = [sys.executable, "-W", "error", str(program)]
    with Server(3) as server, server.popen(argv, env=env, stderr=subprocess.PIPE, text=True) as child:
        _, failed = child.communicate()
        assert (child.returncode, failed) == (0, "")
        assert (server.status().free, server.reclaimed) == (2, 0)


def test_the_page_has_its_programs() -> None:
    assert len(PROGRAMS) == 7
