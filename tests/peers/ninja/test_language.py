"""The manifest language: variables and their scopes, escapes, layout, paths, and the parts of a build line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.peers.ninja.scenario import RULES

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario


def say(scenario: Scenario, text: str) -> str:
    """Build `out` with the manifest and return the line it says."""
    scenario.edges(text)
    scenario.built("out")
    return scenario.read("out").removesuffix("\n")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain", "plain"),
        ("a b  c", "a b  c"),
        ("   leading", "leading"),
        ("trailing  ", "trailing  "),
        ("a # b", "a # b"),
        ("a | b : c || d", "a | b : c || d"),
        ("a$ b", "a b"),
        ("a$:b", "a:b"),
        ("$word", "WORD"),
        ("${word}s", "WORDs"),
        ("$word.c", "WORD.c"),
        ("$word-c", ""),
        ("$word$word", "WORDWORD"),
        ("${dotted.name}", "DOTTED"),
        ("$dotted.name", ".name"),
        ("$unknown", ""),
        ("[$unknown]", "[]"),
        ("", ""),
        ("x=y", "x=y"),
        ("naïve", "naïve"),
    ],
)
def test_value_of_a_variable_expands(scenario: Scenario, value: str, said: str) -> None:
    assert say(scenario, f"word = WORD\ndotted.name = DOTTED\ntext = {value}\nbuild out: say\n") == said


def test_two_dollars_are_one(scenario: Scenario) -> None:
    scenario.edges("text = a$$$$b\nbuild out: say\n")
    assert "printf '%s\\n' \"a$$b\"" in scenario.built("-t", "commands").stdout


def test_file_variable_takes_its_value_where_it_is_set(scenario: Scenario) -> None:
    assert say(scenario, "a = 1\ntext = $a\na = 2\nbuild out: say\n") == "1"


def test_file_variable_may_extend_itself(scenario: Scenario) -> None:
    assert say(scenario, "text = 1\ntext = $text 2\nbuild out: say\n") == "1 2"


def test_command_sees_the_last_value_of_a_file_variable(scenario: Scenario) -> None:
    assert say(scenario, "text = 1\nbuild out: say\ntext = 2\n") == "2"


def test_edge_variable_hides_the_file_variable(scenario: Scenario) -> None:
    assert say(scenario, "text = file\nbuild out: say\n  text = edge\n") == "edge"


def test_edge_variable_may_extend_the_file_variable(scenario: Scenario) -> None:
    assert say(scenario, "text = file\nbuild out: say\n  text = $text edge\n") == "file edge"


def test_edge_variable_does_not_see_its_sibling(scenario: Scenario) -> None:
    assert say(scenario, "a = file\nbuild out: say\n  a = edge\n  text = $a\n") == "file"


def test_edge_variable_stays_with_its_edge(scenario: Scenario) -> None:
    assert say(scenario, "text = file\nbuild other: say\n  text = edge\nbuild out: say\n") == "file"


def test_edge_variable_takes_its_value_where_it_is_set(scenario: Scenario) -> None:
    assert say(scenario, "a = 1\nbuild out: say\n  text = $a\na = 2\n") == "1"


def test_edge_variable_hides_the_variable_of_its_rule(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = touch $out
          description = RULE $out
        build a: r
        build b: r
          description = EDGE
    """)
    assert set(scenario.built("-j1").stdout.splitlines()) >= {"[1/2] RULE a", "[2/2] EDGE"}


def test_variable_of_a_rule_hides_the_file_variable(scenario: Scenario) -> None:
    scenario.manifest("""
        description = FILE
        depfile = file.d
        rule r
          command = echo $depfile > $out
          depfile = rule.d
        build out: r
          unrelated = 1
    """)
    scenario.built()
    assert scenario.read("out") == "rule.d\n"


def test_file_variable_stands_in_for_one_the_rule_lacks(scenario: Scenario) -> None:
    scenario.manifest("""
        description = FILE $word
        rule r
          command = touch $out
        build out: r
    """)
    assert "[1/1] FILE" in scenario.built().stdout


def test_variable_of_a_rule_sees_the_edge(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = echo $description > $out
          description = $what for $out
        build out: r
          what = EDGE
    """)
    scenario.built()
    assert scenario.read("out") == "EDGE for out\n"


def test_edge_may_replace_the_command(scenario: Scenario) -> None:
    scenario.edges("build out: cat\n  command = echo mine > out\n")
    scenario.built()
    assert scenario.read("out") == "mine\n"


def test_paths_of_a_build_line_see_file_and_edge_variables(scenario: Scenario) -> None:
    scenario.write("in.txt", "text")
    scenario.edges("dir = d\nbuild $dir/${stem}.out: cat $stem.txt\n  stem = in\n")
    assert scenario.built().ran == ["d/in.out"]


def test_paths_of_a_build_line_take_their_value_where_they_stand(scenario: Scenario) -> None:
    scenario.edges("x = a\nbuild $x: touch\nx = b\n")
    assert scenario.built().ran == ["a"]


def test_rule_is_known_only_after_its_line(scenario: Scenario) -> None:
    scenario.manifest("build out: late\nrule late\n  command = touch $out\n")
    assert scenario.ninja().status == 1


def test_included_file_shares_the_scope(scenario: Scenario) -> None:
    scenario.write("more.ninja", "text = $text more\nrule extra\n  command = echo $text > $out\n")
    scenario.edges("text = file\ninclude more.ninja\nbuild out: extra\n")
    scenario.built()
    assert scenario.read("out") == "file more\n"


def test_subninja_sees_the_scope_around_it(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "build out: say\n")
    assert say(scenario, "text = outer\nsubninja sub.ninja\n") == "outer"


def test_subninja_keeps_its_variables_to_itself(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "text = inner\nbuild other: say\n")
    assert say(scenario, "text = outer\nsubninja sub.ninja\nbuild out: say\n") == "outer"
    scenario.built()
    assert scenario.read("other") == "inner\n"


def test_subninja_sees_later_values_of_the_outer_scope(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "build out: say\n")
    assert say(scenario, "text = early\nsubninja sub.ninja\ntext = late\n") == "late"


def test_subninja_may_define_a_rule_again(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "rule cat\n  command = echo inner > $out\nbuild out: cat\n")
    scenario.edges("subninja sub.ninja\nbuild outer: cat\n")
    scenario.built()
    assert scenario.read("out") == "inner\n"
    assert scenario.read("outer") == ""


def test_subninja_keeps_its_rules_to_itself(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "rule inner\n  command = touch $out\n")
    scenario.edges("subninja sub.ninja\nbuild out: inner\n")
    result = scenario.ninja()
    assert result.status == 1
    assert "unknown build rule 'inner'" in result.stderr


def test_subninja_shares_pools_and_targets(scenario: Scenario) -> None:
    scenario.write("sub.ninja", "pool p\n  depth = 1\nbuild mid: touch\n")
    scenario.edges("subninja sub.ninja\nbuild out: cat mid\n  pool = p\n")
    assert scenario.built().ran == ["mid", "out"]


def test_path_of_an_include_expands(scenario: Scenario) -> None:
    scenario.write("parts/more.ninja", "text = more\n")
    assert say(scenario, "dir = parts\ninclude $dir/more.ninja\nbuild out: say\n") == "more"


def test_line_continues_after_a_dollar(scenario: Scenario) -> None:
    assert say(scenario, "text = one$\n      two $\n   three\nbuild out: say\n") == "onetwo three"


def test_build_line_continues_after_a_dollar(scenario: Scenario) -> None:
    scenario.write("a", "A")
    scenario.write("b", "B")
    scenario.edges("build $\n    out $\n    : cat $\n  a $\n  b\n")
    scenario.built()
    assert scenario.read("out") == "AB"


def test_comments_and_empty_lines_are_skipped(scenario: Scenario) -> None:
    scenario.manifest("""
        # a comment

          # indented
        rule r
          # inside
          command = touch $out

        build out: r
        # between
          description = x

        # the end
    """)
    scenario.built()
    assert scenario.exists("out")


def test_indent_of_any_width_will_do(scenario: Scenario) -> None:
    scenario.manifest("rule r\n command = touch $out\nbuild out: r\n        description = x\n")
    scenario.built()
    assert scenario.exists("out")


def test_spaces_around_names_and_signs_do_not_matter(scenario: Scenario) -> None:
    assert say(scenario, "text=tight\nbuild   out  :  say  \n") == "tight"


def test_names_may_hold_dots_and_dashes(scenario: Scenario) -> None:
    scenario.manifest("rule my-rule.2_x\n  command = touch $out\nbuild out: my-rule.2_x\n")
    scenario.built()
    assert scenario.exists("out")


def test_manifest_may_have_crlf_lines(scenario: Scenario) -> None:
    text = RULES + "text = one $\n  two\nbuild out: say\n  # note\nbuild all: phony out\ndefault all\n"
    scenario.write("build.ninja", text.replace("\n", "\r\n"))
    scenario.built()
    assert scenario.read("out") == "one two\n"


@pytest.mark.parametrize("path", ["./mid", "dir/../mid", ".//mid", "a/b/../../mid", "./././mid", "a/../b/../mid"])
def test_spellings_of_a_path_are_one_file(scenario: Scenario, path: str) -> None:
    scenario.edges(f"build {path}: touch\nbuild out: cat mid\n")
    assert scenario.built().ran == ["mid", "out"]


def test_path_on_the_command_line_is_made_canonical(scenario: Scenario) -> None:
    scenario.edges("build d/out: touch\nbuild other: touch\n")
    assert scenario.built("./d//x/../out").ran == ["d/out"]


def test_path_outside_the_folder_keeps_its_dots(scenario: Scenario) -> None:
    scenario.edges("build ../x/../out: touch\n")
    assert scenario.built("../out").ran == ["../out"]
    assert scenario.exists("../out")


def test_absolute_path_is_a_target(scenario: Scenario) -> None:
    target = str(scenario.path("out"))
    scenario.edges(f"build {target}: touch\n")
    assert scenario.built(target).ran == [target]


def test_folders_of_outputs_are_made(scenario: Scenario) -> None:
    scenario.edges("build a/b/c/out | d/e/side: touch\n")
    scenario.built()
    assert scenario.path("d/e").is_dir()
    assert scenario.exists("a/b/c/out")


def test_in_and_out_hold_only_the_explicit_paths(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = touch a b c; echo '$in = $out' > seen
        build a b | c: r x y | i || o |@ v
        build x y i o v: phony
    """)
    scenario.built("a")
    assert scenario.read("seen") == "x y = a b\n"


def test_paths_in_a_command_are_quoted_for_the_shell(scenario: Scenario) -> None:
    scenario.write("a b", "1")
    scenario.write("it's", "2")
    scenario.write("d$x", "3")
    scenario.write("semi;colon", "4")
    scenario.edges("build the$ out: cat a$ b it's d$$x semi;colon\n")
    scenario.built()
    assert scenario.read("the out") == "1234"


def test_plain_paths_in_a_command_stay_unquoted(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = x $in $out\nbuild o/u_t-1.2+3: r a/b.c\n")
    assert scenario.built("-t", "commands").stdout == "x a/b.c o/u_t-1.2+3\n"


def test_other_paths_in_a_command_stand_in_single_quotes(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = x $in > $out\nbuild o: r a$ b it's\n")
    assert scenario.built("-t", "commands").stdout == "x 'a b' 'it'\\''s' > o\n"


def test_in_newline_puts_each_input_on_its_line(scenario: Scenario) -> None:
    scenario.write("a")
    scenario.write("b c")
    scenario.manifest("""
        rule r
          command = cp $out.rsp $out
          rspfile = $out.rsp
          rspfile_content = $in_newline
        build out: r a b$ c
    """)
    scenario.built()
    assert scenario.read("out") == "a\n'b c'"


def test_path_may_hold_a_colon_and_a_dollar(scenario: Scenario) -> None:
    scenario.write("c:d", "1")
    scenario.edges("build o$:p: cat c$:d\n")
    assert scenario.built("o:p").ran == ["o:p"]


def test_path_may_hold_letters_beyond_ascii(scenario: Scenario) -> None:
    scenario.write("übung", "1")
    scenario.edges("build außen: cat übung\n")
    assert scenario.built("außen").ran == ["außen"]
    assert scenario.read("außen") == "1"


def test_default_names_what_is_built(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: touch\nbuild c: touch\nx = c\ndefault a\ndefault ./$x\n")
    assert sorted(scenario.built().ran) == ["a", "c"]


def test_default_is_set_aside_by_named_targets(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: touch\ndefault a\n")
    assert scenario.built("b").ran == ["b"]


def test_without_default_all_ends_are_built(scenario: Scenario) -> None:
    scenario.edges("build mid: touch\nbuild a: cat mid\nbuild b: touch\n")
    assert sorted(scenario.built().ran) == ["a", "b", "mid"]


def test_default_may_name_several_targets_and_an_alias(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: touch\nbuild both: phony a\ndefault both b\n")
    assert sorted(scenario.built().ran) == ["a", "b"]


def test_implicit_output_is_a_target(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = touch a side && echo $out >> ran.log
        build a | side: r
    """)
    assert scenario.built("side").ran == ["a"]


def test_build_line_may_have_only_implicit_outputs(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch side\nbuild | side: r\n")
    scenario.built("side")
    assert scenario.exists("side")


def test_inputs_of_every_kind_are_built_first(scenario: Scenario) -> None:
    scenario.edges("""
        build a: touch
        build b: touch
        build c: touch
        build out: cat a | b || c
    """)
    ran = scenario.built("out").ran
    assert sorted(ran[:3]) == ["a", "b", "c"]
    assert ran[3:] == ["out"]


def test_builddir_keeps_the_records(scenario: Scenario) -> None:
    scenario.edges("builddir = state/here\nbuild out: touch\n")
    scenario.built()
    assert scenario.records() == []
    assert scenario.path("state/here").is_dir()
    assert scenario.ninja().idle


def test_required_version_that_is_met_is_fine(scenario: Scenario) -> None:
    scenario.edges("ninja_required_version = 1.5\nbuild out: touch\n")
    assert scenario.built().ran == ["out"]


def test_command_may_span_shell_syntax(scenario: Scenario) -> None:
    scenario.manifest("""
        rule r
          command = x=1; if [ $$x = 1 ]; then echo "yes; no" | cat > $out; fi
        build out: r
    """)
    scenario.built()
    assert scenario.read("out") == "yes; no\n"


def test_manifest_without_edges_has_nothing_to_do(scenario: Scenario) -> None:
    scenario.edges("x = 1\n")
    assert scenario.ninja().idle


def test_empty_manifest_has_nothing_to_do(scenario: Scenario) -> None:
    scenario.write("build.ninja", "")
    assert scenario.ninja().idle


def test_keyword_may_begin_the_name_of_a_variable(scenario: Scenario) -> None:
    assert say(scenario, "build_type = x\ndefaults = y\ntext = $build_type$defaults\nbuild out: say\n") == "xy"
