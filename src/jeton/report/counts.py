"""How far a build is. Owns the numbers that every form of progress shows; prints nothing."""

from jeton.trace import DidChangePlan, DidEstimate, DidRunStep, Event, StepOutcome, WillRunPlan, WillRunStep

_S = 1e-9


class Counts:
    """Steps started, finished and in all, as the events tell them."""

    def __init__(self) -> None:
        self.total = 0
        self.started = 0
        self.finished = 0
        self.failed = 0
        self.cpu_s = 0.0
        self._left: tuple[int, float] | None = None  # when it was estimated, and what was left then
        self.began_ns: int | None = None
        self.now_ns = 0

    @property
    def running(self) -> int:
        """Steps that run now."""
        return self.started - self.finished

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first event."""
        return 0.0 if self.began_ns is None else (self.now_ns - self.began_ns) * _S

    def left_s(self, now_ns: int) -> float | None:
        """Return the estimate of what is left, counted down to now; None where there is none."""
        if self._left is None:
            return None
        at_ns, left_s = self._left
        return max(0.0, left_s - (now_ns - at_ns) * _S)

    def hear(self, at_ns: int, event: Event) -> None:
        """Take an event into the numbers."""
        if self.began_ns is None:
            self.began_ns = at_ns
        self.now_ns = at_ns
        if isinstance(event, WillRunPlan):
            self.total = event.steps
            self.started = self.finished = 0
        elif isinstance(event, DidChangePlan):
            self.total = self.finished + event.left
        elif isinstance(event, WillRunStep):
            self.started += 1
        elif isinstance(event, DidRunStep):
            self.finished += 1
            self.cpu_s += event.cpu_s
            self.failed += event.outcome is StepOutcome.FAILED
        elif isinstance(event, DidEstimate):
            self._left = None if event.left_s is None else (at_ns, event.left_s)
