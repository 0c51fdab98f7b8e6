"""Covers the invitation: which style a command gets, and what is in its environment."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobserver.pipes import open_fds, waits

from jeton.jobserver import FifoAuth, OwnPool, PipeAuth, Pool, Style, join_pool, parse, style_for

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


@pytest.fixture
def pool() -> Iterator[OwnPool]:
    pool = OwnPool(3)
    yield pool
    pool.close()


def test_a_pipe_is_passed_on_under_its_numbers(pool: OwnPool) -> None:
    invitation = pool.invite("make", {"PATH": "/bin"})
    auth = parse(invitation.environment["MAKEFLAGS"]).auth
    assert isinstance(auth, PipeAuth)
    assert invitation.pass_fds == (auth.read_fd, auth.write_fd)
    assert invitation.environment == {"PATH": "/bin", "MAKEFLAGS": invitation.environment["MAKEFLAGS"]}


def test_a_fifo_is_passed_on_by_name_alone(pool: OwnPool) -> None:
    invitation = pool.invite("ninja", {})
    flags = parse(invitation.environment["MAKEFLAGS"])
    assert flags.jobs == 3
    assert isinstance(flags.auth, FifoAuth)
    assert Path(flags.auth.path).is_fifo()
    assert invitation.pass_fds == ()


@pytest.mark.parametrize("style", Style)
def test_each_child_has_pipes_of_its_own(pool: OwnPool, style: Style) -> None:
    auths = {pool.invite("", {}, style).environment["MAKEFLAGS"] for _ in range(5)}
    assert len(auths) == 5


def test_a_style_that_is_asked_for_wins_over_the_command(pool: OwnPool) -> None:
    assert pool.invite("ninja", {}, Style.PIPE).pass_fds
    assert not pool.invite("make", {}, Style.FIFO).pass_fds


@pytest.mark.parametrize("style", Style)
def test_what_a_child_holds_comes_back_at_the_end_of_its_block(pool: OwnPool, style: Style) -> None:
    with pool.invite("", {}, style) as invitation:
        child = join_pool(invitation.environment)
        assert child is not None
        slots = [child.try_take(), child.try_take()]
        assert None not in slots
        child._channel.close()  # type: ignore[attr-defined]  # as a kill does it: nothing is returned
    status = pool.server.status()
    assert (status.free, status.reclaimed, status.seats) == (2, 1, [])


@pytest.mark.parametrize("style", Style)
def test_a_child_that_never_started_leaves_nothing_open(pool: OwnPool, style: Style) -> None:
    with pool.invite("", {}, style):
        pass  # the server's thread and folder come with the first child
    before = open_fds()
    for _ in range(3):
        with pool.invite("", {}, style):
            pass
    assert open_fds() == before
    assert pool.server.status().free == 2


def test_a_pool_that_was_joined_by_pipe_is_passed_on_by_pipe_whatever_the_style(inherited: PipeAuth) -> None:
    pool = join_pool({"MAKEFLAGS": f" -j4 --jobserver-auth={inherited}"})
    assert pool is not None
    for style in Style:
        with pool.invite("ninja", {}, style) as invitation:
            assert parse(invitation.environment["MAKEFLAGS"]).auth == inherited
            assert invitation.pass_fds == (inherited.read_fd, inherited.write_fd)
            invitation.started(1)
    pool.close()


def test_a_pool_that_was_joined_by_fifo_is_passed_on_in_either_style(pool: OwnPool) -> None:
    """A make before 4.4 may run below a ninja: it dies of a fifo, so it gets descriptors of the same one."""
    outer = pool.invite("ninja", {})
    joined = join_pool(outer.environment)
    assert joined is not None
    again = joined.invite("ninja", {})
    assert (again.environment, again.pass_fds) == (outer.environment, ())
    invitation = joined.invite("make", {})
    assert len(invitation.pass_fds) == 2
    assert all(map(waits, invitation.pass_fds))
    child = join_pool(invitation.environment)
    assert child is not None
    assert [child.try_take() is not None for _ in range(4)] == [True, True, True, False]
    for each in (child, joined):
        each.close()


@pytest.mark.parametrize("style", Style)
def test_a_fifo_whose_path_make_had_to_escape_is_passed_on_by_pipe(tmp_path: Path, style: Style) -> None:
    os.mkfifo(tmp_path / "a b")
    escaped = str(tmp_path / "a b").replace(" ", "\\ ")
    pool = join_pool({"MAKEFLAGS": f" -j3 --jobserver-auth=fifo:{escaped}"})
    assert pool is not None
    assert pool.invite("ninja", {}, style).pass_fds
    pool.close()


def test_the_child_hears_of_one_pool_only_and_keeps_its_other_flags(pool: OwnPool) -> None:
    environ = {
        "CARGO_MAKEFLAGS": "-j9 --jobserver-auth=91,92",
        "MAKEFLAGS": "ks -j9 --jobserver-auth=93,94 -- CC=clang",
        "MFLAGS": "-ks -j9 --jobserver-auth=95,96",
        "MAKELEVEL": "1",
    }
    environment = pool.invite("make", environ).environment
    assert set(environment) == {"MAKEFLAGS", "MAKELEVEL"}
    assert environment["MAKEFLAGS"].startswith("ks -j3 ")
    assert environment["MAKEFLAGS"].endswith(" -- CC=clang")
    assert environ["MAKEFLAGS"] == "ks -j9 --jobserver-auth=93,94 -- CC=clang"


def test_a_child_that_accepts_joins_the_same_pool(pool: OwnPool) -> None:
    slots = [pool.try_take(), pool.try_take()]
    assert None not in slots
    for style in Style:
        with pool.invite("", {}, style) as invitation:
            child: Pool | None = join_pool(invitation.environment)
            assert child is not None
            assert child.jobs == 3
            implicit, token = child.try_take(), child.try_take()
            assert implicit is not None
            assert token is not None
            assert child.try_take() is None
            child.give(token)
            child.close()


def test_an_invitation_of_a_closed_pool_ends_in_peace() -> None:
    pool = OwnPool(2)
    with pool.invite("make", {}):
        pool.close()
