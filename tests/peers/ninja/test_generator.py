"""A manifest that is itself built: it is brought up to date and read again before anything else is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.peers.ninja.scenario import RULES

if TYPE_CHECKING:
    from tests.peers.ninja.scenario import Scenario

CONFIGURE = """
rule configure
  command = cp $in $out && echo $out >> ran.log
  generator = 1
build build.ninja: configure build.src
"""


def configured(scenario: Scenario, edges: str) -> str:
    """Write a manifest that is a copy of build.src, both holding the edges; return their text."""
    text = RULES + CONFIGURE + edges
    scenario.write("build.src", text)
    scenario.write("build.ninja", text)
    return text


def test_manifest_that_is_up_to_date_is_left_alone(scenario: Scenario) -> None:
    configured(scenario, "build out: touch\ndefault out\n")
    assert scenario.built().ran == ["out"]
    assert scenario.ninja().idle


def test_touched_source_builds_the_manifest_first(scenario: Scenario) -> None:
    configured(scenario, "build out: touch\ndefault out\n")
    scenario.touch("build.src")
    assert scenario.built().ran == ["build.ninja", "out"]
    assert scenario.ninja().idle


def test_rebuilt_manifest_is_read_again(scenario: Scenario) -> None:
    text = configured(scenario, "build out: touch\ndefault out\n")
    scenario.built()
    scenario.edit("build.src", text.replace("out", "other").replace("$other", "$out"))
    assert scenario.built().ran == ["build.ninja", "other"]
    assert scenario.ninja().idle


def test_target_known_only_to_the_new_manifest_can_be_asked_for(scenario: Scenario) -> None:
    text = configured(scenario, "build out: touch\n")
    scenario.built()
    scenario.edit("build.src", text + "build fresh: touch\n")
    assert scenario.built("fresh").ran == ["build.ninja", "fresh"]


def test_manifest_is_built_even_for_another_target(scenario: Scenario) -> None:
    configured(scenario, "build out: touch\nbuild other: touch\n")
    scenario.touch("build.src")
    assert scenario.built("other").ran == ["build.ninja", "other"]


def test_what_the_manifest_needs_is_built_first(scenario: Scenario) -> None:
    scenario.write("list.src", "x")
    text = RULES + CONFIGURE.replace("build.src", "build.src | list") + "build list: cat list.src\nbuild out: touch\n"
    scenario.write("build.src", text)
    scenario.write("build.ninja", text)
    assert scenario.built("out").ran == ["list", "build.ninja", "out"]
    assert scenario.ninja("out").idle


def test_failed_manifest_ends_the_run(scenario: Scenario) -> None:
    text = RULES + CONFIGURE.replace("cp $in", "echo $out >> ran.log; false; exit 1; cp $in")
    scenario.write("build.src", text)
    scenario.write("build.ninja", text + "build out: touch\n")
    scenario.touch("build.src")
    result = scenario.ninja()
    assert result.status == 1
    assert result.ran == ["build.ninja"]
    assert "rebuilding 'build.ninja'" in result.stderr


def test_missing_source_of_the_manifest_is_an_error(scenario: Scenario) -> None:
    configured(scenario, "build out: touch\n")
    scenario.remove("build.src")
    result = scenario.ninja()
    assert result.status == 1
    assert "build.src" in result.stderr
    assert result.ran == []


def test_new_manifest_that_is_broken_is_an_error(scenario: Scenario) -> None:
    text = configured(scenario, "build out: touch\n")
    scenario.edit("build.src", "broken here\n" + text)
    result = scenario.ninja()
    assert result.status == 1
    assert result.blames("build.ninja", 1)
    assert result.ran == ["build.ninja"]


def test_manifest_that_never_settles_ends_after_a_hundred_tries(scenario: Scenario) -> None:
    scenario.edges("""
        rule configure
          command = echo $out >> ran.log && touch $out
          generator = 1
        build always: phony
        build build.ninja: configure always
        build out: touch
    """)
    result = scenario.ninja()
    assert result.status == 1
    assert "still dirty after 100 tries" in result.stderr
    assert len(result.ran) == 100


def test_generator_with_restat_settles_at_once(scenario: Scenario) -> None:
    text = configured(scenario, "build out: touch\ndefault out\n").replace(
        "cp $in $out", "cmp -s $in $out || cp $in $out"
    )
    text = text.replace("  generator = 1\n", "  generator = 1\n  restat = 1\n")
    scenario.write("build.src", text)
    scenario.write("build.ninja", text)
    scenario.built()
    scenario.touch("build.src")
    result = scenario.built()
    assert "out" not in result.ran
    assert set(result.ran) <= {"build.ninja"}
    assert scenario.ninja().idle


def test_dry_run_does_not_build_the_manifest(scenario: Scenario) -> None:
    configured(scenario, "build out: touch\n")
    scenario.touch("build.src")
    result = scenario.ninja("-n")
    assert (result.status, result.ran) == (0, [])


def test_changed_command_of_the_generator_builds_no_manifest(scenario: Scenario) -> None:
    text = configured(scenario, "build out: touch\ndefault out\n")
    scenario.touch("build.src")
    scenario.built()
    changed = text.replace("cp $in $out", "cp  $in  $out")
    scenario.write("build.src", changed)
    scenario.write("build.ninja", changed)
    assert scenario.ninja().idle


def test_generator_under_another_name_is_followed(scenario: Scenario) -> None:
    text = RULES + CONFIGURE.replace("build.ninja", "other.ninja") + "build out: touch\n"
    scenario.write("build.src", text)
    scenario.write("other.ninja", text)
    scenario.touch("build.src")
    assert scenario.built("-f", "other.ninja", "out").ran == ["other.ninja", "out"]


def test_included_file_may_be_generated_with_the_manifest(scenario: Scenario) -> None:
    scenario.write("rules.src", RULES)
    scenario.write("rules.ninja", RULES)
    scenario.manifest("""
        include rules.ninja
        rule configure
          command = cp rules.src rules.ninja && touch build.ninja && echo $out >> ran.log
          generator = 1
        build build.ninja | rules.ninja: configure rules.src
        build out: touch
        default out
    """)
    scenario.built()
    scenario.edit("rules.src", RULES.replace("touch $out", "touch -c $out; echo new > $out"))
    assert scenario.built().ran == ["build.ninja", "out"]
    assert scenario.read("out") == "new\n"
