"""Covers the slots of one process: the implicit one, the tokens, and what becomes of them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Lock, Thread

import pytest
from tests.jobserver.pipes import bytes_in, pipe, waits

from jeton.jobserver import (
    OwnPool,
    PipeAuth,
    Pool,
    PoolUnusable,
    Slot,
    Unusable,
    default_jobs,
    join_pool,
    open_pool,
    open_pool_or_one_slot,
)
from jeton.trace import STREAM, DidGiveSlot, DidTakeSlot, Recording

SRC = Path(__file__).resolve().parents[2] / "src"


class Calls:
    """A loop that calls back on the spot, and looks at no descriptor."""

    def watch_readable(self, fd: int, callback: Callable[[], object]) -> Callable[[], None]:
        raise AssertionError(f"an own pool needs no descriptor watched: {fd}, {callback}")

    def call_from_thread(self, callback: Callable[[], object]) -> object:
        return callback()


def joined(auth: object, variable: str = "MAKEFLAGS") -> Pool:
    pool = join_pool({variable: f" -j4 --jobserver-auth={auth}"})
    assert pool is not None
    return pool


def take(pool: Pool) -> Slot:
    slot = pool.try_take()
    assert slot is not None
    return slot


def run(code: str) -> str:
    """Run a process of its own and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_implicit_slot_is_taken_first_and_never_goes_into_the_pipe(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    first = take(pool)
    assert first.token is None
    assert bytes_in(inherited.read_fd) == 3
    pool.give(first)
    assert bytes_in(inherited.read_fd) == 3
    assert take(pool).token is None, "it is first again as soon as it is free"
    assert take(pool).token == b"a"
    pool.close()


def test_the_byte_that_was_read_goes_back_whatever_the_order(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    slots = [take(pool) for _ in range(4)]
    assert pool.try_take() is None
    for slot in reversed(slots):
        pool.give(slot)
    assert os.read(inherited.read_fd, 9) == b"cba"
    os.write(inherited.write_fd, b"abc")
    pool.close()


def test_held_counts_the_implicit_slot_while_it_is_in_use(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    held = [pool.held]
    slots = []
    for _ in range(2):
        slots.append(take(pool))
        held.append(pool.held)
    for slot in slots:
        pool.give(slot)
        held.append(pool.held)
    assert held == [0, 1, 2, 1, 0]
    pool.close()


def test_a_slot_is_given_back_once(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    implicit, token = take(pool), take(pool)
    for slot in (implicit, token):
        pool.give(slot)
        with pytest.raises(AssertionError, match="once"):
            pool.give(slot)
    assert bytes_in(inherited.read_fd) == 3
    pool.close()


def test_a_slot_of_another_pool_is_not_taken_back(inherited: PipeAuth) -> None:
    one, other = joined(inherited), joined(inherited)
    slot = take(one)
    with pytest.raises(AssertionError):
        other.give(slot)
    one.close()
    other.close()


def test_closing_returns_every_token_that_is_held(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    for _ in range(3):
        take(pool)
    assert bytes_in(inherited.read_fd) == 1
    pool.close()
    assert bytes_in(inherited.read_fd) == 3
    assert waits(inherited.read_fd)
    pool.close()
    assert bytes_in(inherited.read_fd) == 3


def test_closing_a_pool_that_died_is_no_error(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    take(pool)
    take(pool)
    os.close(inherited.write_fd)
    pool.close()


def test_a_pool_that_dies_leaves_the_implicit_slot(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    os.read(inherited.read_fd, 3)
    os.close(inherited.write_fd)
    slot = take(pool)
    for _ in range(2):
        with pytest.raises(PoolUnusable) as caught:
            pool.try_take()
        assert caught.value.reason is Unusable.DEAD
    pool.give(slot)
    assert take(pool).token is None
    pool.close()


def test_an_own_pool_has_no_more_slots_than_it_says() -> None:
    pool = OwnPool(3)
    slots = [take(pool) for _ in range(3)]
    assert [pool.try_take() for _ in range(4)] == [None] * 4
    for slot in slots:
        pool.give(slot)
    assert pool.server.status().free == 2
    pool.close()


def test_closing_an_own_pool_gives_back_what_is_held_and_what_was_granted_and_not_fetched() -> None:
    pool = OwnPool(3)
    take(pool)
    take(pool)
    pool.watch(Calls(), lambda: None)  # and so the last token is granted at once
    assert pool.server.status().own == 2
    pool.close()
    pool.close()


def test_a_token_too_many_in_a_joined_pool_is_as_good_as_any(inherited: PipeAuth) -> None:
    """Nobody but the server knows how many there are: the number in MAKEFLAGS is not always the pool's."""
    pool = joined(inherited)
    os.write(inherited.write_fd, b"xyz")
    slots = [take(pool) for _ in range(7)]
    assert pool.try_take() is None
    for slot in slots:
        pool.give(slot)
    assert bytes_in(inherited.read_fd) == 6
    pool.close()


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        (("MAKEFLAGS",), 1),
        (("CARGO_MAKEFLAGS",), 0),
        (("MFLAGS",), 2),
        (("CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS"), 0),
        (("MAKEFLAGS", "MFLAGS"), 1),
    ],
)
def test_cargo_s_variable_comes_before_make_s_and_that_before_its_old_one(
    variables: tuple[str, ...], first: int
) -> None:
    with pipe(b"0") as cargo, pipe(b"1") as make, pipe(b"2") as old:
        auths = {"CARGO_MAKEFLAGS": cargo, "MAKEFLAGS": make, "MFLAGS": old}
        pool = join_pool({name: f"-j2 --jobserver-auth={auths[name]}" for name in variables})
        assert pool is not None
        take(pool)
        assert take(pool).token == str(first).encode()
        pool.close()


@pytest.mark.parametrize("broken", ["-2,-2", "1000,1001", "fifo:/no/such/fifo", "a_semaphore"])
def test_the_first_pool_that_can_be_used_is_joined(inherited: PipeAuth, broken: str) -> None:
    pool = join_pool({"CARGO_MAKEFLAGS": f"--jobserver-auth={broken}", "MAKEFLAGS": f"--jobserver-auth={inherited}"})
    assert pool is not None
    take(pool)
    assert take(pool).token == b"a"
    pool.close()


def test_the_first_reason_is_told_where_no_pool_can_be_used() -> None:
    environ = {"MFLAGS": "--jobserver-auth=a_semaphore", "MAKEFLAGS": "--jobserver-auth=fifo:/no/such/fifo"}
    for function in (join_pool, lambda environ: open_pool(None, environ)):
        with pytest.raises(PoolUnusable) as caught:
            function(environ)
        assert caught.value.reason is Unusable.NO_FIFO
        assert str(caught.value).startswith("MAKEFLAGS: fifo:/no/such/fifo: ")


def test_a_pool_that_cannot_be_used_is_warned_of_and_one_slot_is_left() -> None:
    """What a make does whose parent did not pass the descriptors on."""
    said: list[str] = []
    pool = open_pool_or_one_slot(None, {"MAKEFLAGS": "-j8 --jobserver-auth=fifo:/no/such/fifo"}, said.append)
    assert pool.jobs == 1
    assert (take(pool).token, pool.try_take()) == (None, None)
    pool.close()
    (line,) = said
    assert line.startswith("MAKEFLAGS: fifo:/no/such/fifo: ")
    assert line.endswith("; going on with one job at a time")


def test_an_own_number_of_jobs_is_not_warned_of_whatever_the_environment_says() -> None:
    said: list[str] = []
    pool = open_pool_or_one_slot(3, {"MAKEFLAGS": "-j8 --jobserver-auth=fifo:/no/such/fifo"}, said.append)
    assert (pool.jobs, said) == (3, [])
    pool.close()


@pytest.mark.parametrize("text", ["", "k", " -j4", "-j1 -- --jobserver-auth=3,4", "--jobserver-style=fifo"])
def test_without_a_pool_in_the_environment_there_is_none_to_join(text: str) -> None:
    assert join_pool({"MAKEFLAGS": text}) is None


def test_an_own_number_of_jobs_wins_over_an_inherited_pool(inherited: PipeAuth) -> None:
    environ = {"MAKEFLAGS": f"-j4 --jobserver-auth={inherited}"}
    own, shared = open_pool(2, environ), open_pool(None, environ)
    assert (isinstance(own, OwnPool), own.jobs) == (True, 2)
    assert (isinstance(shared, OwnPool), shared.jobs) == (False, 4)
    assert [take(own).token, take(own).token, own.try_take()] == [None, b"+", None]
    assert bytes_in(inherited.read_fd) == 3
    own.close()
    shared.close()


@pytest.mark.parametrize("said", ["", "-j ", "-j0 "])
def test_a_pool_of_unknown_size_counts_as_one_slot_a_core(inherited: PipeAuth, said: str) -> None:
    pool = join_pool({"MAKEFLAGS": f"{said}--jobserver-auth={inherited}"})
    assert pool is not None
    assert pool.jobs == default_jobs()
    pool.close()


def test_default_jobs_are_the_cores_that_this_process_may_use() -> None:
    if not hasattr(os, "sched_getaffinity"):
        assert default_jobs() == os.cpu_count()
        return
    code = "import os; from jeton.jobserver import *; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    assert run(code + "pool = open_pool(None, {}); print(default_jobs(), pool.jobs); pool.close()") == "1 1\n"
    assert 1 <= default_jobs() <= len(os.sched_getaffinity(0))


def test_a_forked_child_holds_nothing_and_closes_nothing_of_its_parent_s() -> None:
    """The child tries to give a slot back, then closes its copy; the parent's pool is as it was."""
    code = """
import os, signal
from jeton.jobserver import open_pool
pool = open_pool(4, {})
slots = [pool.try_take() for _ in range(3)]
pid = os.fork()
if pid == 0:
    signal.alarm(60)
    for slot in slots:
        try:
            pool.give(slot)
        except AssertionError as error:
            assert "fork" in str(error)
        else:
            os._exit(3)
    pool.close()
    os._exit(0)
_, status = os.waitpid(pid, 0)
print(status, pool.held, pool.server.status().own)
print(pool.try_take().token, pool.try_take())
pool.close()
"""
    assert run(code) == "0 3 2\nb'+' None\n"


def test_taking_and_giving_is_told_to_whoever_listens(inherited: PipeAuth) -> None:
    pool = joined(inherited)
    recording = Recording()
    with STREAM.listening(recording):
        slots = [take(pool) for _ in range(4)]
        assert pool.try_take() is None
        for slot in slots:
            pool.give(slot)
    assert [record.event for record in recording.records()] == [
        *map(DidTakeSlot, [1, 2, 3, 4]),
        *map(DidGiveSlot, [3, 2, 1, 0]),
    ]
    pool.close()


@pytest.mark.concurrency
def test_threads_that_take_and_give_at_once_lose_no_token_and_hold_no_more_than_there_are() -> None:
    """Eight threads share a pool of four.

    thread 0..7: take or go on, count up, count down, give; ... all at once
    main:                                                       join, every token is there
    """
    pool = OwnPool(4)
    together = Barrier(8)
    lock = Lock()
    running: set[int] = set()
    most = taken = 0

    def work(number: int) -> None:
        nonlocal most, taken
        together.wait()
        for _ in range(500):
            slot = pool.try_take()
            if slot is None:
                continue
            with lock:
                running.add(number)
                taken += 1
                most = max(most, len(running))
            with lock:
                running.remove(number)
            pool.give(slot)

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken > 0
    assert 1 <= most <= 4
    assert pool.held == 0
    assert pool.server.status().free == 3
    pool.close()


def test_slots_are_changed_under_the_lock_only() -> None:
    class Watched(set[Slot]):
        def add(self, slot: Slot) -> None:
            assert pool._lock.locked()
            super().add(slot)

        def remove(self, slot: Slot) -> None:
            assert pool._lock.locked()
            super().remove(slot)

    pool = open_pool(2, {})
    pool._held = Watched()
    for slot in (take(pool), take(pool)):
        pool.give(slot)
    pool.close()


@pytest.mark.concurrency
def test_the_implicit_slot_goes_to_one_thread_however_many_ask_at_once() -> None:
    """All threads ask for the only slot, again and again.

    thread 0..3: meet (1), take, meet (2), give if taken, meet (1), ...
    """
    pool = open_pool(1, {})
    together = Barrier(4)
    got: list[int] = []

    def work() -> None:
        mine = 0
        for _ in range(500):
            together.wait()
            slot = pool.try_take()
            together.wait()
            if slot is not None:
                mine += 1
                pool.give(slot)
        got.append(mine)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 500
    assert pool.held == 0
    pool.close()


@pytest.mark.concurrency
def test_two_pools_on_one_pipe_share_its_tokens() -> None:
    with pipe(b"+++") as auth:
        pools = [joined(auth), joined(auth)]
        together = Barrier(2)
        lock = Lock()
        tokens = 0
        most = 0

        def work(pool: Pool) -> None:
            nonlocal tokens, most
            together.wait()
            for _ in range(500):
                slots = [slot for slot in (pool.try_take() for _ in range(3)) if slot is not None]
                mine = sum(slot.token is not None for slot in slots)
                with lock:
                    tokens += mine
                    most = max(most, tokens)
                with lock:
                    tokens -= mine
                for slot in slots:
                    pool.give(slot)

        threads = [Thread(target=work, args=(pool,)) for pool in pools]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 <= most <= 3
        assert bytes_in(auth.read_fd) == 3
        for pool in pools:
            pool.close()
