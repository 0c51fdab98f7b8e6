"""The function that a program calls in a query's place. Owns the hit: a look into the thread's table, and no lock.

What `@query` returns is compiled for the parameters that the function has, as dataclasses compile their __init__: a
hit costs one call, two look-ups and an append. It is compiled at module level on purpose: a nested function shares its
reference count between threads, which on a free-threaded 3.13 makes two of them slower than one.
"""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from jeton.query.db import Db
from jeton.query.definition import Cell, Durability, Fallback, Fixpoint, InputCell, Kind, Options, Query
from jeton.store.fingerprint import same

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Function(Protocol[P, R_co]):
    """What a decorated function is: it takes the db first, and `at` names it at one key without running it."""

    query: Query

    def __call__(self, db: Db, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return the value, computed if need be. Raises what the query raises, CycleError, or Cancelled."""

    def at(self, *args: P.args, **kwargs: P.kwargs) -> "Cell[R_co]":
        """Name the query at this key."""


class Input(Protocol[P, R]):
    """What a decorated loader is: as a query, but that what `at` names can be set."""

    query: Query

    def __call__(self, db: Db, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the value that was set, or that the loader gives. Raises what that raises, or Cancelled."""

    def at(self, *args: P.args, **kwargs: P.kwargs) -> InputCell[R]:
        """Name the input at this key."""


class Decorator(Protocol):
    """What `@query(...)` with options is, before it is given the function."""

    def __call__(self, function: Callable[Concatenate[Db, P], R], /) -> Function[P, R]:
        """Make the query."""


class InputDecorator(Protocol):
    """What `@input(...)` with options is, before it is given the loader."""

    def __call__(self, function: Callable[P, R], /) -> Input[P, R]:
        """Make the input."""


@overload
def query(function: Callable[Concatenate[Db, P], R], /) -> Function[P, R]: ...


@overload
def query(
    *,
    persist: bool = True,
    eq: Callable[[Any, Any], bool] | None = None,
    lru: int | None = None,
    volatile: bool = False,
    on_cycle: Fallback[Any] | Fixpoint[Any] | None = None,
    uses: tuple[Any, ...] = (),
    transient: tuple[type[Exception], ...] = (),
    offload: bool = False,
) -> Decorator: ...


def query(
    function: Callable[..., Any] | None = None,
    /,
    *,
    persist: bool = True,
    eq: Callable[[Any, Any], bool] | None = None,
    lru: int | None = None,
    volatile: bool = False,
    on_cycle: Fallback[Any] | Fixpoint[Any] | None = None,
    uses: tuple[Any, ...] = (),
    transient: tuple[type[Exception], ...] = (),
    offload: bool = False,
) -> Any:
    """Make a query of a function whose first parameter is its db and whose others are its key.

    It is computed once for each key, and again only when something that it read through the db has changed. It must
    depend on nothing else; what its code is made of counts as read (see `uses`). Equal keys are one key: 1, 1.0 and
    True too, as for functools.cache. A coroutine function makes a coroutine query, to be awaited. The options are
    those of `Options`. Raises TypeError for parameters that are no key, ValueError for an option out of range.
    """
    options = Options(
        persist=persist,
        eq=eq or same,
        lru=lru,
        volatile=volatile,
        on_cycle=on_cycle,
        uses=uses,
        transient=transient,
        offload=offload,
    )

    def decorate(function: Callable[..., Any]) -> Any:
        kind = Kind.COROUTINE if inspect.iscoroutinefunction(function) else Kind.PLAIN
        if kind is Kind.COROUTINE and (offload or on_cycle is not None):
            raise TypeError(f"{function.__qualname__}: a coroutine query has neither offload nor on_cycle")
        return make_entry(Query(function, kind, options))

    return decorate if function is None else decorate(function)


@overload
def input(function: Callable[P, R], /) -> Input[P, R]: ...  # noqa: A001  see below


@overload
def input(  # noqa: A001  see below
    *,
    stamp: Callable[..., Any] | None = None,
    persist: bool = True,
    eq: Callable[[Any, Any], bool] | None = None,
    durability: Durability = Durability.LOW,
) -> InputDecorator: ...


def input(  # noqa: A001  it is the field's word, and in a program of queries nobody reads from the keyboard
    function: Callable[..., Any] | None = None,
    /,
    *,
    stamp: Callable[..., Any] | None = None,
    persist: bool = True,
    eq: Callable[[Any, Any], bool] | None = None,
    durability: Durability = Durability.LOW,
) -> Any:
    """Make an input of its loader: a function of the key alone, which gives the value until somebody sets another.

    At a refresh the loader is asked again, unless `stamp(*key)` gives what it gave before. A loader without a default
    says `raise Unset`. Otherwise as `query`.
    """
    options = Options(persist=persist, eq=eq or same, stamp=stamp, durability=durability)

    def decorate(function: Callable[..., Any]) -> Any:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__qualname__}: a loader is a plain function; fetch in a coroutine query")
        return make_entry(Query(function, Kind.INPUT, options))

    return decorate if function is None else decorate(function)


_PLAIN = """\
def {name}({parameters}):
    try:
        {node} = {db}.fronts[{index}][{key}]
    except {missing}:
        pass
    else:
        {db}.reads.append({node})
        return {node}.value
    return {db}.asks.demand({db}, {query}, {key})
"""

_COROUTINE = """\
async def {name}({parameters}):
    return await {db}.asks.demand_awaited({db}, {query}, {key})
"""


def make_entry(definition: Query) -> Function[..., Any]:
    """Compile the entry of a query and dress it as the function that it stands for."""
    function = definition.function
    own = {parameter.name for parameter in definition.parameters}
    db = "db" if definition.kind is Kind.INPUT else next(iter(inspect.signature(function).parameters))
    db, node, query, missing = (_unlike(own, name) for name in (db, "node", "query", "missing"))
    keys = ", ".join(parameter.name for parameter in definition.parameters)
    text = (_COROUTINE if definition.kind is Kind.COROUTINE else _PLAIN).format(
        name=_unlike(own, "entry"),
        parameters=", ".join([db, *_spelled(definition.parameters)]),
        db=db,
        node=node,
        query=query,
        missing=missing,
        index=definition.index,
        key=keys if definition.keyed_by_one else f"({keys})",
    )
    names: dict[str, Any] = {query: definition, missing: LookupError, "__name__": function.__module__}
    names |= {f"_default_{parameter.name}": parameter.default for parameter in definition.parameters}
    exec(compile(text, f"<entry of {definition.name}>", "exec"), names)  # noqa: S102  the text is ours, the names Python's
    entry: Any = update_wrapper(names[_unlike(own, "entry")], function)
    entry.query = definition
    entry.at = _Namer(definition)
    return cast("Function[..., Any]", entry)


def _unlike(names: set[str], name: str) -> str:
    """Return the name, changed until no parameter has it."""
    while name in names:
        name += "_"
    return name


class _Namer:
    """The `at` of an entry."""

    def __init__(self, definition: Query) -> None:
        self._definition = definition

    def __call__(self, *args: Any, **kwargs: Any) -> Cell[Any]:
        kind = InputCell if self._definition.kind is Kind.INPUT else Cell
        return kind(self._definition, self._definition.key_of(args, kwargs))


def _spelled(parameters: tuple[inspect.Parameter, ...]) -> list[str]:
    """Return the parameters as a def spells them, defaults by name."""
    words = []
    kinds = [parameter.kind for parameter in parameters]
    for at, parameter in enumerate(parameters):
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and inspect.Parameter.KEYWORD_ONLY not in kinds[:at]:
            words.append("*")
        has_default = parameter.default is not inspect.Parameter.empty
        words.append(f"{parameter.name}=_default_{parameter.name}" if has_default else parameter.name)
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and parameter.kind not in kinds[at + 1 :]:
            words.append("/")
    return words
