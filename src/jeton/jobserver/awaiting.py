"""How a task of somebody else's event loop waits for a slot. Owns what differs between asyncio and trio.

Neither is imported here: whoever calls runs in one, so that it is there already. What a cancelled task was granted at
the same moment goes back; in trio, waiting is a checkpoint in every case.
"""

import sys
from typing import Any

from jeton.jobserver.line import Line, Request
from jeton.jobserver.pool import Slot


async def take(line: Line) -> Slot:
    """Wait for a slot in the running task. Raises RuntimeError where neither asyncio nor trio runs it."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return await _take_in_trio(line, trio)
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and _in_asyncio_task(asyncio):
        return await _take_in_asyncio(line, asyncio)
    raise RuntimeError("this is no task of asyncio or trio; use acquire() in a thread, SlotQueue in jeton.runtime")


async def _take_in_asyncio(line: Line, asyncio: Any) -> Slot:
    slot = line.try_take()
    if slot is not None:
        return slot
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    request = Request(lambda: loop.call_soon_threadsafe(wake))
    line.enter(request)
    try:
        await woken
    except BaseException:
        line.leave(request)
        raise
    return request.result()


async def _take_in_trio(line: Line, trio: Any) -> Slot:
    await trio.lowlevel.checkpoint()
    slot = line.try_take()
    if slot is not None:
        return slot
    token = trio.lowlevel.current_trio_token()
    woken = trio.Event()
    request = Request(lambda: token.run_sync_soon(woken.set))
    line.enter(request)
    try:
        await woken.wait()
    except BaseException:
        line.leave(request)
        raise
    return request.result()


def _in_asyncio_task(asyncio: Any) -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # no loop runs here
        return False
