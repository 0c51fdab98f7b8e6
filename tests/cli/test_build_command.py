"""`jeton build` as a person meets it: what it prints, what it says when something is wrong, how it exits."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"

CHAIN = """
rule cat
  command = cat $in > $out
  description = CAT $out
build b: cat a
build c: cat b
"""


def environ(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if "MAKEFLAGS" not in key and key != "MFLAGS"}
    return kept | {"PYTHONPATH": str(SRC)} | more


def jeton(folder: Path, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "jeton", *args],
        cwd=folder,
        env=environ(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    (tmp_path / "build.ninja").write_text(CHAIN)
    (tmp_path / "a").write_text("text\n")
    return tmp_path


def test_build_tells_each_step_and_the_sum(chain: Path) -> None:
    result = jeton(chain, "build")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == ["[1/2] CAT b", "[2/2] CAT c"]
    assert re.fullmatch(r"done: 2 steps in \S+ s, \S+ s of CPU", lines[2])
    assert (chain / "c").read_text() == "text\n"


def test_second_build_has_nothing_to_do(chain: Path) -> None:
    jeton(chain, "build")
    result = jeton(chain, "build")
    assert (result.returncode, result.stdout) == (0, "nothing to do\n")


def test_quiet_build_says_nothing_but_what_steps_write(chain: Path) -> None:
    assert jeton(chain, "build", "-q").stdout == ""


def test_verbose_build_shows_commands(chain: Path) -> None:
    assert "[1/2] cat a > b" in jeton(chain, "build", "-v").stdout


def test_dry_run_changes_nothing(chain: Path) -> None:
    result = jeton(chain, "build", "-n")
    assert "[2/2] CAT c" in result.stdout
    assert sorted(path.name for path in chain.iterdir()) == ["a", "build.ninja"]


def test_failed_step_is_told_once_with_its_command_and_output(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text("rule r\n  command = echo because; exit 3\nbuild out: r\n")
    result = jeton(tmp_path, "build")
    assert result.returncode == 1
    assert result.stdout.count("because\n") == 1
    assert "failed: out (exit status 3)\necho because; exit 3\nbecause\n" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("failed: 1 step failed; ran 1 step in ")


def test_step_killed_by_a_signal_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text("rule r\n  command = kill -SEGV $$$$\nbuild out: r\n")
    assert "failed: out (killed by signal 11)" in jeton(tmp_path, "build").stdout


def test_error_in_the_manifest_names_the_place_first(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text("rule r\n  comand = x\n")
    result = jeton(tmp_path, "build")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "build.ninja:2:3: unexpected variable 'comand'",
        "  comand = x",
        "  ^ near here",
    ]


def test_missing_input_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text("rule r\n  command = x\nbuild out: r none\n")
    assert "'none', needed by 'out', missing and no known rule to make it" in jeton(tmp_path, "build").stderr


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("CMakeLists.txt", "cmake -S . -B build -G Ninja && jeton build -C build"),
        ("meson.build", "meson setup build && jeton build -C build"),
        ("Cargo.toml", "jeton jobserver -- cargo build"),
        ("Makefile", "jeton jobserver -- make"),
    ],
)
def test_folder_without_a_manifest_is_met_with_advice(tmp_path: Path, source: str, advice: str) -> None:
    (tmp_path / source).touch()
    result = jeton(tmp_path, "build")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("build.ninja: no such file; ")
    assert advice in result.stderr


def test_manifest_one_folder_down_is_pointed_to(tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "build.ninja").touch()
    assert "jeton build -C out" in jeton(tmp_path, "build").stderr


@pytest.mark.parametrize(
    "args", [["-j", "0"], ["-j", "many"], ["-k", "-1"], ["-d", "nonsense"], ["-C", "nowhere"], ["--nonsense"]]
)
def test_wrong_usage_exits_with_2_and_says_which_option(chain: Path, args: list[str]) -> None:
    result = jeton(chain, "build", *args)
    assert result.returncode == 2
    assert args[0] in result.stderr


def test_too_many_jobs_are_refused_in_a_line(chain: Path) -> None:
    result = jeton(chain, "build", "-j", "70000")
    assert result.returncode in (1, 2)
    assert "70000" in result.stderr


def test_unusable_pool_is_told_and_one_step_runs_at_a_time(chain: Path) -> None:
    result = jeton(chain, "build", MAKEFLAGS=" -j8 --jobserver-auth=97,98")
    assert result.returncode == 0
    assert result.stderr.startswith("MAKEFLAGS: 97,98: ")
    assert "one job at a time" in result.stderr


def test_warning_of_a_damaged_history_is_one_line_and_the_build_goes_on(chain: Path) -> None:
    (chain / ".jeton_log").write_bytes(b"something else entirely, and long enough for a header")
    result = jeton(chain, "build")
    assert result.returncode == 0
    assert len(result.stderr.splitlines()) == 1
    assert "set aside as .jeton_log.aside-" in result.stderr


def test_read_only_folder_is_told_in_a_line(chain: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    chain.chmod(0o555)
    result = jeton(chain, "build")
    chain.chmod(0o755)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1


def test_explain_says_why_on_standard_error(chain: Path) -> None:
    assert "explain: output b doesn't exist" in jeton(chain, "build", "-d", "explain").stderr


def test_timings_page_is_written_where_it_was_asked_for(chain: Path) -> None:
    result = jeton(chain, "build", "--timings", "page.html")
    page = (chain / "page.html").read_text(encoding="utf-8")
    assert "page.html" in result.stderr
    assert "CAT b" in page
    assert "http" not in page.replace("http://www.w3.org", ""), "it opens offline"


def test_folder_changes_before_the_manifest_but_after_the_page(chain: Path) -> None:
    jeton(chain.parent, "build", "-C", chain.name, "--timings", "page.html")
    assert (chain.parent / "page.html").exists()


def test_help_names_every_command(tmp_path: Path) -> None:
    text = jeton(tmp_path, "--help").stdout
    assert all(word in text for word in ("build", "jobserver", "ninja"))


def on_terminal(folder: Path, *args: str, **more: str) -> str:
    """Run jeton on a terminal of its own and return all that it drew."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "jeton", *args],
        cwd=folder,
        env=environ(TERM="xterm", COLUMNS="80", **more),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    drawn = bytearray()
    while True:
        select.select([controller], [], [])
        try:
            data = os.read(controller, 65536)
        except OSError:  # the last holder of the terminal has ended
            break
        drawn += data
    process.wait()
    os.close(controller)
    return drawn.decode(errors="replace")


def test_terminal_shows_the_sum_and_leaves_the_cursor_visible(chain: Path) -> None:
    drawn = on_terminal(chain, "build")
    assert "done: 2 steps in" in drawn
    assert drawn.count("\x1b[?25h") >= drawn.count("\x1b[?25l") > 0


def test_terminal_shows_a_failure_whole(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text(
        "rule r\n  command = printf 'first\\nsecond'; exit 3\n  description = MAKE $out\nbuild out: r\n"
    )
    drawn = on_terminal(tmp_path, "build").replace("\r", "")
    assert "failed: out (exit status 3)" in drawn
    assert "first\nsecond\n" in drawn


def test_no_color_is_respected(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text("rule r\n  command = exit 3\nbuild out: r\n")
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert coloured.search(on_terminal(tmp_path, "build"))
    assert not coloured.search(on_terminal(tmp_path, "build", NO_COLOR="1"))


def test_console_step_has_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "build.ninja").write_text(
        "rule r\n  command = test -t 0 && test -t 1 && echo all mine\n  pool = console\nbuild out: r\n"
    )
    assert "all mine" in on_terminal(tmp_path, "build")


@pytest.mark.parametrize("size", ["12", "G", "-1G", "12X", "0.0M", "101%", "1e3G", "", "99999999999999G", "12 G"])
def test_size_that_is_none_is_wrong_usage(chain: Path, size: str) -> None:
    result = jeton(chain, "build", "--memory", size)
    assert result.returncode == 2
    assert f"Invalid value for '--memory': '{size}': " in result.stderr


@pytest.mark.parametrize("size", ["12G", "0.5g", "512MiB", "900000KB", "80%", "auto", "1T"])
def test_size_that_is_one_is_taken(chain: Path, size: str) -> None:
    assert jeton(chain, "build", "--memory", size, "--memory-pressure", "0").returncode == 0


def test_pressure_is_a_percentage(chain: Path) -> None:
    result = jeton(chain, "build", "--memory-pressure", "101")
    assert result.returncode == 2
    assert "'--memory-pressure'" in result.stderr


def test_signal_that_was_ignored_from_the_start_stays_ignored(tmp_path: Path) -> None:
    """As under nohup: the build gets SIGHUP from its own step, and goes on to the end."""
    (tmp_path / "build.ninja").write_text("rule r\n  command = kill -HUP $$PPID && touch $out\nbuild out: r\n")
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
    )
    result = subprocess.run(
        [sys.executable, "-c", ignoring, sys.executable, "-m", "jeton", "build"],
        cwd=tmp_path,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert (tmp_path / "out").exists()
