"""How many steps run at once: -j, the depth of pools, and the console pool.

Steps prove it themselves. A step that must be alone takes a lock and fails when it is taken; steps that must
run together wait for each other through a named pipe, which one alone could never pass.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.peers.ninja.scenario import RULES

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

LINGER = "{ i=0; while [ $$i -lt 500 ]; do i=$$((i+1)); done; }"
ALONE = f"""
rule alone
  command = mkdir lock && {LINGER} && rmdir lock && touch $out && echo $out >> ran.log
"""
PAIR = f"""
rule pair
  command = for l in lock1 lock2 none; do mkdir $$l 2>/dev/null && break; done; $
    test $$l != none && {LINGER} && rmdir $$l && touch $out
"""
MEET = """
rule send
  command = echo met > pipe && touch $out && echo $out >> ran.log
rule receive
  command = cat pipe > $out && echo $out >> ran.log
"""


def many(rule: str, binding: str = "") -> str:
    return "".join(f"build out{number}: {rule}\n{binding}" for number in range(8))


def test_one_job_runs_one_step_at_a_time(scenario: Scenario) -> None:
    scenario.manifest(ALONE + many("alone"))
    assert len(scenario.built("-j1").ran) == 8


def test_pool_of_depth_one_runs_one_step_at_a_time(scenario: Scenario) -> None:
    scenario.manifest("pool p\n  depth = 1\n" + ALONE + many("alone", "  pool = p\n"))
    assert len(scenario.built("-j8").ran) == 8


def test_rule_may_set_the_pool(scenario: Scenario) -> None:
    scenario.manifest("pool p\n  depth = 1\n" + ALONE + "  pool = p\n" + many("alone"))
    assert len(scenario.built("-j8").ran) == 8


def test_pool_of_depth_two_runs_no_more_than_two(scenario: Scenario) -> None:
    scenario.manifest("pool p\n  depth = 2\n" + PAIR + "  pool = p\n" + many("pair"))
    scenario.built("-j8")


def test_two_jobs_run_no_more_than_two(scenario: Scenario) -> None:
    scenario.manifest(PAIR + many("pair"))
    scenario.built("-j2")


@pytest.mark.parametrize("depth", [0, 2, 5])
def test_pool_lets_steps_meet(scenario: Scenario, depth: int) -> None:
    os.mkfifo(scenario.path("pipe"))
    scenario.manifest(f"pool p\n  depth = {depth}\n{MEET}build a: send\n  pool = p\nbuild b: receive\n  pool = p\n")
    assert sorted(scenario.built("-j2").ran) == ["a", "b"]


def test_steps_outside_the_pool_run_beside_it(scenario: Scenario) -> None:
    os.mkfifo(scenario.path("pipe"))
    scenario.manifest("pool p\n  depth = 1\n" + MEET + "build a: send\n  pool = p\nbuild b: receive\n")
    assert sorted(scenario.built("-j2").ran) == ["a", "b"]


def test_two_pools_run_side_by_side(scenario: Scenario) -> None:
    os.mkfifo(scenario.path("pipe"))
    scenario.manifest(
        "pool p\n  depth = 1\npool q\n  depth = 1\n"
        + MEET
        + "build a: send\n  pool = p\nbuild b: receive\n  pool = q\n"
    )
    assert sorted(scenario.built("-j2").ran) == ["a", "b"]


def test_empty_pool_name_frees_a_step_from_the_pool_of_its_rule(scenario: Scenario) -> None:
    os.mkfifo(scenario.path("pipe"))
    rules = MEET.replace("ran.log\n", "ran.log\n  pool = p\n")
    scenario.manifest("pool p\n  depth = 1\n" + rules + "build a: send\n  pool =\nbuild b: receive\n")
    assert sorted(scenario.built("-j2").ran) == ["a", "b"]


def test_zero_jobs_mean_no_limit(scenario: Scenario) -> None:
    os.mkfifo(scenario.path("pipe"))
    scenario.manifest(MEET + "build a: send\nbuild b: receive\n")
    assert sorted(scenario.built("-j0").ran) == ["a", "b"]


def test_pool_goes_on_after_a_failed_step(scenario: Scenario) -> None:
    scenario.edges(
        "pool p\n  depth = 1\nbuild a: fail\n  pool = p\nbuild b: touch\n  pool = p\nbuild c: touch\n  pool = p\n"
    )
    result = scenario.ninja("-k0")
    assert result.status == 1
    assert sorted(result.ran) == ["a", "b", "c"]


def test_console_steps_run_one_at_a_time(scenario: Scenario) -> None:
    scenario.manifest(ALONE + many("alone", "  pool = console\n"))
    assert len(scenario.built("-j8").ran) == 8


def test_console_step_reads_the_input_of_ninja(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = cat > $out\n  pool = console\nbuild out: r\n")
    assert scenario.ninja(stdin="hello").status == 0
    assert scenario.read("out") == "hello"


def test_other_steps_read_nothing(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = cat > $out\nbuild out: r\n")
    assert scenario.ninja(stdin="hello").status == 0
    assert scenario.read("out") == ""


def test_console_step_writes_both_streams_itself(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = echo word; echo other >&2\n  pool = console\nbuild out: r\n")
    result = scenario.ninja()
    assert "word\n" in result.stdout
    assert result.stderr == "other\n"


def test_console_step_runs_beside_others(scenario: Scenario) -> None:
    os.mkfifo(scenario.path("pipe"))
    scenario.manifest(MEET + "build a: send\n  pool = console\nbuild b: receive\n")
    assert sorted(scenario.built("-j2").ran) == ["a", "b"]


def test_output_of_others_waits_for_the_console(scenario: Scenario) -> None:
    os.mkfifo(scenario.path("pipe"))
    scenario.manifest("""
        rule first
          command = echo noise; touch $out; echo > pipe
        rule hold
          command = echo begin; read x < pipe; echo end
          pool = console
        build a: first
        build b: hold
    """)
    out = scenario.built("-j2").stdout.splitlines()
    assert out.index("end") == out.index("begin") + 1
    assert "noise" in out


def test_failed_console_step_fails_the_build(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = echo gone; exit 3\n  pool = console\nbuild out: r\n")
    result = scenario.ninja()
    assert result.status == 3
    assert "FAILED: [code=3] out" in result.stdout


def test_step_after_a_full_pool_still_starts(scenario: Scenario) -> None:
    scenario.write(
        "build.ninja",
        RULES
        + "pool p\n  depth = 1\n"
        + "".join(f"build p{number}: touch\n  pool = p\n" for number in range(20))
        + "build out: touch p0 p7 p19\n",
    )
    ran = scenario.built("-j4").ran
    assert len(ran) == 21
    assert ran.index("out") > max(ran.index("p0"), ran.index("p7"), ran.index("p19"))
