"""What ninja refuses: broken manifests (with file and line), bad graphs, bad targets and bad flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

R = "rule r\n  command = touch $out\n"


@pytest.mark.parametrize(
    ("text", "line", "phrase"),
    [
        ("x\n", 1, "expected '='"),
        ("x = $\n", 2, "unexpected EOF"),
        ("a = 1\nx = $!\n", 2, "bad $-escape"),
        ("x = ${y\n", 1, "bad $-escape"),
        ("x = ${a b}\n", 1, "bad $-escape"),
        ("a = 1\nx = 3", 2, "unexpected EOF"),
        ("a = 1\n\tx = 3\n", 2, "tabs are not allowed"),
        ("rule r\n\tcommand = x\n", 2, ""),
        ("  x = 3\n", 1, "unexpected indent"),
        (R + "build a: r\n\n  x = 3\n", 5, "unexpected indent"),
        ("a = 1\n= 3\n", 2, "unexpected '='"),
        (": x\n", 1, "unexpected ':'"),
        ("rule r\n  command = x\n  whatever = y\n", 3, "unexpected variable 'whatever'"),
        (R + R, 3, "duplicate rule 'r'"),
        ("rule\n", 1, "expected rule name"),
        ("rule phony\n  command = x\n", 1, "duplicate rule 'phony'"),
        ("rule %\n", 1, "expected rule name"),
        ("rule r x\n", 1, "expected newline"),
        ("rule r\n  command\n", 2, "expected '='"),
        (R + "build\n", 3, "expected path"),
        (R + "build : r\n", 3, "expected path"),
        (R + "build a\n", 3, "expected ':'"),
        (R + "build a b c\n", 3, "expected ':'"),
        (R + "build a:\n", 3, "expected build command name"),
        (R + "build a: x\n", 3, "unknown build rule 'x'"),
        (R + "build a: r b:c\n", 3, "expected newline"),
        (R + "build a: r || b | c\n", 3, "expected newline"),
        (R + "build a: r |@ b || c\n", 3, "expected newline"),
        (R + "build a: r\n  x\n", 4, "expected '='"),
        ("pool\n", 1, "expected pool name"),
        ("pool p\n  depth = -1\n", 2, "invalid pool depth"),
        ("pool p\n  size = 1\n", 2, "unexpected variable 'size'"),
        ("pool p\n  depth = 1\npool p\n  depth = 2\n", 3, "duplicate pool 'p'"),
        ("default\n", 1, "expected target name"),
        ("default a\n", 1, "unknown target 'a'"),
        (R + "build a: r\ndefault b\n", 4, "unknown target 'b'"),
        (R + "build a: r\ndefault a:\n", 4, "expected newline"),
        ("default $empty\n", 1, "empty path"),
        ("a = 1\ninclude none.ninja\n", 2, "none.ninja"),
        ("a = 1\nsubninja none.ninja\n", 2, "none.ninja"),
        ("include a b\n", 1, ""),
    ],
)
def test_broken_manifest_is_refused_by_line(scenario: Scenario, text: str, line: int, phrase: str) -> None:
    scenario.write("build.ninja", text)
    result = scenario.ninja()
    assert result.status == 1
    assert phrase in result.stderr
    assert result.blames("build.ninja", line), result.stderr


@pytest.mark.parametrize(
    ("text", "first", "last", "phrase"),
    [
        ("rule r\n", 1, 1, "expected 'command ='"),
        ("rule r\n  description = x\nbuild a: r\n", 1, 2, "expected 'command ='"),
        ("rule r\n  command = x\n  rspfile = y\n", 1, 3, "rspfile and rspfile_content need to be both"),
        ("rule r\n  command = x\n  rspfile_content = y\n", 1, 3, "rspfile and rspfile_content need to be both"),
        ("pool p\n", 1, 1, "expected 'depth ='"),
        (R + "build $empty: r\n", 3, 3, "empty path"),
        (R + "build a: r $empty\n", 3, 3, "empty path"),
        (R + "build a: r\n  pool = p\n", 3, 4, "unknown pool name 'p'"),
        (R + "build a: r\nbuild b: r\nbuild a: r\n", 5, 5, "multiple rules generate a"),
        (R + "build a: r\nbuild ./x/../a: r\n", 4, 4, "multiple rules generate a"),
        (R + "build a | b: r\nbuild b: r\n", 4, 4, "multiple rules generate b"),
        (R + "build a a: r\n", 3, 3, "a is defined as an output multiple times"),
        (R + "build a: r\n  dyndep = dd\n", 3, 4, "dyndep 'dd' is not an input"),
    ],
)
def test_statement_that_does_not_fit_is_refused(
    scenario: Scenario, text: str, first: int, last: int, phrase: str
) -> None:
    """The error names a line of the statement, or the one behind it."""
    scenario.write("build.ninja", text)
    result = scenario.ninja()
    assert result.status == 1
    assert phrase in result.stderr
    assert any(result.blames("build.ninja", line) for line in range(first, last + 2)), result.stderr


def test_error_shows_the_line_and_the_place(scenario: Scenario) -> None:
    scenario.write("build.ninja", "good = 1\nbad = one $! two\n")
    result = scenario.ninja()
    shown = result.stderr.splitlines()
    at = shown.index(next(line for line in shown if "bad = one $! two" in line))
    assert shown[at + 1].strip().startswith("^")


def test_error_in_an_included_file_names_that_file(scenario: Scenario) -> None:
    scenario.write("parts/more.ninja", "a = 1\nbuild x: nothing\n")
    scenario.manifest("include parts/more.ninja\n")
    result = scenario.ninja()
    assert result.status == 1
    assert result.blames("parts/more.ninja", 2)


def test_error_in_a_subninja_names_that_file(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "pool p\n  depth = -1\n")
    scenario.manifest("subninja sub.ninja\n")
    result = scenario.ninja()
    assert result.status == 1
    assert result.blames("sub.ninja", 2)


def test_missing_manifest_is_an_error(scenario: Scenario) -> None:
    result = scenario.ninja()
    assert result.status == 1
    assert "build.ninja" in result.stderr


def test_missing_named_manifest_is_an_error(scenario: Scenario) -> None:
    result = scenario.ninja("-f", "other.ninja")
    assert result.status == 1
    assert "other.ninja" in result.stderr


def test_too_new_a_required_version_ends_at_once(scenario: Scenario) -> None:
    scenario.write("build.ninja", "ninja_required_version = 99.0\nnot ninja at all\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "99.0" in result.stderr
    assert "expected" not in result.stderr


def test_missing_input_is_an_error_before_any_step(scenario: Scenario) -> None:
    scenario.edges("build mid: touch\nbuild out: cat mid none\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "'none', needed by 'out', missing and no known rule to make it" in result.stderr
    assert result.ran == []


@pytest.mark.parametrize("kind", ["|", "||"])
def test_missing_hidden_input_is_an_error(scenario: Scenario, kind: str) -> None:
    scenario.edges(f"build out: touch {kind} none\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "'none', needed by 'out'" in result.stderr


def test_unknown_target_is_an_error(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    result = scenario.ninja("nothing-like-it")
    assert result.status == 1
    assert "unknown target 'nothing-like-it'" in result.stderr


def test_unknown_target_comes_with_a_guess(scenario: Scenario) -> None:
    scenario.edges("build output: touch\n")
    assert "did you mean 'output'?" in scenario.ninja("outputt").stderr


def test_unknown_target_stops_the_known_ones(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    result = scenario.ninja("out", "zzzzzzzz")
    assert (result.status, result.ran) == (1, [])


def test_clean_as_a_target_is_answered_with_the_tool(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    assert "ninja -t clean" in scenario.ninja("clean").stderr


def test_empty_target_is_an_error(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    assert scenario.ninja("").status == 1


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ("build a: cat a\n", "a -> a"),
        ("build a: cat b\nbuild b: cat a\n", "a -> b -> a"),
        ("build a: cat b\nbuild b: cat c\nbuild c: cat | a\n", "a -> b -> c -> a"),
        ("build a: cat b\nbuild b: cat || a\n", "a -> b -> a"),
        ("build a: phony b\nbuild b: phony a\n", "a -> b -> a"),
        ("build top: cat a\nbuild a: cat b\nbuild b: cat a\n", "a -> b -> a"),
        ("build x a: cat b\nbuild b: cat a\n", "a -> b -> a"),
    ],
)
def test_cycle_is_an_error(scenario: Scenario, edges: str, cycle: str) -> None:
    scenario.edges(edges)
    result = scenario.ninja("top" if "top" in edges else "a")
    assert result.status == 1
    assert "dependency cycle: " in result.stderr
    assert cycle in result.stderr
    assert result.ran == []


def test_graph_that_is_all_cycle_has_no_ends_to_build(scenario: Scenario) -> None:
    scenario.edges("build a: cat b\nbuild b: cat a\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "could not determine root nodes" in result.stderr


def test_phony_that_names_itself_is_let_pass(scenario: Scenario) -> None:
    scenario.edges("build a: phony a\nbuild all: cat | a\ndefault all\n")
    result = scenario.ninja("-n")
    assert result.status == 0
    assert "phony target 'a' names itself" in result.stderr


def test_phony_that_names_itself_may_be_made_an_error(scenario: Scenario) -> None:
    scenario.edges("build a: phony a\n")
    result = scenario.ninja("-w", "phonycycle=err", "a")
    assert result.status == 1
    assert "dependency cycle: a -> a" in result.stderr


def test_cycle_out_of_reach_does_no_harm(scenario: Scenario) -> None:
    scenario.edges("build a: cat b\nbuild b: cat a\nbuild out: touch\n")
    assert scenario.built("out").ran == ["out"]


@pytest.mark.parametrize(
    ("args", "phrase"),
    [
        (["-w", "nonsense"], "nonsense"),
        (["-d", "nonsense"], "nonsense"),
        (["-t", "nonsense"], "nonsense"),
        (["-j", "many"], "-j"),
        (["-j", "-3"], "-j"),
        (["-k", "many"], "-k"),
        (["-l", "much"], "-l"),
        (["--nonsense"], "nonsense"),
        (["-C", "no/such/folder"], "no/such/folder"),
    ],
)
def test_bad_flag_is_an_error(scenario: Scenario, args: list[str], phrase: str) -> None:
    scenario.edges("build out: touch\n")
    result = scenario.ninja(*args)
    assert result.status != 0
    assert phrase in result.said
    assert result.ran == []


def test_cycle_of_variables_in_a_rule_is_an_error(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = $description
          description = $depfile
          depfile = $description
        build out: r
    """)
    result = scenario.ninja()
    assert result.status != 0
    assert "cycle in rule variables" in result.stderr


def test_unknown_kind_of_deps_is_an_error(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\n  deps = clang\n  depfile = d\nbuild out: r\n")
    result = scenario.ninja()
    assert result.status != 0
    assert "clang" in result.said


def test_output_that_cannot_be_placed_is_an_error(scenario: Scenario) -> None:
    scenario.write("file")
    scenario.edges("build file/out: touch\n")
    result = scenario.ninja()
    assert result.status == 1
    assert result.ran == []
