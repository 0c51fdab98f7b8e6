"""What a query is: its name, its function and what was asked for beside. Owns the registry; computes nothing.

`@query` and `@input` make one of these and put an entry in the function's place (entry.py).
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from threading import Lock
from typing import Any, Generic, TypeVar

from jeton.query.errors import MisuseError
from jeton.query.version import version_of
from jeton.store.fingerprint import same

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Key = Any
"""The arguments after the db: the one of a query with one, else a tuple of all. Hashable."""


class Kind(Enum):
    """How a query's value comes about."""

    INPUT = "input"
    """From outside: set, or else loaded; it reads no other query."""
    PLAIN = "plain"
    """By a function, on the thread that demands it or on one that helps."""
    COROUTINE = "coroutine"
    """By a coroutine, on the engine's thread for what waits."""


INPUT, PLAIN, COROUTINE = Kind.INPUT, Kind.PLAIN, Kind.COROUTINE
"""For what runs with every node: on Python 3.11 `Kind.INPUT` is a call."""


class Durability(Enum):
    """How often an input is looked at again."""

    LOW = "low"
    """At every refresh."""
    HIGH = "high"
    """Only where a store is opened, or a refresh asks for all: what comes with the system, say."""


@dataclass(frozen=True, slots=True)
class Fallback(Generic[R]):
    """For `on_cycle`: a query that turns out to depend on itself gives `make(*key)` instead of a CycleError."""

    make: Callable[..., R]


@dataclass(frozen=True, slots=True)
class Fixpoint(Generic[R]):
    """For `on_cycle`: assume `initial(*key)`, compute, assume what came of it, until nothing changes any more.

    The functions in the ring must be monotone for that to end; after `cap` rounds it is a CycleError. The rounds and
    their cap are as in salsa's fixpoint iteration.
    """

    initial: Callable[..., R]
    cap: int = 200


Same = Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Options:
    """What was asked for beside the function."""

    persist: bool = True
    """The value is kept in the store. Otherwise only what it read, and its fingerprint where that is cheap."""
    eq: Same = same
    """Whether a new value counts as the old one."""
    lru: int | None = None
    """How many values at most are kept in memory."""
    volatile: bool = False
    """It reads something that the engine cannot see: it runs again after every refresh."""
    on_cycle: Fallback[Any] | Fixpoint[Any] | None = None
    uses: tuple[Any, ...] = ()
    """Helpers and constants whose change counts as a change of the query."""
    transient: tuple[type[Exception], ...] = ()
    """Exceptions that are no result: they are not remembered."""
    offload: bool = False
    """It reads no other query and may be computed in a worker process where threads do not run in parallel."""
    stamp: Callable[..., Any] | None = None
    """Of an input: cheap to take, and another one whenever the value may be another."""
    durability: Durability = Durability.LOW

    def __post_init__(self) -> None:
        if self.lru is not None and self.lru < 1:
            raise ValueError(f"lru={self.lru}: at least one value is kept; leave lru out to keep all")


class Query:
    """One query of the program. `index` is its number in the process; a store knows it by its name."""

    def __init__(self, function: Callable[..., Any], kind: Kind, options: Options) -> None:
        """Raises TypeError for a function whose parameters cannot be a key."""
        self.function = function
        self.kind = kind
        self.options = options
        self.name = f"{function.__module__}:{function.__qualname__}"
        self.parameters = _key_parameters(function, kind)
        self.arity = len(self.parameters)
        self.keyed_by_one = self.arity == 1
        self._named = [one.name for one in self.parameters if one.kind is inspect.Parameter.KEYWORD_ONLY]
        self.call = self._caller()
        with _REGISTERING:
            self.index = len(QUERIES)
            if "<locals>" in self.name:  # a factory's: told apart by the order in which they were made
                made = sum(one.name.partition("#")[0] == self.name for one in QUERIES)
                self.name += f"#{made + 1}" if made else ""
            QUERIES.append(self)

    def __repr__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The function's own name, as people read it."""
        return self.function.__qualname__.rpartition("<locals>.")[2]

    @cached_property
    def version(self) -> bytes:
        """A digest of the code that computes it, of what it says it uses, and of the options that its results go by."""
        options = self.options
        policy = options.on_cycle
        parts: list[Any] = [*options.uses, options.volatile, tuple(kind.__qualname__ for kind in options.transient)]
        if isinstance(policy, Fallback):
            parts.append(policy.make)
        elif isinstance(policy, Fixpoint):
            parts += (policy.initial, policy.cap)
        if options.eq is not same:
            parts.append(options.eq)
        return version_of(self.function, parts)

    def _caller(self) -> Callable[[Any, Key], Any]:
        """Return the function as one of a db and a key; the very function, where it is that."""
        function = self.function
        if self.keyed_by_one and not self._named:
            return function
        return lambda db, key: self.apply(function, key, db)

    def apply(self, function: Callable[..., Any], key: Key, *first: Any) -> Any:
        """Call something that takes the parameters of the key, after what comes first."""
        values = self.arguments(key)
        if not self._named:
            return function(*first, *values)
        positional = self.arity - len(self._named)
        return function(*first, *values[:positional], **dict(zip(self._named, values[positional:], strict=True)))

    def arguments(self, key: Key) -> tuple[Any, ...]:
        """Return the key as positional arguments."""
        return (key,) if self.keyed_by_one else key

    def key_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key:
        """Return the key that these arguments are. Raises TypeError as a call with them does."""
        if kwargs or self._named or len(args) != self.arity:
            signature = inspect.Signature(list(self.parameters))
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args = tuple(bound.arguments.values())
        return args[0] if self.keyed_by_one else args

    def show(self, key: Key) -> str:
        """Return the call as people read it."""
        return f"{self.label}({', '.join(map(repr, self.arguments(key)))})"


# Guarded by _REGISTERING: every query of the process, in the order in which they were defined; only ever longer.
QUERIES: list[Query] = []
_REGISTERING = Lock()


@dataclass(frozen=True, slots=True)
class Cell(Generic[R_co]):
    """One query at one key: what `source.at("a.py")` gives."""

    query: Query
    key: Key

    def __str__(self) -> str:
        return self.query.show(self.key)


@dataclass(frozen=True, slots=True)
class InputCell(Cell[R]):
    """An input at one key, of exactly the type that may be set."""


def definition_of(entry: Any) -> Query:
    """Return what `@query` or `@input` made. Raises MisuseError for anything else."""
    found = getattr(entry, "query", None)
    if not isinstance(found, Query):
        raise MisuseError(f"{entry!r}: not a query; decorate the function with @query or @input")
    return found


def _key_parameters(function: Callable[..., Any], kind: Kind) -> tuple[inspect.Parameter, ...]:
    parameters = list(inspect.signature(function).parameters.values())
    place = f"{function.__module__}:{function.__qualname__}"
    if kind is not Kind.INPUT:
        if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{place}: the first parameter of a query is its db")
        if parameters[0].name in ("self", "cls"):
            raise TypeError(f"{place}: a method; a query is a function, and what it needs of an object is in its key")
        parameters = parameters[1:]
    for parameter in parameters:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise TypeError(f"{place}: {parameter} cannot be a part of a key; name each parameter, or pass a tuple")
    return tuple(parameters)
