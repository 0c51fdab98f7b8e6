"""Covers two processes that compute and save on one store, in turns and at once: never damaged, never wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.query.persist.loops import INPUTS, ROOT, SRC, Loop, plain, write_number

PEER = """
import sys
from pathlib import Path
from jeton.query import Engine
from tests.query.persist.loops import FOLDER, TOLD, given, number, total

FOLDER[0], store = Path(sys.argv[1]), Path(sys.argv[2])
engine = None
for line in sys.stdin:
    word, *numbers = line.split()
    if word == "open":
        engine = Engine(jobs=1, store=store, warn=lambda line: print("warning", line, flush=True))
    elif word == "ask":
        with engine.begin() as db:
            print("said", (total(db), db.effects(TOLD, total)), flush=True)
    elif word == "refresh":
        engine.refresh()
    elif word == "set":
        engine.set(given.at(int(numbers[0])), int(numbers[1]))
    elif word == "unset":
        engine.unset(given.at(int(numbers[0])))
    elif word == "close":
        engine.close()
        print("closed", flush=True)
"""


class Peer:
    """A process that does what it is told, line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hears(self, *words: str) -> None:
        assert self._process.stdin is not None
        for word in words:
            self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def says(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")


@contextmanager
def peer(folder: Path) -> Iterator[Peer]:
    process = subprocess.Popen(
        [sys.executable, "-c", PEER, str(folder / "inputs"), str(folder / "store")],
        env={**os.environ, "PYTHONPATH": f"{SRC}:{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Peer(process)
        finally:
            process.kill()


class World:
    """The folder, and what its files say now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = list(range(INPUTS))
        Loop(folder, 0)

    def change(self, at: int, value: int) -> None:
        self.numbers[at] = value
        write_number(self.folder / "inputs", at, value)

    @property
    def expected(self) -> str:
        return f"said {plain(self.numbers)}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def peers(world: World) -> Iterator[tuple[Peer, Peer]]:
    with ExitStack() as stack:
        yield stack.enter_context(peer(world.folder)), stack.enter_context(peer(world.folder))


def test_in_turns_each_goes_on_where_the_other_ended(world: World, peers: tuple[Peer, Peer]) -> None:
    for turn in range(20):
        one = peers[turn % 2]
        world.change(turn % INPUTS, turn * 3)
        one.hears("open", "ask", "close")
        assert [one.says(), one.says()] == [world.expected, "closed"]


@pytest.mark.parametrize("last", [0, 1])
def test_two_that_have_it_open_at_once_both_go_on_with_what_they_know(
    world: World, peers: tuple[Peer, Peer], last: int
) -> None:
    for turn in range(12):
        for one in peers:
            one.hears("open", "ask")
            assert one.says() == world.expected
        world.change(turn % INPUTS, turn * 3)
        first, second = peers[1 - last], peers[last]
        first.hears("refresh", "ask", "close")
        assert [first.says(), first.says()] == [world.expected, "closed"]
        world.change((turn + 2) % INPUTS, turn * 5)
        second.hears("refresh", "ask")
        assert second.says() == world.expected
        second.hears("close")
        assert second.says() == "closed"


def test_what_one_has_set_is_never_half_there_for_the_other(world: World, peers: tuple[Peer, Peer]) -> None:
    one, two = peers
    for turn in range(1, 10):
        one.hears("open", "ask")
        two.hears("open", "ask")
        assert one.says() == two.says() == world.expected
        one.hears(f"set 0 {turn}", "ask", "close")
        given = one.says()
        assert given != world.expected
        assert one.says() == "closed"
        world.change(1, 4 * turn)
        two.hears("refresh", "ask", "close")  # the last to save wins, whole: what was set is gone
        assert [two.says(), two.says()] == [world.expected, "closed"]
        two.hears("open", "ask", "close")
        assert [two.says(), two.says()] == [world.expected, "closed"]


def test_two_that_save_at_the_same_time_leave_the_state_of_one(world: World, peers: tuple[Peer, Peer]) -> None:
    for turn in range(25):
        world.change(turn % INPUTS, turn * 3)
        for one in peers:
            one.hears("open", "ask")
        for one in peers:
            assert one.says() == world.expected
        for one in peers:
            one.hears("close")
        for one in peers:
            assert one.says() == "closed"
    found = Loop(world.folder, 0).look(0)
    assert (found.wrong, found.warnings) == ([], [])


def test_two_loops_that_edit_compute_and_save_without_rest_are_never_wrong(world: World) -> None:
    one, two = Loop(world.folder, 1), Loop(world.folder, 2)
    with one.running() as first, two.running() as second:
        for process in (first, second):
            assert process.stdout is not None
            for _ in range(60):
                assert process.stdout.readline()
    found = one.look(0)
    assert (found.wrong, found.warnings) == ([], [])
