"""The stream: hands each event to whoever listens. Owns the clock; keeps nothing.

Emitting is two-sided so that it is free when nobody listens: the place that has something to say asks
`if STREAM.on:` before it builds the event. Listeners are called on the thread that emits, in the order
in which they came, and must not block.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock

from jeton.trace.events import DidDo, Event, WillDo

Listener = Callable[[int, Event], None]
"""Called with the time in nanoseconds of the stream's clock, and the event."""


class Stream:
    """A clock and the listeners. `clock` may be replaced by a test; it returns nanoseconds and never goes back."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.clock = clock
        self.on = False
        # Invariant: `on` is True exactly while `_listeners` is not empty. Both change under `_lock`;
        # readers take no lock, because a tuple is replaced whole.
        self._listeners: tuple[Listener, ...] = ()
        self._lock = Lock()
        self._spans = count(1)

    def emit(self, event: Event) -> None:
        """Stamp the event and hand it to every listener."""
        now = self.clock()
        for listener in self._listeners:
            listener(now, event)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Hear every event that any thread emits until the block ends."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
            self.on = True
        try:
            yield
        finally:
            with self._lock:
                # Equality, not identity: a bound method is a new object each time it is looked up. One only, the
                # last: a listener that listens twice hears twice, until each block ends.
                listeners = list(self._listeners)
                last = len(listeners) - 1 - listeners[::-1].index(listener)
                self._listeners = (*listeners[:last], *listeners[last + 1 :])
                self.on = bool(self._listeners)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Say when the block begins and when it ends, by whatever way."""
        if not self.on:
            yield
            return
        span = next(self._spans)
        self.emit(WillDo(span, name))
        try:
            yield
        finally:
            self.emit(DidDo(span, name))


STREAM = Stream()
"""The one stream of this process."""
