"""Leaves in worker processes, where threads do not run in parallel. Owns the pool of processes, and what goes there.

A worker is told the query's name and the key, and sends back the value: what has to be pickled both ways has to be
small beside the work. Who waits for a worker lends it the slot, so that the processes that compute, commands and
workers alike, are never more than the slots. What cannot be sent is computed by the process itself.
"""

import importlib
import multiprocessing
import pickle
import signal
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import Any, NamedTuple

from jeton.query.db import Db, Effect
from jeton.query.definition import Query, definition_of
from jeton.query.errors import MisuseError, WorkerDiedError
from jeton.sync import Primitives

ORDER = 6
"""The place of its lock in the order of locks."""
_TRIES = 3
"""A worker that dies takes the leaves of all others with it; most of those did nothing."""


class Answer(NamedTuple):
    """What came of a leaf."""

    value: Any
    error: Exception | None
    told: list[tuple[Effect[Any], Any]]

    def result(self) -> Any:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Offload:
    """Worker processes, started with the first leaf."""

    def __init__(self, jobs: int, sync: Primitives) -> None:
        self._jobs = jobs
        # Guarded by _lock.
        self._lock = sync.lock(ORDER, "workers")
        self._pool: ProcessPoolExecutor | None = None
        self._takes: dict[Query, bool] = {}

    def takes(self, query: Query) -> bool:
        """Tell whether a worker finds the query by its name: not one that was defined in a function."""
        found = self._takes.get(query)
        if found is None:
            found = self._takes[query] = _find(query.function.__module__, query.function.__qualname__) is query
        return found

    def compute(self, query: Query, key: Any, is_over: Callable[[], bool]) -> Answer | None:
        """Have a worker compute a leaf; None where what it gave cannot be sent, or nobody wants it any more.

        Raises WorkerDiedError.
        """
        for _ in range(_TRIES):
            pool = self._the_pool()
            try:
                data = _result(pool.submit(_compute, query.function.__module__, query.function.__qualname__, key))
                return None if data is None else Answer(*pickle.loads(data))  # noqa: S301  from our own worker
            except (pickle.PicklingError, TypeError, AttributeError):  # the key cannot be sent
                return None
            except (BrokenExecutor, RuntimeError):  # RuntimeError: the pool was given up just now
                self._forget(pool)
                if is_over():
                    return None
        raise WorkerDiedError(f"{query.show(key)}: its worker process died; is there enough memory?")

    def kill(self) -> None:
        """End what the workers do, because somebody's leaf is not wanted any more; others' are begun again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())  # noqa: SLF001  `kill_workers` from Python 3.14 on
            for process in processes:
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the workers. Nothing is under way."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

    def _the_pool(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                # Not by fork: there are threads. The server forks processes that have none.
                context = multiprocessing.get_context("forkserver" if sys.platform != "darwin" else "spawn")
                self._pool = ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_ignore_interrupts)
            return self._pool

    def _forget(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=False)


class _Refuses:
    """The engine of a leaf in a worker: it has none."""

    def __init__(self, told: list[tuple[Effect[Any], Any]], query: Query) -> None:
        self._told = told
        self._query = query

    def emit(self, _db: Any, effect: Effect[Any], value: Any) -> None:
        """See `Db.emit`."""
        self._told.append((effect, value))

    def demand(self, _db: Any, query: Query, _key: Any) -> Any:
        """Refuse, in the words of an engine."""
        raise MisuseError(f"{query.label}: demanded by {self._query.label}, which says offload: it reads no other")

    def __getattr__(self, name: str) -> Any:
        raise MisuseError(f"{self._query.label}: asks for db.{name}, but says offload: it reads no other")


class _LeafDb(Db):
    """What a leaf is given in a worker: it can tell, and nothing else."""

    __slots__ = ("asks", "fronts")

    def __init__(self, asks: Any) -> None:
        self.asks = asks
        self.fronts = ()


def _result(future: "Future[bytes | None]") -> bytes | None:
    """Return what a worker sent. In slices: the main thread looks for signals between them (see jeton.sync.threads)."""
    while True:
        try:
            return future.result(timeout=0.5)
        except TimeoutError:
            continue


def _find(module: str, qualname: str) -> Query | None:
    try:
        found: Any = sys.modules[module] if module == "__main__" else importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
        return definition_of(found)
    except (ImportError, AttributeError, MisuseError):
        return None


def _compute(module: str, qualname: str, key: Any) -> bytes | None:
    """Compute a leaf and return its answer, pickled; None where that cannot be: what a worker does."""
    query = _find(module, qualname)
    if query is None:
        return None
    told: list[tuple[Effect[Any], Any]] = []
    value: Any = None
    failure: Exception | None = None
    try:
        value = query.call(_LeafDb(_Refuses(told, query)), key)
    except Exception as error:  # noqa: BLE001  an exception is a result
        failure = error
    try:
        data = pickle.dumps((value, failure, told), 5)
        pickle.loads(data)  # noqa: S301  its own: an exception with parameters of its own often fails here
    except Exception:  # noqa: BLE001  pickling runs others' code
        return None
    return data


def _ignore_interrupts() -> None:
    """Leave the terminal's interrupt to the engine, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
