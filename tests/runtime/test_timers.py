"""Covers sleep and timers. What is measured is measured in virtual time; the real loops are held to the order only."""

import math

import pytest
from tests.runtime.conftest import MakeLoop

import jeton.runtime.scheduler as scheduler_module
from jeton.runtime import Scheduler, Scope, SimulatedLoop, checkpoint, current_scheduler, run, sleep


class Heard:
    """Something that a timer wakes."""

    def __init__(self, heard: list[str], name: str) -> None:
        self._heard = heard
        self._name = name

    def wake(self) -> None:
        self._heard.append(self._name)
        if self._name == "fails":
            raise ZeroDivisionError


def test_sleepers_wake_in_the_order_of_their_times(make_loop: MakeLoop) -> None:
    woken: list[int] = []

    async def doze(number: int) -> None:
        await sleep(number / 500)
        woken.append(number)

    async def main() -> None:
        async with Scope() as scope:
            for number in (5, 1, 4, 2, 3, 0):
                scope.spawn(doze, number)

    run(main, loop=make_loop())
    assert woken == [0, 1, 2, 3, 4, 5]


def test_a_sleeper_wakes_at_its_time_exactly_in_virtual_time() -> None:
    async def main() -> float:
        async with Scope() as scope:
            scope.spawn(sleep, 3600)
            scope.spawn(sleep, 86_400)
        return current_scheduler().loop.time()

    assert run(main, loop=SimulatedLoop()) == 86_400


def test_a_sleeper_does_not_wake_early(make_loop: MakeLoop) -> None:
    async def main() -> None:
        loop = current_scheduler().loop
        for seconds in (0.0004, 0.0011, 0.0015):
            start = loop.time()
            await sleep(seconds)
            assert loop.time() - start >= seconds

    run(main, loop=make_loop())


def test_a_time_that_has_passed_lets_others_run_first(make_loop: MakeLoop) -> None:
    async def main() -> None:
        for seconds in (0, -1, -math.inf):
            await sleep(seconds)

    run(main, loop=make_loop())


def test_a_sleep_without_end_ends_by_cancellation(make_loop: MakeLoop) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with Scope(timeout=0.001):
                await sleep(math.inf)

    run(main, loop=make_loop())


def test_a_timer_taken_back_wakes_nobody(make_loop: MakeLoop) -> None:
    heard: list[str] = []

    async def main() -> None:
        scheduler = current_scheduler()
        now = scheduler.loop.time()
        first, third = Heard(heard, "first"), Heard(heard, "third")
        forget_first = scheduler.wake_at(now + 0.001, first)
        scheduler.wake_at(now + 0.002, Heard(heard, "second"))
        forget_third = scheduler.wake_at(now + 0.003, third)
        forget_first(first)
        forget_third(third)
        await sleep(0.004)

    run(main, loop=make_loop())
    assert heard == ["second"]


def test_timers_after_one_that_failed_still_fire(make_loop: MakeLoop) -> None:
    heard: list[str] = []

    async def main() -> None:
        scheduler = current_scheduler()
        now = scheduler.loop.time()
        scheduler.wake_at(now, Heard(heard, "fails"))
        try:
            await sleep(math.inf)
        finally:
            async with Scope(shield=True):
                await sleep(0.001)
            heard.append("unwound")

    with pytest.raises(ZeroDivisionError):
        run(main, loop=make_loop())
    assert heard == ["fails", "unwound"]


def test_timers_that_were_taken_back_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "_SWEEP", 16)

    async def main() -> int:
        scheduler = current_scheduler()
        assert isinstance(scheduler, Scheduler)
        async with Scope() as outer:
            kept = [outer.spawn(sleep, 5000 + number) for number in range(20)]
            await checkpoint()
            for _ in range(1000):
                async with Scope(timeout=3600):
                    await checkpoint()
            most = len(scheduler._timers)
            outer.cancel()
        assert all(task.done for task in kept)
        return most

    assert run(main, loop=SimulatedLoop()) <= 80
