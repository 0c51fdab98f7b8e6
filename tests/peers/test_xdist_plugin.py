"""Runs the real pytest-xdist under a pool, and counts how many of its tests run at once.

Each test writes a sign when it begins and one when it ends, by one write each into a file opened with O_APPEND, so
that their order is the order in which they ran. Where a test waits, it waits for another one, never for time.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.peers.jobserver_command import environment, run

pytestmark = [pytest.mark.peer, pytest.mark.skipif(find_spec("xdist") is None, reason="needs pytest-xdist")]

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-o", "addopts=", "-q"]
LOGGED = """
import os, pytest
HERE = os.path.dirname(__file__)

def say(word):
    log = os.open(os.path.join(HERE, "log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, word.encode())
    os.close(log)

@pytest.fixture(autouse=True)
def logged(request):
    say("+")
    yield
    say("-")
"""
MANY = (
    LOGGED
    + """
@pytest.mark.parametrize("number", range(40))
def test_nothing(number):
    sum(range(20_000))
"""
)
MEETS = (
    LOGGED
    + """
@pytest.mark.parametrize("number", range(8))
def test_the_first_two_meet(number):
    for place, mode in (("first", os.O_RDONLY), ("second", os.O_WRONLY)):
        try:
            os.mkdir(os.path.join(HERE, place))
        except FileExistsError:
            continue
        os.close(os.open(os.path.join(HERE, "meeting"), mode))
        break
"""
)


def folder_with(folder: Path, text: str) -> Path:
    """Write a folder with one file of tests, which takes no settings from around it."""
    folder.mkdir(exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(text)
    return folder


def most_at_once(folder: Path) -> int:
    """Count how many tests had begun and not ended, at most."""
    most = running = 0
    for word in (folder / "log").read_text():
        running += {"+": 1, "-": -1}[word]
        most = max(most, running)
    return most


@pytest.mark.parametrize("style", ["pipe", "fifo"])
def test_no_more_tests_run_at_once_than_there_are_slots(tmp_path: Path, style: str) -> None:
    folder = folder_with(tmp_path, MANY)
    done = run("-j2", "--style", style, "--", *PYTEST, "-n4", "--jeton-slots", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert "40 passed" in done.stdout
    assert most_at_once(folder) <= 2
    assert (folder / "log").read_text().count("+") == 40


def test_as_many_tests_run_at_once_as_there_are_slots(tmp_path: Path) -> None:
    """The first two tests wait in open(2) for one another: if one ran at a time, none would ever end."""
    folder = folder_with(tmp_path, MEETS)
    os.mkfifo(folder / "meeting")
    done = run("-j2", "--", *PYTEST, "-n4", "--jeton-slots", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert most_at_once(folder) == 2


def test_one_slot_is_enough(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, MANY)
    done = run("-j1", "--", *PYTEST, "-n3", "--jeton-slots", cwd=folder)
    assert "40 passed" in done.stdout, done.stdout
    assert most_at_once(folder) == 1


def test_the_setting_does_as_the_option(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, MANY)
    (folder / "pytest.ini").write_text("[pytest]\njeton_slots = true\n")
    done = run("-j1", "--", *PYTEST, "-n3", cwd=folder)
    assert "40 passed" in done.stdout, done.stdout
    assert most_at_once(folder) == 1


def test_a_killed_worker_s_slot_comes_back(tmp_path: Path) -> None:
    """With one slot in all, no test could run any more if that of a killed worker were lost."""
    kills = "\nimport signal\ndef test_kills():\n    say('-')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    text = MANY + "".join(kills.replace("test_kills", f"test_kills_{number}") for number in range(3))
    folder = folder_with(tmp_path, text)
    done = run("-j1", "--", *PYTEST, "-n3", "--jeton-slots", "--max-worker-restart=9", cwd=folder)
    assert done.returncode == 1
    assert "3 failed, 40 passed" in done.stdout, done.stdout
    assert most_at_once(folder) == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_under_make_it_shares_make_s_pool(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, MANY)
    command = " ".join([*PYTEST, "-n4", "--jeton-slots"])
    (folder / "Makefile").write_text(f"check:\n\t+@{command}\nunmarked:\n\t@{command}\n")
    done = subprocess.run(
        ["make", "-j2", "check"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert most_at_once(folder) <= 2


def test_without_a_pool_it_says_so_and_holds_nothing(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, MANY)
    for workers in ("-n2", "-n0"):
        done = subprocess.run(
            [*PYTEST, "-v", workers, "--jeton-slots"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "40 passed" in done.stdout, done.stdout
        assert "jeton: no pool of job tokens is named" in done.stdout


def test_a_pool_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PYTEST, "-n2", "--jeton-slots"],
        cwd=folder_with(tmp_path, MANY),
        env=environment(MAKEFLAGS="-j2 --jobserver-auth=fifo:/no/such/fifo"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.startswith("ERROR: --jeton-slots: MAKEFLAGS: fifo:/no/such/fifo: the server")
    assert done.stderr.strip().count("\n") == 0


def test_a_single_process_in_a_pool_runs_as_ever(tmp_path: Path) -> None:
    done = run("-j2", "--", *PYTEST, "-v", "-p", "no:xdist", "--jeton-slots", cwd=folder_with(tmp_path, MANY))
    assert "40 passed" in done.stdout, done.stdout
    assert "jeton: each test holds a slot, in a pool of 2" in done.stdout


def test_nothing_of_jeton_is_imported_where_it_is_not_asked_for(tmp_path: Path) -> None:
    looks = """
import sys
def test_modules():
    assert sorted(name for name in sys.modules if name.startswith("jeton")) == ["jeton", "jeton.pytest_plugin"]
"""
    folder = folder_with(tmp_path, looks)
    for workers in ("-n1", "-n0"):
        done = run("-j2", "--", *PYTEST, workers, cwd=folder)
        assert done.returncode == 0, done.stdout


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "tests", MANY)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = environment(TMPDIR=str(temporary))
    done = run("-j2", "--", *PYTEST, "-n2", "--jeton-slots", cwd=folder, env=env)
    assert done.returncode == 0, done.stdout
    assert list(temporary.glob("jeton-*")) == []


def test_a_long_temporary_folder_is_no_hindrance(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "tests", MANY)
    temporary = tmp_path / ("long" * 30)
    temporary.mkdir()
    env = environment(TMPDIR=str(temporary))
    done = run("-j2", "--", *PYTEST, "-n2", "--jeton-slots", cwd=folder, env=env)
    assert done.returncode == 0, done.stdout
    assert list(temporary.glob("jeton-*")) == []
