"""A recording: a listener that keeps every event. Owns one buffer per thread; knows nothing of their meaning.

A thread appends to its own list only, so recording takes no lock but once per thread. The lists are
merged by time when somebody reads them.
"""

from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from threading import Lock, get_ident, local

from jeton.trace.events import Event


@dataclass(frozen=True, slots=True)
class Record:
    """One event, when it was emitted (nanoseconds of the stream's clock) and on which thread."""

    at_ns: int
    thread: int
    event: Event


class Recording:
    """Pass it to `Stream.listening`; read `records()` at any time, from any thread."""

    def __init__(self) -> None:
        self._mine = local()
        # Guarded by `_lock`: the list of buffers. Each buffer is appended to by its own thread alone.
        self._lock = Lock()
        self._buffers: list[list[Record]] = []

    def __call__(self, at_ns: int, event: Event) -> None:
        """Keep the event."""
        try:
            buffer: list[Record] = self._mine.buffer
        except AttributeError:
            buffer = self._mine.buffer = []
            with self._lock:
                self._buffers.append(buffer)
        buffer.append(Record(at_ns, get_ident(), event))

    def records(self) -> list[Record]:
        """Everything kept so far, in the order of time; events of one thread never change places."""
        with self._lock:
            buffers = [buffer[:] for buffer in self._buffers]
        return list(merge(*buffers, key=attrgetter("at_ns")))
