"""Holds a build of a mixed graph to one pool: with N tokens, N processes work at once, never more.

The graph is examples/mixed: C, a nested make, a link whose own jobs compile, Python and Rust. The
census counts from outside. JETON_TEST_BUILD may name another build command, to hold it to the same.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

if not Path("/proc/self/stat").exists():
    pytest.skip("the census reads /proc", allow_module_level=True)

from tests.peers.census import Census, take

TOP = Path(__file__).resolve().parents[2]
COMPILER = os.environ.get("CC") or next((name for name in ("gcc", "cc") if shutil.which(name)), None)
BUILD = shlex.split(os.environ.get("JETON_TEST_BUILD", "")) or [sys.executable, "-m", "jeton", "build"]
SCRIPTS = frozenset({"configure.py", "make_table.py"})
RUST = shutil.which("rustc") is not None


def reason_to_skip() -> str:
    """Say what is missing; nothing where all is there."""
    if COMPILER is None:
        return "needs gcc or cc"
    if shutil.which("make") is None:
        return "needs make"
    version = subprocess.run([*shlex.split(COMPILER), "--version"], capture_output=True, text=True, check=False)
    if "Free Software Foundation" not in version.stdout:
        return f"needs gcc: the census tells its drivers from its workers, and {COMPILER} is another compiler"
    return ""


REASON = reason_to_skip()
pytestmark = [pytest.mark.peer, pytest.mark.skipif(bool(REASON), reason=REASON)]


@dataclass
class Mixed:
    """A copy of the example, and builds of it, each with a census."""

    top: Path

    @property
    def out(self) -> Path:
        return self.top / "build"

    @property
    def log(self) -> Path:
        return self.top / "log"

    def build(self, jobs: int) -> Census:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CARGO_MAKEFLAGS", "NINJA_STATUS"}
        }
        environment["PYTHONPATH"] = os.pathsep.join([str(TOP / "src"), environment.get("PYTHONPATH", "")])
        with self.log.open("wb") as log:
            code, census = take([*BUILD, "-C", str(self.out), f"-j{jobs}"], log, scripts=SCRIPTS, env=environment)
        assert code == 0, self.log.read_text()
        return census

    def stamps(self) -> dict[str, int]:
        """Give the time stamp of every product; a build tool's own hidden files are not products."""
        files = (path.relative_to(self.out) for path in self.out.rglob("*") if path.is_file())
        products = (path for path in files if not any(part.startswith(".") for part in path.parts))
        return {str(path): (self.out / path).stat().st_mtime_ns for path in products}


@pytest.fixture
def mixed(tmp_path: Path) -> Mixed:
    top = tmp_path / "mixed"
    shutil.copytree(TOP / "examples" / "mixed", top, ignore=shutil.ignore_patterns("build", "__pycache__"))
    subprocess.run([sys.executable, top / "configure.py"], check=True, capture_output=True)
    return Mixed(top)


def kinds(census: Census) -> set[str]:
    """Give the kinds of workers seen: rustc's threads are one kind."""
    return {"rustc unit" if " cgu." in name else re.sub(r"^python.*", "python", name) for name in census.names()}


def test_two_tokens_are_two_workers_and_a_second_build_runs_nothing(mixed: Mixed) -> None:
    census = mixed.build(jobs=2)
    peak = census.peak()
    assert peak.count == 2, peak
    assert not census.strangers, f"neither workers nor drivers to the census: {census.strangers}"
    assert kinds(census) >= {"cc1", "as", "lto1-ltrans", *(["rustc unit"] if RUST else [])}
    log = mixed.log.read_text()
    assert "jobserver is not available" not in log, log  # gcc's link
    assert "jobserver unavailable" not in log, log  # a nested make
    assert "failed to connect to jobserver" not in log, log  # rustc

    said = (mixed.out / "self_test.txt").read_text()
    checks = 22 if RUST else 17
    assert said.endswith(f"self test: {checks} of {checks} checks passed\n"), said
    assert "FAIL" not in said

    before = mixed.stamps()
    assert not mixed.build(jobs=2).names()
    assert mixed.stamps() == before

    # The list is newer, yet makes the same table: the generator runs, and nothing after it.
    listing = mixed.top / "data" / "stopwords.txt"
    listing.write_text(listing.read_text() + "# One more comment.\n")
    assert kinds(mixed.build(jobs=2)) <= {"python"}
    assert mixed.stamps() == before


def test_control_four_tokens_are_more_than_two_workers(mixed: Mixed) -> None:
    peak = mixed.build(jobs=4).peak()
    assert 2 < peak.count <= 4, peak


def test_control_a_make_that_leaves_the_pool_is_caught(mixed: Mixed) -> None:
    graph = mixed.out / "build.ninja"
    text = graph.read_text().replace("make = make\n", "make = env -u MAKEFLAGS make -j4\n")
    graph.write_text(text.replace("default self_test.txt", "default vendor/libvendor.a"))
    assert mixed.build(jobs=2).peak().count > 2
