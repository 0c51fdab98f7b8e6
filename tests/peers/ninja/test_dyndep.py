"""Inputs and outputs that a dyndep file adds to a step, be the file a source or built in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

VERSION = "ninja_dyndep_version = 1\n"

READER = """
build extra: cat extra.src
build out: touch || dd
  dyndep = dd
default out
"""


def test_input_from_a_source_file_is_built_first(scenario: Scenario) -> None:
    scenario.write("extra.src")
    scenario.write("dd", VERSION + "build out: dyndep | extra\n")
    scenario.edges(READER)
    assert scenario.built().ran == ["extra", "out"]
    assert scenario.ninja().idle
    scenario.touch("extra.src")
    assert scenario.built().ran == ["extra", "out"]


def test_input_from_a_built_file_is_built_first(scenario: Scenario) -> None:
    scenario.write("extra.src")
    scenario.write("dd.src", VERSION + "build out: dyndep | extra\n")
    scenario.edges(READER + "build dd: cat dd.src\n")
    assert scenario.built().ran == ["dd", "extra", "out"]
    assert scenario.ninja().idle
    scenario.touch("extra.src")
    assert scenario.built().ran == ["extra", "out"]


def test_missing_input_from_the_file_runs_its_reader_and_is_no_error(scenario: Scenario) -> None:
    scenario.write("dd.src", VERSION + "build out: dyndep | nowhere\n")
    scenario.edges("build dd: cat dd.src\nbuild out: touch || dd\n  dyndep = dd\n")
    assert scenario.built("out").ran == ["dd", "out"]
    assert scenario.built("out").ran == ["out"]


def test_changed_file_brings_new_inputs(scenario: Scenario) -> None:
    scenario.write("extra.src")
    scenario.write("dd.src", VERSION + "build out: dyndep\n")
    scenario.edges(READER + "build dd: cat dd.src\n")
    assert scenario.built().ran == ["dd", "out"]
    scenario.edit("dd.src", VERSION + "build out: dyndep | extra\n")
    assert scenario.built().ran == ["dd", "extra", "out"]
    assert scenario.ninja().idle


def test_order_only_file_that_says_the_same_spares_its_reader(scenario: Scenario) -> None:
    scenario.write("extra.src")
    scenario.write("dd.src", VERSION + "build out: dyndep | extra\n")
    scenario.edges(READER + "build dd: cat dd.src\n")
    scenario.built()
    scenario.touch("dd.src")
    assert scenario.built().ran == ["dd"]


def test_output_from_the_file_is_built_by_its_step(scenario: Scenario) -> None:
    scenario.write("dd", VERSION + "build out | side: dyndep\n")
    scenario.edges("""
        rule both
          command = touch $out side && echo $out >> ran.log
        build out: both || dd
          dyndep = dd
        build reader: cat side || out
        default reader
    """)
    assert scenario.built().ran == ["out", "reader"]
    scenario.remove("side")
    assert scenario.built().ran == ["out", "reader"]


def test_output_from_the_file_feeds_another_step_of_the_file(scenario: Scenario) -> None:
    scenario.write("dd.src", VERSION + "build maker | side: dyndep\nbuild taker: dyndep | side\n")
    scenario.edges("""
        rule both
          command = touch $out side && echo $out >> ran.log
        build dd: cat dd.src
        build taker: touch || dd
          dyndep = dd
        build maker: both || dd
          dyndep = dd
    """)
    assert scenario.built("taker").ran == ["dd", "maker", "taker"]
    assert scenario.ninja("taker").idle
    scenario.remove("side")
    assert scenario.built("taker").ran == ["maker", "taker"]


def test_restat_in_the_file_cuts_the_chain(scenario: Scenario) -> None:
    scenario.write("in", "same")
    scenario.write("dd", VERSION + "build mid: dyndep\n  restat = 1\n")
    scenario.edges("""
        rule update
          command = cmp -s $in $out || cp $in $out; echo $out >> ran.log
        build mid: update in || dd
          dyndep = dd
        build out: cat mid
    """)
    assert scenario.built().ran == ["mid", "out"]
    scenario.touch("in")
    assert scenario.built().ran == ["mid"]
    assert scenario.ninja().idle


def test_one_file_may_speak_for_many_steps(scenario: Scenario) -> None:
    scenario.write("x", "X")
    scenario.write("y", "Y")
    scenario.write("dd", VERSION + "build a: dyndep | x\nbuild b: dyndep | y\n")
    scenario.edges("build a: touch || dd\n  dyndep = dd\nbuild b: touch || dd\n  dyndep = dd\ndefault a b\n")
    scenario.built()
    scenario.touch("y")
    assert scenario.built().ran == ["b"]


def test_each_step_may_have_a_file_of_its_own(scenario: Scenario) -> None:
    scenario.write("a.src", VERSION + "build a: dyndep | b\n")
    scenario.write("b.src", VERSION + "build b: dyndep\n")
    scenario.edges("""
        build a.dd: cat a.src
        build b.dd: cat b.src
        build a: touch || a.dd
          dyndep = a.dd
        build b: touch || b.dd
          dyndep = b.dd
    """)
    ran = scenario.built("a").ran
    assert ran[-2:] == ["b", "a"]
    assert sorted(ran[:2]) == ["a.dd", "b.dd"]


def test_file_as_a_plain_input_rebuilds_its_reader(scenario: Scenario) -> None:
    scenario.write("dd", VERSION + "build out: dyndep\n")
    scenario.edges("build out: touch | dd\n  dyndep = dd\ndefault out\n")
    scenario.built()
    scenario.touch("dd")
    assert scenario.built().ran == ["out"]


def test_rule_may_name_the_file(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.write("dd", VERSION + "build out: dyndep | in\n")
    scenario.manifest("""
        rule r
          command = touch $out && echo $out >> ran.log
          dyndep = dd
        build out: r || dd
        default out
    """)
    scenario.built()
    scenario.touch("in")
    assert scenario.built().ran == ["out"]


def test_file_with_comments_escapes_and_crlf_is_read(scenario: Scenario) -> None:
    scenario.write("an input")
    scenario.write(
        "dd", "# made by a scanner\r\nninja_dyndep_version = 1.0\r\n\r\nbuild out: dyndep | $\r\n  an$ input\r\n"
    )
    scenario.edges("build out: touch || dd\n  dyndep = dd\ndefault out\n")
    scenario.built()
    scenario.touch("an input")
    assert scenario.built().ran == ["out"]


def test_cycle_that_the_file_closes_is_an_error(scenario: Scenario) -> None:
    scenario.write("dd", VERSION + "build a: dyndep | b\n")
    scenario.edges("build a: touch || dd\n  dyndep = dd\nbuild b: cat a\n")
    result = scenario.ninja("b")
    assert result.status == 1
    assert "dependency cycle" in result.stderr


def test_cycle_that_a_built_file_closes_is_an_error(scenario: Scenario) -> None:
    scenario.write("dd.src", VERSION + "build a: dyndep | b\n")
    scenario.edges("build dd: cat dd.src\nbuild a: touch || dd\n  dyndep = dd\nbuild b: cat a\n")
    result = scenario.ninja("b")
    assert result.status == 1
    assert "dependency cycle" in result.said
    assert result.ran == ["dd"]


def test_output_that_another_step_makes_is_an_error(scenario: Scenario) -> None:
    scenario.write("dd", VERSION + "build a | b: dyndep\n")
    scenario.edges("build a: touch || dd\n  dyndep = dd\nbuild b: touch\n")
    result = scenario.ninja("a")
    assert result.status == 1
    assert "multiple rules generate b" in result.stderr


def test_file_that_does_not_mention_its_step_is_an_error(scenario: Scenario) -> None:
    scenario.write("dd", VERSION)
    scenario.edges("build out: touch || dd\n  dyndep = dd\n")
    result = scenario.ninja("out")
    assert result.status == 1
    assert "'out' not mentioned in its dyndep file 'dd'" in result.stderr


def test_file_that_mentions_a_step_without_it_is_an_error(scenario: Scenario) -> None:
    scenario.write("dd", VERSION + "build out: dyndep\nbuild other: dyndep\n")
    scenario.edges("build out: touch || dd\n  dyndep = dd\nbuild other: touch\n")
    result = scenario.ninja("out")
    assert result.status == 1
    assert "'other'" in result.stderr


def test_missing_file_that_nothing_makes_is_an_error(scenario: Scenario) -> None:
    scenario.edges("build out: touch || dd\n  dyndep = dd\n")
    result = scenario.ninja("out")
    assert result.status == 1
    assert "dd" in result.stderr
    assert result.ran == []


@pytest.mark.parametrize(
    ("text", "line", "phrase"),
    [
        ("", 1, "expected 'ninja_dyndep_version"),
        ("build out: dyndep\n", 1, "expected 'ninja_dyndep_version"),
        ("x = 1\n", 1, "expected 'ninja_dyndep_version"),
        ("ninja_dyndep_version = 2\n", 1, "unsupported 'ninja_dyndep_version = 2'"),
        (VERSION + "rule x\n", 2, "unexpected 'rule'"),
        (VERSION + "x = 1\n", 2, "unexpected identifier"),
        (VERSION + "build nothing: dyndep\n", 2, "no build statement exists for 'nothing'"),
        (VERSION + "build out: touch\n", 2, "expected build command name 'dyndep'"),
        (VERSION + "build out: dyndep x\n", 2, "explicit inputs not supported"),
        (VERSION + "build out x: dyndep\n", 2, "explicit outputs not supported"),
        (VERSION + "build out: dyndep || x\n", 2, "order-only inputs not supported"),
        (VERSION + "build out: dyndep\n  pool = x\n", 3, "binding is not 'restat'"),
        (VERSION + "build out: dyndep\nbuild out: dyndep\n", 3, "multiple statements for 'out'"),
    ],
)
def test_broken_file_is_refused_by_line(scenario: Scenario, text: str, line: int, phrase: str) -> None:
    scenario.write("dd", text)
    scenario.edges("build out: touch || dd\n  dyndep = dd\n")
    result = scenario.ninja("out")
    assert result.status == 1
    assert phrase in result.stderr
    assert result.blames("dd", line)
    assert result.ran == []


def test_broken_file_that_was_built_stops_its_reader(scenario: Scenario) -> None:
    scenario.write("dd.src", "nonsense\n")
    scenario.edges("build dd: cat dd.src\nbuild out: touch || dd\n  dyndep = dd\n")
    result = scenario.ninja("out")
    assert result.status == 1
    assert "dd:1" in result.said
    assert result.ran == ["dd"]
