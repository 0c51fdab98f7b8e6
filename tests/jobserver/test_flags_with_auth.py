"""Covers writing a MAKEFLAGS text: the pool is replaced, everything else stays."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jeton.jobserver import FifoAuth, PipeAuth, parse, with_auth

PIPE = PipeAuth(3, 4)
SAID = "-j8 --jobserver-fds=3,4 --jobserver-auth=3,4"


def test_a_pipe_is_said_in_both_spellings_and_a_fifo_in_the_new_one() -> None:
    assert with_auth("", PIPE, 8) == f" {SAID}"
    assert with_auth("", FifoAuth("/x"), 8) == " -j8 --jobserver-auth=fifo:/x"


def test_no_pool_is_said_by_silence() -> None:
    assert with_auth("", None, 8) == ""
    assert with_auth(f" {SAID} --no-print-directory", None, 8) == " --no-print-directory"


@pytest.mark.parametrize(
    "old",
    [
        " -j2 --jobserver-auth=5,6",
        " --jobserver-fds=5,6 -j",
        " --jobs=2 --jobserver-auth=fifo:/old",
        " --jobserver-auth=-2,-2 --jobs",
        " -j2 --jobserver-auth=5,6 --jobserver-auth=7,8 -j3",
    ],
)
def test_an_old_pool_is_replaced(old: str) -> None:
    assert with_auth(old, PIPE, 8) == f" {SAID}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ks", f"ks {SAID}"),
        ("ks -j2 --jobserver-auth=5,6", f"ks {SAID}"),
        ("ks --no-print-directory", f"ks --no-print-directory {SAID}"),
        (" --no-print-directory -l3", f" --no-print-directory -l3 {SAID}"),
        (" k", f" k {SAID}"),
    ],
)
def test_letters_stay_first_and_a_text_without_them_begins_with_a_blank(old: str, new: str) -> None:
    assert with_auth(old, PIPE, 8) == new


@pytest.mark.parametrize("old", ["--jobserver-auth=5,6 k", "-j k", "-j2 k"])
def test_a_word_behind_the_old_pool_does_not_become_letters(old: str) -> None:
    assert with_auth(old, PIPE, 8) == f" k {SAID}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" -- CC=clang", f" {SAID} -- CC=clang"),
        ("k -j2 --jobserver-auth=5,6 -- CC=clang -j2", f"k {SAID} -- CC=clang -j2"),
        ("-- CC=clang", f" {SAID} -- CC=clang"),
        ("CC=clang", f" CC=clang {SAID}"),
    ],
)
def test_variable_assignments_stay_behind_the_pool(old: str, new: str) -> None:
    assert with_auth(old, PIPE, 8) == new


def test_backslashes_stay_as_they_are() -> None:
    assert with_auth(r" -- CFLAGS=-O2\ -g A=b\\c", PIPE, 8) == rf" {SAID} -- CFLAGS=-O2\ -g A=b\\c"


@pytest.mark.parametrize("path", ["/a b/tokens", "/a\tb", "/a\n", "/a\\b"])
def test_a_path_that_clients_could_not_read_back_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be said in MAKEFLAGS"):
        with_auth("", FifoAuth(path), 8)


pipes = st.builds(PipeAuth, st.integers(0, 1 << 31), st.integers(0, 1 << 31))
fifos = st.text(min_size=1).filter(lambda path: not set(path) & set(" \t\n\r\f\v\\")).map(FifoAuth)
words = st.lists(
    st.one_of(st.sampled_from(["k", "n", "-j3", "--", "A=b", "-w", "\\ ", "--jobserver-auth=9,9"]), st.text())
).map(" ".join)


@settings(deadline=None)
@given(old=words, auth=st.one_of(pipes, fifos), jobs=st.integers(1, 4096))
def test_what_is_written_is_read_back(old: str, auth: PipeAuth | FifoAuth, jobs: int) -> None:
    new = with_auth(old, auth, jobs)
    read = parse(new)
    assert (read.auth, read.jobs) == (auth, jobs)
    assert read.dry_run == parse(old).dry_run
    assert with_auth(new, auth, jobs) == new


@settings(deadline=None)
@given(old=words)
def test_no_pool_is_left_when_it_is_taken_away(old: str) -> None:
    new = with_auth(old, None, 1)
    assert parse(new).auth is None
    assert parse(new).jobs is None
    assert parse(new).dry_run == parse(old).dry_run


@settings(deadline=None)
@given(old=st.lists(st.from_regex(r"[a-z=/.-]{1,8}", fullmatch=True)))
def test_every_other_word_stays_in_its_order(old: list[str]) -> None:
    assume(not any(word.startswith(("-j", "--jobs")) for word in old))
    added = set(SAID.split())
    assert [word for word in with_auth(" ".join(old), PIPE, 8).split() if word not in added] == old


def test_a_separator_that_is_written_with_a_backslash_separates_all_the_same() -> None:
    said = with_auth(r"-k \-- X=1", PipeAuth(3, 4), 2)
    assert parse(said).auth == PipeAuth(3, 4)
    assert said.endswith(r"\-- X=1")


def test_an_old_pool_that_is_written_with_a_backslash_is_replaced_too() -> None:
    said = with_auth(r" \--jobserver-auth=8,9", PipeAuth(3, 4), 2)
    assert "8,9" not in said
