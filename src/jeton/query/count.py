"""Where the time goes, by query. Owns the counts of one thread, and the sum of all.

A hit costs nothing to count: it is in the reads of whoever made it, which are looked through when that one has ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter_ns

from jeton.query.definition import QUERIES
from jeton.query.node import Frame, Lane, Node
from jeton.trace import STREAM, DidCountQuery, DidRunQuery, QueryOutcome, WillRunQuery

_DEMANDS, _RUNS, _GREEN, _RED, _SELF_NS = range(5)


@dataclass(frozen=True, slots=True)
class QueryCount:
    """What became of one query, all keys together."""

    query: str
    demands: int
    """How often it was asked for by other queries."""
    runs: int
    """How often its function ran."""
    green: int
    """How often it was suspect and turned out to be unchanged without running."""
    red: int
    """How often it ran again and gave another value than before."""
    self_ns: int
    """Time in its function and in verifying it, without the queries that it demanded, in nanoseconds."""

    @property
    def hits(self) -> int:
        """How often it was asked for and was there."""
        return max(0, self.demands - self.runs - self.green)


def start(frame: Frame) -> int:
    """Begin to count a computation."""
    frame.child_ns = 0
    if STREAM.on:
        STREAM.emit(WillRunQuery(*_words(frame.node)))
    return perf_counter_ns()


def end(frame: Frame, started: int) -> None:
    """Count it, once its node is settled."""
    total_ns = perf_counter_ns() - started
    if frame.parent is not None:
        frame.parent.child_ns += total_ns
    node = frame.node
    assert node is not None
    self_ns = max(0, total_ns - frame.child_ns)
    outcome = _outcome(frame, node)
    counts = _counts(frame.lane, node.query.index)
    counts[_SELF_NS] += self_ns
    if outcome is QueryOutcome.GREEN:
        counts[_GREEN] += 1
    else:
        counts[_RUNS] += 1
        counts[_RED] += outcome is QueryOutcome.CHANGED
    for read in frame.reads:
        _counts(frame.lane, read.query.index)[_DEMANDS] += 1
    if STREAM.on:
        STREAM.emit(DidRunQuery(*_words(node), outcome, total_ns, self_ns))


def tell(counts: Iterable[QueryCount]) -> None:
    """Say to the trace what became of each query."""
    for one in counts:
        STREAM.emit(DidCountQuery(one.query, one.hits, one.runs, one.green, one.red, one.self_ns))


def _words(node: Node | None) -> tuple[str, str]:
    assert node is not None
    return node.query.label, ", ".join(map(repr, node.query.arguments(node.key)))


def _outcome(frame: Frame, node: Node) -> QueryOutcome:
    if not frame.ran:
        return QueryOutcome.GREEN
    if not frame.was_known:
        return QueryOutcome.COMPUTED
    return QueryOutcome.CHANGED if node.changed_at >= frame.session.revision else QueryOutcome.UNCHANGED


def total(lanes: Iterable[Lane]) -> list[QueryCount]:
    """Return the sums over all threads, the query with the most self time first."""
    sums: dict[int, list[int]] = {}
    for lane in lanes:
        for index, counts in list(lane.tally.items()):
            of_all = sums.setdefault(index, [0] * 5)
            for at, number in enumerate(counts):
                of_all[at] += number
    found = [QueryCount(QUERIES[index].name, *counts) for index, counts in sums.items()]
    return sorted(found, key=lambda one: (-one.self_ns, one.query))


def forget(lanes: Iterable[Lane]) -> None:
    """Begin at nought again."""
    for lane in lanes:
        lane.tally = {}


def _counts(lane: Lane, index: int) -> list[int]:
    counts = lane.tally.get(index)
    if counts is None:
        counts = lane.tally[index] = [0] * 5
    return counts
