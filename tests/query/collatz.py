"""Queries that the tests of threads share: a tree with much sharing, over inputs that can be set."""

from jeton.query import Db, Effect, input, query  # noqa: A004  the engine's word

NOTES = Effect[int]("notes")


@input
def level() -> int:
    return 0


@input
def number(at: int) -> int:
    return at


@query
def collatz(db: Db, at: int) -> int:
    """A tree with much sharing."""
    if at <= 1:
        return level(db)
    return 1 + collatz(db, at // 2 if at % 2 == 0 else 3 * at + 1)
