"""What is worth keeping: facts that somebody asked for, and what they were computed from. Reads; removes nothing."""

from collections.abc import Iterable, Iterator

from jeton.store.fact import asked_at_of, reads_of
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


def asked_since(view: View, session: int) -> Iterator[int]:
    """Yield the facts that were asked for by themselves in this session or a later one. Raises Damaged."""
    for number in range(view.count):
        if asked_at_of(view.entry(number)) >= max(session, 1):
            yield number


def last_session(view: View) -> int:
    """Return the last session in which anything was asked for by itself; 0 if nothing ever was. Raises Damaged."""
    return max((asked_at_of(view.entry(number)) for number in range(view.count)), default=0)
