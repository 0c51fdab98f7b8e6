"""Slots awaited on the loop. Owns the queue of tasks that want one; the pool owns the slots.

First come, first served within this process. A slot that comes back goes to the pool first and is asked for again
from there, so that make and cargo beside us have the same chance at it as the next task here.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator
from functools import partial
from types import coroutine
from typing import Any, Protocol

from jeton.jobserver import Slot, Watcher
from jeton.runtime.current import current_scheduler
from jeton.runtime.loop import Undo
from jeton.runtime.task import Forget, Task, Trap
from jeton.trace import STREAM, WillWaitForSlot


class Slots(Protocol):
    """A pool, as this floor sees it."""

    def try_take(self) -> Slot | None:
        """Take a slot if there is one."""

    def give(self, slot: Slot) -> None:
        """Give a slot back."""

    def watch(self, loop: Watcher, callback: Callable[[], object]) -> Undo:
        """Call back on the loop's thread whenever a token may be had; nobody tells of the implicit slot."""


class _Request:
    """One task's wish. `slot` is set when it is granted, before the task runs again."""

    __slots__ = ("slot", "task")

    def __init__(self, task: Task[Any]) -> None:
        self.task = task
        self.slot: Slot | None = None


class SlotQueue:
    """Tasks of one scheduler that wait for slots of one pool."""

    def __init__(self, pool: Slots) -> None:
        self._pool = pool
        self._requests: OrderedDict[_Request, None] = OrderedDict()
        # Invariant: the pool is watched exactly while somebody waits.
        self._unwatch: Undo | None = None

    async def take(self) -> Slot:
        """Wait for a slot. Raises PoolUnusable where the pool has died."""
        if not self._requests:
            slot = self._pool.try_take()
            if slot is not None:
                return slot
        if STREAM.on:
            STREAM.emit(WillWaitForSlot(len(self._requests) + 1))
        granted: list[_Request] = []
        try:
            await self._wait(granted)
        except BaseException:
            if granted and granted[0].slot is not None:
                self.give(granted[0].slot)  # it came together with the cancelling
            raise
        if granted[0].slot is None:
            return await self.take()  # woken to find the pool's failure for itself
        return granted[0].slot

    def give(self, slot: Slot) -> None:
        """Give a slot back to the pool."""
        self._pool.give(slot)
        if slot.token is None:  # no watch tells of the implicit slot
            self._serve()

    @coroutine
    def _wait(self, granted: list[_Request]) -> Generator[Trap, None, None]:
        yield partial(self._park, granted)

    def _park(self, granted: list[_Request], task: Task[Any]) -> Forget:
        if self._unwatch is None:  # where this fails, nobody must be in the queue
            self._unwatch = self._pool.watch(current_scheduler().loop, self._serve)
        request = _Request(task)
        granted.append(request)
        self._requests[request] = None
        return partial(self._withdraw, request)

    def _withdraw(self, request: _Request, _task: Task[Any]) -> None:
        del self._requests[request]
        self._stop_watching_if_idle()

    def _serve(self) -> None:
        """Grant what the pool has to those who wait; where it fails, wake them all to see."""
        requests = self._requests
        while requests:
            try:
                slot = self._pool.try_take()
            except Exception:  # noqa: BLE001  each waiter meets it again in its own call of take
                for request in requests:
                    request.task.wake()
                requests.clear()
                break
            if slot is None:
                break
            request, _ = requests.popitem(last=False)
            request.slot = slot
            request.task.wake()
        self._stop_watching_if_idle()

    def _stop_watching_if_idle(self) -> None:
        if not self._requests and self._unwatch is not None:
            unwatch, self._unwatch = self._unwatch, None
            unwatch()
