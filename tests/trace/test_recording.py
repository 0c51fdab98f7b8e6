"""Covers the recording with real threads: one buffer for each, merged by time, no thread's order changed."""

from itertools import pairwise
from threading import Barrier, Event, Thread, get_ident

import pytest

from jeton.trace import Counter, Record, Recording, Stream

THREADS = 4
EACH = 2000


def counters(records: list[Record]) -> list[tuple[str, float]]:
    """Give name and value of each counter event."""
    return [(record.event.name, record.event.value) for record in records if isinstance(record.event, Counter)]


def run_together(*works: Thread) -> None:
    for work in works:
        work.start()
    for work in works:
        work.join()


def test_records_are_kept_in_the_order_of_time(stream: Stream) -> None:
    recording = Recording()
    with stream.listening(recording):
        for value in range(3):
            stream.emit(Counter("n", value))
    assert [record.at_ns for record in recording.records()] == [1, 2, 3]
    assert {record.thread for record in recording.records()} == {get_ident()}


def test_records_of_one_time_keep_their_thread_s_order() -> None:
    stream = Stream(lambda: 7)
    recording = Recording()
    with stream.listening(recording):
        for value in range(100):
            stream.emit(Counter("n", value))
    assert [value for _, value in counters(recording.records())] == list(range(100))


def test_what_was_read_does_not_change_when_more_comes(stream: Stream) -> None:
    recording = Recording()
    with stream.listening(recording):
        stream.emit(Counter("n", 1))
        before = recording.records()
        stream.emit(Counter("n", 2))
    assert len(before) == 1
    assert len(recording.records()) == 2


@pytest.mark.concurrency
def test_no_event_is_lost_and_no_thread_s_order_changes_when_threads_emit_at_once() -> None:
    stream = Stream()
    recording = Recording()
    together = Barrier(THREADS)

    def work(name: str) -> None:
        together.wait()
        for value in range(EACH):
            stream.emit(Counter(name, value))

    with stream.listening(recording):
        run_together(*(Thread(target=work, args=(str(number),)) for number in range(THREADS)))

    records = recording.records()
    assert len(records) == THREADS * EACH
    assert all(one.at_ns <= other.at_ns for one, other in pairwise(records))
    for number in range(THREADS):
        mine = [value for name, value in counters(records) if name == str(number)]
        assert mine == list(range(EACH))
    threads = {
        name: {r.thread for r, (n, _) in zip(records, counters(records), strict=True) if n == name} for name in "0123"
    }
    assert all(len(numbers) == 1 for numbers in threads.values()), "a record names the thread that emitted it"


@pytest.mark.concurrency
def test_each_thread_has_one_buffer_and_a_thread_that_ended_keeps_its_records() -> None:
    stream = Stream()
    recording = Recording()

    def work(value: int) -> None:
        stream.emit(Counter("n", value))
        stream.emit(Counter("n", value))

    with stream.listening(recording):
        for value in range(3):  # one after the other: the system may use a thread's number again
            run_together(Thread(target=work, args=(value,)))
    assert [value for _, value in counters(recording.records())] == [0, 0, 1, 1, 2, 2]
    assert len(recording._buffers) == 3


@pytest.mark.concurrency
def test_reading_while_threads_emit_gives_a_beginning_of_each_thread_s_events() -> None:
    stream = Stream()
    recording = Recording()
    together = Barrier(3)
    stop = Event()

    def work(name: str) -> None:
        together.wait()
        value = 0
        while value < 5_000 and not stop.is_set():  # a reader that is slower would never see an end
            stream.emit(Counter(name, value))
            value += 1

    threads = [Thread(target=work, args=(name,)) for name in ("a", "b")]
    with stream.listening(recording):
        for thread in threads:
            thread.start()
        together.wait()
        try:
            for _ in range(50):
                said = counters(recording.records())
                for name in ("a", "b"):
                    mine = [value for other, value in said if other == name]
                    assert mine == list(range(len(mine)))
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@pytest.mark.concurrency
def test_listeners_that_come_and_go_on_many_threads_leave_a_silent_stream() -> None:
    """Every thread hears its own event between its coming and its going.

    thread 0..3: come, emit, go; come, emit, go; ... all at once
    main:                                            join, look: off, nobody left
    """
    stream = Stream()
    together = Barrier(THREADS)
    missed: list[int] = []

    def work(number: int) -> None:
        together.wait()
        for value in range(200):
            recording = Recording()
            with stream.listening(recording):
                stream.emit(Counter(str(number), value))
            if (str(number), value) not in counters(recording.records()):
                missed.append(value)

    run_together(*(Thread(target=work, args=(number,)) for number in range(THREADS)))
    assert not missed
    assert not stream.on
    assert stream._listeners == ()


@pytest.mark.concurrency
def test_spans_of_many_threads_have_different_numbers() -> None:
    stream = Stream()
    recording = Recording()
    together = Barrier(THREADS)

    def work() -> None:
        together.wait()
        for _ in range(500):
            with stream.span("work"):
                pass

    with stream.listening(recording):
        run_together(*(Thread(target=work) for _ in range(THREADS)))
    numbers = [getattr(record.event, "span", 0) for record in recording.records()]
    assert sorted(numbers) == sorted([*range(1, THREADS * 500 + 1)] * 2)
