"""The parts of an engine, in one place. Owns nothing else: each part guards its own state.

What the engine does is in files of one verb each (demand, compute, verify, cycle, push, …), which are given the core.
"""

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from jeton.query.db import Asks
from jeton.query.definition import Key, Query
from jeton.query.gate import Gate
from jeton.query.node import Lane, Node, Ring, Session, Shard, State
from jeton.query.waits import Waits
from jeton.sync import Primitives

Warn = Callable[[str], None]


class Kept(Protocol):
    """What is remembered from other processes (kept.py)."""

    asked: dict[Node, None]

    def recall(self, node: Node, *, want: bool) -> State:
        """Fill a claimed NEW node with what is remembered of it; return the state that it has by that."""

    def value(self, node: Node) -> bool:
        """Load the value of a claimed node that was dropped; tell whether there is one."""

    def pack(self, node: Node, value: Any) -> None:
        """Keep a value that is dropped from memory, as bytes, until it is saved."""

    def reads(self, node: Node, positions: Sequence[int] | None = None) -> tuple[Node, ...] | None:
        """Return what a recalled node read, or those at some positions; None where that cannot be told."""

    def pushed(self, numbers: list[int]) -> list[Node]:
        """Mark all that reads these facts, directly or not, as suspect; return the nodes that were reached."""


SHARD_ORDER = 20
RINGS_ORDER = 30
NOTES_ORDER = 60

THREADS_RUN_IN_PARALLEL = not getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether this interpreter is free-threaded."""

_SHARDS = 64 if THREADS_RUN_IN_PARALLEL else 1
"""A power of two. In a prototype two free-threaded cores were slower than one with one lock, and faster from 16 on."""

_LAST_BIT = 62


class Core:
    """All that one engine has."""

    def __init__(self, sync: Primitives, warn: Warn, check: float, shards: int = _SHARDS) -> None:
        """`check` is the share of green results that are computed again and compared, 0 to 1."""
        self.sync = sync
        self.warn = warn
        self.check = check
        self.gate = Gate(sync)
        self.waits = Waits(sync)
        self.shards = [Shard(sync.lock(SHARD_ORDER, f"shard {number}")) for number in range(shards)]
        self.mask = shards - 1
        self.asks: Asks
        self.kept: Kept | None = None
        # Guards `members` and `reads` of every ring, and which unfinished rings a PROVISIONAL node goes by.
        self.rings = sync.lock(RINGS_ORDER, "rings")
        self.open_rings: dict[Node, set[Ring]] = {}
        # Guarded by `notes`: the lists that follow, and what is interned.
        self.notes = sync.lock(NOTES_ORDER, "notes")
        # Inputs that were loaded or set, and nodes that run again at the next refresh.
        self.inputs: dict[Node, None] = {}
        self.volatile: dict[Node, None] = {}
        # Results that go by something that was none; they do not outlast the revision.
        self.tainted: dict[Node, None] = {}
        self.interned: dict[Any, Any] = {}
        self._effects: dict[str, int] = {}
        # What queries let those below them know by name (see `Asks.noting`).
        self.noted: dict[Any, list[Any]] = {}
        self.reported: list[str] = []
        # By query, the nodes whose values are kept in memory, the one used last at the end.
        self.recent: dict[Query, OrderedDict[Node, None]] = {}
        # Inputs that were set, and are not asked of their loaders. Changed while nothing runs.
        self.given: set[Node] = set()
        # Whether leaves that may be are computed in worker processes.
        self.offloads = False
        # Whether times and counts are kept.
        self.counting = False
        # Every thread's table of results at hand; one for all where threads do not run in parallel.
        self._mine = threading.local()
        self._shared: list[dict[Key, Node]] | None = None if THREADS_RUN_IN_PARALLEL else []
        self.lanes: list[Lane] = []

    def lane(self) -> Lane:
        """Return what this thread brings along."""
        try:
            return self._mine.lane  # type: ignore[no-any-return]
        except AttributeError:
            return self.new_lane()

    def new_lane(self) -> Lane:
        """Make this thread's lane."""
        lane = self._mine.lane = Lane([] if self._shared is None else self._shared)
        with self.notes:
            self.lanes.append(lane)
        return lane

    def adopt(self, lane: Lane) -> None:
        """Let this thread go on with what another one brought along, which waits meanwhile."""
        self._mine.lane = lane

    def node(self, query: Query, key: Key) -> Node:
        """Return the node of a query at a key, made where there is none."""
        shard = self.shards[hash(key) & self.mask]
        with shard.lock:
            table = shard.table(query.index)
            node = table.get(key)
            if node is None:
                node = table[key] = Node(query, key, shard)
            return node

    def nodes(self) -> list[Node]:
        """Return every node. Complete where nothing runs."""
        found: list[Node] = []
        for shard in self.shards:
            with shard.lock:
                for table in shard.tables:
                    found += table.values()
        return found

    def fronts(self) -> list[list[dict[Key, Node]]]:
        """Return every table of results at hand, each once."""
        if self._shared is not None:
            return [self._shared]
        with self.notes:
            return [lane.fronts for lane in self.lanes]

    def bit(self, effect: str) -> int:
        """Return the bit that stands for an effect in a node's `below`; those beyond the sixty-second share one."""
        with self.notes:
            number = self._effects.setdefault(effect, len(self._effects))
        return 1 << min(number, _LAST_BIT)

    def effects_of(self, below: int) -> tuple[str, ...]:
        """Return the effects that the bits may stand for."""
        if not below:
            return ()
        with self.notes:
            return tuple(name for name, number in self._effects.items() if below >> min(number, _LAST_BIT) & 1)

    def outlast(self, session: Session, wait: Callable[[], None]) -> None:
        """Wait for others who work for this session. An interrupt ends it, and is raised when they have left."""
        try:
            wait()
        except BaseException:
            self.end(session)
            wait()
            raise

    def end(self, session: Session) -> None:
        """End one session, so that what runs for it ends at its next demand, and who waits in it wakes."""
        self.gate.finish(session)
        self.waits.wake(session)

    def report(self, line: str) -> None:
        """Keep a finding, and tell it."""
        with self.notes:
            self.reported.append(line)
        self.warn(line)
