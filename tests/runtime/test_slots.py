"""Covers the queue for slots, with a real pool: nobody waits beside a free slot, and no slot is lost or doubled."""

from collections.abc import Iterator

import pytest
from tests.runtime.conftest import MakeLoop, open_descriptors

from jeton.jobserver import Pool, PoolUnusable, Slot, Unusable, open_pool
from jeton.runtime import Event, Scope, SlotQueue, Task, TaskState, checkpoint, current_scheduler, run


@pytest.fixture
def pool() -> Iterator[Pool]:
    before = open_descriptors()
    pool = open_pool(2, {})
    yield pool
    assert pool.held == 0
    assert pool.server is not None
    assert pool.server.missing() == 0
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
        undo = current_scheduler().loop.watch_readable(pool.fd, lambda: None)  # a second watch would be refused
        undo()
        for slot in held:
            slots.give(slot)

    run(main, loop=make_loop())


class DyingPool:
    """A pool that has nothing, until it dies; its descriptor may be one that cannot be watched."""

    def __init__(self, pool: Pool, fd: int | None = None) -> None:
        self.fd = pool.fd if fd is None else fd
        self.dead = False

    def try_take(self) -> Slot | None:
        if self.dead:
            raise PoolUnusable("here", Unusable.DEAD)
        return None

    def give(self, slot: Slot) -> None:  # noqa: ARG002
        raise AssertionError("nobody has one")


def test_everybody_who_waits_hears_that_the_pool_died(make_loop: MakeLoop, pool: Pool) -> None:
    async def main() -> list[str]:
        dying = DyingPool(pool)
        slots = SlotQueue(dying)
        heard: list[str] = []

        async def take() -> None:
            try:
                await slots.take()
            except PoolUnusable as error:
                heard.append(str(error.reason.name))

        async with Scope() as scope:
            implicit = pool.try_take()
            token = pool.try_take()
            assert implicit is not None
            assert token is not None
            await parked(*(scope.spawn(take) for _ in range(4)))
            dying.dead = True
            pool.give(token)  # so that the descriptor wakes the queue
            pool.give(implicit)
        return heard

    assert run(main, loop=make_loop()) == ["DEAD"] * 4


def test_a_pool_that_cannot_be_watched_raises_and_leaves_nobody_in_the_queue(make_loop: MakeLoop, pool: Pool) -> None:
    class Failing(Exception):  # noqa: N818
        pass

    async def main() -> None:
        loop = current_scheduler().loop
        slots = SlotQueue(DyingPool(pool))
        watch = loop.watch_readable

        def refuse(fd: int, callback: object) -> None:
            raise Failing

        loop.watch_readable = refuse  # type: ignore[method-assign, assignment]
        with pytest.raises(Failing):
            await slots.take()
        loop.watch_readable = watch  # type: ignore[method-assign]
        assert not slots._requests
        loop.watch_readable(pool.fd, checkpoint)()  # nobody watches it

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
