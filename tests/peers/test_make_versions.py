"""Holds jeton's pool to the same word with every make there is: the one on PATH, and those that JETON_TEST_MAKES names.

Make 4.4 brought the fifo style and opens its own pools in it; make 4.3 dies of it. scripts/make-4.4 prints the path of
a make 4.4, and scripts/test names that one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.peers.jobserver_command import Gate, environment, makefile, ninja_manifest, run, started

from jeton.jobserver import OwnPool, Style

FIFO_SINCE = (4, 4)


@dataclass(frozen=True)
class Make:
    """One make. What is missing, and why, where it is not there."""

    path: str
    version: tuple[int, int] = (0, 0)
    missing: str = ""

    def __str__(self) -> str:
        return ".".join(map(str, self.version)) if not self.missing else f"none-{Path(self.path).name or 'named'}"


def there_are() -> Iterator[Make]:
    """Find the makes, each once."""
    seen: set[str] = set()
    for path in (shutil.which("make") or "", *named()):
        real = os.path.realpath(path) if path else ""
        if real not in seen:
            seen.add(real)
            yield asked(path) if path else Make("make", missing="no make on PATH")
    if not named():
        yield Make("", missing="JETON_TEST_MAKES names no make (scripts/make-4.4 prints the path of one)")


def named() -> list[str]:
    return [str(Path(path).absolute()) for path in os.environ.get("JETON_TEST_MAKES", "").split(os.pathsep) if path]


def asked(path: str) -> Make:
    """Ask a make for its version."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return Make(path, missing=f"{path}: cannot be run")
    version = re.match(r"GNU Make (\d+)\.(\d+)", said)
    if version is None:
        return Make(path, missing=f"{path}: is no GNU make")
    return Make(path, (int(version[1]), int(version[2])))


MAKES = tuple(there_are())


def styles(make: Make) -> tuple[Style, ...]:
    """Give the styles in which this make joins a pool, and opens one."""
    return tuple(Style) if make.version >= FIFO_SINCE else (Style.PIPE,)


def case(make: Make, *more: object) -> object:
    skip = [pytest.mark.skip(reason=make.missing)] if make.missing else []
    words = (getattr(word, "value", word) for word in more)
    return pytest.param(make, *more, id="-".join(map(str, (make, *words))), marks=skip)


every_make = pytest.mark.parametrize("make", [case(make) for make in MAKES])
every_make_and_style = pytest.mark.parametrize(
    ("make", "style"), [case(make, style) for make in MAKES for style in styles(make)]
)

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def passed(child: "subprocess.Popen[bytes]") -> str:
    """Wait for its end, hold it to success, and give what it said."""
    said, _ = child.communicate()
    assert child.returncode == 0, said.decode()
    return said.decode()


def jeton(style: Style, make: Make) -> list[str]:
    """Give the words of `jeton jobserver` that run this make on three slots."""
    return ["-j3", "--style", style.value, "--", make.path]


def end_group(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


# A make below `jeton jobserver`.


@every_make_and_style
def test_every_make_runs_as_many_recipes_at_once_as_the_pool_has_slots(
    make: Make, style: Style, tmp_path: Path, gate: Gate
) -> None:
    makefile(tmp_path / "top", gate, 9)
    with started(*jeton(style, make), cwd=tmp_path / "top") as child:
        gate.meet(3, 9)
        said = passed(child)
    assert gate.most_at_once() == 3
    assert "jobserver" not in said


@every_make_and_style
def test_a_recipe_marked_with_a_plus_hands_the_pool_to_the_make_in_it(
    make: Make, style: Style, tmp_path: Path, gate: Gate
) -> None:
    """The recipes name make by its path: only the + says that it is one."""
    for name in ("one", "two"):
        makefile(tmp_path / name, gate, 5)
    (tmp_path / "Makefile").write_text(f".PHONY: all one two\nall: one two\none two:\n\t+@{make.path} -C $@\n")
    with started(*jeton(style, make), cwd=tmp_path) as child:
        gate.meet(3, 6)  # while both have more, there are always three
        gate.meet_once(0, 4)
        said = passed(child)
    assert gate.most_at_once() == 3
    assert "jobserver" not in said


@every_make
def test_a_make_knows_fifo_style_or_dies_of_it(make: Make, tmp_path: Path) -> None:
    """Why pipe style is the rule (`style_for`). To know when it changes."""
    (tmp_path / "Makefile").write_text("all:\n\t@echo built\n")
    done = run(*jeton(Style.FIFO, make), cwd=tmp_path)
    if make.version >= FIFO_SINCE:
        assert (done.returncode, done.stdout, done.stderr) == (0, "built\n", "")
    else:
        assert done.returncode == 2
        assert done.stdout == ""
        assert "invalid --jobserver-auth string 'fifo:" in done.stderr


# Makes that end before their time: what they held is there for the next one.


@contextmanager
def invited(pool: OwnPool, make: Make, style: Style, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a make at a place of its own, in a process group of its own; the place is left with the block."""
    with (
        pool.invite(make.path, environment(), style) as invitation,
        subprocess.Popen(
            [make.path],
            cwd=folder,
            env=invitation.environment,
            pass_fds=invitation.pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        ) as child,
    ):
        invitation.started(child.pid)
        try:
            yield child
        except BaseException:
            end_group(child)
            raise


@pytest.fixture
def pool() -> Iterator[OwnPool]:
    pool = OwnPool(3)
    yield pool
    pool.close()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda signum: signum.name)
@every_make_and_style
def test_nothing_is_lost_with_a_make_that_a_signal_ends(
    make: Make, style: Style, signum: signal.Signals, tmp_path: Path, gate: Gate, pool: OwnPool
) -> None:
    """Two makes, one after the other. The first holds two tokens and is ended; the second has all three slots.

    first:  three recipes stand at a gate (1) .... ended (2)
    second:                                              runs nine recipes through its own gate, three at once (3)

    SIGKILL leaves the first one's recipes alive: they stand at their gate until the end, and hold none of the tokens.
    """
    before = tmp_path / "first"
    before.mkdir()
    held = Gate(before)
    try:
        makefile(before / "top", held, 9)
        makefile(tmp_path / "top", gate, 9)
        with invited(pool, make, style, before / "top") as first:
            held.meet_once(3, 0)  # none goes through
            # An interrupt is a terminal's, which sends it to the whole group; the other two come to make alone.
            (os.killpg if signum == signal.SIGINT else os.kill)(first.pid, signum)
            assert first.wait() in {2, -signum}
        if signum == signal.SIGKILL:
            assert pool.server.reclaimed == 2
        assert pool.server.status().free == 2
        with invited(pool, make, style, tmp_path / "top") as second:
            gate.meet(3, 9)
            assert second.wait() == 0
        assert gate.most_at_once() == 3
        assert pool.server.status().free == 2
    finally:
        held.close()  # recipes that stand there go on


# `jeton build` below a make that serves the pool.


@contextmanager
def serving(make: Make, style: Style, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a make that opens a pool of three."""
    option = [f"--jobserver-style={style.value}"] if make.version >= FIFO_SINCE else []
    with subprocess.Popen(
        [make.path, "-j3", *option],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as child:
        try:
            yield child
        except BaseException:
            end_group(child)
            raise


BUILD = f"+@{sys.executable} -m jeton build -C steps"


@every_make_and_style
def test_jeton_build_has_all_the_slots_of_the_make_above_it(
    make: Make, style: Style, tmp_path: Path, gate: Gate
) -> None:
    ninja_manifest(tmp_path / "steps", gate, 9)
    (tmp_path / "Makefile").write_text(f"all:\n\t{BUILD}\n")
    with serving(make, style, tmp_path) as child:
        gate.meet(3, 9)
        said = passed(child)
    assert gate.most_at_once() == 3
    assert "jobserver" not in said
    assert "tokens" not in said


@every_make_and_style
def test_jeton_build_and_the_recipes_beside_it_share_the_pool_of_the_make_above(
    make: Make, style: Style, tmp_path: Path, gate: Gate
) -> None:
    ninja_manifest(tmp_path / "steps", gate, 6)
    makefile(tmp_path, gate, 6)
    beside = (tmp_path / "Makefile").read_text()
    (tmp_path / "Makefile").write_text(f"all: build\n.PHONY: build\nbuild:\n\t{BUILD}\n{beside}")
    with serving(make, style, tmp_path) as child:
        gate.meet(3, 6)  # while both have more, there are always three
        gate.meet_once(0, 6)
        said = passed(child)
    assert gate.most_at_once() == 3
    assert "jobserver" not in said
