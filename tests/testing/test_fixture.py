"""Covers the pytest fixture and its option, in a real pytest."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
TEST = """
from jeton.sync import primitives
from jeton.testing import Random

def scenario():
    sync = primitives()
    sync.start(lambda: sync.switch("here"), "worker").join()

def test_it(explore_threads):
    print("usual", explore_threads(scenario, strategies=[Random()]).schedules)
    print("few", explore_threads(scenario, strategies=[Random()], schedules=20).schedules)
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(TEST)
    plugin = [] if is_installed() else ["-p", "jeton.pytest_plugin"]
    words = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "-W", "error", "-q", "-s", *options]
    environment = {**os.environ, "PYTHONPATH": str(TOP / "src")}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def is_installed() -> bool:
    return any(point.value == "jeton.pytest_plugin" for point in entry_points(group="pytest11"))


@pytest.mark.parametrize(("options", "usual", "few"), [((), 1000, 20), (("--jeton-schedules", "100"), 100, 2)])
def test_option_scales_every_exploration(tmp_path: Path, options: tuple[str, ...], usual: int, few: int) -> None:
    done = run_pytest(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"usual {usual}\nfew {few}\n" in done.stdout


@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_number_that_is_none_is_refused(tmp_path: Path, number: str) -> None:
    done = run_pytest(tmp_path, f"--jeton-schedules={number}")
    assert done.returncode == 4
    assert "--jeton-schedules" in done.stderr


def test_plugin_imports_no_room_before_it_is_asked() -> None:
    program = "import sys, jeton.pytest_plugin; print([name for name in sys.modules if name.startswith('jeton.')])"
    environment = {**os.environ, "PYTHONPATH": str(TOP / "src")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "['jeton.pytest_plugin']\n"
