"""Threads of the operating system that are used again and again. Owns the idle ones; knows not what they run.

To start a thread takes longer than to run a small schedule, so none ends with its schedule.
"""

import os
import threading
from collections.abc import Callable

from jeton.sync import THREADS

_IDLE: dict[int | None, list["Worker"]] = {}
"""By size of stack. No lock: `setdefault`, `append` and `pop` are atomic, and any idle worker will do."""


class Worker:
    """One thread, with a gate in front of it: it waits there, or it runs and all others of its schedule wait."""

    __slots__ = ("gate", "ident", "job")

    def __init__(self, stack_size: int | None) -> None:
        # Invariant: held, except between somebody's `release` and this thread's way through.
        self.gate = threading.Lock()
        self.gate.acquire()
        self.ident = 0
        self.job: Callable[[], None] | None = None
        THREADS.start(self._serve, "jeton-testing", stack_size=stack_size)

    def _serve(self) -> None:
        self.ident = threading.get_ident()
        while True:
            self.gate.acquire()
            assert self.job is not None, "the gate opens for a job"
            self.job()


def hire(job: Callable[[], None], stack_size: int | None) -> Worker:
    """Return an idle worker that will do the job when its gate is opened. Raises RuntimeError: no more threads."""
    try:
        worker = _IDLE.setdefault(stack_size, []).pop()
    except IndexError:
        worker = Worker(stack_size)
    worker.job = job
    return worker


def dismiss(worker: Worker, stack_size: int | None) -> None:
    """Let it be hired again. The last that a job does but for opening another gate."""
    _IDLE.setdefault(stack_size, []).append(worker)


os.register_at_fork(after_in_child=_IDLE.clear)
