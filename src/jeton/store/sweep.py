"""What is worth keeping: facts that somebody asked for, and what they were computed from. Reads; removes nothing."""

from collections.abc import Iterable

from jeton.store.fact import ALWAYS, asked_at_of, reads_of
from jeton.store.view import View


def closure(view: View, roots: Iterable[int]) -> set[int]:
    """Return these facts and all that they read, over any number of steps. Raises Damaged."""
    reached = set(roots)
    todo = list(reached)
    while todo:
        new = set(reads_of(view.entry(todo.pop()))) - reached
        reached |= new
        todo += new
    return reached


def asked_lately(view: View, sessions: int, last: int | None) -> list[int]:
    """Return the facts that were asked for by themselves in as many sessions up to `last`. Raises Damaged.

    If that is None, it is the last one in which anything was asked for so.
    """
    asked_at = [asked_at_of(view.entry(number)) for number in range(view.count)]
    if last is None:
        last = max((session for session in asked_at if session != ALWAYS), default=0)
    first = max(last - sessions + 1, 1)  # 0 is never
    return [number for number, session in enumerate(asked_at) if session >= first]
