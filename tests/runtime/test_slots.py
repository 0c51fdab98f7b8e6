"""Covers the queue for slots, with a real pool: nobody waits beside a free slot, and no slot is lost or doubled."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import pytest
from tests.runtime.conftest import MakeLoop, open_descriptors

from jeton.jobserver import OwnPool, Pool, PoolUnusable, Slot, Unusable, Watcher
from jeton.runtime import Event, Scope, SlotQueue, Task, TaskState, Undo, checkpoint, current_scheduler, libuv_loop, run


@pytest.fixture
def pool() -> Iterator[Pool]:
    if find_spec("uvloop") is not None:
        libuv_loop().close()  # the first one opens a pipe for signals that the process keeps
    before = open_descriptors()
    pool = OwnPool(2)
    yield pool
    assert pool.held == 0
    assert pool.server.status().free == 1
    pool.close()
    assert open_descriptors() == before


async def parked(*tasks: Task[None]) -> None:
    while any(task.state is not TaskState.PARKED for task in tasks):
        await checkpoint()


async def take_and_give(slots: SlotQueue, order: list[int], number: int) -> None:
    slot = await slots.take()
    order.append(number)
    await checkpoint()
    slots.give(slot)


def test_more_tasks_than_slots_take_turns_in_the_order_of_asking(make_real_loop: MakeLoop, pool: Pool) -> None:
    order: list[int] = []

    async def main() -> None:
        slots = SlotQueue(pool)
        async with Scope() as scope:
            for number in range(20):
                scope.spawn(take_and_give, slots, order, number)

    run(main, loop=make_real_loop())
    assert order == list(range(20))


def test_there_are_never_more_at_work_than_slots(make_loop: MakeLoop, pool: Pool) -> None:
    async def main() -> int:
        slots = SlotQueue(pool)
        at_work = most = 0

        async def work() -> None:
            nonlocal at_work, most
            slot = await slots.take()
            at_work += 1
            most = max(most, at_work)
            assert pool.held >= at_work  # a slot is held from its granting, before its task runs
            await checkpoint()
            at_work -= 1
            slots.give(slot)

        async with Scope() as scope:
            for _ in range(30):
                scope.spawn(work)
        return most

    assert run(main, loop=make_loop()) == 2


@pytest.mark.parametrize("which", ["the implicit slot", "a token"])
def test_a_slot_that_comes_back_wakes_one_who_waits(make_loop: MakeLoop, pool: Pool, which: str) -> None:
    order: list[int] = []

    async def main() -> None:
        slots = SlotQueue(pool)
        implicit, token = await slots.take(), await slots.take()
        assert implicit.token is None
        async with Scope() as scope:
            await parked(scope.spawn(take_and_give, slots, order, 0))
            slots.give(implicit if which == "the implicit slot" else token)
            while not order:
                await checkpoint()
            slots.give(token if which == "the implicit slot" else implicit)

    run(main, loop=make_loop())
    assert order == [0]


def test_a_slot_granted_together_with_the_cancelling_goes_back(make_loop: MakeLoop, pool: Pool) -> None:
    order: list[int] = []

    async def main() -> None:
        slots = SlotQueue(pool)
        implicit, token = await slots.take(), await slots.take()
        async with Scope() as stays:
            async with Scope() as goes:
                cancelled = goes.spawn(take_and_give, slots, order, 0)
                await parked(cancelled)
                waits = stays.spawn(take_and_give, slots, order, 1)
                await parked(waits)
                slots.give(implicit)  # it is granted to the first who asked, at once
                assert cancelled.state is TaskState.READY
                goes.cancel()
            await waits
        slots.give(token)

    run(main, loop=make_loop())
    assert order == [1]


def test_the_pool_is_watched_only_while_somebody_waits(make_loop: MakeLoop, pool: Pool) -> None:
    async def main() -> None:
        slots = SlotQueue(pool)
        held = [await slots.take(), await slots.take()]
        async with Scope() as scope:
            await parked(*(scope.spawn(take_and_give, slots, [], number) for number in range(3)))
            scope.cancel()
        pool.watch(current_scheduler().loop, lambda: None)()  # a second watch would be refused
        for slot in held:
            slots.give(slot)

    run(main, loop=make_loop())


class DyingPool:
    """A pool that has nothing, until it dies; whether it can be watched may be chosen."""

    def __init__(self, *, watchable: bool = True) -> None:
        self.dead = False
        self.watchable = watchable
        self._calls: list[Callable[[], object]] = []

    def watch(self, loop: Watcher, callback: Callable[[], object]) -> Undo:
        if not self.watchable:
            raise OSError("no more of these")
        call = partial(loop.call_from_thread, callback)
        self._calls.append(call)
        return partial(self._calls.remove, call)

    def die(self) -> None:
        self.dead = True
        for call in self._calls:
            call()

    def try_take(self) -> Slot | None:
        if self.dead:
            raise PoolUnusable("here", Unusable.DEAD)
        return None

    def give(self, slot: Slot) -> None:
        raise AssertionError(f"nobody has {slot}")


def test_everybody_who_waits_hears_that_the_pool_died(make_loop: MakeLoop) -> None:
    async def main() -> list[str]:
        pool = DyingPool()
        slots = SlotQueue(pool)
        heard: list[str] = []

        async def take() -> None:
            try:
                await slots.take()
            except PoolUnusable as error:
                heard.append(error.reason.name)

        async with Scope() as scope:
            await parked(*(scope.spawn(take) for _ in range(4)))
            pool.die()
        assert not pool._calls
        return heard

    assert run(main, loop=make_loop()) == ["DEAD"] * 4


def test_a_pool_that_cannot_be_watched_raises_and_leaves_nobody_in_the_queue(make_loop: MakeLoop) -> None:
    async def main() -> None:
        pool = DyingPool(watchable=False)
        slots = SlotQueue(pool)
        with pytest.raises(OSError, match="no more of these"):
            await slots.take()
        pool.watchable = True
        async with Scope() as scope:
            await parked(scope.spawn(take_and_give, slots, [], 0))
            assert len(slots._requests) == 1
            scope.cancel()

    run(main, loop=make_loop())


def test_a_task_may_ask_again_at_once_and_does_not_pass_those_who_wait(make_real_loop: MakeLoop, pool: Pool) -> None:
    order: list[str] = []

    async def main() -> None:
        slots = SlotQueue(pool)
        start = Event()

        async def greedy(name: str) -> None:
            await start.wait()
            for _ in range(3):
                slot = await slots.take()
                order.append(name)
                await checkpoint()
                slots.give(slot)

        async with Scope() as scope:
            for name in "abcd":
                scope.spawn(greedy, name)
            await checkpoint()
            start.set()

    run(main, loop=make_real_loop())
    assert sorted(order) == sorted("abcd" * 3)
    assert set(order[:4]) == set("abcd")
