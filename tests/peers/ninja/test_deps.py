"""Inputs a step reports itself: depfiles kept beside the output, and depfiles taken into the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

MODES = ("", "  deps = gcc\n")


def compile_rule(mode: str) -> str:
    """Give a rule whose step reports what the file `<input>.deps` says."""
    return (
        "rule cc\n  command = cat $in > $out && cp $in.deps $out.d && echo $out >> ran.log\n  depfile = $out.d\n" + mode
    )


def compiled(scenario: Scenario, mode: str, deps: str = "a.o: a.c a.h\n") -> None:
    """Build a.o from a.c with the depfile given."""
    scenario.write("a.c", "C")
    scenario.write("a.h", "H")
    scenario.write("a.c.deps", deps)
    scenario.edges(compile_rule(mode) + "build a.o: cc a.c\n")
    assert scenario.built().ran == ["a.o"]


@pytest.mark.parametrize("mode", MODES)
def test_reported_input_that_is_touched_rebuilds(scenario: Scenario, mode: str) -> None:
    compiled(scenario, mode)
    assert scenario.ninja().idle
    scenario.touch("a.h")
    assert scenario.built().ran == ["a.o"]
    assert scenario.ninja().idle


@pytest.mark.parametrize("mode", MODES)
def test_touched_header_rebuilds_only_its_reader(scenario: Scenario, mode: str) -> None:
    for stem in ("a", "b"):
        scenario.write(f"{stem}.c")
        scenario.write(f"{stem}.h")
        scenario.write(f"{stem}.c.deps", f"{stem}.o: {stem}.c {stem}.h\n")
    scenario.edges(compile_rule(mode) + "build a.o: cc a.c\nbuild b.o: cc b.c\nbuild out: cat a.o b.o\n")
    scenario.built()
    scenario.touch("b.h")
    assert scenario.built().ran == ["b.o", "out"]


@pytest.mark.parametrize("mode", MODES)
def test_reported_input_that_is_gone_rebuilds_and_is_no_error(scenario: Scenario, mode: str) -> None:
    compiled(scenario, mode)
    scenario.remove("a.h")
    scenario.write("a.c.deps", "a.o: a.c\n")
    assert scenario.built().ran == ["a.o"]
    assert scenario.ninja().idle


@pytest.mark.parametrize("mode", MODES)
def test_newly_reported_input_counts_from_then_on(scenario: Scenario, mode: str) -> None:
    compiled(scenario, mode)
    scenario.write("new.h")
    scenario.write("a.c.deps", "a.o: a.c a.h new.h\n")
    scenario.touch("a.c")
    scenario.built()
    scenario.touch("new.h")
    assert scenario.built().ran == ["a.o"]


@pytest.mark.parametrize("mode", MODES)
def test_input_no_longer_reported_counts_no_more(scenario: Scenario, mode: str) -> None:
    compiled(scenario, mode)
    scenario.write("a.c.deps", "a.o: a.c\n")
    scenario.touch("a.c")
    scenario.built()
    scenario.touch("a.h")
    assert scenario.ninja().idle


@pytest.mark.parametrize("mode", MODES)
def test_generated_header_that_was_reported_is_built_first(scenario: Scenario, mode: str) -> None:
    scenario.write("a.c")
    scenario.write("h.src")
    scenario.write("a.c.deps", "a.o: a.c gen.h\n")
    scenario.edges(compile_rule(mode) + "build gen.h: cat h.src\nbuild a.o: cc a.c || gen.h\n")
    assert scenario.built().ran == ["gen.h", "a.o"]
    scenario.touch("h.src")
    assert scenario.built("a.o").ran == ["gen.h", "a.o"]
    assert scenario.ninja().idle


@pytest.mark.parametrize("mode", MODES)
def test_order_only_input_that_is_not_reported_rebuilds_nothing(scenario: Scenario, mode: str) -> None:
    scenario.write("a.c")
    scenario.write("h.src")
    scenario.write("a.c.deps", "a.o: a.c\n")
    scenario.edges(compile_rule(mode) + "build gen.h: cat h.src\nbuild a.o: cc a.c || gen.h\n")
    scenario.built()
    scenario.touch("h.src")
    assert scenario.built().ran == ["gen.h"]


def test_depfile_stays_where_it_was_written(scenario: Scenario) -> None:
    compiled(scenario, "")
    assert scenario.read("a.o.d") == "a.o: a.c a.h\n"


def test_depfile_taken_into_the_records_is_removed(scenario: Scenario) -> None:
    compiled(scenario, "  deps = gcc\n")
    assert not scenario.exists("a.o.d")


def test_keepdepfile_keeps_the_depfile(scenario: Scenario) -> None:
    scenario.write("a.c")
    scenario.write("a.c.deps", "a.o: a.c\n")
    scenario.edges(compile_rule("  deps = gcc\n") + "build a.o: cc a.c\n")
    scenario.built("-d", "keepdepfile")
    assert scenario.exists("a.o.d")
    assert scenario.ninja().idle


def test_missing_depfile_rebuilds(scenario: Scenario) -> None:
    compiled(scenario, "")
    scenario.remove("a.o.d")
    assert scenario.built().ran == ["a.o"]
    assert scenario.ninja().idle


def test_depfile_never_written_is_fine_when_taken_in(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n  depfile = out.d\n  deps = gcc\n")
    assert scenario.built().ran == ["out"]
    assert scenario.ninja().idle


def test_depfile_never_written_rebuilds_each_time(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n  depfile = out.d\n")
    assert scenario.built().ran == ["out"]
    assert scenario.built().ran == ["out"]


def test_folder_of_the_depfile_is_made(scenario: Scenario) -> None:
    scenario.edges("""
        rule r
          command = echo 'out:' > d/e/x.d; touch out
          depfile = d/e/x.d
        build out: r
    """)
    scenario.built()
    assert scenario.exists("d/e/x.d")


def test_recorded_deps_of_an_output_made_newer_by_hand_are_not_trusted(scenario: Scenario) -> None:
    compiled(scenario, "  deps = gcc\n")
    scenario.touch("a.o")
    assert scenario.built().ran == ["a.o"]


def test_lost_records_of_deps_rebuild(scenario: Scenario) -> None:
    compiled(scenario, "  deps = gcc\n")
    for record in scenario.records():
        record.unlink()
    assert scenario.built().ran == ["a.o"]
    assert scenario.ninja().idle


def test_deps_switched_on_rebuild_once(scenario: Scenario) -> None:
    compiled(scenario, "")
    scenario.edges(compile_rule("  deps = gcc\n") + "build a.o: cc a.c\n")
    assert scenario.built().ran == ["a.o"]
    assert scenario.ninja().idle


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "deps",
    [
        "a.o: a.c \\\n  a.h\n",
        "a.o: a.c \\\r\n  a.h\r\n",
        "a.o : a.c a.h\n",
        "a.o: a.c a.h",
        "a.o: \\\n a.c \\\n a.h\n\n",
        "a.o: a.c\na.o: a.h\n",
        "a.o: a.c a.h\n\na.h:\n",
        "a.o: a.h a.h a.c a.h\n",
        "./a.o: ./a.c x/../a.h\n",
        "a.o:  a.c   a.h  \n",
        "\n\na.o: a.c a.h\n",
    ],
)
def test_depfile_is_read_in_every_layout(scenario: Scenario, mode: str, deps: str) -> None:
    compiled(scenario, mode, deps)
    assert scenario.ninja().idle
    scenario.touch("a.h")
    assert scenario.built().ran == ["a.o"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("header", "escaped"),
    [
        ("a b.h", "a\\ b.h"),
        ("a#b.h", "a\\#b.h"),
        ("a$b.h", "a$$b.h"),
        ("a:b.h", "a\\:b.h"),
        ("a\\b.h", "a\\b.h"),
        ("a+b=[c],{d}~!@.h", "a+b=[c],{d}~!@.h"),
        ("ü.h", "ü.h"),
    ],
)
def test_depfile_escapes_are_undone(scenario: Scenario, mode: str, header: str, escaped: str) -> None:
    scenario.write(header)
    compiled(scenario, mode, f"a.o: a.c {escaped}\n")
    assert scenario.ninja().idle
    scenario.touch(header)
    assert scenario.built().ran == ["a.o"]


def test_depfile_of_another_target_rebuilds_each_time(scenario: Scenario) -> None:
    compiled(scenario, "", "b.o: a.c a.h\n")
    assert scenario.built().ran == ["a.o"]


def test_name_of_the_target_does_not_matter_when_taken_in(scenario: Scenario) -> None:
    compiled(scenario, "  deps = gcc\n", "b.o: a.c a.h\n")
    assert scenario.ninja().idle
    scenario.touch("a.h")
    assert scenario.built().ran == ["a.o"]


def test_depfile_may_name_all_outputs_of_its_step(scenario: Scenario) -> None:
    scenario.write("h")
    scenario.edges("""
        rule r
          command = touch a b; echo 'a b: h' > a.d; echo $out >> ran.log
          depfile = a.d
        build a b: r
    """)
    scenario.built()
    assert scenario.ninja().idle
    scenario.touch("h")
    assert scenario.built().ran == ["a b"]


def test_recorded_deps_hold_for_all_outputs_of_a_step(scenario: Scenario) -> None:
    scenario.write("h")
    scenario.edges("""
        rule r
          command = touch a b; echo 'a: h' > a.d; echo $out >> ran.log
          depfile = a.d
          deps = gcc
        build a b: r
        build c: cat b
    """)
    scenario.built()
    assert scenario.ninja().idle
    scenario.touch("h")
    assert scenario.built().ran == ["a b", "c"]


def test_depfile_with_an_output_nobody_declared_is_an_error(scenario: Scenario) -> None:
    compiled(scenario, "", "a.o other.o: a.c\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "other.o" in result.stderr


def test_depfile_without_a_colon_is_an_error_for_the_next_run(scenario: Scenario) -> None:
    compiled(scenario, "", "a.o a.c\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "expected ':' in depfile" in result.stderr


def test_depfile_without_a_colon_fails_the_step_that_reports_it(scenario: Scenario) -> None:
    scenario.write("a.c")
    scenario.write("a.c.deps", "a.o a.c\n")
    scenario.edges(compile_rule("  deps = gcc\n") + "build a.o: cc a.c\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "expected ':' in depfile" in result.said
    scenario.write("a.c.deps", "a.o: a.c\n")
    assert scenario.built().ran == ["a.o"]


def test_deps_without_a_depfile_fail_the_step(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n  deps = gcc\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "depfile" in result.said


def test_failed_step_records_no_deps(scenario: Scenario) -> None:
    compiled(scenario, "  deps = gcc\n")
    scenario.edges(
        compile_rule("  deps = gcc\n").replace("ran.log", "ran.log && test ! -e bad") + "build a.o: cc a.c\n"
    )
    scenario.write("bad")
    assert scenario.ninja().status == 1
    scenario.remove("bad")
    assert scenario.built().ran == ["a.o"]


def test_restat_holds_with_reported_inputs(scenario: Scenario) -> None:
    scenario.write("a.h", "1")
    scenario.edges("""
        rule r
          command = cmp -s a.h $out || cp a.h $out; echo '$out: a.h' > $out.d; echo $out >> ran.log
          depfile = $out.d
          deps = gcc
          restat = 1
        build a.o: r
        build out: cat a.o
    """)
    scenario.built()
    scenario.touch("a.h")
    assert scenario.built().ran == ["a.o"]
    assert scenario.ninja().idle
    scenario.edit("a.h", "2")
    assert scenario.built().ran == ["a.o", "out"]


def test_msvc_includes_are_taken_from_the_output(scenario: Scenario) -> None:
    scenario.write("a.h")
    scenario.edges("""
        rule cl
          command = echo a.c; echo 'Note: including file:  a.h'; echo seen; touch $out; echo $out >> ran.log
          deps = msvc
          description = CL
        build a.o: cl
    """)
    result = scenario.built()
    assert "including file" not in result.stdout
    assert "seen" in result.stdout
    assert scenario.ninja().idle
    scenario.touch("a.h")
    assert scenario.built().ran == ["a.o"]


def test_msvc_prefix_may_be_set(scenario: Scenario) -> None:
    scenario.write("a.h")
    scenario.edges("""
        msvc_deps_prefix = Hinweis:
        rule cl
          command = echo 'Hinweis: a.h'; touch $out; echo $out >> ran.log
          deps = msvc
        build a.o: cl
    """)
    assert "Hinweis" not in scenario.built("--quiet").stdout
    scenario.touch("a.h")
    assert scenario.built().ran == ["a.o"]
