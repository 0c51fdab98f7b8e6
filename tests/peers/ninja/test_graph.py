"""Graphs drawn at random: after a change exactly the steps it reaches run, each once and after its inputs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.peers.ninja.scenario import RULES, Scenario

SOURCES = 3


@dataclass(frozen=True)
class Step:
    """Inputs by number; the first numbers are sources, the rest the steps before this one."""

    explicit: frozenset[int]
    implicit: frozenset[int]
    order_only: frozenset[int]


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for at in range(draw(st.integers(1, 9))):
        names = st.frozensets(st.integers(0, SOURCES + at - 1), max_size=3)
        steps.append(Step(draw(names), draw(names), draw(names)))
    return steps


def name(number: int) -> str:
    return f"source{number}" if number < SOURCES else f"step{number - SOURCES}"


def names(numbers: frozenset[int]) -> str:
    return " ".join(name(number) for number in sorted(numbers))


def manifest(steps: list[Step]) -> str:
    return RULES + "".join(
        f"build step{at}: cat {names(step.explicit)} | {names(step.implicit)} || {names(step.order_only)}\n"
        for at, step in enumerate(steps)
    )


def due(steps: list[Step], touched: set[int], removed: set[int]) -> set[str]:
    """Return the steps that must run after these files were touched and those removed."""
    run: set[int] = set()
    for at, step in enumerate(steps):
        if SOURCES + at in removed or (touched | run) & (step.explicit | step.implicit):
            run.add(SOURCES + at)
    return {name(number) for number in run}


def in_order(steps: list[Step], ran: list[str]) -> bool:
    place = {step: at for at, step in enumerate(ran)}
    return all(
        place.get(name(before), -1) < place[f"step{at}"]
        for at, step in enumerate(steps)
        if f"step{at}" in place
        for before in step.explicit | step.implicit | step.order_only
    )


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
def test_change_runs_just_the_steps_it_reaches(steps: list[Step], data: st.DataObject) -> None:
    last = SOURCES + len(steps) - 1
    touched = data.draw(st.sets(st.integers(0, last), max_size=2), "touched")
    removed = data.draw(st.sets(st.integers(SOURCES, last), max_size=2), "removed") - touched
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(Path(folder))
        for number in range(SOURCES):
            scenario.write(name(number))
        scenario.write("build.ninja", manifest(steps))

        ran = scenario.built("-j3").ran
        assert sorted(ran) == sorted(f"step{at}" for at in range(len(steps)))
        assert in_order(steps, ran)

        for number in sorted(touched):
            scenario.touch(name(number))
        scenario.remove(*(name(number) for number in removed))
        ran = scenario.built("-j3").ran
        assert sorted(ran) == sorted(due(steps, touched, removed))
        assert in_order(steps, ran)
        assert scenario.ninja().idle
