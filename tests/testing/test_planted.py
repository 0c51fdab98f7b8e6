"""Covers that planted bugs are found, that the string which is told brings each back, and nothing else is told.

Each program is explored under each strategy alone and under the mix.
"""

from collections.abc import Callable
from functools import partial

import pytest
from tests.testing.planted import PLANTED

from jeton.testing import Deadlock, DepthFirst, Pct, Random, ScheduleFailed, Strategy, explore

pytestmark = pytest.mark.concurrency

PROGRAMS = list(PLANTED)
STRATEGIES: dict[str, Callable[[], list[Strategy] | None]] = {
    "mix": lambda: None,
    "random": lambda: [Random(1)],
    "pct": lambda: [Pct(1, 3)],
    "depth": lambda: [DepthFirst(2)],
}


@pytest.mark.parametrize("strategies", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_planted_bug_is_found_and_its_string_brings_it_back(
    program: Callable[..., None],
    strategies: Callable[[], list[Strategy] | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = partial(program, bug=True)
    with pytest.raises(ScheduleFailed, match=PLANTED[program]) as caught:
        explore(scenario, strategies=strategies(), schedules=3000)
    found = caught.value
    assert f"JETON_SCHEDULE={found.replay}\n" in str(found)
    monkeypatch.setenv("JETON_SCHEDULE", found.replay)
    for _ in range(3):
        with pytest.raises(ScheduleFailed, match=r"schedule 1, .*") as again:
            explore(scenario)
        assert again.value.steps == found.steps
        assert type(again.value.__cause__) is type(found.__cause__)


@pytest.mark.parametrize("strategies", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_sound_program_passes(program: Callable[..., None], strategies: Callable[[], list[Strategy] | None]) -> None:
    explored = explore(partial(program, bug=False), strategies=strategies(), schedules=300)
    assert explored.schedules == 300 or explored.is_complete or strategies is STRATEGIES["depth"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_bug_is_shrunk_to_two_preemptions_at_most(program: Callable[..., None]) -> None:
    with pytest.raises(ScheduleFailed) as caught:
        explore(partial(program, bug=True), strategies=[Random(7)], schedules=3000)
    assert sum(step.preempted for step in caught.value.steps) <= 2


def test_deadlock_tells_who_waits_for_what_and_where() -> None:
    two_locks = next(program for program in PROGRAMS if program.__name__ == "two_locks")
    with pytest.raises(ScheduleFailed) as caught:
        explore(partial(two_locks, bug=True))
    assert isinstance(caught.value.__cause__, Deadlock)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Deadlock: every thread waits"
    assert lines[1].startswith("  main waits for the end of forth, at tests/testing/planted.py:")
    assert lines[2].startswith("  forth waits for lock right, held by back, at tests/testing/planted.py:")
    assert lines[3].startswith("  back waits for lock left, held by forth, at tests/testing/planted.py:")
    places = {line.rpartition(":")[2] for line in lines[1:4]}
    assert len(places) == 3
