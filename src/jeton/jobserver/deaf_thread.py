"""Threads that no signal is delivered to. Owns that; not what they do.

The kernel gives a signal to any thread that does not block it, and Python runs its handler on the main thread, once
that comes back from what it waits in. A thread of ours that took the signal would leave the main thread waiting: so it
takes none.
"""

import signal
from collections.abc import Callable
from threading import Thread


def start_deaf_thread(target: Callable[..., object], name: str, *args: object) -> Thread:
    """Start a daemon thread that runs `target(*args)` with every signal blocked."""
    thread = Thread(target=target, args=args, name=name, daemon=True)
    # The new thread inherits the mask, and has begun when start() returns.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread
