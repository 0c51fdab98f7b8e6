"""The plain form of progress: lines, counts, and output that waits while a step owns the terminal."""

from __future__ import annotations

import io

from jeton.report import PlainProgress
from jeton.trace import (
    BuildOutcome,
    DidBuild,
    DidChangePlan,
    DidRunStep,
    DidWaitForMemory,
    Event,
    MemoryHold,
    StepOutcome,
    WillRunPlan,
    WillRunStep,
    WillWaitForMemory,
)


def will(step: int, *, console: bool = False) -> WillRunStep:
    return WillRunStep(step, "r", f"MAKE {step}", f"make {step}", (f"o{step}",), console=console)


def did(step: int, output: bytes = b"", status: int = 0) -> DidRunStep:
    outcome = StepOutcome.FAILED if status else StepOutcome.SUCCEEDED
    return DidRunStep(step, "r", f"MAKE {step}", f"make {step}", (f"o{step}",), outcome, status, output, 0.5, ())


def told(*events: Event, verbose: bool = False) -> str:
    out = io.BytesIO()
    progress = PlainProgress(out, verbose=verbose)
    for at, event in enumerate(events):
        progress(at * 1_000_000_000, event)
    return out.getvalue().decode()


def test_each_ended_step_is_a_line() -> None:
    assert told(WillRunPlan(2), will(0), will(1), did(1), did(0)) == "[1/2] MAKE 1\n[2/2] MAKE 0\n"


def test_spared_steps_leave_the_total() -> None:
    assert told(WillRunPlan(3), will(0), did(0), DidChangePlan(1), will(1), did(1)).endswith("[2/2] MAKE 1\n")


def test_second_plan_counts_anew() -> None:
    assert told(WillRunPlan(1), will(0), did(0), WillRunPlan(2), will(1), did(1)).endswith("[1/2] MAKE 1\n")


def test_last_line_of_output_is_ended() -> None:
    assert told(WillRunPlan(1), will(0), did(0, b"said")) == "[1/1] MAKE 0\nsaid\n"


def test_failure_names_outputs_status_and_command() -> None:
    assert "failed: o0 (exit status 2)\nmake 0\nwhy\n" in told(WillRunPlan(1), will(0), did(0, b"why\n", 2))


def test_others_wait_while_a_step_has_the_terminal() -> None:
    text = told(WillRunPlan(2), will(0, console=True), will(1), did(1, b"held"))
    assert text == "[0/2] MAKE 0\n"
    ended = (WillRunPlan(2), will(0, console=True), will(1), did(1, b"held"), did(0))
    assert told(*ended) == "[0/2] MAKE 0\n[1/2] MAKE 1\nheld\n"
    assert told(*ended, DidBuild(BuildOutcome.SUCCEEDED, 2)).endswith("done: 2 steps in 5.0 s, 1.0 s of CPU\n")


def test_interrupted_build_says_that_it_can_go_on() -> None:
    assert "goes on from here" in told(DidBuild(BuildOutcome.INTERRUPTED, 0))


def test_wait_for_memory_is_said_once_for_each_reason() -> None:
    limit = WillWaitForMemory(MemoryHold.LIMIT, 3, 10 << 20, 3 << 20, 12 << 20, 0.0)
    pressure = WillWaitForMemory(MemoryHold.PRESSURE, 1, 0, 0, 0, 34.4)
    waits: list[Event] = [limit, DidWaitForMemory(MemoryHold.LIMIT), limit, pressure, pressure]
    assert told(WillRunPlan(9), *waits).splitlines() == [
        "waiting for memory: 3 steps run with 10.0G of 12.0G, the next needs 3.0G",
        "waiting for memory: processes lacked it for 34% of the last 10 s; 1 step runs on alone",
    ]
