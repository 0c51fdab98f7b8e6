"""Covers the event: who is woken, in which order, and what a waiter that is cancelled leaves behind."""

from tests.runtime.conftest import MakeLoop

from jeton.runtime import Event, Scope, TaskState, checkpoint, run


def test_waiting_for_a_set_event_does_not_give_way(make_loop: MakeLoop) -> None:
    async def main() -> bool:
        event = Event()
        event.set()
        async with Scope() as scope:
            other = scope.spawn(checkpoint_once)
            await event.wait()
            states = [other.state]
        return states == [TaskState.READY]

    assert run(main, loop=make_loop())


async def checkpoint_once() -> None:
    await checkpoint()


def test_waiters_run_in_the_order_of_asking(make_real_loop: MakeLoop) -> None:
    order: list[int] = []

    async def main() -> None:
        event = Event()

        async def wait(number: int) -> None:
            await event.wait()
            order.append(number)

        async with Scope() as scope:
            for number in range(10):
                scope.spawn(wait, number)
            await checkpoint()
            event.set()
            event.set()

    run(main, loop=make_real_loop())
    assert order == list(range(10))


def test_a_waiter_woken_goes_on_even_if_the_event_is_cleared_at_once(make_loop: MakeLoop) -> None:
    async def main() -> None:
        event = Event()
        async with Scope() as scope:
            task = scope.spawn(wait_for, event)
            while task.state is not TaskState.PARKED:
                await checkpoint()
            event.set()
            event.clear()
            late = scope.spawn(wait_for, event)
            await task
            assert not late.done
            event.set()

    run(main, loop=make_loop())


async def wait_for(event: Event) -> None:
    await event.wait()


def test_a_cancelled_waiter_is_forgotten_and_the_others_are_woken(make_loop: MakeLoop) -> None:
    async def main() -> None:
        event = Event()
        async with Scope() as outer:
            stays = [outer.spawn(wait_for, event) for _ in range(3)]
            async with Scope() as inner:
                goes = [inner.spawn(wait_for, event) for _ in range(3)]
                while any(task.state is not TaskState.PARKED for task in stays + goes):
                    await checkpoint()
                inner.cancel()
            event.set()
        assert all(task.error is None for task in stays)
        assert all(task.error is not None for task in goes)

    run(main, loop=make_loop())


def test_set_then_cancelled_before_it_runs_is_cancelled_once(make_loop: MakeLoop) -> None:
    async def main() -> None:
        event = Event()
        async with Scope() as scope:
            task = scope.spawn(wait_for, event)
            while task.state is not TaskState.PARKED:
                await checkpoint()
            event.set()
            scope.cancel()
        assert task.done

    run(main, loop=make_loop())
