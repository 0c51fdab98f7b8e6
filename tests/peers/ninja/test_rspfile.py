"""Response files: written before the step, removed when it succeeds, kept when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

RULE = """
rule r
  command = cp $rspfile $out && echo $out >> ran.log && test ! -e bad
  rspfile = $out.rsp
  rspfile_content = $content
"""


def test_step_finds_its_response_file(scenario: Scenario) -> None:
    scenario.manifest(RULE + "build out: r\n  content = one two\n")
    scenario.built()
    assert scenario.read("out") == "one two"


def test_response_file_is_removed_on_success(scenario: Scenario) -> None:
    scenario.manifest(RULE + "build out: r\n  content = x\n")
    scenario.built()
    assert not scenario.exists("out.rsp")


def test_response_file_is_kept_on_failure(scenario: Scenario) -> None:
    scenario.write("bad")
    scenario.manifest(RULE + "build out: r\n  content = x\n")
    assert scenario.ninja().status == 1
    assert scenario.read("out.rsp") == "x"


def test_keeprsp_keeps_the_response_file(scenario: Scenario) -> None:
    scenario.manifest(RULE + "build out: r\n  content = x\n")
    scenario.built("-d", "keeprsp")
    assert scenario.read("out.rsp") == "x"


def test_changed_content_runs_the_step_again(scenario: Scenario) -> None:
    scenario.manifest(RULE + "build out: r\n  content = 1\n")
    scenario.built()
    assert scenario.ninja().idle
    scenario.manifest(RULE + "build out: r\n  content = 2\n")
    assert scenario.built().ran == ["out"]


def test_response_file_may_stay_empty(scenario: Scenario) -> None:
    scenario.manifest(RULE + "build out: r\n")
    scenario.built()
    assert scenario.read("out") == ""


def test_content_holds_the_inputs_quoted(scenario: Scenario) -> None:
    scenario.write("a b")
    scenario.write("c")
    scenario.manifest(RULE.replace("$content", "$in") + "build out: r a$ b c\n")
    scenario.built()
    assert scenario.read("out") == "'a b' c"


def test_content_may_be_long(scenario: Scenario) -> None:
    names = [f"some/long/path/to/input/number{number}" for number in range(8000)]
    for number in (0, len(names) - 1):
        scenario.write(names[number])
    scenario.manifest(
        RULE.replace("$content", "$in_newline") + f"build {' '.join(names)}: phony\nbuild out: r {' '.join(names)}\n"
    )
    scenario.built("out")
    assert scenario.read("out").split("\n") == names


def test_response_file_may_lie_in_a_folder_made_for_the_output(scenario: Scenario) -> None:
    scenario.manifest(RULE + "build d/out: r\n  content = x\n")
    scenario.built()
    assert scenario.read("d/out") == "x"


def test_path_of_the_response_file_is_not_quoted(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = cp 'my out.rsp' $out
          rspfile = $out.rsp
          rspfile_content = x
        build my$ out: r
    """)
    scenario.built()
    assert scenario.read("my out") == "x"
