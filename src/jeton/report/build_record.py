"""A recorded build as numbers. Owns what follows from its events: lanes, longest path, cores busy; draws nothing."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from jeton.trace import BuildOutcome, DidBuild, DidRunStep, Record, StepOutcome, WillRunStep

_S = 1e-9


@dataclass(slots=True)
class Span:
    """One step as it ran. Times in seconds since the first step began."""

    step: int
    kind: str
    title: str
    command: str
    start_s: float
    end_s: float
    cpu_s: float
    outcome: StepOutcome
    after: tuple[int, ...]
    lane: int = 0
    """The row that it is drawn on: no two of a row overlap."""
    on_longest_path: bool = False

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.end_s - self.start_s


@dataclass(slots=True)
class BuildRecord:
    """The steps of a build in the order of their start, and what follows from them."""

    spans: list[Span]
    outcome: BuildOutcome | None = None
    lanes: int = 0
    longest_path: list[Span] = field(default_factory=list)
    """The chain of steps, each of which waited for the one before, that took longest in sum."""

    @property
    def seconds(self) -> float:
        """Seconds from the first start to the last end."""
        return max((span.end_s for span in self.spans), default=0.0)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all steps and of what they started."""
        return sum(span.cpu_s for span in self.spans)

    def by_kind(self) -> list[tuple[str, int, float, float]]:
        """Return for each kind of step its name, count, seconds and CPU seconds; the costliest first."""
        sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        for span in self.spans:
            row = sums[span.kind]
            row[0] += 1
            row[1] += span.seconds
            row[2] += span.cpu_s
        rows = [(kind, int(count), seconds, cpu_s) for kind, (count, seconds, cpu_s) in sums.items()]
        return sorted(rows, key=lambda row: -row[2])


def build_record(records: Iterable[Record]) -> BuildRecord:
    """Read a build out of a recording. A step that never ended is left out: its build was killed."""
    began: dict[int, int] = {}
    first_ns: int | None = None
    spans: list[Span] = []
    outcome: BuildOutcome | None = None
    for record in records:
        event = record.event
        if isinstance(event, WillRunStep):
            first_ns = record.at_ns if first_ns is None else first_ns
            began[event.step] = record.at_ns
        elif isinstance(event, DidRunStep) and first_ns is not None:
            start_s, end_s = (began.pop(event.step) - first_ns) * _S, (record.at_ns - first_ns) * _S
            title = event.title.replace("\n", " ")
            spans.append(
                Span(
                    event.step,
                    event.kind,
                    title,
                    event.command,
                    start_s,
                    end_s,
                    event.cpu_s,
                    event.outcome,
                    event.after,
                )
            )
        elif isinstance(event, DidBuild):
            outcome = event.outcome
    spans.sort(key=lambda span: span.start_s)
    build = BuildRecord(spans, outcome, _assign_lanes(spans), _longest_path(spans))
    for span in build.longest_path:
        span.on_longest_path = True
    return build


def curve(changes: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Sum up (time, change) pairs into the points at which a value changes, in order of time."""
    points: list[tuple[float, float]] = []
    value = 0.0
    for time_s, change in sorted(changes):
        value += change
        if points and points[-1][0] == time_s:
            points[-1] = (time_s, value)
        else:
            points.append((time_s, value))
    return points


def running(spans: Sequence[Span]) -> list[tuple[float, float]]:
    """Return how many steps ran from each moment on."""
    return curve(change for span in spans for change in ((span.start_s, 1.0), (span.end_s, -1.0)))


def cores_busy(spans: Sequence[Span]) -> list[tuple[float, float]]:
    """Return how many cores were busy from each moment on, each step's CPU time spread evenly over its run."""
    shares = [(span, span.cpu_s / span.seconds) for span in spans if span.seconds > 0]
    return curve(change for span, share in shares for change in ((span.start_s, share), (span.end_s, -share)))


def _assign_lanes(spans: Sequence[Span]) -> int:
    """Give each span the lowest row that is free when it starts; return how many rows that took."""
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    lanes = 0
    for span in spans:
        while busy and busy[0][0] <= span.start_s:
            heappush(free, heappop(busy)[1])
        if free:
            span.lane = heappop(free)
        else:
            span.lane = lanes
            lanes += 1
        heappush(busy, (span.end_s, span.lane))
    return lanes


def _longest_path(spans: Sequence[Span]) -> list[Span]:
    # A step ends before those that waited for it start: the order of the starts is an order of the graph.
    by_step: dict[int, Span] = {}
    length: dict[int, float] = {}
    before: dict[int, int | None] = {}
    for span in spans:
        earlier = [step for step in span.after if step in by_step]
        best = max(earlier, key=length.__getitem__, default=None)
        by_step[span.step] = span
        before[span.step] = best
        length[span.step] = span.seconds + (length[best] if best is not None else 0.0)
    path: list[Span] = []
    at = max(length, key=length.__getitem__, default=None)
    while at is not None:
        path.append(by_step[at])
        at = before[at]
    return path[::-1]
