"""An event loop in virtual time. Owns the clock and the order of everything that is ready; a seed decides both.

Nothing waits: when no callback is ready, the clock jumps to the next timer. Real descriptors may be watched
(they are polled, in no virtual time), so that a pool of tokens works; real processes take real time and do not.
When nothing is ready and nothing can become ready, the program is deadlocked and `run` says so.
"""

import select
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from jeton.runtime.loop import Callback, Undo


class Deadlock(RuntimeError):  # noqa: N818  the name says what is the case
    """No task can run, no timer is set and no watched descriptor is ready."""


class SimulatedLoop:
    """An `EventLoop` whose every run with one seed is the same. `seed` is kept, to be printed for replay."""

    name = "simulated"
    chooses: Callable[[int], int] | None

    def __init__(self, seed: int = 0, *, max_steps: int = 1_000_000) -> None:
        self.seed = seed
        random = Random(seed)  # noqa: S311  repeatable is what it must be
        self.chooses = random.randrange
        self._choose = random.randrange
        self._now = 0.0
        self._left = max_steps  # a program that never ends is stopped, and the seed told
        # Each callback lies in a list of its own, which its undo empties, wherever it is by then.
        self._ready: list[list[Callback]] = []
        self._timers: list[tuple[float, int, list[Callback]]] = []
        self._order = count()
        self._readers: dict[int, list[Callback]] = {}
        self._writers: dict[int, list[Callback]] = {}
        self._stopped = False

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now

    def call_soon(self, callback: Callback) -> None:
        """See `EventLoop.call_soon`. Of several, any may come first."""
        self._ready.append([callback])

    def call_from_thread(self, callback: Callback) -> None:
        """See `EventLoop.call_from_thread`. A simulation has one thread."""
        self._ready.append([callback])

    def call_at(self, when: float, callback: Callback) -> Undo:
        """See `EventLoop.call_at`."""
        cell = [callback]
        heappush(self._timers, (when, next(self._order), cell))
        return cell.clear

    def watch_readable(self, fd: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_readable`."""
        return self._watch(self._readers, fd, callback)

    def watch_writable(self, fd: int, callback: Callback) -> Undo:
        """See `EventLoop.watch_writable`."""
        return self._watch(self._writers, fd, callback)

    def watch_signal(self, signum: int, callback: Callback) -> Undo:
        """Promise nothing: no signal arrives in a simulation."""
        del signum, callback
        return lambda: None

    def run(self) -> None:
        """See `EventLoop.run`. Raises Deadlock, and RuntimeError after `max_steps` callbacks."""
        self._stopped = False
        while not self._stopped:
            self._poll()
            if not self._ready:
                self._advance()
            self._left -= 1
            if self._left < 0:
                raise RuntimeError(f"seed {self.seed}: the simulated program does not end")
            for callback in tuple(self._ready.pop(self._choose(len(self._ready)))):
                callback()

    def stop(self) -> None:
        """See `EventLoop.stop`."""
        self._stopped = True

    def close(self) -> None:
        """See `EventLoop.close`."""
        self._ready.clear()
        self._timers.clear()

    def _poll(self) -> None:
        """Put what is watched and ready among the callbacks: now, so that it may come before any of them."""
        if self._readers or self._writers:
            readable, writable, _ = select.select(list(self._readers), list(self._writers), [], 0)
            for cell in [*(self._readers[fd] for fd in readable), *(self._writers[fd] for fd in writable)]:
                if not any(cell is other for other in self._ready):
                    self._ready.append(cell)

    def _advance(self) -> None:
        while not self._ready:
            if not self._timers:
                raise Deadlock(f"seed {self.seed}: every task waits and nothing can wake one")
            self._now = max(self._now, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self._now:
                cell = heappop(self._timers)[2]
                if cell:
                    self._ready.append(cell)

    @staticmethod
    def _watch(watched: dict[int, list[Callback]], fd: int, callback: Callback) -> Undo:
        assert fd not in watched, f"descriptor {fd}: a second watch would put out the first"
        cell = watched[fd] = [callback]

        def undo() -> None:
            del watched[fd]
            cell.clear()

        return undo
