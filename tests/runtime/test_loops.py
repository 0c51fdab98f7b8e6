"""Covers the promises of the loop protocol, over every loop: each callback once, each undo honoured, errors raised."""

import os
import signal
from collections.abc import Iterator
from functools import partial

import pytest
from tests.runtime.conftest import MakeLoop

from jeton.runtime import Deadlock, EventLoop, SimulatedLoop, Undo


@pytest.fixture
def loop(make_loop: MakeLoop) -> Iterator[EventLoop]:
    loop = make_loop()
    yield loop
    loop.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_fd, write_fd = os.pipe()
    yield read_fd, write_fd
    os.close(read_fd)
    os.close(write_fd)


def test_each_callback_is_called_once(loop: EventLoop) -> None:
    called: list[int] = []

    def call(number: int) -> None:
        called.append(number)
        if len(called) == 5:
            loop.call_soon(loop.stop)

    for number in range(3):
        loop.call_soon(partial(call, number))
    loop.call_from_thread(partial(call, 3))
    loop.call_at(loop.time(), partial(call, 4))
    loop.run()
    assert sorted(called) == [0, 1, 2, 3, 4]


def test_it_can_be_run_again(loop: EventLoop) -> None:
    for _ in range(3):
        loop.call_soon(loop.stop)
        loop.run()


def test_a_callback_s_error_ends_the_run_and_only_that(loop: EventLoop) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(2):
        loop.call_soon(fail)
        with pytest.raises(ZeroDivisionError):
            loop.run()
    loop.call_soon(loop.stop)
    loop.run()


def test_a_timer_taken_back_never_calls(loop: EventLoop) -> None:
    called: list[str] = []
    undo = loop.call_at(loop.time(), partial(called.append, "taken back"))
    undo()
    loop.call_at(loop.time() + 0.001, loop.stop)
    loop.run()
    assert called == []


def test_of_two_timers_due_together_one_may_take_back_the_other(loop: EventLoop) -> None:
    called: list[int] = []
    undos: list[Undo] = []

    def first_come(number: int) -> None:
        called.append(number)
        undos[1 - number]()

    now = loop.time()
    undos += [loop.call_at(now, partial(first_come, number)) for number in range(2)]
    loop.call_at(now + 0.001, loop.stop)
    loop.run()
    assert len(called) == 1


def test_a_watch_calls_while_there_is_something_to_read(loop: EventLoop, pipe: tuple[int, int]) -> None:
    read_fd, write_fd = pipe
    read: list[bytes] = []

    def take() -> None:
        read.append(os.read(read_fd, 1))
        if len(read) == 3:
            loop.stop()

    os.write(write_fd, b"abc")
    undo = loop.watch_readable(read_fd, take)
    loop.run()
    undo()
    assert read == [b"a", b"b", b"c"]


def test_a_watch_taken_back_never_calls_even_when_it_is_due(loop: EventLoop) -> None:
    called: list[int] = []
    undos: list[Undo] = []
    pipes = [os.pipe() for _ in range(2)]

    def first_come(number: int) -> None:
        called.append(number)
        for undo in undos:
            undo()
        loop.call_at(loop.time() + 0.001, loop.stop)

    for number, (read_fd, write_fd) in enumerate(pipes):
        os.write(write_fd, b"x")
        undos.append(loop.watch_readable(read_fd, partial(first_come, number)))
    loop.run()
    assert len(called) == 1
    for fd in sum(pipes, ()):
        os.close(fd)


def test_a_pipe_is_writable_until_it_is_full(loop: EventLoop, pipe: tuple[int, int]) -> None:
    _, write_fd = pipe
    os.set_blocking(write_fd, False)
    written = 0

    def fill() -> None:
        nonlocal written
        try:
            written += os.write(write_fd, bytes(4096))
        except BlockingIOError:
            return

    undo = loop.watch_writable(write_fd, fill)
    loop.call_at(loop.time() + 0.05, loop.stop)
    loop.run()
    undo()
    assert written > 0


def test_a_second_watch_of_one_descriptor_is_refused(loop: EventLoop, pipe: tuple[int, int]) -> None:
    undo = loop.watch_readable(pipe[0], lambda: None)
    with pytest.raises(AssertionError, match="a second watch"):
        loop.watch_readable(pipe[0], lambda: None)
    undo()
    loop.watch_readable(pipe[0], lambda: None)()


def test_a_watch_may_be_taken_back_after_the_close(make_loop: MakeLoop, pipe: tuple[int, int]) -> None:
    loop = make_loop()
    undo = loop.watch_readable(pipe[0], lambda: None)
    loop.close()
    undo()


def test_a_signal_calls_back_and_afterwards_is_what_it_was(make_real_loop: MakeLoop) -> None:
    loop = make_real_loop()
    before = signal.getsignal(signal.SIGINT)

    def hear() -> None:
        undo()
        loop.stop()

    undo = loop.watch_signal(signal.SIGINT, hear)
    loop.call_soon(lambda: os.kill(os.getpid(), signal.SIGINT))
    loop.run()
    loop.close()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_simulated_clock_jumps_to_the_next_timer() -> None:
    loop = SimulatedLoop()
    times: list[float] = []
    for when in (7.0, 2.0, 4.0):
        loop.call_at(when, lambda: times.append(loop.time()))
    loop.call_at(9, loop.stop)
    loop.run()
    assert times == [2, 4, 7]
    assert loop.time() == 9


def test_the_simulated_loop_says_when_nothing_can_happen_any_more(pipe: tuple[int, int]) -> None:
    loop = SimulatedLoop(11)
    loop.watch_readable(pipe[0], lambda: None)
    with pytest.raises(Deadlock, match="seed 11"):
        loop.run()


def test_the_simulated_loop_stops_a_program_without_end() -> None:
    loop = SimulatedLoop(12, max_steps=100)

    def again() -> None:
        loop.call_soon(again)

    again()
    with pytest.raises(RuntimeError, match="seed 12: the simulated program does not end"):
        loop.run()


def test_the_simulated_loop_lets_descriptors_come_before_what_is_ready(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x")

    def order(seed: int) -> str:
        loop = SimulatedLoop(seed)
        seen: list[str] = []

        def hear() -> None:
            seen.append("r")
            undo()

        undo = loop.watch_readable(pipe[0], hear)
        for _ in range(3):
            loop.call_soon(partial(seen.append, "s"))
        loop.call_at(1, loop.stop)
        loop.run()
        return "".join(seen)

    assert {order(seed) for seed in range(50)} == {"rsss", "srss", "ssrs", "sssr"}
