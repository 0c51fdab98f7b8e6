"""A run as its user sees it: flags, the status line, what is printed of a step, and the exit status."""

from __future__ import annotations

import pytest
from tests.peers.ninja.scenario import RULES, Scenario

SPEAKER = """
rule speak
  command = echo "words of $out"; touch $out
  description = SPEAK $out
rule break
  command = echo "words of $out"; exit $code
  description = BREAK $out
"""


def three_failures(scenario: Scenario) -> None:
    scenario.edges("build a: fail\nbuild b: fail\nbuild c: fail\nbuild d: touch a\nbuild e: touch\n")


def test_first_failure_stops_the_run(scenario: Scenario) -> None:
    three_failures(scenario)
    result = scenario.ninja("-j1")
    assert result.status == 1
    assert result.ran == ["a"]
    assert "build stopped: subcommand failed" in result.said


def test_keep_going_stops_after_so_many_failures(scenario: Scenario) -> None:
    three_failures(scenario)
    assert scenario.ninja("-j1", "-k2").ran == ["a", "b"]


@pytest.mark.parametrize("count", ["0", "-1", "9"])
def test_keep_going_runs_all_that_can_be_run(scenario: Scenario, count: str) -> None:
    three_failures(scenario)
    result = scenario.ninja("-j1", "-k", count)
    assert result.status == 1
    assert sorted(result.ran) == ["a", "b", "c", "e"]
    assert "cannot make progress due to previous errors" in result.said


def test_dry_run_runs_nothing_and_leaves_no_trace(scenario: Scenario) -> None:
    scenario.edges("build mid: touch\nbuild out: cat mid\n")
    result = scenario.ninja("-n")
    assert result.status == 0
    assert result.ran == []
    assert "[2/2] cat mid" in result.stdout
    assert not scenario.exists("out")
    assert scenario.built().ran == ["mid", "out"]


def test_dry_run_of_a_clean_build_has_nothing_to_do(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    scenario.built()
    assert scenario.ninja("-n").idle


def test_other_manifest_may_be_named(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n", "other.ninja")
    assert scenario.built("-f", "other.ninja").ran == ["out"]


def test_other_folder_may_be_entered(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild out: r\n", "sub/build.ninja")
    result = scenario.built("-C", "sub")
    assert "ninja: Entering directory `sub'\n" in result.stdout
    assert scenario.exists("sub/out")


def test_entering_a_folder_is_not_told_before_a_tool(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild out: r\n", "sub/build.ninja")
    assert scenario.built("-C", "sub", "-t", "commands").stdout == "touch out\n"


def test_manifest_is_found_after_the_folder_is_entered(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild out: r\n", "sub/x.ninja")
    scenario.built("-f", "x.ninja", "-C", "sub")
    assert scenario.exists("sub/out")


def test_flags_may_follow_targets(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    assert scenario.ninja("out", "-n").ran == []


def test_flag_and_value_may_be_one_word(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n", "x.ninja")
    assert scenario.built("-fx.ninja", "-j2", "-k3", "-l5.5", "-v").ran == ["out"]


def test_short_flags_may_share_a_dash(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    assert scenario.built("-nv").ran == []


def test_double_dash_ends_the_flags(scenario: Scenario) -> None:
    scenario.edges("build -n: touch\n  command = touch -- -n\n")
    scenario.built("--", "-n")
    assert scenario.exists("-n")


def test_one_job_runs_steps_in_the_order_of_the_manifest(scenario: Scenario) -> None:
    scenario.edges("build a: touch\nbuild b: touch\nbuild c: touch\nbuild d: touch\n")
    assert scenario.built("-j1").ran == ["a", "b", "c", "d"]


def test_version_is_one_number(scenario: Scenario) -> None:
    result = scenario.ninja("--version")
    assert result.status == 0
    assert [int(part) for part in result.stdout.split(".")[:2]] >= [1, 13]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_tells_the_flags(scenario: Scenario, flag: str) -> None:
    result = scenario.ninja(flag)
    assert "usage: ninja [options] [targets...]" in result.said
    assert "-C DIR" in result.said


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("-d", ["stats", "explain", "keepdepfile", "keeprsp"]),
        ("-w", ["phonycycle"]),
        ("-t", ["clean", "commands", "compdb", "deps", "query", "targets", "recompact"]),
    ],
)
def test_list_names_the_choices(scenario: Scenario, flag: str, names: list[str]) -> None:
    out = scenario.ninja(flag, "list").stdout
    assert [name for name in names if name not in out] == []


def test_explain_tells_why_on_stderr(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build out: cat in\n")
    first = scenario.built("-d", "explain")
    assert "explain: " in first.stderr
    assert "out" in first.stderr
    scenario.touch("in")
    assert "older than most recent input in" in scenario.built("-d", "explain").stderr


def test_explain_keeps_quiet_about_what_is_clean(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    scenario.built()
    assert scenario.ninja("-d", "explain").stderr == ""


def test_stats_are_printed_in_the_end(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    assert "metric" in scenario.built("-d", "stats").stdout


def test_status_line_counts_and_shows_the_command(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild a: r\nbuild b: r a\n")
    assert scenario.built().stdout == "[1/2] touch a\n[2/2] touch b\n"


def test_description_stands_for_the_command(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\n  description = MAKE $out\nbuild a: r\n")
    assert scenario.built().stdout == "[1/1] MAKE a\n"


def test_verbose_shows_the_command_all_the_same(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\n  description = MAKE $out\nbuild a: r\n")
    assert scenario.built("-v").stdout == "[1/1] touch a\n"


def test_output_of_a_step_follows_its_line_once(scenario: Scenario) -> None:
    scenario.manifest(SPEAKER + "build a: speak\nbuild b: speak a\n")
    assert scenario.built().stdout == "[1/2] SPEAK a\nwords of a\n[2/2] SPEAK b\nwords of b\n"


def test_both_streams_of_a_step_come_in_their_order(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = echo 1; echo 2 >&2; echo 3; touch a\nbuild a: r\n")
    result = scenario.built()
    assert result.stdout.splitlines()[1:] == ["1", "2", "3"]
    assert result.stderr == ""


def test_output_without_a_last_newline_is_printed_whole(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = printf half; touch $out\n  description = R\nbuild a: r\nbuild b: r a\n")
    assert scenario.built().stdout.count("half") == 2


def test_long_output_of_a_step_is_printed_whole(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = yes 0123456789 | head -20000; touch $out\nbuild a: r\n")
    assert scenario.built().stdout.count("0123456789\n") == 20000


def test_outputs_of_parallel_steps_do_not_mix(scenario: Scenario) -> None:
    scenario.manifest(
        "rule r\n  command = for i in 1 2 3 4 5; do echo $out; done; touch $out\n  description = R\n"
        + "".join(f"build o{number}: r\n" for number in range(6))
    )
    lines = [line for line in scenario.built("-j6").stdout.splitlines() if line.startswith("o")]
    groups = [lines[at : at + 5] for at in range(0, 30, 5)]
    assert all(len(set(group)) == 1 for group in groups)


def test_colours_are_stripped_when_nobody_sees_them(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = printf '\\033[31mred\\033[0m\\n'; touch $out\nbuild a: r\n")
    assert "\nred\n" in scenario.built().stdout


def test_colours_stay_when_they_are_asked_for(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = printf '\\033[31mred\\033[0m\\n'; touch $out\nbuild a: r\n")
    assert "\033[31mred\033[0m\n" in scenario.ninja(env={"CLICOLOR_FORCE": "1"}).stdout


def test_failed_step_is_shown_with_code_outputs_command_and_words(scenario: Scenario) -> None:
    scenario.manifest(SPEAKER + "build a b: break\n  code = 5\n")
    lines = scenario.ninja().stdout.splitlines()
    assert lines[0] == "[1/1] BREAK a b"
    assert lines[1].rstrip() == "FAILED: [code=5] a b"
    assert lines[2] == 'echo "words of a b"; exit 5'
    assert lines[3] == "words of a b"
    assert lines[4] == "ninja: build stopped: subcommand failed."


def test_exit_status_is_that_of_the_failed_step(scenario: Scenario) -> None:
    scenario.manifest(SPEAKER + "build a: break\n  code = 7\n")
    assert scenario.ninja().status == 7


def test_exit_status_is_that_of_the_last_failed_step(scenario: Scenario) -> None:
    scenario.manifest(SPEAKER + "build a: break\n  code = 7\nbuild b: break\n  code = 4\n")
    assert scenario.ninja("-j1", "-k0").status == 4


def test_step_ended_by_a_signal_has_failed(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = kill -KILL $$$$\nbuild a: r\n")
    result = scenario.ninja()
    assert result.status == 137
    assert "FAILED: [code=137] a" in result.stdout


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_step_ended_by_an_interrupt_interrupts_the_run(scenario: Scenario, name: str) -> None:
    scenario.manifest(f"rule r\n  command = kill -{name} $$$$\nbuild a: r\n")
    result = scenario.ninja("-k0")
    assert result.status == 130
    assert "interrupted by user" in result.said


def test_command_that_does_not_exist_has_failed(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = /no/such/program\nbuild a: r\n")
    result = scenario.ninja()
    assert result.status == 127
    assert "FAILED: [code=127] a" in result.stdout


def test_clean_build_has_no_work_to_do(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    scenario.built()
    assert scenario.ninja().stdout == "ninja: no work to do.\n"


def test_quiet_prints_only_what_steps_say(scenario: Scenario) -> None:
    scenario.manifest(SPEAKER + "build a: speak\n")
    assert scenario.built("--quiet").stdout == "words of a\n"
    assert scenario.built("--quiet").stdout == ""


def test_quiet_still_shows_a_failure(scenario: Scenario) -> None:
    scenario.manifest(SPEAKER + "build a: break\n  code = 1\n")
    result = scenario.ninja("--quiet")
    assert result.status == 1
    assert "FAILED: [code=1] a" in result.stdout
    assert "words of a" in result.stdout


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("%f of %t: ", "2 of 2: "),
        ("%s/%u ", "2/0 "),
        ("%p ", "100% "),
        ("100%% ", "100% "),
        ("", ""),
        ("done> ", "done> "),
    ],
)
def test_status_line_may_be_formatted(scenario: Scenario, status: str, shown: str) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild a: r\nbuild b: r a\n")
    result = scenario.ninja("-j1", env={"NINJA_STATUS": status})
    assert result.stdout.splitlines()[-1] == f"{shown}touch b"


@pytest.mark.parametrize("status", ["%e ", "%w ", "%o ", "%c ", "%E ", "%W ", "%P "])
def test_status_line_may_tell_the_time(scenario: Scenario, status: str) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild a: r\n")
    result = scenario.ninja(env={"NINJA_STATUS": status})
    assert result.status == 0
    assert result.stdout.endswith("touch a\n")
    assert "%" not in result.stdout.replace("100%", "").replace("0%", "")


def test_unknown_letter_of_the_status_line_is_an_error(scenario: Scenario) -> None:
    scenario.manifest("rule r\n  command = touch $out\nbuild a: r\n")
    result = scenario.ninja(env={"NINJA_STATUS": "%y "})
    assert result.status != 0
    assert "%y" in result.said


def test_spared_steps_leave_the_count(scenario: Scenario) -> None:
    scenario.write("in", "same")
    scenario.manifest("""
        rule update
          command = cmp -s $in $out || cp $in $out
          restat = 1
        rule r
          command = touch $out
        build mid: update in
        build more: r mid
        build out: r more
    """)
    scenario.built()
    scenario.touch("in")
    assert scenario.built().stdout == "[1/3] cmp -s in mid || cp in mid\n"


def test_caret_names_the_first_reader_of_a_file(scenario: Scenario) -> None:
    scenario.write("foo.c")
    scenario.write("bar.c")
    scenario.edges("build foo.o: cat foo.c\nbuild bar.o: cat bar.c\n")
    assert scenario.built("foo.c^").ran == ["foo.o"]


def test_caret_after_a_file_nobody_reads_is_an_error(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    result = scenario.ninja("out^")
    assert result.status == 1
    assert "'out' has no out edge" in result.stderr


def test_named_source_is_nothing_to_build(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.edges("build out: cat in\n")
    assert scenario.ninja("in").idle


def test_named_source_that_is_missing_is_an_error(scenario: Scenario) -> None:
    scenario.edges("build out: cat in\n")
    result = scenario.ninja("in")
    assert result.status == 1
    assert "'in'" in result.stderr
    assert "missing" in result.stderr


def test_target_named_twice_runs_once(scenario: Scenario) -> None:
    scenario.edges("build out: touch\n")
    assert scenario.built("out", "out", "./out").ran == ["out"]


def test_steps_run_in_the_folder_of_the_manifest_run(scenario: Scenario) -> None:
    scenario.write("parts/sub.ninja", "build where: pwd\n")
    scenario.manifest("rule pwd\n  command = pwd -P > $out\nsubninja parts/sub.ninja\n")
    scenario.built()
    assert scenario.read("where").strip() == str(scenario.root.resolve())


def test_steps_see_the_environment(scenario: Scenario) -> None:
    scenario.manifest('rule r\n  command = echo "$$WORD" > $out\nbuild out: r\n')
    scenario.ninja(env={"WORD": "seen"})
    assert scenario.read("out") == "seen\n"


def test_old_output_is_still_there_when_its_step_starts(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.manifest("rule r\n  command = echo x >> $out; wc -l < $out > lines\nbuild out: r in\n")
    scenario.built()
    scenario.touch("in")
    scenario.built()
    assert scenario.read("lines").strip() == "2"


def test_thousand_steps_run_each_once(scenario: Scenario) -> None:
    scenario.write("in")
    scenario.write(
        "build.ninja",
        RULES + "".join(f"build o{number}: touch in\n" for number in range(1000)),
    )
    assert len(set(scenario.built().ran)) == 1000
    assert scenario.ninja().idle


def test_deep_chain_is_no_trouble(scenario: Scenario) -> None:
    edges = "".join(f"build a{number}: phony a{number - 1}\n" for number in range(1, 20_000))
    scenario.write("build.ninja", RULES + "build a0: touch\n" + edges)
    assert scenario.built("a19999").ran == ["a0"]
