"""Covers the explorer itself: it finds bugs that are planted, tells the seed, and the seed brings the bug back."""

import pytest
from tests.interleave.explore import SeedFailedError, explore, run_once

from jeton.runtime import Cancelled, Event, Scope, Task, checkpoint, current_task, run, sleep
from jeton.runtime.simulated_loop import SimulatedLoop
from jeton.runtime.task import Forget


class LosesWakeups(Event):
    """Wakes only the first who waits: the planted bug."""

    def set(self) -> None:
        self.is_set = True
        for waiter in list(self._waiters)[:1]:
            del self._waiters[waiter]
            waiter.wake()


class KeepsTheCancelled(Event):
    """Its undo takes nobody out: the planted bug."""

    def _park(self, task: Task[object]) -> Forget:
        super()._park(task)
        return lambda _: None


async def two_wait(event: Event) -> None:
    async def wait() -> None:
        await event.wait()

    async with Scope() as scope:
        scope.spawn(wait)
        scope.spawn(wait)
        await checkpoint()
        event.set()


async def one_is_cancelled(event: Event) -> None:
    async def wait() -> None:
        await event.wait()

    async with Scope() as scope:
        scope.spawn(wait)
        await checkpoint()
        scope.cancel()
    event.set()


@pytest.mark.parametrize("scenario", [two_wait, one_is_cancelled])
def test_a_sound_event_passes(scenario: object) -> None:
    assert callable(scenario)
    explore(lambda: scenario(Event()))


def test_a_lost_wake_up_is_found_and_its_seed_brings_it_back() -> None:
    with pytest.raises(SeedFailedError, match=r"JETON_SEED=\d+: Deadlock") as caught:
        explore(lambda: two_wait(LosesWakeups()))
    seed = int(str(caught.value).partition("=")[2].partition(":")[0])
    for _ in range(3):
        with pytest.raises(BaseException, match=f"seed {seed}"):
            run_once(lambda: two_wait(LosesWakeups()), seed)


def test_a_waiter_that_is_not_taken_out_is_found() -> None:
    with pytest.raises(SeedFailedError, match="woken while done"):
        explore(lambda: one_is_cancelled(KeepsTheCancelled()))


def test_a_task_put_into_the_queue_twice_is_found() -> None:
    async def scenario() -> None:
        task = current_task()
        task.scheduler.make_ready(task)
        await checkpoint()

    with pytest.raises(SeedFailedError, match="in the queue twice"):
        explore(scenario)


def test_one_seed_runs_alone_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_SEED", "17")
    ran = 0

    async def scenario() -> None:
        nonlocal ran
        ran += 1

    explore(scenario)
    assert ran == 1


def trace(seed: int) -> list[str]:
    """Run many tasks that are cancelled together and tell their order."""
    order: list[str] = []

    async def child(name: str) -> None:
        try:
            await sleep(1)
            await Event().wait()
        except Cancelled:
            order.append(name)
            raise

    async def main() -> None:
        async with Scope() as scope:
            for number in range(30):
                scope.spawn(child, str(number))
            await sleep(0.5)
            scope.cancel()

    run(main, loop=SimulatedLoop(seed))
    return order


def test_one_seed_is_one_order_whatever_the_addresses_of_the_tasks() -> None:
    first = trace(5)
    ballast = []
    for size in range(20):
        ballast.append([bytearray(size * 37) for _ in range(size * 11)])
        assert trace(5) == first
    assert trace(6) != first
