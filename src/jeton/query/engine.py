"""The engine as its program has it. Owns its beginning and end, and what happens between sessions."""

import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, Self, TypeVar, overload

from jeton.query import count
from jeton.query.answers import Answers
from jeton.query.compute import fingerprint_of, has_stamp, look
from jeton.query.core import THREADS_RUN_IN_PARALLEL, Core, Warn
from jeton.query.count import QueryCount
from jeton.query.crew import Crew
from jeton.query.db import Db
from jeton.query.definition import Cell, Durability, InputCell, definition_of
from jeton.query.errors import MisuseError
from jeton.query.kept import Kept
from jeton.query.node import ABSENT, GREEN, NEW, STALE, Frame, Node
from jeton.query.outdated import Outdated
from jeton.query.push import push
from jeton.query.save import Saving
from jeton.query.seats import Seats
from jeton.store.fact import Damaged
from jeton.sync import primitives
from jeton.trace import STREAM

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor  # imported when somebody submits

R = TypeVar("R")
P = ParamSpec("P")


SWEEP_EVERY = 32
"""After so many sessions that saved something the store is swept, when its engine closes."""
CHECKING_ORDER = 4
"""Held while what a store knows is compared, loaders and stamps included, before every other lock of the engine."""


def _warn(line: str) -> None:
    print(f"jeton: warning: {line}", file=sys.stderr)  # noqa: T201  where nothing else was asked for


class Engine:
    """Queries' results, for as long as the program runs and, with a store, longer. Any thread may call."""

    _kept: Kept | None = None

    def __init__(
        self,
        *,
        jobs: int | None = None,
        store: Path | str | None = None,
        keep: int = 500,
        verify: float = 0.0,
        statistics: bool = False,
        warn: Warn = _warn,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Make an engine with nothing in it, or with what `store` has, a folder that is made where there is none.

        `jobs` threads compute at once, and commands count among them; by default the pool of job tokens is joined that
        `environ` names, or one is opened with a slot for each core. With 1, all runs on the thread that demands it.
        What no root has asked for in the last `keep` sessions in which something was saved is swept from the store, now
        and then. `verify` is the share of remembered results, 0 to 1, that are computed again and compared; each that
        differs is told to `warn` in a line. `statistics` keeps counts and times.

        Raises ValueError for a number out of range, OSError where the store cannot be read or made.
        """
        if not 0 <= verify <= 1:
            raise ValueError(f"verify={verify}: a share from 0 to 1")
        if keep < 1:
            raise ValueError(f"keep={keep}: at least the last session's results are kept")
        if jobs is not None and jobs < 1:
            raise ValueError(f"jobs={jobs}: at least one thread computes")
        core = Core(primitives(), warn, verify)
        core.counting = statistics
        core.offloads = jobs != 1 and not THREADS_RUN_IN_PARALLEL
        self._assemble(core, Crew(core, Seats(jobs, environ, core.sync)))
        if store is not None:
            self._kept = kept = Kept(core, Path(store))
            core.kept = kept
            self._keep = keep
            self._outdated = Outdated(core, kept)
            self._saving = Saving(core, kept, self._outdated)
            self._checking = core.sync.lock(CHECKING_ORDER, "comparing the store")

    @classmethod
    def of(cls, core: Core, crew: Crew) -> Self:
        """Make an engine of parts that others made: for tests that replace its locks, threads or slots."""
        engine = cls.__new__(cls)
        engine._assemble(core, crew)  # noqa: SLF001  of this class
        return engine

    def _assemble(self, core: Core, crew: Crew) -> None:
        self._core = core
        self._crew = crew
        self._asks = Answers(core, crew)
        self._threads: ThreadPoolExecutor | None = None

    def begin(self) -> Db:
        """Open a session: a db of the inputs as they are now. It is over when an input changes, or its block ends."""
        self._refuse_inside("begin a session")
        if self._kept is not None and not self._outdated.is_checked:
            self._check_store()
        if STREAM.on:
            self._core.counting = True
        session = self._core.gate.begin()
        root = Frame(self._asks, session, self._core.lane(), None, None)
        root.fronts = ()  # nothing is at hand for it: between its look and its answer, a value could be set
        return root

    def set(self, cell: InputCell[R], value: R) -> None:
        """Give an input another value: `engine.set(source.at("a.py"), text)`. What runs is cancelled first.

        Raises MisuseError for what is no input, and inside a query.
        """
        self.set_all([(cell, value)])

    def set_all(self, values: Iterable[tuple[InputCell[Any], Any]]) -> None:
        """Give several inputs other values, as one change."""
        pairs = [(_input(cell), value) for cell, value in values]
        with self._change() as revision:
            # Everything that runs others' code first: what is written then is written to the end.
            news = [
                _News(node := self._remembered(cell), value, None, self._differs(node, value)) for cell, value in pairs
            ]
            for one in news:
                self._core.given.add(one.node)
            self._write(news, revision, "it was set")

    def unset(self, cell: InputCell[Any]) -> None:
        """Let an input have its loader's value again."""
        with self._change() as revision:
            node = self._remembered(_input(cell))
            news = [] if node.state is NEW else [self._looked_at(node)]
            self._core.given.discard(node)
            self._write(news, revision, "it was unset")

    def refresh(self, *, durable: bool = False) -> int:
        """Ask the loaders again, those of HIGH durability only with `durable`, and forget what is volatile.

        A loader whose stamp is what it was is not asked. Returns how many inputs changed. What runs is cancelled first.
        """
        with self._change() as revision:
            core = self._core
            news = [
                self._looked_at(node)
                for node in core.inputs
                if node not in core.given
                and (durable or node.query.options.durability is Durability.LOW)
                and not has_stamp(node.query, node.key, node.stamp)
            ]
            stored = self._changed_in_store(durable=durable)
            volatile, core.volatile = core.volatile, {}
            self._make_stale(volatile)
            push(core, stored)
            return self._write(news, revision, "it was found changed") + len(stored)

    def save(self) -> int:
        """Write what has been computed into the store, as `close` does; return how many results were written.

        What runs is cancelled first. Raises OSError, with the store as it was, and MisuseError where there is none.
        """
        if self._kept is None:
            raise MisuseError("the engine has no store to save into; make it with Engine(store=folder)")
        with self._change():
            return self._saving.save()

    def cancel(self) -> None:
        """End every session: what runs raises Cancelled at its next demand. No input changes."""
        with self._change():
            pass

    @overload
    def submit(
        self, query: Callable[Concatenate[Db, P], Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs
    ) -> "Future[R]": ...

    @overload
    def submit(self, query: Callable[Concatenate[Db, P], R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]": ...

    def submit(self, query: Callable[Concatenate[Db, P], Any], *args: P.args, **kwargs: P.kwargs) -> "Future[Any]":
        """Demand a query, plain or coroutine, in a session of its own on another thread; return its future.

        In asyncio, `asyncio.wrap_future` makes it awaitable. Its session is over when an input changes: then the
        future's exception is Cancelled.
        """
        self._refuse_inside("submit")
        self._core.gate.refuse_closed()
        with self._core.notes:
            if self._threads is None:
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  for those who submit

                self._threads = ThreadPoolExecutor(thread_name_prefix="jeton query")
        return self._threads.submit(self._answer, query, args, kwargs)

    def _answer(self, query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        definition = definition_of(query)
        with self.begin() as db:
            return self._asks.demand(db, definition, definition.key_of(args, kwargs))  # type: ignore[arg-type]

    def statistics(self) -> list[QueryCount]:
        """Return what became of each query since the engine was made, or since they were last forgotten."""
        return count.total(self._core.lanes)

    def forget_statistics(self) -> None:
        """Count from nought again."""
        count.forget(self._core.lanes)

    @property
    def reported(self) -> list[str]:
        """What was told to `warn` so far about results that differ when they should not."""
        with self._core.notes:
            return list(self._core.reported)

    def close(self) -> None:
        """End every session, save what is to be kept, and let go of everything. A second time it does nothing."""
        self._refuse_inside("close the engine")
        if self._core.gate.close(self._core.waits.wake):
            if self._threads is not None:
                self._threads.shutdown()
            self._crew.close()
            self._asks.close()
            if STREAM.on:
                count.tell(self.statistics())
            if self._kept is not None:
                try:
                    if self._kept.is_broken:
                        self._make_stale(self._kept.abandon())
                    if self._saving.save():
                        self._sweep(self._kept)
                finally:
                    self._kept.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _sweep(self, kept: Kept) -> None:
        """Drop what has not been asked for lately, once in a while. All is saved; so a full disk is no failure."""
        if kept.session % SWEEP_EVERY == 0:
            try:
                kept.store.prune(self._keep, session=kept.session)
            except (OSError, Damaged) as error:
                self._core.warn(f"{kept.store.path}: not swept ({error})")

    @contextmanager
    def _change(self) -> Iterator[int]:
        """Be alone with the nodes until the block ends; gives the new revision."""
        self._refuse_inside("change an input")
        with self._core.gate.changing(self._core.waits.wake) as revision:
            tainted, self._core.tainted = self._core.tainted, {}
            self._make_stale(tainted)
            try:
                yield revision
            finally:
                if self._kept is not None and self._kept.is_broken:
                    self._make_stale(self._kept.abandon())

    def _check_store(self) -> None:
        """Compare what the store knows with the code and the inputs as they are: once, and when queries are added."""
        with self._checking:
            if not self._outdated.is_checked:
                with self._change():
                    push(self._core, self._outdated.check())

    def _changed_in_store(self, *, durable: bool) -> list[Node | int]:
        return [] if self._kept is None else self._outdated.refresh(durable=durable)

    def _remembered(self, cell: Cell[Any]) -> Node:
        """Return an input's node, with what the store remembers of it. Nothing runs."""
        node = self._core.node(cell.query, cell.key)
        if self._kept is not None and node.state is NEW:
            state = self._kept.recall(node, want=True)
            if state is not NEW:
                node.become(state)
        return node

    def _refuse_inside(self, what: str) -> None:
        if self._core.lane().is_inside:
            raise MisuseError(f"cannot {what} inside a query: what runs would have to end first; do it outside")
        if self._core.gate.is_changing:
            raise MisuseError(f"cannot {what} in a loader, a stamp or a comparison: a change is under way; do it after")

    def _looked_at(self, node: Node) -> "_News":
        value, stamp = look(node.query, node.key)
        return _News(node, value, stamp, self._differs(node, value))

    def _write(self, news: "Iterable[_News]", revision: int, why: str) -> int:
        """Put values into inputs' nodes, and mark what reads those that changed; return how many did. Nothing runs."""
        changed: list[Node] = []
        for node, value, stamp, differs in news:
            node.become(GREEN)
            node.verified_at = revision
            node.unsaved = True
            node.stamp = stamp
            if differs or node.value is ABSENT:
                node.value = value
            if differs:
                node.changed_at = revision
                node.why = why
                changed.append(node)
            self._core.inputs[node] = None
        push(self._core, changed)
        return len(changed)

    def _make_stale(self, nodes: Iterable[Node]) -> None:
        """Have nodes run again, and mark what reads them. Nothing runs."""
        for node in nodes:
            if node.state not in (NEW, STALE):
                node.become(STALE)
        push(self._core, nodes)

    def _differs(self, node: Node, value: Any) -> bool:
        if node.value is ABSENT:
            return node.known is None or fingerprint_of(value) != node.known
        return not node.agrees(node.value, value)


class _News(NamedTuple):
    """What an input's node is to have."""

    node: Node
    value: Any
    stamp: Any
    differs: bool


def _input(cell: InputCell[Any]) -> InputCell[Any]:
    if not isinstance(cell, InputCell):
        raise MisuseError(f"{cell}: not an input; name one, as in engine.set(source.at(path), text)")
    return cell
