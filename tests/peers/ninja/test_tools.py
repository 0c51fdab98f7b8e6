"""The tools behind -t: what they list, print and clean."""

from __future__ import annotations

import json

import pytest
from tests.peers.ninja.scenario import RULES, Scenario

TREE = """
rule cc
  command = cp $in $out
  description = CC $out
rule link
  command = cat $in > $out
build a.o: cc a.c | a.h || gen
build b.o: cc b.c
build gen: link gen.src
build app: link a.o b.o |@ check
build check: link app
build all: phony app
default all
"""


@pytest.fixture
def tree(scenario: Scenario) -> Scenario:
    """A small program with its sources, not built yet."""
    for name in ("a.c", "a.h", "b.c", "gen.src"):
        scenario.write(name, name)
    scenario.manifest(TREE)
    return scenario


def lines(scenario: Scenario, *args: str) -> list[str]:
    return scenario.built("-t", *args).stdout.splitlines()


def test_tools_run_no_step(tree: Scenario) -> None:
    for args in (["targets"], ["commands"], ["query", "app"], ["graph"], ["compdb"], ["inputs", "app"]):
        lines(tree, *args)
    assert not tree.exists("app")


def test_targets_shows_the_ends(tree: Scenario) -> None:
    assert lines(tree, "targets") == ["check: link", "all: phony"]


def test_targets_to_a_depth_shows_the_tree(tree: Scenario) -> None:
    shown = lines(tree, "targets", "depth", "3")
    at = shown.index("all: phony")
    assert shown[at:] == ["all: phony", "  app: link", "    a.o: cc", "    b.o: cc"]


def test_targets_to_no_depth_shows_all_the_tree(tree: Scenario) -> None:
    shown = lines(tree, "targets", "depth", "0")
    at = shown.index("all: phony")
    assert shown[at:] == [
        "all: phony",
        "  app: link",
        "    a.o: cc",
        "      a.c",
        "      a.h",
        "      gen: link",
        "        gen.src",
        "    b.o: cc",
        "      b.c",
    ]


def test_targets_all_lists_every_output(tree: Scenario) -> None:
    assert lines(tree, "targets", "all") == [
        "a.o: cc",
        "b.o: cc",
        "gen: link",
        "app: link",
        "check: link",
        "all: phony",
    ]


def test_targets_of_a_rule_are_listed_sorted(tree: Scenario) -> None:
    assert lines(tree, "targets", "rule", "link") == ["app", "check", "gen"]


def test_targets_of_no_rule_are_the_sources(tree: Scenario) -> None:
    assert sorted(lines(tree, "targets", "rule")) == ["a.c", "a.h", "b.c", "gen.src"]


def test_targets_in_an_unknown_way_are_an_error(tree: Scenario) -> None:
    result = tree.ninja("-t", "targets", "nonsense")
    assert result.status == 1
    assert "nonsense" in result.stderr


def test_commands_come_in_the_order_of_a_build(tree: Scenario) -> None:
    assert lines(tree, "commands", "app") == [
        "cat gen.src > gen",
        "cp a.c a.o",
        "cp b.c b.o",
        "cat a.o b.o > app",
    ]


def test_commands_of_the_defaults_are_shown_without_a_target(tree: Scenario) -> None:
    assert lines(tree, "commands") == lines(tree, "commands", "all")


def test_single_command_leaves_the_chain_out(tree: Scenario) -> None:
    assert lines(tree, "commands", "-s", "app") == ["cat a.o b.o > app"]


def test_commands_of_an_unknown_target_are_an_error(tree: Scenario) -> None:
    assert tree.ninja("-t", "commands", "nothing-like-it").status == 1


def test_inputs_are_all_that_goes_into_a_target(tree: Scenario) -> None:
    assert lines(tree, "inputs", "app") == ["a.c", "a.h", "a.o", "b.c", "b.o", "gen", "gen.src"]


def test_inputs_leave_aliases_out(tree: Scenario) -> None:
    assert lines(tree, "inputs", "all") == ["a.c", "a.h", "a.o", "app", "b.c", "b.o", "gen", "gen.src"]


def test_inputs_may_come_in_the_order_of_a_build(tree: Scenario) -> None:
    assert lines(tree, "inputs", "-d", "app") == ["a.c", "a.h", "gen.src", "gen", "a.o", "b.c", "b.o"]


def test_inputs_are_quoted_unless_told_otherwise(scenario: Scenario) -> None:
    scenario.edges("build out: cat a$ b\n")
    assert lines(scenario, "inputs", "out") == ["'a b'"]
    assert lines(scenario, "inputs", "-E", "out") == ["a b"]
    assert lines(scenario, "inputs", "--no-shell-escape", "out") == ["a b"]


def test_inputs_may_end_in_nul(tree: Scenario) -> None:
    assert tree.built("-t", "inputs", "-0", "b.o").stdout == "b.c\0"


def test_multi_inputs_name_the_target_of_each(tree: Scenario) -> None:
    assert lines(tree, "multi-inputs", "b.o", "gen") == ["b.o\tb.c", "gen\tgen.src"]


def test_multi_inputs_take_another_delimiter(tree: Scenario) -> None:
    assert lines(tree, "multi-inputs", "-d", " <- ", "b.o") == ["b.o <- b.c"]
    assert tree.built("-t", "multi-inputs", "--print0", "b.o").stdout == "b.o\tb.c\0"


def test_query_shows_what_goes_in_and_what_comes_out(tree: Scenario) -> None:
    assert lines(tree, "query", "a.o") == [
        "a.o:",
        "  input: cc",
        "    a.c",
        "    | a.h",
        "    || gen",
        "  outputs:",
        "    app",
    ]


def test_query_of_a_source_shows_its_readers(tree: Scenario) -> None:
    assert lines(tree, "query", "a.h") == ["a.h:", "  outputs:", "    a.o"]


def test_query_shows_validations(tree: Scenario) -> None:
    assert lines(tree, "query", "app") == [
        "app:",
        "  input: link",
        "    a.o",
        "    b.o",
        "  validations:",
        "    check",
        "  outputs:",
        "    check",
        "    all",
    ]


def test_query_of_nothing_is_an_error(tree: Scenario) -> None:
    assert tree.ninja("-t", "query").status == 1
    assert tree.ninja("-t", "query", "nothing-like-it").status == 1


def test_rules_are_listed_sorted(tree: Scenario) -> None:
    assert lines(tree, "rules") == ["cc", "link", "phony"]


def test_rules_may_show_their_description(tree: Scenario) -> None:
    assert lines(tree, "rules", "-d") == ["cc: CC ${out}", "link", "phony"]


def test_graph_is_a_digraph_of_all_files(tree: Scenario) -> None:
    text = tree.built("-t", "graph", "app").stdout
    assert text.startswith("digraph ninja {")
    assert text.rstrip().endswith("}")
    assert [name for name in ("app", "a.o", "a.c", "a.h", "gen") if f'label="{name}"' not in text] == []


def database(scenario: Scenario, *args: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(scenario.built("-t", *args).stdout)
    return entries


def test_compdb_of_a_rule_has_an_entry_for_each_step(tree: Scenario) -> None:
    entries = database(tree, "compdb", "cc")
    first = {entry["output"]: entry for entry in entries}["a.o"]
    assert {entry["output"] for entry in entries} == {"a.o", "b.o"}
    assert first["file"] == "a.c"
    assert first["command"] == "cp a.c a.o"
    assert first["directory"] == str(tree.root.resolve())


def test_compdb_without_a_rule_has_all_steps(tree: Scenario) -> None:
    assert {entry["output"] for entry in database(tree, "compdb")} >= {"a.o", "b.o", "gen", "app"}


def test_compdb_of_several_rules_has_the_steps_of_each(tree: Scenario) -> None:
    assert {entry["output"] for entry in database(tree, "compdb", "cc", "link")} >= {"a.o", "gen", "app"}


def test_compdb_of_an_unknown_rule_is_empty(tree: Scenario) -> None:
    assert database(tree, "compdb", "nothing") == []


def test_compdb_is_json_whatever_the_command_says(scenario: Scenario) -> None:
    scenario.manifest('rule r\n  command = echo "a\\b" ü > $out\nbuild out: r in\n')
    assert database(scenario, "compdb", "r")[0]["command"] == 'echo "a\\b" ü > out'


@pytest.mark.parametrize("form", ["cc @$rsp -c", "cc -f $rsp -c", "cc --option-file=$rsp -c"])
def test_compdb_may_put_response_files_in_place(scenario: Scenario, form: str) -> None:
    scenario.manifest(f"""
        rule cc
          command = {form.replace("$rsp", "$out.rsp")}
          rspfile = $out.rsp
          rspfile_content = -O2 $in_newline
        build out: cc a b
    """)
    assert database(scenario, "compdb", "cc")[0]["command"] == form.replace("$rsp", "out.rsp")
    assert database(scenario, "compdb", "-x", "cc")[0]["command"] == "cc -O2 a b -c"


def test_compdb_of_targets_has_all_that_goes_into_them(tree: Scenario) -> None:
    assert {entry["output"] for entry in database(tree, "compdb-targets", "a.o")} == {"a.o", "gen"}
    assert {entry["output"] for entry in database(tree, "compdb-targets", "b.o")} == {"b.o"}


def test_compdb_of_targets_wants_a_target(tree: Scenario) -> None:
    assert tree.ninja("-t", "compdb-targets").status == 1
    assert tree.ninja("-t", "compdb-targets", "nothing-like-it").status == 1
    assert tree.ninja("-t", "compdb-targets", "a.c").status == 1


def outputs(scenario: Scenario) -> set[str]:
    return {name for name in ("a.o", "b.o", "gen", "app", "check") if scenario.exists(name)}


def test_clean_removes_all_that_was_built(tree: Scenario) -> None:
    tree.built()
    assert outputs(tree) == {"a.o", "b.o", "gen", "app", "check"}
    assert "5 files" in tree.built("-t", "clean").stdout
    assert outputs(tree) == set()
    assert tree.exists("a.c")
    tree.built()
    assert outputs(tree) == {"a.o", "b.o", "gen", "app", "check"}


def test_clean_of_a_clean_folder_removes_nothing(tree: Scenario) -> None:
    assert "0 files" in tree.built("-t", "clean").stdout


def test_clean_of_a_target_removes_what_it_is_made_of(tree: Scenario) -> None:
    tree.built()
    tree.built("-t", "clean", "a.o")
    assert outputs(tree) == {"b.o", "app", "check"}


def test_clean_of_rules_removes_their_outputs(tree: Scenario) -> None:
    tree.built()
    tree.built("-t", "clean", "-r", "cc")
    assert outputs(tree) == {"gen", "app", "check"}


def test_clean_of_rules_wants_a_rule(tree: Scenario) -> None:
    assert tree.ninja("-t", "clean", "-r").status == 1
    assert tree.ninja("-t", "clean", "-r", "nothing").status == 1


def test_clean_of_an_unknown_target_is_an_error(tree: Scenario) -> None:
    assert tree.ninja("-t", "clean", "nothing-like-it").status == 1


def test_clean_on_a_dry_run_only_counts(tree: Scenario) -> None:
    tree.built()
    assert "5 files" in tree.built("-n", "-t", "clean").stdout
    assert len(outputs(tree)) == 5


def test_verbose_clean_names_the_files(tree: Scenario) -> None:
    tree.built()
    assert "Remove a.o" in tree.built("-v", "-t", "clean").stdout


def test_clean_leaves_what_generators_made_unless_told(scenario: Scenario) -> None:
    scenario.edges("build made: touch\n  generator = 1\nbuild out: touch\n")
    scenario.built()
    scenario.built("-t", "clean")
    assert (scenario.exists("made"), scenario.exists("out")) == (True, False)
    scenario.built("-t", "clean", "-g")
    assert not scenario.exists("made")


def test_clean_removes_depfiles_and_response_files(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n  depfile = out.d\n  rspfile = out.rsp\n  rspfile_content = x\n")
    for name in ("out", "out.d", "out.rsp"):
        scenario.write(name)
    scenario.built("-t", "clean")
    assert not any(scenario.exists(name) for name in ("out", "out.d", "out.rsp"))


def test_clean_spares_files_that_aliases_name(scenario: Scenario) -> None:
    scenario.write("alias")
    scenario.edges("build out: touch\nbuild alias: phony out\n")
    scenario.built("-t", "clean")
    assert scenario.exists("alias")


def test_clean_removes_what_dyndep_files_name(scenario: Scenario) -> None:
    scenario.write("dd", "ninja_dyndep_version = 1\nbuild out | side: dyndep\n")
    scenario.write("side")
    scenario.edges("build out: touch || dd\n  dyndep = dd\n")
    scenario.built("-t", "clean")
    assert not scenario.exists("side")
    assert scenario.exists("dd")


def test_cleandead_removes_what_no_step_makes_any_more(scenario: Scenario) -> None:
    scenario.edges("build old: touch\nbuild out: touch\n")
    scenario.built()
    scenario.edges("build out: touch\n")
    assert "1 files" in scenario.built("-t", "cleandead").stdout
    assert (scenario.exists("old"), scenario.exists("out")) == (False, True)


def test_cleandead_spares_an_output_that_became_a_source(scenario: Scenario) -> None:
    scenario.edges("build old: touch\nbuild out: touch\n")
    scenario.built()
    scenario.edges("build out: touch old\n")
    scenario.built("-t", "cleandead")
    assert scenario.exists("old")


def dependent(scenario: Scenario) -> None:
    """Build a.o, which reports a.c and a.h, and a file that reports nothing."""
    scenario.write("a.c")
    scenario.write("a.h")
    scenario.edges("""
        rule cc
          command = touch $out; echo '$out: a.c a.h' > $out.d
          depfile = $out.d
          deps = gcc
        build a.o: cc a.c
        build plain: touch
    """)
    scenario.built()


def test_deps_shows_what_was_reported(scenario: Scenario) -> None:
    dependent(scenario)
    shown = lines(scenario, "deps", "a.o")
    assert shown[0].startswith("a.o: #deps 2, deps mtime ")
    assert shown[0].endswith("(VALID)")
    assert shown[1:3] == ["    a.c", "    a.h"]


def test_deps_without_a_target_shows_all(scenario: Scenario) -> None:
    dependent(scenario)
    shown = lines(scenario, "deps")
    assert [line.split(":")[0] for line in shown if line and not line.startswith(" ")] == ["a.o"]


def test_deps_of_a_newer_output_are_stale(scenario: Scenario) -> None:
    dependent(scenario)
    scenario.touch("a.o")
    assert lines(scenario, "deps", "a.o")[0].endswith("(STALE)")


def test_deps_that_were_never_reported_are_not_found(scenario: Scenario) -> None:
    dependent(scenario)
    assert lines(scenario, "deps", "plain") == ["plain: deps not found"]


def test_recompact_keeps_what_is_known(scenario: Scenario) -> None:
    dependent(scenario)
    assert scenario.built("-t", "recompact").ran == []
    assert scenario.ninja().idle
    assert lines(scenario, "deps", "a.o")[1:3] == ["    a.c", "    a.h"]


def test_recompact_without_records_is_fine(tree: Scenario) -> None:
    tree.built("-t", "recompact")


def test_restat_takes_the_times_of_outputs_as_they_are(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build a: touch in\nbuild b: touch in\n")
    scenario.built()
    scenario.touch("in")
    scenario.touch("a")
    scenario.touch("b")
    scenario.built("-t", "restat", "a")
    assert scenario.built().ran == ["b"]


def test_restat_without_names_takes_all(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build a: touch in\nbuild b: touch in\n")
    scenario.built()
    scenario.touch("in")
    scenario.touch("a")
    scenario.touch("b")
    scenario.built("-t", "restat")
    assert scenario.ninja().idle


def test_restat_without_records_is_fine(tree: Scenario) -> None:
    tree.built("-t", "restat")


def test_missingdeps_finds_a_header_that_no_path_leads_to(scenario: Scenario) -> None:
    scenario.write("gen.src")
    scenario.edges("""
        rule cc
          command = touch $out; echo '$out: gen.h' > $out.d
          depfile = $out.d
          deps = gcc
        build gen.h: cat gen.src
        build a.o: cc
    """)
    scenario.built("-j1")
    result = scenario.ninja("-t", "missingdeps")
    assert result.status == 3
    assert "gen.h" in result.stdout


def test_missingdeps_is_content_with_a_sound_build(scenario: Scenario) -> None:
    dependent(scenario)
    scenario.built("-t", "missingdeps")


@pytest.mark.parametrize(
    "tool",
    ["clean", "commands", "compdb", "compdb-targets", "inputs", "multi-inputs", "restat", "rules"],
)
def test_tool_tells_its_usage(tree: Scenario, tool: str) -> None:
    result = tree.ninja("-t", tool, "-h")
    assert result.status == 1
    assert "sage" in result.said


def test_tool_reads_the_manifest_named(scenario: Scenario) -> None:
    scenario.write("x.ninja", RULES + "build out: touch\n")
    assert scenario.built("-f", "x.ninja", "-t", "targets").stdout == "out: touch\n"


def test_tool_refuses_a_broken_manifest(scenario: Scenario) -> None:
    scenario.write("build.ninja", "broken here\n")
    result = scenario.ninja("-t", "targets")
    assert result.status == 1
    assert result.blames("build.ninja", 1)
