"""The engine as its program has it. Owns its beginning and end, and what happens between sessions."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from jeton.query import count
from jeton.query.answers import Answers
from jeton.query.compute import load
from jeton.query.core import Core, Warn
from jeton.query.count import QueryCount
from jeton.query.crew import Crew
from jeton.query.db import Db
from jeton.query.definition import Cell, Durability, Kind
from jeton.query.errors import MisuseError
from jeton.query.kept import Kept
from jeton.query.node import ABSENT, GREEN, NEW, STALE, Failure, Frame, Node
from jeton.query.push import drop_from, push
from jeton.query.save import Saving
from jeton.query.seats import Seats
from jeton.store.fingerprint import digest
from jeton.sync import primitives

R = TypeVar("R")


def _warn(line: str) -> None:
    print(f"jeton: warning: {line}", file=sys.stderr)  # noqa: T201  where nothing else was asked for


class Engine:
    """Queries' results, for as long as the program runs and, with a store, longer. Any thread may call."""

    def __init__(
        self,
        *,
        jobs: int | None = None,
        store: Path | str | None = None,
        verify: float = 0.0,
        statistics: bool = False,
        warn: Warn = _warn,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Make an engine with nothing in it, or with what `store` has, a folder that is made where there is none.

        `jobs` threads compute at once, and commands count among them; by default the pool of job tokens is joined that
        `environ` names, or one is opened with a slot for each core. With 1, all runs on the thread that demands it.
        `verify` is the share of remembered results, 0 to 1, that are computed again and compared; each that differs is
        told to `warn` in a line. `statistics` keeps counts and times.

        Raises ValueError for a number out of range, OSError where the store cannot be read or made.
        """
        if not 0 <= verify <= 1:
            raise ValueError(f"verify={verify}: a share from 0 to 1")
        if jobs is not None and jobs < 1:
            raise ValueError(f"jobs={jobs}: at least one thread computes")
        sync = primitives()
        self._core = Core(sync, warn, verify)
        self._core.counting = statistics
        self._crew = Crew(self._core, Seats(jobs, environ, sync))
        self._asks = Answers(self._core, self._crew)
        self._kept: Kept | None = None
        if store is not None:
            self._kept = self._core.kept = Kept(self._core, Path(store))
            self._saving = Saving(self._core, self._kept)

    def begin(self) -> Db:
        """Open a session: a db of the inputs as they are now. It is over when an input changes, or its block ends."""
        self._refuse_inside("begin a session")
        if self._kept is not None and not self._kept.is_checked:
            self._check_kept(self._kept)
        session = self._core.gate.begin()
        root = Frame(self._asks, session, self._core.lane(), None, None)
        root.reads = _Nowhere()
        session.root = root
        return root

    def set(self, cell: Cell[R], value: R) -> None:
        """Give an input another value: `engine.set(source.at("a.py"), text)`. What runs is cancelled first.

        Raises MisuseError for what is no input, and inside a query.
        """
        self.set_all([(cell, value)])

    def set_all(self, values: Iterable[tuple[Cell[Any], Any]]) -> None:
        """Give several inputs other values, as one change."""
        pairs = [(_input(cell), value) for cell, value in values]
        with self._change() as revision:
            changed = []
            for cell, value in pairs:
                node = self._remembered(cell)
                self._core.given.add(node)
                if self._replace(node, value, revision, "it was set"):
                    changed.append(node)
            push(self._core, changed)

    def unset(self, cell: Cell[Any]) -> None:
        """Let an input have its loader's value again."""
        with self._change() as revision:
            node = self._remembered(_input(cell))
            self._core.given.discard(node)
            if node.state is not NEW and self._reload(node, revision, "it was unset", whatever=True):
                push(self._core, [node])

    def refresh(self, *, durable: bool = False) -> int:
        """Ask the loaders again, those of HIGH durability only with `durable`, and forget what is volatile.

        A loader whose stamp is what it was is not asked. Returns how many inputs changed. What runs is cancelled first.
        """
        with self._change() as revision:
            core = self._core
            changed: list[Node | int] = self._changed_in_store(durable=durable)
            changed += [
                node
                for node in list(core.inputs)
                if node not in core.given
                and (durable or node.query.options.durability is Durability.LOW)
                and self._reload(node, revision, "it was found changed")
            ]
            volatile, core.volatile = list(core.volatile), {}
            fronts = core.fronts()
            for node in volatile:
                if node.state is not NEW:
                    node.become(STALE)
                drop_from(fronts, node)
            push(core, [*changed, *volatile])
            return len(changed)

    def save(self) -> int:
        """Write what has been computed into the store; `close` does it too. Returns how many results were written.

        What runs is cancelled first. Raises OSError, with the store as it was; MisuseError where there is none.
        """
        if self._kept is None:
            raise MisuseError("the engine has no store to save into; make it with Engine(store=folder)")
        with self._change():
            return self._saving.save()

    def cancel(self) -> None:
        """End every session: what runs raises Cancelled at its next demand. No input changes."""
        with self._change():
            pass

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
            self._crew.close()
            if self._kept is not None:
                try:
                    self._saving.save()
                finally:
                    self._kept.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _change(self) -> Iterator[int]:
        """Be alone with the nodes until the block ends; gives the new revision."""
        self._refuse_inside("change an input")
        with self._core.gate.changing(self._core.waits.wake) as revision:
            yield revision

    def _check_kept(self, kept: Kept) -> None:
        """Compare what the store knows with the code and the inputs as they are: once, and when queries are added."""
        with self._change():
            first = not kept.is_begun
            nothing: list[Node | int] = []
            changed = [*kept.guarded(kept.check_code, nothing)]
            if first:
                changed += kept.guarded(lambda: kept.check_inputs(durable=True), nothing)
            push(self._core, changed)

    def _changed_in_store(self, *, durable: bool) -> list[Node | int]:
        kept = self._kept
        nothing: list[Node | int] = []
        return nothing if kept is None else [*kept.guarded(lambda: kept.check_inputs(durable=durable), nothing)]

    def _remembered(self, cell: Cell[Any]) -> Node:
        """Return an input's node, with what the store remembers of it. Nothing runs."""
        node = self._core.node(cell.query, cell.key)
        if self._kept is not None and node.state is NEW:
            state = self._kept.recall(node, want=True)
            if state is not NEW:
                node.become(state)
        return node

    def _refuse_inside(self, what: str) -> None:
        if self._core.lane().slot is not None:
            raise MisuseError(f"cannot {what} inside a query: what runs would have to end first; do it outside")

    def _replace(self, node: Node, value: Any, revision: int, why: str) -> bool:
        """Put a value into an input's node; tell whether it is another one. Nothing runs."""
        same = node.changed_at != 0 and self._is_as_before(node, value)
        if node.value is ABSENT:
            node.value = value
        node.become(GREEN)
        node.verified_at = revision
        node.unsaved = True
        self._core.inputs[node] = None
        if same:
            return False
        node.value = value
        node.changed_at = revision
        node.why = why
        return True

    def _is_as_before(self, node: Node, value: Any) -> bool:
        if type(node.value) is Failure or type(value) is Failure:
            return repr(node.value) == repr(value)
        if node.value is ABSENT:
            return node.known is not None and digest(value) == node.known
        return node.query.options.eq(node.value, value)

    def _reload(self, node: Node, revision: int, why: str, *, whatever: bool = False) -> bool:
        """Ask an input's loader again, unless its stamp is what it was; tell whether the value is another one."""
        stamp = node.query.options.stamp
        if stamp is not None and not whatever and node.stamp is not None:
            try:
                if stamp(*node.query.arguments(node.key)) == node.stamp:
                    return False
            except Exception:  # noqa: BLE001, S110  the loader meets it again, and it is its failure
                pass
        try:
            value = load(node)
        except Exception as error:  # noqa: BLE001  an exception is a result
            value = Failure(error)
        return self._replace(node, value, revision, why)


class _Nowhere(list[Node]):
    """Where a root notes what it reads: nobody asks."""

    def append(self, node: Node, /) -> None:
        """Forget it."""


def _input(cell: Cell[Any]) -> Cell[Any]:
    if not isinstance(cell, Cell) or cell.query.kind is not Kind.INPUT:
        raise MisuseError(f"{cell}: not an input; name one, as in engine.set(source.at(path), text)")
    return cell
