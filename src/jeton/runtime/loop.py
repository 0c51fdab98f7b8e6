"""What a scheduler needs of an event loop. Owns the protocol; knows nothing of tasks.

The division of labour is that of the early Rust runtime: the scheduler knows which task runs next, the loop knows
when something outside happens, and neither knows how the other works.
"""

from collections.abc import Callable
from typing import Protocol

Undo = Callable[[], None]
"""Takes back what the call that returned it has set up. To be called at most once, on the loop's thread."""

Callback = Callable[[], object]


class EventLoop(Protocol):
    """One thread's source of outside events. All methods but `call_from_thread` belong to that thread."""

    name: str
    chooses: Callable[[int], int] | None
    """Which of n ready tasks runs next (0 <= result < n), or None for the order of arrival."""

    def time(self) -> float:
        """Return the seconds of a clock that never goes back."""

    def call_soon(self, callback: Callback) -> object:
        """Call back once, after what runs now has returned."""

    def call_from_thread(self, callback: Callback) -> object:
        """Call back once, soon; may be called from any thread, and wakes the loop."""

    def call_at(self, when: float, callback: Callback) -> Undo:
        """Call back once when `time()` has reached `when`, in seconds."""

    def watch_readable(self, fd: int, callback: Callback) -> Undo:
        """Call back whenever reading `fd` would not wait. One watch per descriptor and direction."""

    def watch_writable(self, fd: int, callback: Callback) -> Undo:
        """Call back whenever writing to `fd` would not wait."""

    def watch_signal(self, signum: int, callback: Callback) -> Undo:
        """Call back when the process receives the signal. On the main thread only."""

    def run(self) -> None:
        """Serve callbacks until `stop`, or until one fails: its error is raised, and the loop can be run again."""

    def stop(self) -> None:
        """Let `run` return after the callback that runs now."""

    def close(self) -> None:
        """Free what the loop holds. It cannot be run again."""
