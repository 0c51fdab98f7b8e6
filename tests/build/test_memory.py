"""The memory rule: pure, in builds on a simulated machine, and with processes that really have the memory."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.build.simulated import Built, MemoryDisk, SimulatedMemory, build

from jeton.build.graph import Graph, Step, phony_recipe
from jeton.build.history import History, Made
from jeton.build.memory import Candidate, Needs, Runner, choose, needed, taken
from jeton.build.options import MemoryLimit
from jeton.trace import STREAM, DidRunStep, DidWaitForMemory, Event, MemoryHold, WillRunStep, WillWaitForMemory

SRC = Path(__file__).parents[2] / "src"
MIB = 1 << 20

sizes = st.integers(0, 100)
candidates = st.builds(Candidate, st.none() | sizes, st.floats(0, 50))
runners = st.builds(Runner, st.none() | sizes, sizes, st.floats(0, 50))


# The rule


@given(st.lists(candidates, min_size=1, max_size=6), st.lists(runners, min_size=1, max_size=6), st.integers(1, 200))
def test_nothing_starts_that_does_not_fit(ready: list[Candidate], running: list[Runner], limit: int) -> None:
    place = choose(ready, running, limit)
    if place is not None:
        used = sum(taken(runner, limit) for runner in running)
        assert used + needed(ready[place].need, limit) <= limit


@given(st.lists(candidates, min_size=1, max_size=6), st.integers(1, 200))
def test_most_urgent_starts_where_nothing_runs_whatever_it_needs(ready: list[Candidate], limit: int) -> None:
    assert choose(ready, [], limit) == 0


@given(st.lists(candidates, min_size=1, max_size=6), st.lists(runners, max_size=6), st.integers(1, 200))
def test_most_urgent_starts_where_it_fits(ready: list[Candidate], running: list[Runner], limit: int) -> None:
    if sum(taken(runner, limit) for runner in running) + needed(ready[0].need, limit) <= limit:
        assert choose(ready, running, limit) == 0


def test_step_that_has_just_begun_counts_as_what_it_will_need() -> None:
    assert choose([Candidate(50, 1)], [Runner(60, 1, 9)], 100) is None


def test_step_that_outgrew_its_estimate_counts_as_what_it_has() -> None:
    assert choose([Candidate(50, 1)], [Runner(10, 60, 9)], 100) is None


def test_eight_unknown_steps_start_side_by_side() -> None:
    unknown = Runner(None, 0, 1)
    assert choose([Candidate(None, 1)], [unknown] * 7, 100) == 0
    assert choose([Candidate(None, 1)], [unknown] * 8, 100) is None


def test_short_step_passes_a_big_one_that_waits_for_a_long_one() -> None:
    assert choose([Candidate(50, 1), Candidate(10, 5)], [Runner(80, 80, 9)], 100) == 1


def test_step_that_would_delay_the_big_one_does_not_pass() -> None:
    assert choose([Candidate(90, 1), Candidate(20, 10)], [Runner(80, 80, 9)], 100) is None


def test_long_step_passes_where_it_leaves_room_for_the_big_one() -> None:
    assert choose([Candidate(90, 1), Candidate(10, 99)], [Runner(80, 80, 9)], 100) == 1


def test_nothing_passes_while_a_step_that_should_have_ended_runs_on() -> None:
    assert choose([Candidate(90, 1), Candidate(20, 0)], [Runner(80, 80, 0)], 100) is None


@dataclass
class Run:
    """A step of the stream below: what is expected and what is true."""

    need: int
    expected_s: float
    ends_at: float
    expected_end: float


small_steps = st.tuples(st.integers(5, 60), st.floats(0, 20), st.floats(1, 20))


@settings(deadline=None)
@given(
    big=st.integers(40, 150),
    begun=st.lists(small_steps, min_size=1, max_size=5),
    stream=st.lists(small_steps, min_size=1, max_size=20),
)
def test_big_step_starts_beside_an_endless_stream_of_small_ones(
    big: int, begun: list[tuple[int, float, float]], stream: list[tuple[int, float, float]]
) -> None:
    """Durations may be estimated as wrongly as they like.

    Nobody passes who would end after those that the big one waits for should have. So the last that passed began before
    that, and the big one waits for it and for no other.
    """
    limit = 100
    latest = max(max(expected, true) for _, expected, true in begun) + max(true for _, _, true in stream) + 0.001
    now = 0.0
    running = [Run(need, expected, true, expected) for need, expected, true in begun]
    passed = 0
    while True:
        assert now <= latest, "the big step starves"
        of = stream[passed % len(stream)], stream[(passed + 1) % len(stream)]
        ready = [Candidate(big, 1), *(Candidate(need, expected) for need, expected, _ in of)]
        place = choose(ready, [Runner(r.need, 0, max(0, r.expected_end - now)) for r in running], limit)
        if place == 0:
            break
        if place is None:
            ends = min(running, key=lambda run: run.ends_at)
            now = ends.ends_at
            running.remove(ends)
        else:
            need, expected, true = of[place - 1]
            running.append(Run(need, expected, now + true, now + expected))
            passed += 1


# What a step is expected to need


def step(graph: Graph, rule: str, output: str) -> Step:
    made = graph.step(rule, phony_recipe)
    made.outputs.append(graph.file(output))
    return made


def test_need_is_the_steps_own_then_its_kinds_then_unknown() -> None:
    graph, history = Graph(), History()
    history.made["a"] = Made(0, 0, 0, 100)
    history.made["b"] = Made(0, 0, 0, 300)
    a, b, new, other = (
        step(graph, rule, output)
        for rule, output in (("CXX__one_Debug", "a"), ("CXX__one_Debug", "b"), ("CXX__two_Debug", "c"), ("ld", "d"))
    )
    needs = Needs(history)
    needs.learn_from_history([a, b, new, other])
    assert needs(a) == 100 * 1024
    assert needs(new) == (200 + 100) * 1024, "the mean of its kind and one standard deviation"
    assert needs(other) is None
    needs.learn(other, 0)
    assert needs(other) is None, "0 is not known"
    needs.learn(other, 7)
    assert needs(other) == 7 * 1024


def test_peak_is_in_the_history_after_it_was_written_anew(tmp_path: Path) -> None:
    history = History.open(tmp_path / "log", pytest.fail)
    history.finished(["a"], Made(1, 2, 3, 4))
    history.restat("a", 9)
    history.compact()
    history.close()
    assert History.read(tmp_path / "log").made["a"] == Made(1, 9, 3, 4)


# Simulated builds


def make(tmp_path: Path, manifest: str, memory: SimulatedMemory, *, jobs: int = 8, seed: int = 0) -> Built:
    """Build all of the manifest, with the history of the builds before."""
    disk = MemoryDisk()

    def command(step: Step) -> int:
        disk.write(step.outputs[0].path, "")
        return 0

    return build(manifest, disk, tmp_path / "log", command, jobs=jobs, seed=seed, memory=memory)


def flat(count: int) -> str:
    return "rule r\n  command = x\n" + "".join(f"build o{n}: r\n" for n in range(count))


def free(peak: int = 100 * MIB) -> SimulatedMemory:
    return SimulatedMemory(None, lambda _: peak)


def test_as_many_run_at_once_as_fit(tmp_path: Path) -> None:
    assert make(tmp_path, flat(20), free()).most_at_once == 8
    memory = SimulatedMemory(MemoryLimit(350 * MIB), lambda _: 100 * MIB)
    assert make(tmp_path, flat(20), memory).most_at_once == 3


def test_estimates_alone_hold_steps_back_where_nothing_can_be_read(tmp_path: Path) -> None:
    make(tmp_path, flat(20), free())
    memory = SimulatedMemory(MemoryLimit(350 * MIB), lambda _: 100 * MIB, visible=False)
    assert make(tmp_path, flat(20), memory).most_at_once == 3


def test_step_larger_than_the_limit_runs_alone(tmp_path: Path) -> None:
    make(tmp_path, flat(5), free())
    memory = SimulatedMemory(MemoryLimit(50 * MIB), lambda _: 100 * MIB)
    built = make(tmp_path, flat(5), memory)
    assert (built.most_at_once, len(built.ran)) == (1, 5)


def test_first_build_learns_the_kind_from_the_first_step_that_ends(tmp_path: Path) -> None:
    memory = SimulatedMemory(MemoryLimit(800 * MIB), lambda _: 10 * MIB, lambda step: 1.0 + step.id)
    built = make(tmp_path, flat(40), memory, jobs=20)
    assert built.most_at_once == 20
    assert set(built.ran[:8]) == {f"o{n}" for n in range(8)}, "those that start before anything is known"


def test_step_that_grows_beyond_its_estimate_keeps_others_back(tmp_path: Path) -> None:
    make(tmp_path, flat(20), free(1 * MIB))
    # The first is seen as it is when the sample after its start is due; the others come one by one.
    grown = SimulatedMemory(MemoryLimit(350 * MIB), lambda _: 100 * MIB, lambda step: 0.3 + step.id % 5)
    built = make(tmp_path, flat(20), grown, jobs=4)
    assert built.most_at_once == 4, "nobody could know before"
    again = make(tmp_path, flat(20), SimulatedMemory(MemoryLimit(350 * MIB), lambda _: 100 * MIB), jobs=4)
    assert again.most_at_once == 3


@settings(deadline=None)
@given(
    peaks=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    limit=st.integers(40, 120),
    jobs=st.integers(1, 6),
    seed=st.integers(0, 99),
    visible=st.booleans(),
)
def test_true_estimates_are_never_exceeded(
    tmp_path_factory: pytest.TempPathFactory, peaks: list[int], limit: int, jobs: int, seed: int, visible: bool
) -> None:
    folder = tmp_path_factory.mktemp("true")

    def peak(step: Step) -> int:
        return peaks[step.id] * MIB

    make(folder, flat(len(peaks)), SimulatedMemory(None, peak))
    memory = SimulatedMemory(MemoryLimit(limit * MIB), peak, lambda step: 1.0 + 7 * step.id % 5, visible=visible)
    built = make(folder, flat(len(peaks)), memory, jobs=jobs, seed=seed)
    assert memory.most_used <= limit * MIB
    assert len(built.ran) == len(peaks)


BIG_FIRST = """
rule slow
  command = slow
rule big
  command = big
rule small
  command = small
rule end
  command = end
build slow: slow
build long: end slow
build longer: end long
build big: big
build end: end big
build small0: small
build small1: small
build small2: small
"""


def test_small_steps_pass_a_big_one_that_waits_for_a_slow_one(tmp_path: Path) -> None:
    sizes = {"slow": 80 * MIB, "big": 50 * MIB}

    def peak(step: Step) -> int:
        return sizes.get(step.rule, 10 * MIB)

    def seconds(step: Step) -> float:
        return 20.0 if step.rule == "slow" else 1.0

    make(tmp_path, BIG_FIRST, SimulatedMemory(None, peak, seconds))
    memory = SimulatedMemory(MemoryLimit(100 * MIB), peak, seconds)
    ran = make(tmp_path, BIG_FIRST, memory).ran
    assert set(ran[:4]) == {"slow", "small0", "small1", "small2"}
    assert ran[4] == "big"
    assert memory.most_used == 100 * MIB


def test_limit_of_what_can_be_spared_follows_what_others_take(tmp_path: Path) -> None:
    make(tmp_path, flat(20), free())

    def most_at_once(others: int) -> int:
        memory = SimulatedMemory(MemoryLimit(None), lambda _: 100 * MIB, size=1000 * MIB, others=others)
        return make(tmp_path, flat(20), memory).most_at_once

    assert most_at_once(0) == 8
    assert most_at_once(500 * MIB) == 4, "a tenth of all is left alone"
    assert most_at_once(1000 * MIB) == 1


def test_brake_lets_nothing_start_beside_running_steps_until_pressure_falls(tmp_path: Path) -> None:
    memory = SimulatedMemory(None, lambda _: MIB, lambda _: 10.0, pressures=[50.0, 40.0, 30.0, 5.0])
    events: list[Event] = []
    with STREAM.listening(lambda _, event: events.append(event)):
        built = make(tmp_path, flat(4), memory, jobs=4)
    said = [event for event in events if isinstance(event, (WillRunStep, WillWaitForMemory, DidWaitForMemory))]
    kinds = [type(event) for event in said]
    assert kinds == [WillWaitForMemory, WillRunStep, DidWaitForMemory, WillRunStep, WillRunStep, WillRunStep]
    wait = said[0]
    assert isinstance(wait, WillWaitForMemory)
    assert (wait.reason, wait.running, wait.pressure) == (MemoryHold.PRESSURE, 1, 50.0)
    assert not memory.pressures
    assert built.most_at_once == 4


def test_build_under_endless_pressure_goes_on_one_by_one(tmp_path: Path) -> None:
    memory = SimulatedMemory(None, lambda _: MIB, lambda _: 10.0, pressures=[99.0] * 1000)
    built = make(tmp_path, flat(6), memory, jobs=4)
    assert (built.most_at_once, len(built.ran)) == (1, 6)
    assert 1000 - len(memory.pressures) <= 61, "read once a second"


def test_wait_for_memory_is_told_with_its_numbers(tmp_path: Path) -> None:
    make(tmp_path, flat(4), free())
    events: list[Event] = []
    with STREAM.listening(lambda _, event: events.append(event)):
        make(tmp_path, flat(4), SimulatedMemory(MemoryLimit(350 * MIB), lambda _: 100 * MIB))
    said = [event for event in events if isinstance(event, (WillWaitForMemory, DidWaitForMemory))]
    assert said == [
        WillWaitForMemory(MemoryHold.LIMIT, 3, 300 << 10, 100 << 10, 350 << 10, 0.0),
        DidWaitForMemory(MemoryHold.LIMIT),
    ]


def test_no_slot_is_held_while_a_step_waits_for_memory(tmp_path: Path) -> None:
    make(tmp_path, flat(6), free())
    memory = SimulatedMemory(MemoryLimit(150 * MIB), lambda _: 100 * MIB)
    running = waits = 0

    def hear(_: int, event: Event) -> None:
        nonlocal running, waits
        if isinstance(event, WillRunStep):
            running += 1
        elif isinstance(event, DidRunStep):
            running -= 1
        elif type(event).__name__ == "DidTakeSlot":
            waits = max(waits, event.held - running)  # type: ignore[union-attr]

    with STREAM.listening(hear):
        make(tmp_path, flat(6), memory)
    assert waits <= 1, "a slot is taken only for a step that starts at once"


# Real processes

HOG = """
import os, sys
log = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
memory = bytearray(60 << 20)
memory[::4096] = b"x" * len(memory[::4096])
os.write(log, b"+")
with open("told", "r+b", buffering=0) as told, open("gate", "rb", buffering=0) as gate:
    told.write(b"+")
    gate.read(1)
os.write(log, b"-")
open(sys.argv[1], "w").close()
"""


def most_of(log: str) -> int:
    at_once = most = 0
    for mark in log:
        at_once += 1 if mark == "+" else -1
        most = max(most, at_once)
    return most


@pytest.fixture
def hogs(tmp_path: Path) -> Path:
    """A build of six steps, each of which has 60 MiB and ends when it has read a byte from the gate."""
    (tmp_path / "hog.py").write_text(HOG)
    (tmp_path / "build.ninja").write_text(
        f"rule hog\n  command = {sys.executable} -S hog.py $out\n" + "".join(f"build o{n}: hog\n" for n in range(6))
    )
    os.mkfifo(tmp_path / "gate")
    os.mkfifo(tmp_path / "told")
    return tmp_path


def run_hogs(folder: Path, *options: str, together: int) -> str:
    """Build with 4 slots; let steps end once that many have their memory at the same time. Return what was printed."""
    for path in folder.glob("o*"):
        path.unlink()
    (folder / "log").unlink(missing_ok=True)
    environ = {key: value for key, value in os.environ.items() if "MAKEFLAGS" not in key} | {"PYTHONPATH": str(SRC)}
    gate, told = (os.open(folder / name, os.O_RDWR) for name in ("gate", "told"))
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "jeton", "build", "-j4", "--memory-pressure", "0", *options],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun = 0
        while begun < together:
            begun += len(os.read(told, 1))
        os.write(gate, b"x" * 6)
        output, _ = process.communicate(timeout=60)
    finally:
        os.close(gate)
        os.close(told)
    assert process.returncode == 0, output
    return output


def test_processes_that_do_not_fit_do_not_run_side_by_side(hogs: Path) -> None:
    run_hogs(hogs, together=4)
    assert most_of((hogs / "log").read_text()) == 4
    output = run_hogs(hogs, "--memory", "170M", together=2)
    assert most_of((hogs / "log").read_text()) == 2
    assert "waiting for memory: 2 steps run with 1" in output
    assert output.count("waiting for memory") == 1


def test_history_has_the_peak_of_a_real_step(hogs: Path) -> None:
    run_hogs(hogs, together=4)
    for made in History.read(hogs / ".jeton_log").made.values():
        assert 60 << 10 <= made.peak_kib < 160 << 10
