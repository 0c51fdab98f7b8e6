"""Runs that are cut off: by an interrupt, which ninja tidies up after, and by a kill, which it cannot."""

from __future__ import annotations

import signal

import pytest
from tests.peers.ninja.scenario import IS_JETON, Scenario

SLOW = """
rule slow
  command = $
    echo half > $out; $
    if [ -p gate ]; then read x < gate; exit 1; fi; $
    echo whole > $out; echo $out >> ran.log
rule late
  command = $
    if [ -p gate ]; then read x < gate; exit 1; fi; $
    echo whole > $out; echo $out >> ran.log
"""


def cut(scenario: Scenario, number: signal.Signals, *args: str) -> int:
    """Run ninja until its step is at the gate, send the signal, and return the exit status."""
    gate = scenario.gate("gate")
    process = scenario.start(*args)
    gate.reached(process)
    process.send_signal(number)
    if number == signal.SIGKILL:
        process.wait()
        gate.open()
        scenario.finish(process)
    else:
        scenario.finish(process)
        gate.open()
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_step_leaves_no_half_output(scenario: Scenario, number: signal.Signals) -> None:
    scenario.manifest(SLOW + "build out: slow\n")
    assert cut(scenario, number) == 130
    assert not scenario.exists("out")
    assert scenario.built().ran == ["out"]
    assert scenario.read("out") == "whole\n"


def test_interrupt_is_told(scenario: Scenario) -> None:
    scenario.manifest(SLOW + "build out: slow\n")
    gate = scenario.gate("gate")
    process = scenario.start()
    gate.reached(process)
    process.send_signal(signal.SIGINT)
    assert "interrupted by user" in scenario.finish(process).said


def test_interrupted_step_that_wrote_nothing_yet_keeps_its_old_output(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.manifest(SLOW + "build out: late in\n")
    scenario.built()
    scenario.touch("in")
    assert cut(scenario, signal.SIGINT) == 130
    assert scenario.read("out") == "whole\n"
    assert scenario.built().ran == ["out"]


def test_interrupted_step_with_a_depfile_loses_its_old_output(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.manifest(SLOW + "build out: late in\n  depfile = out.d\n  deps = gcc\n")
    scenario.built()
    scenario.touch("in")
    assert cut(scenario, signal.SIGINT) == 130
    assert not scenario.exists("out")
    assert scenario.built().ran == ["out"]


def test_interrupted_step_loses_its_depfile(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = echo 'out:' > out.d; if [ -p gate ]; then read x < gate; fi; touch out
          depfile = out.d
        build out: r
    """)
    assert cut(scenario, signal.SIGINT) == 130
    assert not scenario.exists("out.d")


def test_interrupt_loses_every_output_of_its_step(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = touch a b; if [ -p gate ]; then read x < gate; fi; echo $out >> ran.log
        build a | b: r
    """)
    assert cut(scenario, signal.SIGINT) == 130
    assert not scenario.exists("a")
    assert not scenario.exists("b")


def test_steps_done_before_the_interrupt_stay_done(scenario: Scenario) -> None:
    scenario.manifest(SLOW + "build first: slow\nbuild out: slow | first\n")
    scenario.built("first")
    assert cut(scenario, signal.SIGINT) == 130
    assert scenario.built().ran == ["out"]


def test_killed_first_build_is_made_good(scenario: Scenario) -> None:
    scenario.manifest(SLOW + "build out: slow\n")
    assert cut(scenario, signal.SIGKILL) == -signal.SIGKILL
    assert scenario.read("out") == "half\n"
    assert scenario.built().ran == ["out"]
    assert scenario.read("out") == "whole\n"


def test_killed_rebuild_is_made_good(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.manifest(SLOW + "build out: slow in\n")
    scenario.built()
    scenario.touch("in")
    cut(scenario, signal.SIGKILL)
    assert scenario.read("out") == "half\n"
    assert scenario.built().ran == ["out"]


def test_killed_rebuild_for_a_changed_command_is_made_good(scenario: Scenario) -> None:
    scenario.manifest(SLOW + "build out: slow\n")
    scenario.built()
    scenario.manifest(SLOW.replace("whole", "full") + "build out: slow\n")
    cut(scenario, signal.SIGKILL)
    assert scenario.built().ran == ["out"]
    assert scenario.read("out") == "full\n"


@pytest.mark.skipif(not IS_JETON, reason="ninja takes the half-written output for the one it recorded")
def test_killed_rebuild_of_a_removed_output_is_made_good(scenario: Scenario) -> None:
    scenario.manifest(SLOW + "build out: slow\n")
    scenario.built()
    scenario.remove("out")
    cut(scenario, signal.SIGKILL)
    assert scenario.read("out") == "half\n"
    assert scenario.built().ran == ["out"]
    assert scenario.read("out") == "whole\n"


def test_steps_done_before_the_kill_stay_done(scenario: Scenario) -> None:
    scenario.manifest(
        SLOW
        + "rule quick\n  command = touch $out && echo $out >> ran.log\n"
        + "build first: quick\nbuild out: slow first\n"
    )
    cut(scenario, signal.SIGKILL)
    assert scenario.built().ran == ["out"]


def test_record_torn_by_a_kill_is_no_trouble(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: touch\nbuild c: touch\n")
    scenario.built("-j1")
    for record in scenario.records():
        record.write_bytes(record.read_bytes()[:-7])
    scenario.built()
    scenario.built()
    assert scenario.ninja().idle
