"""Covers the invitation: which style a command gets, and what is in its environment."""

import os
from pathlib import Path

import pytest
from tests.jobserver.pipes import waits

from jeton.jobserver import Invitation, PipeAuth, Pool, Style, join_pool, open_pool, parse, style_for

FIFO = [
    "ninja",
    "ninja -C out all",
    "ninja-build",
    "samu -j4",
    "/usr/bin/ninja -C out",
    "./ninja",
    "cd x && ninja",
    "cd x&&ninja",
]
FIFO += [
    "(ninja)",
    "ninja; true",
    "exec ninja",
    "true || ninja",
    "CC=clang ninja",
    "env CC=clang V=1 ninja",
    "time ninja",
]
FIFO += ["sh -c 'cd x && ninja'", "sh -c 'ninja -C x'", "ninja && ninja install", "ninja\n", "true; ninja"]

PIPE = [
    "make",
    "gmake -C x",
    "/usr/bin/make",
    "+make",
    "cargo build",
    "gcc -flto=jobserver a.o",
    "cmake --build out",
    "cc x.c",
]
PIPE += [
    "cmake -G Ninja -B out",
    "meson compile",
    "python3 setup.py bdist_wheel",
    "true",
    "",
    "echo ninja",
    "cat x > ninja",
]
PIPE += ["ninjatool", "my-ninja", "ninja.py", "cp a ninja/b", "ninja-build-stats", "samurai-sword"]

BOTH = [
    "ninja && make",
    "make && ninja",
    "ninja; cargo build",
    "sh -c 'make && ninja'",
    "cd sub && ninja && make install",
]


@pytest.mark.parametrize("command", FIFO)
def test_ninja_alone_is_told_of_a_fifo(command: str) -> None:
    assert style_for(command) is Style.FIFO


@pytest.mark.parametrize("command", PIPE)
def test_every_other_command_is_told_of_a_pipe(command: str) -> None:
    assert style_for(command) is Style.PIPE


@pytest.mark.parametrize("command", BOTH)
def test_ninja_beside_what_dies_of_a_fifo_is_told_of_a_pipe(command: str) -> None:
    assert style_for(command) is Style.PIPE


def test_a_pipe_is_passed_on_under_its_numbers() -> None:
    pool = open_pool(3, {})
    invitation = pool.invitation("make", {"PATH": "/bin"})
    auth = parse(invitation.environment["MAKEFLAGS"]).auth
    assert isinstance(auth, PipeAuth)
    assert invitation.pass_fds == (auth.read_fd, auth.write_fd)
    assert invitation.environment == {"PATH": "/bin", "MAKEFLAGS": invitation.environment["MAKEFLAGS"]}
    pool.close()


def test_a_fifo_is_passed_on_by_name_alone() -> None:
    pool = open_pool(3, {})
    assert pool.server is not None
    invitation = pool.invitation("ninja", {})
    assert invitation == Invitation({"MAKEFLAGS": f" -j3 --jobserver-auth={pool.server.fifo}"}, ())
    pool.close()


def test_a_style_that_is_asked_for_wins_over_the_command() -> None:
    pool = open_pool(3, {})
    assert pool.invitation("ninja", {}, Style.PIPE).pass_fds
    assert not pool.invitation("make", {}, Style.FIFO).pass_fds
    pool.close()


def test_a_pool_that_was_joined_by_pipe_is_passed_on_by_pipe_whatever_the_style(inherited: PipeAuth) -> None:
    pool = join_pool({"MAKEFLAGS": f" -j4 --jobserver-auth={inherited}"})
    assert pool is not None
    for style in Style:
        invitation = pool.invitation("ninja", {}, style)
        assert parse(invitation.environment["MAKEFLAGS"]).auth == inherited
        assert invitation.pass_fds == (inherited.read_fd, inherited.write_fd)
    pool.close()


def test_a_pool_that_was_joined_by_fifo_is_passed_on_in_either_style() -> None:
    """A make before 4.4 may run below a ninja: it dies of a fifo, so it gets descriptors of the same one."""
    outer = open_pool(3, {})
    pool = join_pool(outer.invitation("ninja", {}).environment)
    assert pool is not None
    assert pool.invitation("ninja", {}) == outer.invitation("ninja", {})
    invitation = pool.invitation("make", {})
    assert len(invitation.pass_fds) == 2
    assert all(map(waits, invitation.pass_fds))
    child = join_pool(invitation.environment)
    assert child is not None
    assert [child.try_take() is not None for _ in range(4)] == [True, True, True, False]
    for each in (child, pool, outer):
        each.close()


@pytest.mark.parametrize("style", Style)
def test_a_fifo_whose_path_make_had_to_escape_is_passed_on_by_pipe(tmp_path: Path, style: Style) -> None:
    os.mkfifo(tmp_path / "a b")
    escaped = str(tmp_path / "a b").replace(" ", "\\ ")
    pool = join_pool({"MAKEFLAGS": f" -j3 --jobserver-auth=fifo:{escaped}"})
    assert pool is not None
    assert pool.invitation("ninja", {}, style).pass_fds
    pool.close()


def test_the_child_hears_of_one_pool_only_and_keeps_its_other_flags() -> None:
    pool = open_pool(3, {})
    environ = {
        "CARGO_MAKEFLAGS": "-j9 --jobserver-auth=91,92",
        "MAKEFLAGS": "ks -j9 --jobserver-auth=93,94 -- CC=clang",
        "MFLAGS": "-ks -j9 --jobserver-auth=95,96",
        "MAKELEVEL": "1",
    }
    environment = pool.invitation("make", environ).environment
    assert set(environment) == {"MAKEFLAGS", "MAKELEVEL"}
    assert environment["MAKEFLAGS"].startswith("ks -j3 ")
    assert environment["MAKEFLAGS"].endswith(" -- CC=clang")
    assert environ["MAKEFLAGS"] == "ks -j9 --jobserver-auth=93,94 -- CC=clang"
    pool.close()


def test_a_child_that_accepts_joins_the_same_pool() -> None:
    pool = open_pool(3, {})
    taken = [pool.try_take(), pool.try_take()]
    for style in Style:
        child: Pool | None = join_pool(pool.invitation("", {}, style).environment)
        assert child is not None
        assert child.jobs == 3
        implicit, token = child.try_take(), child.try_take()
        assert implicit is not None
        assert token is not None
        assert child.try_take() is None
        child.give(token)
        child.close()
    assert None not in taken
    pool.close()
