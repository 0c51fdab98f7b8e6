"""Explores what happens at one moment: an event and a cancelling, a slot and a cancelling, a timer and an end."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.interleave.explore import explore

from jeton.jobserver import OwnPool
from jeton.runtime import Cancelled, Event, Scope, SlotQueue, Task, TaskCancelled, checkpoint, sleep


@pytest.fixture
def pool() -> Iterator[OwnPool]:
    pool = OwnPool(3)
    yield pool
    pool.close()


def test_set_and_cancel_together() -> None:
    """setter: set ----\\
    waiter: wait       > in any order; the waiter ends once, by one of the two
    canceller: cancel -/
    """

    async def scenario() -> None:
        event = Event()
        async with Scope() as scope:

            async def wait() -> str:
                await event.wait()
                return "set"

            async def set_it() -> None:
                event.set()

            async def cancel() -> None:
                scope.cancel()

            waiters = [scope.spawn(wait) for _ in range(3)]
            scope.spawn(set_it)
            scope.spawn(cancel)
        for waiter in waiters:
            assert waiter.done
            assert waiter.error is None or isinstance(waiter.error, Cancelled)
        assert not event._waiters

    explore(scenario)


def test_ping_and_pong_never_miss_each_other() -> None:
    async def scenario() -> None:
        ping, pong = Event(), Event()
        turns = 0

        async def play(hear: Event, say: Event) -> None:
            nonlocal turns
            for _ in range(5):
                await hear.wait()
                hear.clear()
                turns += 1
                say.set()

        async with Scope() as scope:
            scope.spawn(play, ping, pong)
            scope.spawn(play, pong, ping)
            ping.set()
        assert turns == 10

    explore(scenario)


def test_the_end_of_a_task_and_the_cancelling_of_its_waiter_together() -> None:
    async def scenario() -> None:
        async def source() -> int:
            await checkpoint()
            return 1

        async def wait(task: Task[int]) -> int:
            return await task

        async with Scope() as outer:
            task = outer.spawn(source)
            async with Scope() as inner:
                waiters = [inner.spawn(wait, task) for _ in range(3)]

                async def cancel() -> None:
                    inner.cancel()

                inner.spawn(cancel)
        assert task.result() == 1
        for waiter in waiters:
            assert waiter.done
            assert isinstance(waiter.error, Cancelled) or waiter.result() == 1

    explore(scenario)


def test_a_scope_and_the_one_around_it_cancelled_while_they_are_left() -> None:
    async def scenario() -> None:
        ended = 0
        async with Scope() as outer:

            async def leaf() -> None:
                nonlocal ended
                try:
                    await sleep(1)
                finally:
                    async with Scope(shield=True):
                        await checkpoint()
                    ended += 1

            async def host() -> None:
                async with Scope() as inner:
                    inner.spawn(leaf)
                    inner.spawn(leaf)

                    async def cancel_inner() -> None:
                        inner.cancel()

                    outer.spawn(cancel_inner)
                assert not inner._children
                assert not inner.nested

            async def cancel_outer() -> None:
                await checkpoint()
                outer.cancel()

            task = outer.spawn(host)
            outer.spawn(cancel_outer)
        assert task.done
        assert ended in (0, 1, 2)  # a leaf that was cancelled before its first step never began
        assert not outer.nested

    explore(scenario)


def test_a_timeout_and_the_end_of_the_work_at_the_same_time() -> None:
    outcomes: set[str] = set()

    async def scenario() -> None:
        try:
            async with Scope(timeout=1):
                await sleep(1)
            outcomes.add("done")
        except TimeoutError:
            outcomes.add("late")
        await checkpoint()

    explore(scenario)
    assert outcomes <= {"done", "late"}


def test_slots_taken_given_and_cancelled_in_any_order(pool: OwnPool) -> None:
    async def scenario() -> None:
        slots = SlotQueue(pool)
        at_work = 0

        async def work(seconds: float) -> None:
            nonlocal at_work
            slot = await slots.take()
            at_work += 1
            try:
                assert at_work <= pool.held <= 3
                await sleep(seconds)
            finally:
                at_work -= 1
                slots.give(slot)

        async with Scope() as outer:
            for number in range(4):
                outer.spawn(work, number % 2)
            try:
                async with Scope(timeout=0.5) as inner:
                    for number in range(4):
                        inner.spawn(work, number % 3)
            except TimeoutError:
                pass
        assert at_work == 0
        assert pool.held == 0
        assert pool.server.status().free == 2
        assert slots._unwatch is None

    explore(scenario, range(150))


def test_a_failure_ends_everything_and_is_told_once() -> None:
    async def scenario() -> None:
        errors: list[Exception] = []

        async def fail(number: int) -> None:
            await sleep(number % 2)
            error = KeyError(number)
            errors.append(error)
            raise error

        async def wait(task: Task[None]) -> None:
            with suppress(KeyError, TaskCancelled):
                await task

        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012
            async with Scope() as scope:
                tasks = [scope.spawn(fail, number) for number in range(4)]
                tasks += [scope.spawn(wait, task) for task in tasks]
        assert sorted(map(id, caught.value.exceptions)) == sorted(map(id, errors))
        assert all(task.done for task in tasks)

    explore(scenario)
