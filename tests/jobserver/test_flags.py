"""Covers reading a MAKEFLAGS text: each rule of the protocol has a test of its name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.jobserver import Disabled, FifoAuth, MakeFlags, PipeAuth, parse
from jeton.jobserver.flags import SemaphoreAuth

PIPE = PipeAuth(3, 4)


def test_an_empty_text_says_nothing() -> None:
    assert parse("") == parse(" ") == parse("\t \n") == MakeFlags(auth=None, jobs=None, dry_run=False)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("--jobserver-auth=3,4 --jobserver-auth=5,6", PipeAuth(5, 6)),
        ("--jobserver-fds=3,4 --jobserver-auth=5,6", PipeAuth(5, 6)),
        ("--jobserver-auth=3,4 --jobserver-fds=5,6", PipeAuth(5, 6)),
        ("--jobserver-auth=3,4 --jobserver-auth=fifo:/x", FifoAuth("/x")),
        ("--jobserver-auth=fifo:/x -k --jobserver-fds=3,4", PIPE),
        ("--jobserver-auth=-2,-2 --jobserver-auth=3,4", PIPE),
    ],
)
def test_the_last_occurrence_wins(text: str, last: object) -> None:
    assert parse(text).auth == last


def test_the_last_number_of_jobs_wins() -> None:
    assert parse("-j2 --jobs=3 -j8").jobs == 8


@pytest.mark.parametrize("blank", ["", " ", "  ", "\t"])
@pytest.mark.parametrize("spelling", ["--jobserver-auth", "--jobserver-fds"])
def test_a_leading_blank_or_none_and_both_spellings_are_accepted(blank: str, spelling: str) -> None:
    assert parse(f"{blank}{spelling}=3,4") == MakeFlags(PIPE)
    assert parse(f"{blank}-j --jobserver-fds=3,4 --jobserver-auth=3,4") == MakeFlags(PIPE, jobs=0)


@pytest.mark.parametrize(
    "text",
    [
        "--jobserver-style=fifo",
        "--jobserver-authority=3,4",
        "--jobserver-auth",
        "--jobserver-auth 3,4",
        "x--jobserver-auth=3,4",
        "-k--jobserver-auth=3,4",
        "CFLAGS=--jobserver-auth=3,4",
        "--no-jobserver-auth=3,4",
        "CFLAGS=-O2\\ --jobserver-auth=3,4",
    ],
)
def test_only_whole_words_name_a_pool(text: str) -> None:
    assert parse(text).auth is None


def test_the_style_of_make_4_4_is_not_taken_for_its_pool() -> None:
    assert parse("--jobserver-auth=3,4 --jobserver-style=pipe").auth == PIPE


@pytest.mark.parametrize("text", ["-- --jobserver-auth=3,4 -j8", " -- CFLAGS=x --jobserver-auth=3,4 -j8", "--"])
def test_options_end_at_two_dashes(text: str) -> None:
    assert parse(text) == MakeFlags()
    assert parse(f"--jobserver-auth=5,6 -j2 {text}") == MakeFlags(PipeAuth(5, 6), jobs=2)


@pytest.mark.parametrize("text", ["n", "kn", "n -j2 --jobserver-auth=3,4", "ns --no-print-directory", "n -- A=b"])
def test_n_in_a_first_word_without_a_dash_is_a_dry_run(text: str) -> None:
    assert parse(text).dry_run


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ks",
        " n",
        " -j2 n",
        "-n",
        "-kn",
        "k n",
        "--no-print-directory",
        "NAME=n",
        "-j2 n",
        "-- n",
        "--no-builtin-rules",
    ],
)
def test_n_elsewhere_is_no_dry_run(text: str) -> None:
    assert not parse(text).dry_run


@pytest.mark.parametrize("value", ["-2,-2", "-1,-1", "-1,4", "3,-1"])
def test_a_negative_descriptor_means_disabled_even_after_a_valid_one(value: str) -> None:
    assert parse(f"--jobserver-auth={value}").auth == Disabled(value)
    assert parse(f"-j4 --jobserver-auth=3,4 --jobserver-auth={value}").auth == Disabled(value)


def test_a_pool_beside_j1_is_a_pool() -> None:
    assert parse(" -j1 --jobserver-auth=3,4") == MakeFlags(PIPE, jobs=1)
    assert parse("--jobserver-auth=3,4 -j1").auth == PIPE


@pytest.mark.parametrize(
    "name", ["gmake_semaphore_123", "", "3", "3,", ",4", "3,4,5", "3;4", "0x3,4", "+3,4", "FIFO:/x", "٣,٤", "3,4x"]
)
def test_a_name_that_is_neither_fifo_nor_descriptors_is_a_semaphore(name: str) -> None:
    assert parse(f"--jobserver-auth={name}").auth == SemaphoreAuth(name)


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        ("-j8", 8),
        ("-j", 0),
        ("--jobs=8", 8),
        ("--jobs", 0),
        ("-j08", 8),
        ("-jx", None),
        ("-j8x", None),
        ("-j-8", None),
        ("-J8", None),
        ("--jobs=", None),
        ("-k", None),
        ("-j٨", None),
    ],
)
def test_j_is_the_number_of_jobs(text: str, jobs: int | None) -> None:
    assert parse(text).jobs == jobs


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (" -j4 --jobserver-auth=3,4", MakeFlags(PIPE, 4)),  # make 4.3 -j4
        ("ks -j4 --jobserver-auth=3,4", MakeFlags(PIPE, 4)),  # make 4.3 -ks -j4
        ("kn -j2 --jobserver-auth=3,4 --no-print-directory -- X=1", MakeFlags(PIPE, 2, dry_run=True)),
        (" --jobserver-fds=3,4 -j", MakeFlags(PIPE, 0)),  # make 3.81 and 4.1
        (" -j4 --jobserver-auth=fifo:/tmp/GMfifo77", MakeFlags(FifoAuth("/tmp/GMfifo77"), 4)),  # make 4.4
        (" -j4 --jobserver-auth=-2,-2", MakeFlags(Disabled("-2,-2"), 4)),  # make 4.4, a line without +
        ("w -- CFLAGS=-O2\\ -n", MakeFlags()),
        ("-j --jobserver-fds=3,4 --jobserver-auth=3,4", MakeFlags(PIPE, 0)),  # cargo's CARGO_MAKEFLAGS
        ("-w --jobserver-auth=gmake_semaphore_77", MakeFlags(SemaphoreAuth("gmake_semaphore_77"))),  # make on Windows
        (" -j2 -l3.5 --jobserver-auth=3,4 -Otarget", MakeFlags(PIPE, 2)),
    ],
)
def test_what_real_makes_and_cargo_write_is_read(text: str, flags: MakeFlags) -> None:
    assert parse(text) == flags


def test_a_backslash_keeps_the_next_character_in_its_word() -> None:
    assert parse("--jobserver-auth=fifo:/a\\ b").auth == FifoAuth("/a b")
    assert parse("--jobserver-auth=fifo:/a\\\\b").auth == FifoAuth("/a\\b")
    assert parse("--jobserver-auth=3,4\\").auth == SemaphoreAuth("3,4\\")


def test_blanks_beyond_ascii_separate_nothing() -> None:
    assert parse("--jobserver-auth=fifo:/a\u00a0b\u2003c -j2") == MakeFlags(FifoAuth("/a\u00a0b\u2003c"), 2)


def test_bytes_that_are_no_utf_8_pass_through() -> None:
    assert parse("\udcff --jobserver-auth=fifo:/\udcfe -j2") == MakeFlags(FifoAuth("/\udcfe"), 2)


@pytest.mark.parametrize("text", ["-j{}", "--jobs={}", "--jobserver-auth={},4", "--jobserver-fds=3,{}"])
def test_a_number_too_long_to_be_one_is_passed_over(text: str) -> None:
    flags = parse(text.format("9" * 5000))
    assert flags.jobs is None
    assert not isinstance(flags.auth, PipeAuth)


PIECES = [
    "--jobserver-auth=",
    "--jobserver-fds=",
    "fifo:",
    "3,4",
    "-1,-1",
    "-j",
    "--jobs=",
    "--",
    "\\",
    " ",
    "=",
    "n",
    "9" * 5000,
]


@settings(deadline=None)
@given(
    st.one_of(st.text(st.characters()), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map("".join))
)
def test_parsing_never_raises(text: str) -> None:
    parse(text)


@settings(deadline=None)
@given(st.binary())
def test_parsing_never_raises_on_what_an_environment_may_hold(value: bytes) -> None:
    parse(value.decode("utf-8", "surrogateescape"))
