"""Covers the scheduler: the order of tasks, their results and errors, and how a run ends that does not end well."""

import gc
import os
import signal
import sys
import threading
from contextvars import ContextVar

import pytest
from tests.runtime.conftest import MakeLoop

import jeton.runtime.scheduler as scheduler_module
from jeton.runtime import (
    Cancelled,
    Deadlock,
    EventLoop,
    Scheduler,
    Scope,
    SimulatedLoop,
    Task,
    TaskCancelled,
    TaskState,
    Undo,
    checkpoint,
    current_scheduler,
    current_task,
    run,
    sleep,
    stdlib_loop,
)
from jeton.runtime.event import Event


async def value(result: int) -> int:
    return result


async def never() -> None:
    await Event().wait()


def test_run_returns_what_main_returns(make_loop: MakeLoop) -> None:
    assert run(value, 7, loop=make_loop()) == 7


def test_run_without_a_loop_makes_one_of_its_own() -> None:
    assert run(value, 7) == 7


def test_run_raises_what_main_raises(make_loop: MakeLoop) -> None:
    async def main() -> None:
        await checkpoint()
        raise KeyError("k")

    with pytest.raises(KeyError, match="k"):
        run(main, loop=make_loop())


def test_main_that_is_no_coroutine_function_leaves_the_thread_free(make_loop: MakeLoop) -> None:
    def main() -> None:
        raise KeyError("before any task")

    with pytest.raises(KeyError):
        run(main, loop=make_loop())  # type: ignore[arg-type]  # that is the error
    assert run(value, 1, loop=make_loop()) == 1


def test_ready_tasks_take_turns_in_the_order_of_arrival(make_real_loop: MakeLoop) -> None:
    order: list[str] = []

    async def step_twice(name: str) -> None:
        for _ in range(2):
            order.append(name)
            await checkpoint()

    async def main() -> None:
        async with Scope() as scope:
            for name in "abc":
                scope.spawn(step_twice, name)

    run(main, loop=make_real_loop())
    assert "".join(order) == "abcabc"


def test_a_task_that_never_waits_does_not_keep_timers_and_threads_out(make_real_loop: MakeLoop) -> None:
    seen: list[str] = []

    async def main() -> None:
        scheduler = current_scheduler()
        assert isinstance(scheduler, Scheduler)
        thread = threading.Thread(target=lambda: scheduler.call_from_thread(lambda: seen.append("thread")))
        thread.start()
        async with Scope() as scope:
            timer = scope.spawn(sleep, 0)
            while not (seen and timer.done):
                await checkpoint()
        thread.join()

    run(main, loop=make_real_loop())
    assert seen == ["thread"]


def test_a_task_tells_its_state_at_every_point(make_loop: MakeLoop) -> None:
    async def main() -> None:
        event = Event()

        async def wait() -> TaskState:
            await event.wait()
            return current_task().state

        async with Scope() as scope:
            task = scope.spawn(wait, name="waiter")
            assert task.state is TaskState.READY
            assert repr(task) == "<Task waiter ready>"
            while task.state is TaskState.READY:
                await checkpoint()
            assert task.state is TaskState.PARKED
            event.set()
            assert task.state is TaskState.READY
            assert await task is TaskState.RUNNING
            assert task.state is TaskState.DONE

    run(main, loop=make_loop())


def test_a_task_is_awaited_by_several_and_again_when_done(make_loop: MakeLoop) -> None:
    async def main() -> list[int]:
        async with Scope() as scope:
            source = scope.spawn(value, 3)

            async def wait() -> int:
                return await source

            waiters = [scope.spawn(wait) for _ in range(5)]
            results = [await waiter for waiter in waiters]
        return [*results, await source, source.result()]

    assert run(main, loop=make_loop()) == [3] * 7


def test_a_task_that_awaits_itself_is_told_so(make_loop: MakeLoop) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="awaits itself"):
            await current_task()

    run(main, loop=make_loop())


def test_a_task_that_was_cancelled_has_no_result(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as scope:
            task = scope.spawn(never)
            await checkpoint()
            scope.cancel()
        assert isinstance(task.error, Cancelled)
        with pytest.raises(TaskCancelled):
            await task

    run(main, loop=make_loop())


def test_a_waiter_of_a_cancelled_task_in_another_scope_hears_of_it(make_loop: MakeLoop) -> None:
    async def main() -> None:
        async with Scope() as outer:
            heard = Event()

            async def wait(task: Task[None]) -> None:
                with pytest.raises(TaskCancelled):
                    await task
                heard.set()

            async with Scope() as inner:
                outer.spawn(wait, inner.spawn(never))
                await checkpoint()
                await checkpoint()
                inner.cancel()
            await heard.wait()

    run(main, loop=make_loop())


def test_each_task_has_a_copy_of_its_spawner_s_context(make_loop: MakeLoop) -> None:
    variable = ContextVar("variable", default="none")

    async def change(text: str) -> str:
        before = variable.get()
        variable.set(text)
        await checkpoint()
        assert variable.get() == text
        return before

    async def main() -> None:
        variable.set("main")
        async with Scope() as scope:
            tasks = [scope.spawn(change, text) for text in "ab"]
        assert [task.result() for task in tasks] == ["main", "main"]
        assert variable.get() == "main"

    run(main, loop=make_loop())


@pytest.mark.parametrize("error", [OSError("trap"), KeyboardInterrupt()], ids=["an error", "an interrupt"])
def test_a_trap_that_fails_raises_in_the_coroutine(make_loop: MakeLoop, error: BaseException) -> None:
    def trap(task: Task[object]) -> Undo:
        raise error

    class Waits:
        def __await__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204  a generator of traps
            yield trap

    async def main() -> str:
        with pytest.raises(type(error)):
            await Waits()
        await checkpoint()  # and it goes on as any other
        return "done"

    assert run(main, loop=make_loop()) == "done"


def test_what_is_no_trap_raises_in_the_coroutine(make_loop: MakeLoop) -> None:
    class Foreign:
        def __await__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            yield "a stranger"

    async def main() -> None:
        with pytest.raises(TypeError):
            await Foreign()

    run(main, loop=make_loop())


def test_a_second_scheduler_on_the_thread_is_refused_and_the_first_goes_on(make_loop: MakeLoop) -> None:
    async def main() -> int:
        with pytest.raises(RuntimeError, match="a scheduler runs on this thread already"):
            run(value, 1, loop=SimulatedLoop())
        assert current_task().name == "main"
        return await value(2)

    assert run(main, loop=make_loop()) == 2


def test_outside_of_a_run_there_is_no_scheduler_and_no_task(make_loop: MakeLoop) -> None:
    def ask() -> None:
        with pytest.raises(RuntimeError, match="not a task"):
            current_task()

    async def main() -> None:
        asked = Event()
        loop = current_scheduler().loop
        loop.call_soon(ask)
        loop.call_soon(asked.set)
        await asked.wait()
        await sleep(0)

    run(main, loop=make_loop())
    with pytest.raises(RuntimeError, match="no scheduler runs"):
        current_scheduler()


def test_a_scheduler_runs_again_after_a_run_that_failed(make_loop: MakeLoop) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        current_scheduler().loop.call_soon(fail)
        await never()

    loop = make_loop()
    scheduler = Scheduler(loop)
    with pytest.raises(ZeroDivisionError):
        scheduler.run(main)
    assert scheduler.run(value, 5) == 5
    loop.close()


@pytest.mark.parametrize("place", ["call_soon", "call_at", "watch_readable"])
def test_an_error_of_a_callback_cancels_the_tasks_and_is_raised(make_loop: MakeLoop, place: str) -> None:
    ended: list[str] = []
    read_fd, write_fd = os.pipe()
    os.write(write_fd, b"x")

    def fail() -> None:
        raise ZeroDivisionError

    async def child() -> None:
        try:
            await never()
        finally:
            await checkpoint_in_shield()
            ended.append("child")

    async def checkpoint_in_shield() -> None:
        async with Scope(shield=True):
            await sleep(0.001)

    async def main() -> None:
        loop = current_scheduler().loop
        async with Scope() as scope:
            task = scope.spawn(child)
            while task.state is not TaskState.PARKED:
                await checkpoint()
            if place == "call_soon":
                loop.call_soon(fail)
            elif place == "call_at":
                loop.call_at(loop.time(), fail)
            else:
                undo = loop.watch_readable(read_fd, fail)
            try:
                await never()
            finally:
                if place == "watch_readable":
                    undo()
                ended.append("main")

    with pytest.raises(ZeroDivisionError):
        run(main, loop=make_loop())
    os.close(read_fd)
    os.close(write_fd)
    assert sorted(ended) == ["child", "main"]


def test_an_error_of_a_callback_is_raised_even_if_a_task_never_ends(
    make_loop: MakeLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "_UNWIND_S", 0.01)

    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        current_scheduler().loop.call_soon(fail)
        async with Scope(shield=True):
            await never()

    with pytest.raises(ZeroDivisionError):
        run(main, loop=make_loop())


def test_an_interrupt_in_a_task_unwinds_the_program_and_leaves_it_as_it_is(make_loop: MakeLoop) -> None:
    ended: list[str] = []

    async def child() -> None:
        try:
            await never()
        finally:
            async with Scope(shield=True):
                await checkpoint()
            ended.append("child")

    async def leave() -> None:
        await checkpoint()
        sys.exit(3)

    async def main() -> None:
        async with Scope() as outer:
            outer.spawn(child)
            await checkpoint()
            async with Scope() as inner:
                inner.spawn(leave)

    with pytest.raises(SystemExit) as caught:
        run(main, loop=make_loop())
    assert caught.value.code == 3
    assert ended == ["child"]


def test_an_interrupt_keeps_what_failed_beside_it_as_its_cause(make_loop: MakeLoop) -> None:
    async def fail() -> None:
        try:
            await never()
        finally:
            raise KeyError("beside")

    async def main() -> None:
        async with Scope() as scope:
            task = scope.spawn(fail)
            while task.state is not TaskState.PARKED:
                await checkpoint()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run(main, loop=make_loop())
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert [type(error) for error in caught.value.__cause__.exceptions] == [KeyError]


@pytest.mark.parametrize("place", ["in a task", "in the loop"])
def test_a_signal_s_interrupt_unwinds_the_program(make_loop: MakeLoop, place: str) -> None:
    ended: list[str] = []

    async def main() -> None:
        async with Scope() as scope:
            scope.spawn(never)
            try:
                if place == "in a task":
                    signal.raise_signal(signal.SIGINT)
                current_scheduler().loop.call_soon(lambda: signal.raise_signal(signal.SIGINT))
                await never()
            finally:
                async with Scope(shield=True):
                    await sleep(0)
                ended.append("main")

    with pytest.raises(KeyboardInterrupt):
        run(main, loop=make_loop())
    assert ended == ["main"]


def test_a_second_interrupt_does_not_wait_for_the_tasks(make_loop: MakeLoop) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        loop = current_scheduler().loop
        loop.call_soon(interrupt)
        async with Scope(shield=True):
            await sleep(0.001)
            loop.call_soon(interrupt)
            await never()

    loop = make_loop()
    scheduler = Scheduler(loop)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run(main)
    loop.close()
    with pytest.raises(RuntimeError, match="make another"):
        scheduler.run(value, 1)
    del scheduler
    gc.collect()  # what was left complains of nothing


def test_a_deadlock_unwinds_the_program() -> None:
    ended: list[str] = []

    async def main() -> None:
        try:
            await never()
        finally:
            async with Scope(shield=True):
                await sleep(1)
            ended.append("main")

    with pytest.raises(Deadlock, match="seed 4"):
        run(main, loop=SimulatedLoop(4))
    assert ended == ["main"]


@pytest.mark.concurrency
def test_schedulers_on_several_threads_do_not_meet() -> None:
    results: dict[int, int] = {}
    start = threading.Barrier(4)

    def serve(number: int) -> None:
        async def count(event: Event) -> int:
            await event.wait()
            total = 0
            for _ in range(200):
                await checkpoint()
                total += 1
            return total

        async def main() -> int:
            async with Scope() as scope:
                event = Event()
                tasks = [scope.spawn(count, event) for _ in range(20)]
                await sleep(0)
                event.set()
            return sum(task.result() for task in tasks) + number

        start.wait()
        results[number] = run(main)

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: 4000 + number for number in range(4)}


@pytest.mark.concurrency
def test_calls_from_threads_arrive_each_once_and_in_each_thread_s_order() -> None:
    heard: list[tuple[int, int]] = []
    threads_count, each = 4, 250
    scheduler_thread = threading.get_ident()

    async def main() -> None:
        scheduler = current_scheduler()
        assert isinstance(scheduler, Scheduler)
        complete = Event()

        def hear(thread: int, number: int) -> None:
            assert threading.get_ident() == scheduler_thread
            heard.append((thread, number))
            if len(heard) == threads_count * each:
                complete.set()

        def call(thread: int) -> None:
            for number in range(each):
                scheduler.call_from_thread(lambda number=number: hear(thread, number))  # type: ignore[misc]

        threads = [threading.Thread(target=call, args=(thread,)) for thread in range(threads_count)]
        for thread in threads:
            thread.start()
        await complete.wait()
        for thread in threads:
            thread.join()

    loop: EventLoop = stdlib_loop()
    run(main, loop=loop)
    for thread in range(threads_count):
        assert [number for who, number in heard if who == thread] == list(range(each))
