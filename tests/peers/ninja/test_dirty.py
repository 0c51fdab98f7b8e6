"""When a step runs again: times, commands, missing files, restat, order-only inputs, phony and validations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

CHAIN = """
build mid: cat in
build out: cat mid
build apart: cat other
"""

RESTAT = """
rule update
  command = cmp -s $in $out || cp $in $out; echo $out >> ran.log
  restat = 1
"""


@pytest.fixture
def chain(scenario: Scenario) -> Scenario:
    """A built chain in -> mid -> out, and one step apart."""
    scenario.write("in", "1")
    scenario.write("other", "1")
    scenario.edges(CHAIN)
    scenario.built()
    return scenario


def test_all_steps_run_at_first(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.write("other")
    scenario.edges(CHAIN)
    assert sorted(scenario.built().ran) == ["apart", "mid", "out"]


def test_nothing_runs_the_second_time(chain: Scenario) -> None:
    assert chain.ninja().idle


def test_touched_input_rebuilds_what_comes_of_it(chain: Scenario) -> None:
    chain.touch("in")
    assert chain.built().ran == ["mid", "out"]
    assert chain.ninja().idle


def test_input_made_older_rebuilds_nothing(chain: Scenario) -> None:
    chain.write("in", "2")
    assert chain.ninja().idle


def test_touched_middle_rebuilds_its_reader_only(chain: Scenario) -> None:
    chain.touch("mid")
    assert chain.built().ran == ["out"]


def test_touched_output_rebuilds_nothing(chain: Scenario) -> None:
    chain.touch("out")
    assert chain.ninja().idle


def test_removed_output_is_made_again(chain: Scenario) -> None:
    chain.remove("out")
    assert chain.built().ran == ["out"]


def test_removed_middle_is_made_again_with_its_reader(chain: Scenario) -> None:
    chain.remove("mid")
    assert chain.built().ran == ["mid", "out"]


def test_removed_input_is_an_error(chain: Scenario) -> None:
    chain.remove("in")
    result = chain.ninja()
    assert result.status == 1
    assert "'in', needed by 'mid'" in result.stderr


def test_output_older_than_its_input_is_made_again(chain: Scenario) -> None:
    chain.write("mid", "stale")
    chain.age("in")
    assert chain.built().ran == ["mid", "out"]


def test_only_what_the_target_needs_is_checked(chain: Scenario) -> None:
    chain.touch("in")
    chain.touch("other")
    assert chain.built("apart").ran == ["apart"]
    assert chain.built("mid").ran == ["mid"]
    assert chain.built().ran == ["out"]


def test_changed_command_runs_again(chain: Scenario) -> None:
    chain.edges(CHAIN.replace("out: cat mid", "out: touch mid"))
    assert chain.built().ran == ["out"]
    assert chain.ninja().idle


def test_changed_variable_in_a_command_runs_it_again(scenario: Scenario) -> None:
    scenario.edges("build out: say\n  text = 1\n")
    scenario.built()
    scenario.edges("build out: say\n  text = 2\n")
    assert scenario.built().ran == ["out"]
    assert scenario.read("out") == "2\n"


def test_command_changed_back_runs_again(scenario: Scenario) -> None:
    for text in ("1", "2", "1"):
        scenario.edges(f"build out: say\n  text = {text}\n")
        assert scenario.built().ran == ["out"]


def test_changed_description_runs_nothing(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n  description = 1\n")
    scenario.built()
    scenario.edges("build out: touch\n  description = 2\n")
    assert scenario.ninja().idle


def test_touched_manifest_runs_nothing(chain: Scenario) -> None:
    chain.touch("build.ninja")
    assert chain.ninja().idle


def test_output_the_records_do_not_know_is_made_again(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build out: cat in\n")
    scenario.write("out")
    scenario.touch("out")
    assert scenario.built().ran == ["out"]


def test_changed_set_of_inputs_runs_again_by_its_command(scenario: Scenario) -> None:
    scenario.write("a", "A")
    scenario.write("b", "B")
    scenario.edges("build out: cat a\n")
    scenario.built()
    scenario.edges("build out: cat a b\n")
    assert scenario.built().ran == ["out"]
    assert scenario.read("out") == "AB"


def test_new_implicit_input_that_is_old_runs_nothing(scenario: Scenario) -> None:
    scenario.write("a")
    scenario.write("b")
    scenario.edges("build out: cat a\n")
    scenario.built()
    scenario.edges("build out: cat a | b\n")
    assert scenario.ninja().idle


def test_touched_implicit_input_runs_again(scenario: Scenario) -> None:
    scenario.write("a")
    scenario.write("b")
    scenario.edges("build out: cat a | b\n")
    scenario.built()
    scenario.touch("b")
    assert scenario.built().ran == ["out"]


def test_touched_order_only_input_runs_nothing(scenario: Scenario) -> None:
    scenario.write("a")
    scenario.write("b")
    scenario.edges("build out: cat a || b\n")
    scenario.built()
    scenario.touch("b")
    assert scenario.ninja().idle


def test_rebuilt_order_only_input_runs_only_itself(scenario: Scenario) -> None:
    scenario.write("src")
    scenario.edges("build first: cat src\nbuild out: touch || first\n")
    assert scenario.built().ran == ["first", "out"]
    scenario.touch("src")
    assert scenario.built().ran == ["first"]
    assert scenario.ninja().idle


def test_failed_step_runs_again(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = echo $out >> ran.log; touch $out; test -e good
        build out: r
    """)
    assert scenario.ninja().status == 1
    scenario.write("good")
    assert scenario.built().ran == ["out"]
    assert scenario.ninja().idle


def test_step_that_failed_after_writing_its_output_runs_again(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.manifest("""
        rule r
          command = echo $out >> ran.log; touch $out; test ! -e bad
        build out: r in
    """)
    scenario.built()
    scenario.touch("in")
    scenario.write("bad")
    assert scenario.ninja().status == 1
    scenario.remove("bad")
    assert scenario.built().ran == ["out"]


def test_input_edited_while_its_step_ran_makes_it_run_again(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.manifest("""
        rule r
          command = touch $out; until [ -e once -o in -nt $out ]; do echo >> in; done; touch once; echo $out >> ran.log
        build out: r in
    """)
    assert scenario.built().ran == ["out"]
    assert scenario.built().ran == ["out"]
    assert scenario.ninja().idle


def test_step_that_makes_no_output_runs_each_time(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = echo $out >> ran.log\nbuild out: r\n")
    assert scenario.built().ran == ["out"]
    assert scenario.built().ran == ["out"]


def test_reader_of_an_output_never_made_still_runs(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = echo $out >> ran.log
        build stamp: r
        build out: r stamp
    """)
    assert scenario.built().ran == ["stamp", "out"]


def test_one_removed_output_of_two_runs_their_step_once(scenario: Scenario) -> None:
    scenario.edges("build a b: touch\nbuild c: cat a\nbuild d: cat b\n")
    scenario.built()
    scenario.remove("b")
    ran = scenario.built().ran
    assert ran[0] == "a b"
    assert sorted(ran[1:]) == ["c", "d"]


def test_removed_implicit_output_runs_its_step(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = touch a side; echo $out >> ran.log
        build a | side: r
    """)
    scenario.built()
    scenario.remove("side")
    assert scenario.built("a").ran == ["a"]


def test_one_old_output_of_two_runs_their_step(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build a b: touch in\n")
    scenario.built()
    scenario.write("b")
    scenario.age("in")
    assert scenario.built().ran == ["a b"]


def test_restat_stops_the_chain_where_nothing_changed(scenario: Scenario) -> None:
    scenario.write("in", "same")
    scenario.edges(RESTAT + "build mid: update in\nbuild more: cat mid\nbuild out: cat more\n")
    assert scenario.built().ran == ["mid", "more", "out"]
    scenario.touch("in")
    assert scenario.built().ran == ["mid"]
    assert scenario.ninja().idle


def test_restat_lets_a_change_through(scenario: Scenario) -> None:
    scenario.write("in", "one")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: cat mid\n")
    scenario.built()
    scenario.edit("in", "two")
    assert scenario.built().ran == ["mid", "out"]
    assert scenario.read("out") == "two"
    assert scenario.ninja().idle


def test_restat_after_an_unchanged_run_still_sees_the_next_change(scenario: Scenario) -> None:
    scenario.write("in", "one")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: cat mid\n")
    scenario.built()
    scenario.touch("in")
    assert scenario.built().ran == ["mid"]
    scenario.edit("in", "two")
    assert scenario.built().ran == ["mid", "out"]


def test_restat_does_not_spare_a_reader_with_another_changed_input(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.write("own")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: cat mid own\n")
    scenario.built()
    scenario.touch("in")
    scenario.touch("own")
    assert sorted(scenario.built().ran) == ["mid", "out"]


def test_restat_does_not_spare_a_reader_with_a_changed_command(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: say mid\n  text = 1\n")
    scenario.built()
    scenario.touch("in")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: say mid\n  text = 2\n")
    assert scenario.built().ran == ["mid", "out"]


def test_restat_does_not_spare_a_missing_output(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: cat mid\n")
    scenario.built()
    scenario.touch("in")
    scenario.remove("out")
    assert scenario.built().ran == ["mid", "out"]


def test_restat_looks_at_each_output_alone(scenario: Scenario) -> None:
    scenario.write("a.in", "1")
    scenario.write("b.in", "1")
    scenario.edges("""
        rule both
          command = cmp -s a.in a || cp a.in a; cmp -s b.in b || cp b.in b; echo $out >> ran.log
          restat = 1
        build a b: both a.in b.in
        build of_a: cat a
        build of_b: cat b
    """)
    scenario.built()
    scenario.edit("b.in", "2")
    assert scenario.built().ran == ["a b", "of_b"]
    assert scenario.ninja().idle


def test_restat_looks_at_implicit_outputs(scenario: Scenario) -> None:
    scenario.write("in", "1")
    scenario.edges("""
        rule half
          command = touch $out; cmp -s $in side || cp $in side; echo $out >> ran.log
          restat = 1
        build a | side: half in
        build of_a: cat a
        build of_side: cat side
    """)
    scenario.built()
    scenario.touch("in")
    assert scenario.built().ran == ["a", "of_a"]


def test_restat_goes_on_through_an_alias(scenario: Scenario) -> None:
    scenario.write("in", "1")
    scenario.edges(RESTAT + "build mid: update in\nbuild alias: phony mid\nbuild out: touch | alias\n")
    scenario.built()
    scenario.touch("in")
    assert scenario.built().ran == ["mid"]


def test_restat_step_with_no_input_runs_its_reader_only_for_a_change(scenario: Scenario) -> None:
    scenario.write("in", "1")
    scenario.edges(RESTAT + "build always: phony\nbuild mid: update in | always\nbuild out: cat mid\ndefault out\n")
    scenario.built()
    assert scenario.built().ran == ["mid"]
    scenario.edit("in", "2")
    assert scenario.built().ran == ["mid", "out"]


def test_restat_of_an_output_never_made_spares_the_reader(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    scenario.built()
    scenario.edges("""
        rule never
          command = echo $out >> ran.log
          restat = 1
        build stamp: never
        build out: touch stamp
    """)
    assert scenario.built().ran == ["stamp"]


def test_restat_removed_output_is_made_again(scenario: Scenario) -> None:
    scenario.write("in", "1")
    scenario.edges(RESTAT + "build mid: update in\nbuild out: cat mid\n")
    scenario.built()
    scenario.remove("mid")
    assert scenario.built().ran == ["mid", "out"]


def test_generator_step_does_not_run_for_a_changed_command(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build out: say in\n  text = 1\n  generator = 1\n")
    scenario.built()
    scenario.edges("build out: say in\n  text = 2\n  generator = 1\n")
    assert scenario.ninja().idle
    scenario.touch("in")
    assert scenario.built().ran == ["out"]


def test_generator_output_the_records_do_not_know_is_fine(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build out: cat in\n  generator = 1\n")
    scenario.write("out")
    scenario.touch("out")
    assert scenario.ninja().idle


def test_alias_builds_what_it_names(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: touch\nbuild c: touch\nbuild two: phony a b\n")
    assert sorted(scenario.built("two").ran) == ["a", "b"]
    assert scenario.ninja("two").idle


def test_alias_without_inputs_makes_its_readers_run_each_time(scenario: Scenario) -> None:
    scenario.edges("build always: phony\nbuild out: touch always\n")
    assert scenario.built().ran == ["out"]
    assert scenario.built().ran == ["out"]


def test_alias_without_inputs_that_is_a_file_is_that_file(scenario: Scenario) -> None:
    scenario.write("header")
    scenario.edges("build header: phony\nbuild out: touch header\n")
    scenario.built("out")
    assert scenario.ninja("out").idle
    scenario.touch("header")
    assert scenario.built("out").ran == ["out"]


def test_alias_passes_the_time_of_its_inputs_on(scenario: Scenario) -> None:
    scenario.write("a")
    scenario.write("b")
    scenario.edges("build inner: phony a b\nbuild alias: phony inner\nbuild out: touch alias\n")
    scenario.built("out")
    assert scenario.ninja("out").idle
    scenario.touch("b")
    assert scenario.built("out").ran == ["out"]
    assert scenario.ninja("out").idle


def test_alias_as_order_only_input_passes_no_time_on(scenario: Scenario) -> None:
    scenario.write("a")
    scenario.edges("build alias: phony a\nbuild out: touch || alias\n")
    scenario.built("out")
    scenario.touch("a")
    assert scenario.ninja("out").idle


def test_alias_without_inputs_as_order_only_input_runs_nothing(scenario: Scenario) -> None:
    scenario.edges("build always: phony\nbuild out: touch || always\n")
    scenario.built("out")
    assert scenario.ninja("out").idle


def test_alias_of_a_missing_file_is_an_error(scenario: Scenario) -> None:
    scenario.edges("build alias: phony none\nbuild out: touch alias\n")
    result = scenario.ninja("out")
    assert result.status == 1
    assert "'none', needed by 'alias'" in result.stderr


def test_alias_never_counts_as_work(scenario: Scenario) -> None:
    scenario.edges("build always: phony\nbuild alias: phony always\ndefault alias\n")
    assert scenario.ninja().status == 0


def test_validation_runs_with_its_step(scenario: Scenario) -> None:
    scenario.edges("build check: touch\nbuild out: touch |@ check\n")
    assert sorted(scenario.built("out").ran) == ["check", "out"]
    assert scenario.ninja("out").idle


def test_validation_runs_even_when_its_step_is_clean(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build check: cat in\nbuild out: touch |@ check\n")
    scenario.built("out")
    scenario.touch("in")
    assert scenario.built("out").ran == ["check"]


def test_validation_may_read_what_it_checks(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build out: cat in |@ check\nbuild check: cat out\n")
    assert scenario.built("out").ran == ["out", "check"]
    scenario.touch("in")
    assert scenario.built("out").ran == ["out", "check"]


def test_failed_validation_fails_the_build_but_not_the_step(scenario: Scenario) -> None:
    scenario.edges("build check: fail\nbuild out: touch |@ check\nbuild more: cat out\n")
    result = scenario.ninja("-k0", "more")
    assert result.status == 1
    assert sorted(result.ran) == ["check", "more", "out"]


def test_validation_of_an_input_runs_too(scenario: Scenario) -> None:
    scenario.edges("build check: touch\nbuild mid: touch |@ check\nbuild out: cat mid\n")
    assert sorted(scenario.built("out").ran) == ["check", "mid", "out"]


def test_validation_may_have_a_validation(scenario: Scenario) -> None:
    scenario.edges("build c: touch\nbuild b: touch |@ c\nbuild a: touch |@ b\n")
    assert sorted(scenario.built("a").ran) == ["a", "b", "c"]


def test_folder_may_be_an_input(scenario: Scenario) -> None:
    scenario.write("dir/file")
    scenario.age("dir")
    scenario.edges("build out: touch | dir\n")
    scenario.built()
    assert scenario.ninja().idle
    scenario.touch("dir")
    assert scenario.built().ran == ["out"]


def test_lost_records_run_all_steps_again(chain: Scenario) -> None:
    for record in chain.records():
        record.unlink()
    assert sorted(chain.built().ran) == ["apart", "mid", "out"]


def test_shared_input_is_built_once(scenario: Scenario) -> None:
    scenario.edges("build base: touch\nbuild a: cat base\nbuild b: cat base\nbuild out: cat a b\n")
    ran = scenario.built().ran
    assert ran[0] == "base"
    assert sorted(ran[1:3]) == ["a", "b"]
    assert ran[3:] == ["out"]


def test_steps_done_before_a_failure_stay_done(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: fail a\n")
    assert scenario.ninja().ran == ["a", "b"]
    assert scenario.ninja().ran == ["b"]
