"""Floor 3: memoized, incremental, parallel computations. Knows nothing of files or commands.

API boundary. `@input` and `@query` define what is computed; an `Engine` computes each thing once, and again only when
something that it read has changed; a `Db` is what a query demands others through. Files and commands as inputs and
queries are in `jeton.query.outside`. The design follows rustc's queries and salsa, with invalidation pushed along
reverse edges as in Buck2's DICE.
"""

from jeton.query.count import QueryCount
from jeton.query.db import Db, Effect, Explanation
from jeton.query.definition import Cell, Durability, Fallback, Fixpoint, InputCell, Query
from jeton.query.engine import Engine
from jeton.query.entry import Function, Input, input, query  # noqa: A004  see there
from jeton.query.errors import Cancelled, CycleError, EngineClosedError, MisuseError, Unset

__all__ = [
    "Cancelled",
    "Cell",
    "CycleError",
    "Db",
    "Durability",
    "Effect",
    "Engine",
    "EngineClosedError",
    "Explanation",
    "Fallback",
    "Fixpoint",
    "Function",
    "Input",
    "InputCell",
    "MisuseError",
    "Query",
    "QueryCount",
    "Unset",
    "input",
    "query",
]
