"""What a measured program is, and what it costs. Owns the words that the runtimes of the benchmark share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

Program = Callable[[int], Coroutine[Any, Any, None]]


class Cost(NamedTuple):
    """What one operation took, in microseconds."""

    cpu: float
    """Of this process alone, without its children."""
    wall: float


Starter = Callable[[Callable[[], Coroutine[Any, Any, Cost]]], Cost]
"""Runs a coroutine function on a runtime of its own."""
