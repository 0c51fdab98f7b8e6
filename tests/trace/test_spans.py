"""Covers spans: each one that opened is closed, by whatever way its block ends."""

import asyncio

import pytest

from jeton.trace import DidDo, Record, Recording, Stream, WillDo


def said(recording: Recording) -> list[tuple[type, int, str]]:
    """Give the kind, number and name of each span event."""
    return [
        (type(record.event), record.event.span, record.event.name)
        for record in recording.records()
        if isinstance(record.event, WillDo | DidDo)
    ]


def test_a_span_says_when_it_begins_and_when_it_ends(stream: Stream) -> None:
    recording = Recording()
    with stream.listening(recording), stream.span("scan"):
        pass
    began, ended = recording.records()
    assert (began.event, ended.event) == (WillDo(1, "scan"), DidDo(1, "scan"))
    assert (began.at_ns, ended.at_ns) == (1, 2)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_span_is_closed_when_its_block_raises(stream: Stream, error: type[BaseException]) -> None:
    recording = Recording()
    with pytest.raises(error), stream.listening(recording), stream.span("scan"):
        raise error
    assert said(recording) == [(WillDo, 1, "scan"), (DidDo, 1, "scan")]


def test_spans_nest_and_close_from_the_inside(stream: Stream) -> None:
    recording = Recording()
    with pytest.raises(OSError), stream.listening(recording), stream.span("outer"), stream.span("inner"):
        raise OSError
    assert said(recording) == [
        (WillDo, 1, "outer"),
        (WillDo, 2, "inner"),
        (DidDo, 2, "inner"),
        (DidDo, 1, "outer"),
    ]


def test_a_listener_that_comes_in_the_middle_hears_no_end_without_a_beginning(stream: Stream) -> None:
    recording = Recording()
    with stream.span("scan"), stream.listening(recording):
        pass
    span = stream.span("scan")
    span.__enter__()
    with stream.listening(recording):
        span.__exit__(None, None, None)
    assert said(recording) == []


def test_a_span_whose_listener_left_ends_in_silence(stream: Stream) -> None:
    recording = Recording()
    block = stream.listening(recording)
    block.__enter__()
    with stream.span("scan"):
        block.__exit__(None, None, None)
    assert said(recording) == [(WillDo, 1, "scan")]


def test_a_record_names_its_time_its_thread_and_its_event(stream: Stream) -> None:
    recording = Recording()
    with stream.listening(recording), stream.span("scan"):
        pass
    first = recording.records()[0]
    assert first == Record(1, first.thread, WillDo(1, "scan"))
