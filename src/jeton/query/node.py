"""Nodes, the frames that compute them, and rings of them. Owns their states; knows nothing of the order of things.

A node is one query at one key: its memo. A frame is one running computation, and the Db that its query is given; its
`parent` is the frame that demanded it, on this thread or, in a map, on another. All frames are one tree, whatever
their threads, and each path up from a leaf is a chain of true demands: nobody runs a query for want of something else.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from jeton.query.db import Asks, Db, Effect
from jeton.query.definition import Key, Query
from jeton.store.fingerprint import same
from jeton.sync import Lock


class State(Enum):
    """What holds of a node."""

    NEW = "new"
    """Nothing is known here: it never ran, or nothing of it was kept. The store may know it."""
    RUNNING = "running"
    """`frame` has the claim; nobody else computes it."""
    GREEN = "green"
    """`value` is what a computation now would give."""
    HOLLOW = "hollow"
    """As GREEN, but the value itself was dropped: that it did not change is known, what it is is not."""
    SUSPECT = "suspect"
    """It was GREEN or HOLLOW, and something that it read, or they read, is suspect or has changed since."""
    STALE = "stale"
    """It has to run again, whatever it read."""
    PROVISIONAL = "provisional"
    """Computed from what a ring assumes; the head of the ring makes it GREEN or STALE."""

    __hash__ = object.__hash__  # Enum's own is a function in Python, and each transition would call it twice


NEW, RUNNING, GREEN, HOLLOW = State.NEW, State.RUNNING, State.GREEN, State.HOLLOW
SUSPECT, STALE, PROVISIONAL = State.SUSPECT, State.STALE, State.PROVISIONAL

_ALLOWED = frozenset(
    {(before, RUNNING) for before in (NEW, HOLLOW, SUSPECT, STALE, GREEN)}
    | {(RUNNING, after) for after in (NEW, GREEN, HOLLOW, SUSPECT, STALE, PROVISIONAL)}
    | {(PROVISIONAL, GREEN), (PROVISIONAL, STALE)}
    | {(GREEN, HOLLOW), (GREEN, SUSPECT), (HOLLOW, SUSPECT), (GREEN, STALE), (HOLLOW, STALE), (SUSPECT, STALE)}
    | {(before, GREEN) for before in (NEW, GREEN, HOLLOW, SUSPECT, STALE)}  # an input is set
    | {(NEW, SUSPECT), (NEW, STALE), (NEW, HOLLOW)}  # remembered
)
"""GREEN to RUNNING is a check: a share of green results is computed again and compared."""


class Failure(NamedTuple):
    """A value that is an exception, raised at every reader."""

    error: Exception


class _Absent(Enum):
    ABSENT = "no value"


ABSENT = _Absent.ABSENT

LAZY: "tuple[Node, ...]" = (None,)  # type: ignore[assignment]
"""In the place of what a node read, where the store knows it and nobody has asked yet. Known by identity."""


class Told(NamedTuple):
    """Something that was emitted, after so many of the node's `reads` were made."""

    after: int
    effect: Effect[Any]
    value: Any


class Trace(NamedTuple):
    """What a node's reads do not say by themselves. Most nodes have none."""

    spans: tuple[tuple[int, int], ...]
    """From which to which of the reads was one map, whose items may be had at once."""
    told: tuple[Told, ...]
    in_ring: bool = False
    """It was computed in a ring: its reads are those of the whole ring and its members, in no order of its own."""


class Node:
    """One query at one key. Made by its `Shard`, whose lock guards `state` and `frame`.

    The rest is written by whoever has the claim, or while nothing runs at all, and read once the state says that it
    is settled.
    """

    __slots__ = (
        "below",
        "changed_at",
        "frame",
        "key",
        "known",
        "loud",
        "number",
        "query",
        "readers",
        "reads",
        "shard",
        "stamp",
        "state",
        "trace",
        "unsaved",
        "value",
        "verified_at",
        "why",
    )

    def __init__(self, query: Query, key: Key, shard: "Shard") -> None:
        self.query = query
        self.key = key
        self.shard = shard
        self.state = NEW
        # Invariant: not None exactly while RUNNING.
        self.frame: Frame | None = None
        self.value: Any = ABSENT
        # The revisions in which the value last became another, and in which it was last known to be true.
        self.changed_at = 0
        self.verified_at = 0
        # In the order of demand, each once. Invariant: acyclic, but for the members of a ring, which read each other.
        self.reads: tuple[Node, ...] = ()
        self.trace: Trace | None = None
        # Invariant: holds every settled node whose `reads` has this one; may hold some that read it once.
        self.readers: set[Node] = set()
        # A bit for each effect that was told here or below; never too few while it is settled.
        self.below = 0
        # Which of its reads have such bits, by position.
        self.loud: tuple[int, ...] = ()
        self.stamp: Any = None
        # Why it ran when it last ran: the node whose change did it, or words.
        self.why: Node | str = ""
        # Its number in the store, or -1; whether its fact there is not what it is now; the fingerprint of the value
        # that it had, while that is not at hand.
        self.number = -1
        self.unsaved = False
        self.known: bytes | None = None

    def __repr__(self) -> str:
        return self.query.show(self.key)

    def agrees(self, one: Any, other: Any) -> bool:
        """Tell whether two results of this node count as the same: values by its `eq`, failures by what they say."""
        if type(one) is Failure or type(other) is Failure:
            return (
                type(one) is type(other)
                and type(one.error) is type(other.error)
                and same(one.error.args, other.error.args)
            )
        return self.query.options.eq(one, other)

    def become(self, state: State) -> None:
        """Make the transition. The shard's lock is held, or nothing runs."""
        assert (self.state, state) in _ALLOWED, f"{self!r}: {self.state.value} to {state.value}"
        self.state = state

    def result(self) -> Any:
        """Return the value, or raise it where it is a failure."""
        value = self.value
        if type(value) is Failure:
            raise value.error.with_traceback(None)
        return value


Wake: TypeAlias = Callable[[], object]
"""Called from any thread, once; must not block."""


class Shard:
    """A part of all nodes, and the lock over their states."""

    __slots__ = ("lock", "tables", "waiting")

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        # Guarded by `lock`, as the states are: by the query's index, the nodes by their keys.
        self.tables: list[dict[Key, Node]] = []
        # Guarded by `lock`: who is to be woken when a RUNNING node is settled.
        self.waiting: dict[Node, list[Wake]] = {}

    def table(self, index: int) -> dict[Key, Node]:
        """Return the query's table, made where it is missing. The lock is held."""
        while len(self.tables) <= index:
            self.tables.append({})
        return self.tables[index]


class Lane:
    """What a thread brings along when it computes: the results that it has at hand, and its slot."""

    __slots__ = ("base", "chunks", "fronts", "is_lent", "is_loop", "slot", "tally", "unreleased")

    def __init__(self, fronts: list[dict[Key, Node]]) -> None:
        # By the query's index, the nodes by their keys. Invariant: all GREEN with a value that is no failure.
        self.fronts = fronts
        # Invariant: not None exactly while this thread computes.
        self.slot: Any = None
        # Whether a command or a worker runs on it meanwhile. Guarded by the crew's lock.
        self.is_lent = False
        # Whether it is the thread for what waits, which runs coroutine queries and holds no slot.
        self.is_loop = False
        # The depth of the first frame on this thread's stack.
        self.base = 0
        self.tally: dict[int, list[int]] = {}
        # The items of maps that it has taken, the innermost last. Guarded by the crew's lock.
        self.chunks: list[Any] = []
        # Claims that could not be given up for want of stack; done when there is some.
        self.unreleased: list[Frame] = []

    @property
    def is_inside(self) -> bool:
        """Whether what runs on this thread is a query."""
        return self.slot is not None or self.is_loop


class Session:
    """One db's time: from its beginning to the change of an input or its end."""

    __slots__ = ("__weakref__", "over", "revision")

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.over = False


class Frame(Db):
    """One computation, on one thread at a time. With no `node` it is a root, or stands for its parent on a thread."""

    __slots__ = (
        "asks",
        "before",
        "child_ns",
        "depth",
        "doom",
        "early",
        "fronts",
        "heads",
        "lane",
        "node",
        "parent",
        "ran",
        "rank",
        "reads",
        "ring",
        "session",
        "spans",
        "tainted",
        "told",
        "was_known",
    )

    def __init__(self, asks: Asks, session: Session, lane: Lane, parent: "Frame | None", node: Node | None) -> None:
        self.asks = asks
        self.session = session
        self.lane = lane
        self.fronts: Any = lane.fronts
        self.parent = parent
        self.node = node
        self.depth: int = 0 if parent is None else parent.depth + 1
        # Every demand, in order, repeated ones too.
        self.reads: list[Node] = []
        self.before = NEW
        self.spans: list[tuple[int, int]] | None = None
        self.told: list[Told] | None = None
        # The ring that this frame is a part of, once one was found.
        self.ring: Ring | None = None
        # The unfinished rings whose assumptions it has read.
        self.heads: set[Ring] | None = None
        # What every further demand raises: the query is to end, and what it makes of that does not count.
        self.doom: BaseException | None = None
        # Whether something that it demanded came to no result: then neither did it, for longer than this revision.
        self.tainted = False
        # Of a root's call, its number; of what stands for a map, the item it is at. See `precedence`.
        self.rank = -1
        # Whether it stands for a map on some thread, and runs its items before their turn.
        self.early = False
        # For counting: whether the function ran, and had a value before; time in what it demanded.
        self.ran = self.was_known = False
        self.child_ns = 0

    def begin_again(self) -> None:
        """Forget what was demanded so far: the query runs from its beginning."""
        self.reads = []
        self.spans = self.told = None
        self.tainted = False

    def note_span(self, start: int) -> None:
        """Note that what was read since `start` was wanted by one map, all of it."""
        if len(self.reads) - start > 1:
            self.spans = self.spans or []
            self.spans.append((start, len(self.reads)))

    def take_over(self, stand_in: "Frame") -> None:
        """Go by what a frame that stood for this one went by."""
        if stand_in.heads:
            self.heads = (self.heads or set()) | stand_in.heads
            stand_in.heads = None
        self.tainted = self.tainted or stand_in.tainted

    def chain_to(self, top: "Frame") -> "list[Frame]":
        """Return this frame and those above it up to `top`, which is one of them."""
        chain = self.chain()
        return chain[: chain.index(top) + 1]

    def doom_up_to(self, top: "Frame", reason: BaseException) -> None:
        """Let this frame and those above it up to `top` raise `reason` at their next demand, whatever they catch."""
        for one in self.chain_to(top):
            one.doom = reason

    def chain(self) -> "list[Frame]":
        """Return this frame and those above it, the root last."""
        found = []
        frame: Frame | None = self
        while frame is not None:
            found.append(frame)
            frame = frame.parent
        return found

    def precedence(self) -> tuple[int, ...]:
        """Return what orders the chains that are under way: the older root's call first, then the earlier item."""
        return tuple(one.rank for one in reversed(self.chain()) if one.rank >= 0)

    def is_below(self, other: "Frame") -> bool:
        """Tell whether `other` is this frame or one above it."""
        frame: Frame | None = self
        while frame is not None and frame.depth >= other.depth:
            if frame is other:
                return True
            frame = frame.parent
        return False


class AwaitingFrame(Frame):
    """The frame of a coroutine. It has nothing at hand: a plain query that it calls is not a call but a mistake."""

    __slots__ = ()

    def __init__(self, asks: Asks, session: Session, lane: Lane, parent: Frame | None, node: Node | None) -> None:
        super().__init__(asks, session, lane, parent, node)
        self.fronts = ()


class Ring:
    """Queries that demand each other, while their head runs.

    Either a fixpoint, whose assumption is the head's `value`, or an error, which every participant has come to.
    """

    __slots__ = ("error", "head", "members", "reads", "replaced", "rounds")

    def __init__(self, head: Frame, error: Exception | None) -> None:
        self.head = head
        self.error = error
        # Guarded by the engine's lock over rings: the PROVISIONAL nodes that go by it, and all that was read for them.
        self.members: dict[Node, None] = {}
        self.reads: dict[Node, None] = {}
        self.rounds = 0
        # The head's value from before, which its assumption stands in the place of.
        self.replaced: Any = ABSENT
