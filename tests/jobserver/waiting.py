"""Tells the tests of the client when somebody waits and when somebody was granted a slot, so that none has to sleep."""

from queue import Queue
from typing import Any

import pytest

from jeton.jobserver import Client, Slot
from jeton.jobserver.line import Line, Request


class Waiting:
    """Watches every line: `entered` and `granted` each get a request when that has happened to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered: Queue[Request] = Queue()
        self.granted: Queue[Request] = Queue()
        enter = Line.enter

        def tell_and_enter(line: Line, request: Request) -> None:
            wake = request.wake

            def tell_and_wake() -> Any:
                try:
                    return wake()
                finally:
                    self.granted.put(request)

            request.wake = tell_and_wake
            enter(line, request)
            self.entered.put(request)

        monkeypatch.setattr(Line, "enter", tell_and_enter)


def drain(client: Client) -> list[Slot]:
    """Take every slot that there is."""
    slots = []
    while (slot := client.try_acquire()) is not None:
        slots.append(slot)
    return slots


def environ(auth: object, jobs: int = 4) -> dict[str, str]:
    """Name a pool as make does."""
    return {"MAKEFLAGS": f" -j{jobs} --jobserver-auth={auth}"}
