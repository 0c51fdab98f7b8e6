"""Floor 0: what happened, and when. Knows nothing of what is measured.

API boundary: `STREAM` is the process's one stream of events; `Recording` keeps what it says.
Every event is one of the closed set in `jeton.trace.events`.
"""

from jeton.trace.events import (
    BuildOutcome,
    Counter,
    DidBuild,
    DidChangePlan,
    DidCountQuery,
    DidDo,
    DidEstimate,
    DidExitProcess,
    DidGiveSlot,
    DidRunQuery,
    DidRunStep,
    DidStartProcess,
    DidTakeSlot,
    DidWaitForMemory,
    Event,
    MemoryHold,
    QueryOutcome,
    StepOutcome,
    WillBuild,
    WillDo,
    WillRunPlan,
    WillRunQuery,
    WillRunStep,
    WillWaitForMemory,
    WillWaitForSlot,
)
from jeton.trace.recording import Record, Recording
from jeton.trace.stream import STREAM, Listener, Stream

__all__ = [
    "STREAM",
    "BuildOutcome",
    "Counter",
    "DidBuild",
    "DidChangePlan",
    "DidCountQuery",
    "DidDo",
    "DidEstimate",
    "DidExitProcess",
    "DidGiveSlot",
    "DidRunQuery",
    "DidRunStep",
    "DidStartProcess",
    "DidTakeSlot",
    "DidWaitForMemory",
    "Event",
    "Listener",
    "MemoryHold",
    "QueryOutcome",
    "Record",
    "Recording",
    "StepOutcome",
    "Stream",
    "WillBuild",
    "WillDo",
    "WillRunPlan",
    "WillRunQuery",
    "WillRunStep",
    "WillWaitForMemory",
    "WillWaitForSlot",
]
