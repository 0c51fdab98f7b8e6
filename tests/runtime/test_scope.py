"""Covers scopes: tasks end together and fail together, cancelling reaches what is inside and nothing else."""

import math
from collections.abc import AsyncGenerator

import pytest
from tests.runtime.conftest import MakeLoop

from jeton.runtime import (
    Cancelled,
    Event,
    Scope,
    SimulatedLoop,
    Task,
    TaskState,
    checkpoint,
    current_scheduler,
    current_task,
    run,
    sleep,
)


async def never() -> None:
    await Event().wait()


async def fail(error: BaseException) -> None:
    raise error


async def parked(*tasks: Task[None]) -> None:
    """Return when all of the tasks wait."""
    while any(task.state is not TaskState.PARKED for task in tasks):
        await checkpoint()


async def once() -> None:
    await checkpoint()


def test_a_scope_waits_for_its_children_and_theirs(make_loop: MakeLoop) -> None:
    ended: list[str] = []

    async def grandchild() -> None:
        await sleep(0.002)
        ended.append("grandchild")

    async def main() -> None:
        async with Scope() as scope:

            async def child() -> None:
                await sleep(0.001)
                scope.spawn(grandchild)
                ended.append("child")

            scope.spawn(child)
        ended.append("scope")

    run(main, loop=make_loop())
    assert ended == ["child", "grandchild", "scope"]


def test_a_failure_before_the_first_await_cancels_the_siblings(make_loop: MakeLoop) -> None:
    async def main() -> list[Task[None]]:
        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012
            async with Scope() as scope:
                sibling = scope.spawn(never)
                await parked(sibling)
                failed = scope.spawn(fail, KeyError("k"))
        assert [type(error) for error in caught.value.exceptions] == [KeyError]
        assert isinstance(sibling.error, Cancelled)
        return [sibling, failed]

    assert all(task.done for task in run(main, loop=make_loop()))


def test_every_failure_is_told_once(make_loop: MakeLoop) -> None:
    errors = [KeyError(0), OSError(1), ValueError(2)]

    async def fail_when_cancelled(error: Exception) -> None:
        try:
            await never()
        finally:
            raise error

    async def main() -> None:
        async with Scope() as scope:
            await parked(scope.spawn(fail_when_cancelled, errors[0]), scope.spawn(fail_when_cancelled, errors[1]))
            raise errors[2]

    with pytest.raises(ExceptionGroup) as caught:
        run(main, loop=make_loop())
    assert set(caught.value.exceptions) == set(errors)
    assert len(caught.value.exceptions) == 3


class Same(Exception):  # noqa: N818
    """Equal to every other of its kind."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same)

    def __hash__(self) -> int:
        return 0


def test_errors_that_are_equal_are_told_each(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as scope:
            failed = scope.spawn(fail, Same())
            while not failed.done:
                try:
                    await checkpoint()
                except Cancelled:
                    break
            raise Same

    with pytest.raises(ExceptionGroup) as caught:
        run(main, loop=make_loop())
    assert len(caught.value.exceptions) == 2


def test_an_error_that_passes_through_siblings_and_body_is_told_once(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as scope:
            failed = scope.spawn(fail, KeyError("once"))

            async def look() -> None:
                try:
                    await never()
                finally:
                    failed.result()

            scope.spawn(look)
            try:
                await never()
            finally:
                failed.result()

    with pytest.raises(ExceptionGroup) as caught:
        run(main, loop=make_loop())
    assert len(caught.value.exceptions) == 1


def test_the_body_s_failure_cancels_the_children(make_loop: MakeLoop) -> None:
    async def main() -> Task[None]:
        with pytest.raises(ExceptionGroup):  # noqa: PT012
            async with Scope() as scope:
                child = scope.spawn(never)
                await parked(child)
                raise KeyError
        return child

    assert isinstance(run(main, loop=make_loop()).error, Cancelled)


def test_a_scope_cancelled_takes_up_its_own_cancelling(make_loop: MakeLoop) -> None:
    async def main() -> str:
        async with Scope() as scope:
            scope.spawn(never)
            scope.cancel()
            scope.cancel()
            await never()
        await checkpoint()
        return "on"

    assert run(main, loop=make_loop()) == "on"


def test_a_child_may_cancel_the_scope_that_it_is_in(make_loop: MakeLoop) -> None:
    reached: list[str] = []

    async def main() -> None:
        async with Scope() as scope:

            async def child() -> None:
                scope.cancel()
                reached.append("after cancel")
                await checkpoint()
                reached.append("after a checkpoint")

            scope.spawn(child)
            scope.spawn(never)
            await never()

    run(main, loop=make_loop())
    assert reached == ["after cancel"]


def test_a_scope_cancelled_while_its_host_waits_for_the_children_cancels_them(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as outer:
            entered: list[Scope] = []

            async def host() -> None:
                async with Scope() as scope:
                    entered.append(scope)
                    scope.spawn(never)

            task = outer.spawn(host)
            await parked(task)
            assert task.state is TaskState.PARKED
            entered[0].cancel()
            await task
            assert task.error is None

    run(main, loop=make_loop())


def test_a_scope_around_one_that_is_being_left_cancels_its_children(make_loop: MakeLoop) -> None:
    children: list[Task[None]] = []

    async def host() -> None:
        async with Scope() as scope:
            children.append(scope.spawn(never))

    async def main() -> None:
        async with Scope() as outer:
            task = outer.spawn(host)
            await parked(task)
            outer.cancel()
        assert isinstance(task.error, Cancelled) or task.error is None

    run(main, loop=make_loop())
    assert isinstance(children[0].error, Cancelled)


def test_a_scope_cancelled_before_it_is_entered_lets_nothing_pass(make_loop: MakeLoop) -> None:
    reached: list[str] = []

    async def child() -> None:
        reached.append("child")

    async def main() -> None:
        scope = Scope()
        scope.cancel()
        async with scope:
            scope.spawn(child)
            reached.append("body")
            await checkpoint()
            reached.append("after a checkpoint")

    run(main, loop=make_loop())
    assert reached == ["body"]


def test_a_task_spawned_into_a_cancelled_scope_never_begins(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as scope:
            scope.cancel()
            task = scope.spawn(fail, AssertionError("it began"))
        assert isinstance(task.error, Cancelled)

    run(main, loop=make_loop())


def test_cancelling_is_thrown_at_every_yield_until_the_scope_is_left(make_loop: MakeLoop) -> None:
    thrown = 0

    async def main() -> None:
        nonlocal thrown
        async with Scope() as scope:
            scope.cancel()
            for wait in (checkpoint, never, checkpoint):
                try:
                    await wait()
                except Cancelled:
                    thrown += 1
        await checkpoint()

    run(main, loop=make_loop())
    assert thrown == 3


def test_a_shield_keeps_outer_cancelling_out_and_its_own_in(make_loop: MakeLoop) -> None:
    steps: list[str] = []

    async def main() -> None:
        async with Scope() as outer:
            outer.cancel()
            async with Scope(shield=True) as shield:
                await sleep(0.001)
                child = shield.spawn(once)
                await child
                steps.append("shielded")
                shield.cancel()
                await checkpoint()
                steps.append("not reached")
            steps.append("not reached, for the scope around it is cancelled too")
        await checkpoint()

    run(main, loop=make_loop())
    assert steps == ["shielded"]


def test_cancelling_waits_at_the_shield_and_comes_after_it(make_loop: MakeLoop) -> None:
    async def main() -> list[str]:
        steps: list[str] = []
        release = Event()

        async def child() -> None:
            async with Scope(shield=True):
                await release.wait()
                steps.append("released")
            await checkpoint()
            steps.append("not reached")

        async with Scope() as scope:
            task = scope.spawn(child)
            await parked(task)
            scope.cancel()
            assert task.state is TaskState.PARKED
            release.set()
        return steps

    assert run(main, loop=make_loop()) == ["released"]


def test_spawning_into_a_scope_that_is_not_open_is_refused(make_loop: MakeLoop) -> None:
    async def main() -> None:
        scope = Scope()
        with pytest.raises(RuntimeError, match="open scope"):
            scope.spawn(never)
        async with scope:
            pass
        with pytest.raises(RuntimeError, match="open scope"):
            scope.spawn(never)
        with pytest.raises(AssertionError, match="entered once"):
            async with scope:
                pass
        scope.cancel()
        await checkpoint()

    run(main, loop=make_loop())


def test_a_task_spawned_when_the_host_is_woken_already_is_waited_for() -> None:
    """Seeds decide whether the spawner runs between the last child's end and the host's next step."""

    async def main() -> None:
        inner: list[Scope] = []
        spawned: list[Task[None]] = []
        async with Scope() as outer:

            async def host() -> None:
                async with Scope() as scope:
                    inner.append(scope)
                    scope.spawn(once)
                assert all(task.done for task in spawned)

            async def spawn() -> None:
                while not inner:
                    await checkpoint()
                for _ in range(20):
                    try:
                        spawned.append(inner[0].spawn(once))
                    except RuntimeError:
                        break
                    await checkpoint()

            outer.spawn(host)
            outer.spawn(spawn)

    for seed in range(100):
        run(main, loop=SimulatedLoop(seed))


def test_a_timeout_cancels_and_says_so() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError, match="not done within 5 s"):  # noqa: PT012
            async with Scope(timeout=5) as scope:
                scope.spawn(never)
                await never()
        return current_scheduler().loop.time()

    assert run(main, loop=SimulatedLoop()) == 5


def test_a_timeout_holds_for_the_children_that_are_waited_for(make_loop: MakeLoop) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with Scope(timeout=0.001) as scope:
                scope.spawn(never)

    run(main, loop=make_loop())


def test_a_scope_left_in_time_is_not_cancelled_later(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope(timeout=0.001) as scope:
            pass
        await sleep(0.002)
        assert not scope.cancelling

    run(main, loop=make_loop())


def test_a_timeout_that_passes_during_a_cancelling_is_none() -> None:
    async def main() -> str:
        async with Scope(timeout=1) as scope:
            scope.cancel()
            async with Scope(shield=True):
                await sleep(2)
            await checkpoint()
        return "no TimeoutError"

    assert run(main, loop=SimulatedLoop()) == "no TimeoutError"


def test_a_timeout_inside_a_cancelled_scope_does_not_hide_the_cancelling(make_loop: MakeLoop) -> None:
    async def main() -> str:
        async with Scope() as outer:
            async with Scope(timeout=0):
                outer.cancel()
                await sleep(math.inf)
            return "not reached"
        return "cancelled"

    assert run(main, loop=make_loop()) == "cancelled"


def test_a_failure_counts_more_than_a_timeout() -> None:
    async def main() -> None:
        async with Scope(timeout=1) as scope:

            async def child() -> None:
                try:
                    await never()
                finally:
                    raise KeyError

            scope.spawn(child)

    with pytest.raises(ExceptionGroup) as caught:
        run(main, loop=SimulatedLoop())
    assert [type(error) for error in caught.value.exceptions] == [KeyError]


def test_cancelled_raised_by_hand_ends_the_task_alone(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as scope:
            sibling = scope.spawn(once)
            by_hand = scope.spawn(fail, Cancelled())
        assert sibling.error is None
        assert isinstance(by_hand.error, Cancelled)

    run(main, loop=make_loop())


def test_scopes_nested_deeper_than_python_s_stack_are_cancelled(make_loop: MakeLoop) -> None:
    depth = 5000
    ended = 0

    async def descend(left: int, arrived: Event) -> None:
        nonlocal ended
        try:
            async with Scope() as scope:
                if left:
                    scope.spawn(descend, left - 1, arrived)
                else:
                    arrived.set()
                await never()
        finally:
            ended += 1

    async def main() -> None:
        arrived = Event()
        async with Scope() as scope:
            scope.spawn(descend, depth, arrived)
            await arrived.wait()
            scope.cancel()

    run(main, loop=make_loop())
    assert ended == depth + 1


def test_an_async_generator_closed_inside_a_scope_leaves_the_task_outside_of_it(make_loop: MakeLoop) -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        async with Scope():
            yield 1
            yield 2

    async def main() -> None:
        outside = current_task().scope
        generator = numbers()
        assert await anext(generator) == 1
        assert current_task().scope is not outside
        await generator.aclose()
        assert current_task().scope is outside
        await checkpoint()

    run(main, loop=make_loop())


def test_children_are_cancelled_in_the_order_of_their_spawning(make_real_loop: MakeLoop) -> None:
    order: list[int] = []

    async def child(number: int) -> None:
        try:
            await never()
        finally:
            order.append(number)

    async def main() -> None:
        async with Scope() as scope:
            await parked(*(scope.spawn(child, number) for number in range(200)))
            scope.cancel()

    run(main, loop=make_real_loop())
    assert order == list(range(200))
