"""Covers the messages of a global pool: each comes back as it went, and what is no message is told in words."""

import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeton.jobserver.desk.protocol import (
    MAX_FDS,
    MAX_NAME,
    PROTOCOL,
    AskStatus,
    ClientStatus,
    DeskStatus,
    Garbled,
    Hello,
    Lines,
    PlaceStatus,
    Reply,
    Report,
    Request,
    Resize,
    Sit,
    cut,
    decode_reply,
    decode_request,
    encode,
)

numbers = st.integers(0, 2**31 - 1)
seconds = st.floats(0, 1e9, allow_nan=False)
names = st.text(st.characters(exclude_categories=()), max_size=50)  # surrogates too: names that are no UTF-8
hints = {str: names, int: numbers, float: seconds, bool: st.booleans()}
places = st.builds(
    PlaceStatus, names, st.none() | numbers, st.booleans(), names, st.booleans(), seconds, *[numbers] * 3
)
clients = st.builds(
    ClientStatus,
    names,
    names,
    st.none() | numbers,
    seconds,
    st.booleans(),
    st.none() | places,
    st.lists(places, max_size=3),
)
reports = st.builds(DeskStatus, numbers, seconds, *[numbers] * 6, st.lists(clients, max_size=3)).map(Report)
requests = st.one_of(*(st.from_type(kind) for kind in get_args(Request))).filter(
    lambda request: all(not isinstance(v, int) or 0 <= v < 2**31 for v in fields_of(request))
)
fds = st.integers(0, MAX_FDS)


def fields_of(message: Any) -> list[Any]:
    return [getattr(message, name) for name in message.__dataclass_fields__]


def line(**said: Any) -> bytes:
    return json.dumps(
        {"jeton": PROTOCOL, "type": "Sit", "fds": 0, "name": "x", "fifo": False, "own": False} | said
    ).encode()


@given(requests, fds)
def test_a_request_comes_back_as_it_went(request: Request, count: int) -> None:
    text = encode(request, count)
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    assert decode_request(text[:-1]) == (request, count)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports, fds)
def test_a_status_comes_back_as_it_went(report: Reply, count: int) -> None:
    assert decode_reply(encode(report, count)[:-1]) == (report, count)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_garbled(data: bytes) -> None:
    for decode in (decode_request, decode_reply):
        with pytest.raises(Garbled):
            decode(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["jeton", "type", "fds", "name", "fifo", "own", "more"]), json_values)
def test_a_field_with_any_other_value_is_taken_as_it_is_or_garbled(field: str, value: Any) -> None:
    why = ""
    try:
        request, count = decode_request(line(**{field: value}))
        said = json.loads(encode(request, count))
        assert said[field] == value
        assert type(said[field]) is type(value)
    except Garbled as garbled:
        why = str(garbled)
    assert "\n" not in why
    assert len(why) < 300


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "not a line of JSON"),
        (b"[" * 60_000, "not a line of JSON"),
        (b"9" * 60_000, "not a line of JSON"),
        (b"\xff\xfe", "not a line of JSON"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (line(jeton=2), "protocol 2, this is 1: use the same jeton on both sides"),
        (line(jeton=True), "protocol True, this is 1"),
        (line(type="Fly"), "no message is called 'Fly'"),
        (line(type=["Sit"]), "a message without a type"),
        (line(fds=3), "Sit: fds is not 0 to 2"),
        (line(fds=True), "Sit: fds is not 0 to 2"),
        (line(more=1), "Sit: its fields are name, fifo, own"),
        (line(fifo=1), "Sit.fifo: '1' is no bool in range"),
        (line(name=None), "Sit.name: 'None' is no str in range"),
        (line(name="x" * (MAX_NAME + 1)), "is no str in range"),
        (encode(Resize(5)).replace(b"5", b"-5"), "Resize.jobs: '-5' is no int in range"),
        (encode(Resize(5)).replace(b"5", b"5000000000"), "is no int in range"),
        (encode(Resize(5)).replace(b"5", b"NaN"), "not a line of JSON"),
        (encode(AskStatus()).replace(b"AskStatus", b"Welcome"), "no message is called 'Welcome'"),
    ],
)
def test_what_is_no_request_is_told_in_words(said: bytes, told: str) -> None:
    with pytest.raises(Garbled) as caught:
        decode_request(said)
    assert told in str(caught.value)


@given(st.lists(requests, max_size=5), st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_lines_come_out_whole_however_they_are_cut(sent: list[Request], sizes: list[int]) -> None:
    stream = b"".join(encode(request) for request in sent)
    lines, got, at, turn = Lines(65_536), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        lines.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
        while (one := lines.next()) is not None:
            got.append(decode_request(one)[0])
    assert got == sent
    assert lines.empty


def test_a_line_without_an_end_is_given_up() -> None:
    lines = Lines(100)
    lines.feed(b"x" * 100)
    assert lines.next() is None
    lines.feed(b"x")
    with pytest.raises(Garbled, match="a line of more than 100 bytes"):
        lines.next()


def test_a_name_that_is_too_long_is_cut_so_that_it_passes() -> None:
    name = cut("make " * 2_000)
    assert name.endswith("…")
    assert decode_request(encode(Sit(name, fifo=False, own=False))[:-1])[0] == Sit(name, fifo=False, own=False)
    assert cut("make") == "make"
    assert decode_request(encode(Hello(cut("\udcff")))[:-1])[0] == Hello("\udcff")
