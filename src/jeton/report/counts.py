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
        self.left_s: float | None = None
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
            self.left_s = event.left_s
