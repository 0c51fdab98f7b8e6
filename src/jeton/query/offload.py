"""Leaves in worker processes, where threads do not run in parallel. Owns the pool of processes, and what goes there.

A worker is told the query's name and the key, and sends back the value: what has to be pickled both ways has to be
small beside the work. Who waits for a worker lends it the slot, so that the processes that compute, commands and
workers alike, are never more than the slots.
"""

import importlib
import multiprocessing
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import Any

from jeton.query.db import Db, Effect
from jeton.query.definition import Query, definition_of
from jeton.query.errors import MisuseError, WorkerDiedError
from jeton.sync import Primitives

ORDER = 6
"""The place of its lock in the order of locks."""


class Offload:
    """Worker processes, started with the first leaf."""

    def __init__(self, jobs: int, sync: Primitives) -> None:
        self._jobs = jobs
        # Guarded by _lock.
        self._lock = sync.lock(ORDER, "workers")
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, query: Query, key: Any) -> "Future[Any]":
        """Have a worker compute it; the future's result is for `received`."""
        with self._lock:
            if self._pool is None:
                # Not by fork: there are threads. The server forks processes that have none.
                context = multiprocessing.get_context("forkserver" if sys.platform != "darwin" else "spawn")
                self._pool = ProcessPoolExecutor(self._jobs, mp_context=context)
            return self._pool.submit(_compute, query.function.__module__, query.function.__qualname__, key)

    def received(self, query: Query, key: Any, future: "Future[Any]") -> tuple[Any, list[tuple[Effect[Any], Any]]]:
        """Return the value and what was told. Raises what the query raised, WorkerDiedError where the worker did."""
        try:
            return future.result()  # type: ignore[no-any-return]
        except BrokenExecutor as error:
            with self._lock:
                broken, self._pool = self._pool, None
            if broken is not None:
                broken.shutdown(wait=False)
            raise WorkerDiedError(f"{query.show(key)}: its worker process died; is there enough memory?") from error

    def close(self) -> None:
        """End the workers. Nothing is under way."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()


class _LeafDb(Db):
    """What a leaf is given in a worker: it can tell, and nothing else."""

    __slots__ = ("asks", "fronts", "told")

    def __init__(self) -> None:
        self.fronts = ()
        self.told: list[tuple[Effect[Any], Any]] = []
        self.asks: Any = self

    def emit(self, effect: Effect[Any], value: Any, *rest: Any) -> None:
        """See `Db.emit`."""
        if rest:
            effect, value = value, rest[0]
        self.told.append((effect, value))

    def demand(self, _db: Any, query: Query, key: Any) -> Any:
        """Refuse: the engine is elsewhere."""
        raise MisuseError(f"{query.show(key)}: demanded by a query with offload=True, which reads no other")

    def __getattr__(self, name: str) -> Any:
        raise MisuseError(f"db.{name}: not for a query with offload=True, which reads no other")


def _compute(module: str, qualname: str, key: Any) -> tuple[Any, list[tuple[Effect[Any], Any]]]:
    """Compute a leaf: what a worker does."""
    found: Any = sys.modules[module] if module == "__main__" else importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    definition = definition_of(found)
    db = _LeafDb()
    value = definition.function(db, *definition.arguments(key))
    return value, db.told
