"""Covers threads that wait for a slot in one client: their order, the one thread that polls, and what is never lost."""

import os
import threading
from queue import Queue
from threading import Lock, Thread

import pytest
from tests.jobserver.pipes import bytes_in, pipe
from tests.jobserver.waiting import Waiting, drain, environ

from jeton.jobserver import Client, PipeAuth, PoolUnusable, Server, Slot, Unusable


def start(client: Client, waiting: Waiting, told: "Queue[tuple[int, object]]", number: int) -> Thread:
    """Start a thread that waits for a slot, and return when it is in the queue."""

    def wait() -> None:
        try:
            told.put((number, client.acquire()))
        except Exception as error:  # noqa: BLE001  the test looks at it
            told.put((number, error))

    thread = Thread(target=wait)
    thread.start()
    waiting.entered.get()
    return thread


@pytest.mark.concurrency
def test_many_who_wait_are_served_in_their_order_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty threads wait; one token at a time comes.

    thread 0..49: enter the queue, one after the other ... told of their token, in the same order
    main:                                             a token, hear who got it, a token, ...
    """
    waiting = Waiting(monkeypatch)
    with pipe() as auth, Client.from_env(environ(auth, 100)) as client:
        drain(client)
        before = threading.active_count()
        told: Queue[tuple[int, object]] = Queue()
        threads = [start(client, waiting, told, number) for number in range(50)]
        assert threading.active_count() == before + 50 + 1
        for number in range(50):
            os.write(auth.write_fd, b"+")
            assert told.get()[0] == number
        for thread in threads:
            thread.join()
        assert client.held == 51


@pytest.mark.concurrency
def test_the_implicit_slot_goes_to_who_waits_first(monkeypatch: pytest.MonkeyPatch, inherited: PipeAuth) -> None:
    waiting = Waiting(monkeypatch)
    with Client.from_env(environ(inherited)) as client:
        implicit, *_ = drain(client)
        told: Queue[tuple[int, object]] = Queue()
        threads = [start(client, waiting, told, number) for number in range(2)]
        for number in range(2):
            client.release(implicit)
            assert told.get() == (number, implicit)
        for thread in threads:
            thread.join()


@pytest.mark.concurrency
def test_who_looks_once_does_not_overtake_who_waits(monkeypatch: pytest.MonkeyPatch, inherited: PipeAuth) -> None:
    waiting = Waiting(monkeypatch)
    with Client.from_env(environ(inherited)) as client:
        slots = drain(client)
        told: Queue[tuple[int, object]] = Queue()
        busy = threading.Event()
        client._line.call(busy.wait)  # the waiter hands nothing out meanwhile
        thread = start(client, waiting, told, 0)
        client.release(slots.pop())
        assert client.try_acquire() is None
        busy.set()
        thread.join()
        assert isinstance(told.get()[1], Slot)


@pytest.mark.concurrency
def test_a_token_of_the_server_reaches_who_waits_in_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch)
    with Server(3) as server, Client.from_server(server) as client:
        slots = drain(client)
        told: Queue[tuple[int, object]] = Queue()
        threads = [start(client, waiting, told, number) for number in range(3)]
        for number in range(3):
            client.release(slots.pop())
            assert told.get()[0] == number
        for thread in threads:
            thread.join()
        assert client.held == 3


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_who_gives_up_waiting_is_out_of_the_queue(inherited: PipeAuth, seconds: float) -> None:
    with Client.from_env(environ(inherited)) as client:
        slots = drain(client)
        with pytest.raises(TimeoutError):
            client.acquire(seconds)
        client.release(slots.pop())
        with client.slot(seconds) as slot:
            assert slot.token == b"c"


def test_a_slot_that_comes_while_its_thread_is_interrupted_goes_back(
    monkeypatch: pytest.MonkeyPatch, inherited: PipeAuth
) -> None:
    """The thread's wait ends by an exception, after the waiter thread has granted it a slot."""
    waiting = Waiting(monkeypatch)
    with Client.from_env(environ(inherited)) as client:
        slots = drain(client)

        class Interrupted(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
                client.release(slots.pop())
                waiting.granted.get()
                raise KeyboardInterrupt

        monkeypatch.setattr("jeton.jobserver.client.Event", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.acquire()
        assert (client.held, bytes_in(inherited.read_fd)) == (3, 1)


@pytest.mark.concurrency
def test_closing_sends_everybody_home(monkeypatch: pytest.MonkeyPatch, inherited: PipeAuth) -> None:
    waiting = Waiting(monkeypatch)
    client = Client.from_env(environ(inherited))
    drain(client)
    told: Queue[tuple[int, object]] = Queue()
    threads = [start(client, waiting, told, number) for number in range(3)]
    client.close()
    for thread in threads:
        thread.join()
    assert {str(told.get()[1]) for _ in range(3)} == {"the client is closed"}
    assert bytes_in(inherited.read_fd) == 3


@pytest.mark.concurrency
def test_everybody_who_waits_hears_that_the_pool_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch)
    with pipe() as auth, Client.from_env(environ(auth)) as client:
        drain(client)
        told: Queue[tuple[int, object]] = Queue()
        threads = [start(client, waiting, told, number) for number in range(3)]
        os.close(auth.write_fd)
        for thread in threads:
            thread.join()
        for _ in range(3):
            _, error = told.get()
            assert isinstance(error, PoolUnusable)
            assert error.reason is Unusable.DEAD


@pytest.mark.concurrency
@pytest.mark.parametrize("own", [False, True])
def test_threads_that_wait_and_give_at_once_hold_no_more_than_there_are_and_lose_none(own: bool) -> None:
    """Sixteen threads share four slots, two hundred times each."""
    with pipe(b"+++") as auth, Server(4) as server:
        client = Client.from_server(server) if own else Client.from_env(environ(auth))
        lock = Lock()
        running = most = ran = 0

        def work() -> None:
            nonlocal running, most, ran
            for _ in range(200):
                with client.slot():
                    with lock:
                        running += 1
                        ran += 1
                        most = max(most, running)
                    with lock:
                        running -= 1

        threads = [Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (running, ran, client.held) == (0, 3200, 0)
        assert most <= 4
        client.close()
        assert bytes_in(auth.read_fd) == 3
        assert server.status().free == 3
