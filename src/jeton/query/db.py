"""What a query sees of its engine. Owns the methods' names and types; the engine answers them.

Every running query gets a `Db` of its own, and what is demanded through it is recorded as read by that query. A
session's root is a Db too, which belongs to no query and records nothing. A Db is of one revision of the inputs.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar

K = TypeVar("K")
R = TypeVar("R")
T = TypeVar("T")
P = ParamSpec("P")


class Effect(Generic[T]):
    """A named kind of thing that queries tell beside their value, such as diagnostics.

    What was told is kept with the query's result and told again whenever that result is used, as salsa's accumulators
    do; without this, a warning would be seen once and never again (python/mypy#4043).
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Effect) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Effect({self.name!r})"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a query ran again: a path from it down to what a person changed, each line one step deeper."""

    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join("  " * depth + line for depth, line in enumerate(self.lines))


class Asks(Protocol):
    """What a Db, and the code that computes, ask of their engine."""

    def demand(self, db: Any, query: Any, key: Any) -> Any:
        """Return the value of a plain query or an input that the thread's table has not."""

    def demand_awaited(self, db: Any, query: Any, key: Any) -> Awaitable[Any]:
        """Return the value of a coroutine query."""

    def bring(self, db: Any, node: Any, want: bool) -> None:
        """Settle a node; with `want`, so that its value is there."""

    def bring_all(self, db: Any, nodes: list[Any]) -> object:
        """Settle several nodes, all of which are wanted, at once where that can be."""

    def map(self, db: Any, query: Any, keys: list[Any]) -> list[Any]:
        """See `Db.map`."""

    def emit(self, db: Any, effect: Effect[Any], value: Any) -> None:
        """See `Db.emit`."""

    def effects(self, db: Any, effect: Effect[Any], query: Any, args: tuple[Any, ...]) -> list[Any]:
        """See `Db.effects`."""

    def explain(self, db: Any, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
        """See `Db.explain`."""

    def intern(self, value: Any) -> Any:
        """See `Db.intern`."""

    def wait(self, db: Any, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `Db.wait`."""

    def call(self, db: Any, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
        """See `Db.call`."""

    def gather(self, db: Any, query: Any, keys: list[Any]) -> Awaitable[list[Any]]:
        """See `Db.gather`."""

    def errand(self, db: Any, function: Callable[[Any], Awaitable[Any]], *, lend: bool = False) -> Any:
        """Await something on the engine's thread for what waits, and block this one; with `lend`, on its slot."""

    def offloaded(self, db: Any, node: Any) -> Any:
        """Compute a leaf in a worker process."""

    def noting(self, name: Any, value: Any) -> AbstractContextManager[None]:
        """Let queries know a value by its name until the block ends; equal names have equal values."""

    def noted(self, name: Any) -> Any:
        """Return what is known by a name, None where nothing is."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The engine's environment, which commands inherit."""

    def finish(self, db: Any) -> None:
        """End the session."""


class Db:
    """What a query demands others through: `parsed(db, path)`. Not to be kept, nor handed to another thread."""

    __slots__ = ()
    asks: Asks

    def map(self, query: Callable[["Db", K], R], keys: Iterable[K]) -> list[R]:
        """Demand `query` for many keys at once, on as many threads as there are slots; results in the keys' order.

        Raises what the first failing key, in their order, raises; those after it may not have been run.
        """
        return self.asks.map(self, query, list(keys))

    def emit(self, effect: Effect[T], value: T) -> None:
        """Tell `value` beside the result. Raises MisuseError outside a query."""
        self.asks.emit(self, effect, value)

    def effects(
        self, effect: Effect[T], query: Callable[Concatenate["Db", P], Any], *args: P.args, **kwargs: P.kwargs
    ) -> list[T]:
        """Return all that was told by the query and by all that it reads, in the order of demand, each query once.

        The order does not depend on threads, nor on what ran now and what was remembered. A query below that failed is
        no error here; what it told before counts. The query itself raises what it raised. From a session's root only:
        raises MisuseError in a query.
        """
        return self.asks.effects(self, effect, query, (args, kwargs))

    def explain(self, query: Callable[Concatenate["Db", P], Any], *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """Tell why the query ran when it last ran, as a path of changes down to an input."""
        return self.asks.explain(self, query, args, kwargs)

    def intern(self, value: T) -> T:
        """Return the one object of this engine that equals `value`: keys that are the same object are found fastest."""
        return self.asks.intern(value)  # type: ignore[no-any-return]

    def wait(self, query: Callable[Concatenate["Db", P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Demand a coroutine query from a plain one, or from a root, and wait for it; the slot goes back meanwhile.

        Raises MisuseError in a coroutine, where `await` does it.
        """
        return self.asks.wait(self, query, args, kwargs)  # type: ignore[no-any-return]

    async def call(self, query: Callable[Concatenate["Db", P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Demand a plain query from a coroutine: it is computed on a thread of the engine."""
        return await self.asks.call(self, query, args, kwargs)  # type: ignore[no-any-return]

    async def gather(self, query: Callable[["Db", K], Awaitable[R]], keys: Iterable[K]) -> list[R]:
        """Demand a coroutine query for many keys at once from a coroutine; otherwise as `map`."""
        return await self.asks.gather(self, query, list(keys))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.asks.finish(self)
