"""The closed set of events. Owns their names and fields, not when they are emitted.

`Will…` is said before a thing is done and `Did…` after it; the two of a pair share an id. Times are not
in the events: the stream stamps them. The naming follows salsa's event enum (salsa-rs/salsa, src/event.rs).
"""

from dataclasses import dataclass
from enum import Enum


class StepOutcome(Enum):
    """How a build step ended."""

    SUCCEEDED = "succeeded"
    """The command exited with status 0 and its outputs are recorded."""
    FAILED = "failed"
    """The command exited otherwise, or what it left could not be recorded."""
    INTERRUPTED = "interrupted"
    """The build was stopped while the command ran; its outputs were removed."""


class BuildOutcome(Enum):
    """How a whole build ended."""

    NOTHING_TO_DO = "nothing to do"
    """Every wanted target was up to date; no step ran."""
    SUCCEEDED = "succeeded"
    """Every wanted target is up to date now."""
    FAILED = "failed"
    """A step failed, or could not be started for lack of something that failed."""
    INTERRUPTED = "interrupted"
    """A signal or a cancelled scope stopped it; the next build resumes."""


class QueryOutcome(Enum):
    """What came of a query at one key that was not at hand."""

    COMPUTED = "computed"
    """It ran, and had no value before."""
    CHANGED = "changed"
    """It ran again and gave another value."""
    UNCHANGED = "unchanged"
    """It ran again and gave the same value: who reads it stays as it is (early cutoff)."""
    GREEN = "green"
    """It did not run: nothing that it had read has changed."""


class MemoryHold(Enum):
    """Why no step may start beside the running ones."""

    LIMIT = "limit"
    """What they have and what the next step needs do not fit into the limit."""
    PRESSURE = "pressure"
    """Processes wait for memory too long."""


@dataclass(frozen=True, slots=True)
class WillDo:
    """A span opens. `span` is unique in the process; `name` is one of a small documented set."""

    span: int
    name: str


@dataclass(frozen=True, slots=True)
class DidDo:
    """The span closes, on the thread that opened it."""

    span: int
    name: str


@dataclass(frozen=True, slots=True)
class Counter:
    """A quantity as it is now, in the unit that its name ends with."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class WillWaitForSlot:
    """Somebody asks for a slot and there was none at once."""

    waiting: int
    """How many wait now, the new one included."""


@dataclass(frozen=True, slots=True)
class DidTakeSlot:
    """A slot was taken from the pool."""

    held: int
    """Slots that this process holds now, the implicit one included if it is in use."""


@dataclass(frozen=True, slots=True)
class DidGiveSlot:
    """A slot went back to the pool."""

    held: int


@dataclass(frozen=True, slots=True)
class DidStartProcess:
    """A child process runs."""

    pid: int
    program: str


@dataclass(frozen=True, slots=True)
class DidExitProcess:
    """A child process was reaped. CPU in seconds, peak resident memory in KiB; both for its whole reaped tree."""

    pid: int
    status: int
    """Exit status, or minus the signal's number."""
    user_s: float
    system_s: float
    peak_kib: int


@dataclass(frozen=True, slots=True)
class WillBuild:
    """A build begins: the graph is about to be read."""

    name: str


@dataclass(frozen=True, slots=True)
class WillRunPlan:
    """So many steps are to run. A build has a plan for its own manifest first, if that is out of date."""

    steps: int


@dataclass(frozen=True, slots=True)
class DidChangePlan:
    """Unchanged outputs or discovered edges changed how many steps are left, the running ones included."""

    left: int


@dataclass(frozen=True, slots=True)
class WillWaitForMemory:
    """The most urgent ready step has to wait for memory. Smaller ones may pass it."""

    reason: MemoryHold
    running: int
    """Steps that run now."""
    used_kib: int
    """What they count for: the larger of what is resident and what they are expected to need."""
    needed_kib: int
    """What the step that waits is expected to need."""
    limit_kib: int
    """0 where there is no limit."""
    pressure: float
    """For how much of the last 10 seconds some process waited for memory, in percent."""


@dataclass(frozen=True, slots=True)
class DidWaitForMemory:
    """It may start as soon as it has a slot, or waits for memory for another reason."""

    reason: MemoryHold


@dataclass(frozen=True, slots=True)
class WillRunStep:
    """A step has its slot and its command is about to start."""

    step: int
    kind: str
    """The rule's name: steps of a kind take similar time."""
    title: str
    """What a person reads: the description, or else the command."""
    command: str
    outputs: tuple[str, ...]
    console: bool
    """The command owns the terminal until it ends."""


@dataclass(frozen=True, slots=True)
class DidRunStep:
    """The step ended; `output` is everything that its command wrote, once."""

    step: int
    kind: str
    title: str
    command: str
    outputs: tuple[str, ...]
    outcome: StepOutcome
    status: int
    """Exit status, or minus the signal's number."""
    output: bytes
    cpu_s: float
    after: tuple[int, ...]
    """The steps of this build that it waited for: the edges of the recorded graph."""


@dataclass(frozen=True, slots=True)
class DidEstimate:
    """What is left of the build, or None while there is nothing to base it on."""

    left_s: float | None


@dataclass(frozen=True, slots=True)
class WillRunQuery:
    """A query that was not at hand is about to be verified, and run if need be, on this thread."""

    query: str
    key: str


@dataclass(frozen=True, slots=True)
class DidRunQuery:
    """It is settled. Times in nanoseconds; `self_ns` is without the queries that it demanded."""

    query: str
    key: str
    outcome: QueryOutcome
    total_ns: int
    self_ns: int


@dataclass(frozen=True, slots=True)
class DidCountQuery:
    """What became of one query, all keys together, when its engine closes."""

    query: str
    hits: int
    """How often another query asked for it and it was there."""
    runs: int
    green: int
    red: int
    self_ns: int


@dataclass(frozen=True, slots=True)
class DidBuild:
    """The build ended."""

    outcome: BuildOutcome
    ran: int
    """Steps that ran, whatever their outcome."""


Event = (
    WillDo
    | DidDo
    | Counter
    | WillWaitForSlot
    | DidTakeSlot
    | DidGiveSlot
    | DidStartProcess
    | DidExitProcess
    | WillBuild
    | WillRunPlan
    | DidChangePlan
    | WillWaitForMemory
    | DidWaitForMemory
    | WillRunStep
    | DidRunStep
    | DidEstimate
    | DidBuild
    | WillRunQuery
    | DidRunQuery
    | DidCountQuery
)
