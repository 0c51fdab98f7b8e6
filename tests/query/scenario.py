"""What the engine's tests have in common: engines of a given shape, a note of what ran, threads that are waited for.

An engine for tests has counted slots, so that it opens no pool, and may have threads that compute in parallel and
several shards on any interpreter: what a free-threaded one does is then tested everywhere.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from jeton.query import Cancelled, CycleError, Engine
from jeton.query.answers import Answers
from jeton.query.core import Core
from jeton.query.crew import Crew
from jeton.query.seats import counted
from jeton.sync import primitives

R = TypeVar("R")

PATIENCE_S = 20.0
"""How long a test waits for what must happen before it calls it a deadlock."""


def engine_of(jobs: int = 1, *, shards: int = 4, statistics: bool = False, verify: float = 0.0) -> Engine:
    """Make an engine whose helpers compute in parallel, on counted slots, under the primitives in force."""
    engine = Engine(jobs=jobs, statistics=statistics, verify=verify)
    sync = primitives()
    core = Core(sync, lambda _line: None, verify, shards)
    core.counting = statistics
    engine._core = core
    engine._crew = Crew(core, counted(jobs, sync), parallel=jobs > 1)
    engine._asks = Answers(core, engine._crew)
    return engine


class Runs:
    """What ran, in order. Queries of a test note themselves here."""

    def __init__(self) -> None:
        self._noted: list[Any] = []

    def note(self, what: Any) -> None:
        """Note one run. Any thread may call."""
        self._noted.append(what)

    def take(self) -> list[Any]:
        """Return what ran since the last time."""
        noted, self._noted = self._noted, []
        return noted


def outcome(call: Callable[[], Any]) -> Any:
    """Return what the call gives, or what it fails with in a form that can be compared."""
    try:
        return call()
    except CycleError as error:
        return f"CycleError: {error}"
    except Cancelled:
        return "Cancelled"
    except Exception as error:  # noqa: BLE001  any failure is an outcome
        return f"{type(error).__name__}: {error}"


def together(*calls: Callable[[], R]) -> list[R]:
    """Make all calls at once, each on a thread of its own, and return what they give. Raises the first failure.

    A call that does not come back is a deadlock.
    """
    results: dict[int, R] = {}
    failures: dict[int, BaseException] = {}
    line = threading.Barrier(len(calls))

    def run(at: int) -> None:
        line.wait(PATIENCE_S)
        try:
            results[at] = calls[at]()
        except BaseException as failure:  # noqa: BLE001  raised on the thread of the test
            failures[at] = failure

    threads = [threading.Thread(target=run, args=(at,), daemon=True) for at in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    stuck = sum(thread.is_alive() for thread in threads)
    assert not stuck, f"{stuck} of {len(calls)} threads wait for ever"
    for at in sorted(failures):
        raise failures[at]
    return [results[at] for at in range(len(calls))]


@contextmanager
def beside(call: Callable[[], R]) -> Iterator[list[R]]:
    """Make the call on another thread while the block runs; what it gives is in the list when the block has ended."""
    results: list[R] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as failure:  # noqa: BLE001  raised on the thread of the test
            failures.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield results
    finally:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the other thread waits for ever"
    if failures:
        raise failures[0]


class Gate:
    """A place in a query where it waits until the test says so; the test waits until somebody is there."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def pass_through(self) -> None:
        """Be here, and wait."""
        self._reached.set()
        assert self._opened.wait(PATIENCE_S), "nobody opened the gate"

    def reached(self) -> None:
        """Wait until somebody is here."""
        assert self._reached.wait(PATIENCE_S), "nobody came to the gate"

    def open(self) -> None:
        """Let go on who is here, and whoever comes."""
        self._opened.set()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what must come about by itself. Looks again and again: it is seen from outside only."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.001)
