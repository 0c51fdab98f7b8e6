"""Covers the stream: who hears what, in which order, and that silence is free."""

from contextlib import suppress

import pytest

from jeton.trace import Counter, DidBuild, Event, Stream
from jeton.trace.events import BuildOutcome


class Heard:
    """A listener that keeps what it hears. `hear` is a new bound method each time it is looked up."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Event]] = []

    def hear(self, at_ns: int, event: Event) -> None:
        self.events.append((at_ns, event))


ONE, TWO, THREE = Counter("n", 1), Counter("n", 2), Counter("n", 3)


def test_a_stream_is_on_only_while_somebody_listens(stream: Stream) -> None:
    assert not stream.on
    with stream.listening(Heard().hear):
        assert stream.on
        with stream.listening(Heard().hear):
            assert stream.on
        assert stream.on
    assert not stream.on


def test_a_span_builds_nothing_when_nobody_listens() -> None:
    def clock() -> int:
        raise AssertionError("the clock was asked although nobody listens")

    stream = Stream(clock)
    with stream.span("work"):
        pass
    heard = Heard()
    stream.clock = iter(range(10)).__next__
    with stream.listening(heard.hear), stream.span("work"):
        pass
    assert [getattr(event, "span", None) for _, event in heard.events] == [1, 1], "no number was used before"


def test_listeners_are_called_in_the_order_in_which_they_came(stream: Stream) -> None:
    order: list[str] = []
    with (
        stream.listening(lambda _at, _event: order.append("first")),
        stream.listening(lambda _at, _event: order.append("second")),
        stream.listening(lambda _at, _event: order.append("third")),
    ):
        stream.emit(ONE)
    assert order == ["first", "second", "third"]


def test_every_listener_gets_the_same_time_from_the_replaced_clock() -> None:
    stream = Stream()
    stream.clock = iter([70, 80]).__next__
    one, two = Heard(), Heard()
    with stream.listening(one.hear), stream.listening(two.hear):
        stream.emit(ONE)
        stream.emit(TWO)
    assert one.events == two.events == [(70, ONE), (80, TWO)]


def test_a_listener_hears_until_its_block_ends_by_an_exception(stream: Stream) -> None:
    heard = Heard()
    with suppress(LookupError), stream.listening(heard.hear):
        stream.emit(ONE)
        raise LookupError
    stream.emit(TWO)
    assert heard.events == [(1, ONE)]
    assert not stream.on


def test_a_listener_that_listens_twice_hears_twice_until_each_block_ends(stream: Stream) -> None:
    heard = Heard()
    with stream.listening(heard.hear):
        with stream.listening(heard.hear):
            stream.emit(ONE)
        stream.emit(TWO)
    stream.emit(THREE)
    assert heard.events == [(1, ONE), (1, ONE), (2, TWO)]


def test_blocks_may_end_in_another_order_than_they_began(stream: Stream) -> None:
    one, two = Heard(), Heard()
    first, second = stream.listening(one.hear), stream.listening(two.hear)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    stream.emit(ONE)
    second.__exit__(None, None, None)
    assert (one.events, two.events) == ([], [(1, ONE)])
    assert not stream.on


def test_a_listener_that_comes_from_inside_a_listener_hears_the_next_event(stream: Stream) -> None:
    late = Heard()
    block = stream.listening(late.hear)

    def bring(_at_ns: int, event: Event) -> None:
        if event is ONE:
            block.__enter__()

    with stream.listening(bring):
        stream.emit(ONE)
        stream.emit(TWO)
    block.__exit__(None, None, None)
    assert late.events == [(2, TWO)]


def test_a_listener_that_leaves_from_inside_a_listener_hears_the_event_at_hand_and_no_more(stream: Stream) -> None:
    leaving = Heard()
    block = stream.listening(leaving.hear)

    def send_away(_at_ns: int, event: Event) -> None:
        if event is ONE:
            block.__exit__(None, None, None)

    with stream.listening(send_away):
        block.__enter__()
        stream.emit(ONE)
        stream.emit(TWO)
    assert leaving.events == [(1, ONE)]


def test_an_event_from_inside_a_listener_reaches_everybody_with_a_later_time(stream: Stream) -> None:
    heard = Heard()

    def answer(_at_ns: int, event: Event) -> None:
        if event is ONE:
            stream.emit(TWO)

    with stream.listening(heard.hear), stream.listening(answer):
        stream.emit(ONE)
    assert heard.events == [(1, ONE), (2, TWO)]


def test_events_are_values_that_cannot_be_changed() -> None:
    event = DidBuild(BuildOutcome.SUCCEEDED, ran=3)
    assert event == DidBuild(BuildOutcome.SUCCEEDED, ran=3)
    with pytest.raises(AttributeError):
        event.ran = 4  # type: ignore[misc]
