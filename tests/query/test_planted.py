"""Covers that the model checker would see a bug of the engine's: with one planted, the scenarios fail."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest
from tests.query import interleaved
from tests.query.interleaved import (
    a_cancel_beside_two,
    a_failure_wakes_all,
    fresh,
    two_ask_for_one,
    two_close_a_ring,
)

from jeton.query import Engine, compute, demand
from jeton.query.gate import Gate
from jeton.query.node import RUNNING, Frame, Node, State, Wake
from jeton.query.waits import Waits
from jeton.sync import primitives
from jeton.testing import Explorer, ScheduleFailed

pytestmark = pytest.mark.concurrency


class NoLock:
    """Stands where a lock ought to be."""

    def acquire(self) -> bool:
        primitives().switch("without a lock")
        return True

    def release(self) -> None:
        primitives().switch("without a lock")

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.release()


# Each does what the function of its name does, with another thread let in where its lock keeps them out.


def claim_in_two_steps(node: Node, state: State) -> None:
    primitives().switch("has seen a node that nobody computes")
    NODE_BECOME(node, state)


def look_for_a_ring_and_then_sleep(waits: Waits, frame: Frame, node: Node) -> Any:
    found = LOOK_FOR_RING(waits, frame, node)
    primitives().switch("has seen no ring")
    return found


def leave_and_tell_nobody(gate: Gate) -> None:
    with gate.lock:
        gate._inside -= 1


def list_oneself_too_late(node: Node, wake: Wake) -> bool:
    if node.state is not RUNNING:
        return False
    primitives().switch("has seen that the node runs")
    with node.shard.lock:
        node.shard.waiting.setdefault(node, []).append(wake)
    return True


def settle_and_wake_nobody(node: Node, state: State) -> None:
    with node.shard.lock:
        node.become(state)
        node.frame = None
        node.shard.waiting.pop(node, None)


NODE_BECOME = Node.become
LOOK_FOR_RING = Waits._ring


def unlocked(engine: Engine, part: str) -> Engine:
    """Take a lock out of an engine."""
    if part == "shard":
        engine._core.shards[0].lock = NoLock()
    else:
        engine._core.waits._lock = NoLock()
    return engine


@pytest.mark.parametrize(
    ("part", "where", "name", "bug", "scenario"),
    [
        pytest.param("shard", Node, "become", claim_in_two_steps, two_ask_for_one, id="claim"),
        pytest.param("waits", Waits, "_ring", look_for_a_ring_and_then_sleep, two_close_a_ring, id="ring"),
        pytest.param("", Gate, "leave", leave_and_tell_nobody, a_cancel_beside_two, id="gate"),
        pytest.param("", demand, "wait_for", list_oneself_too_late, two_ask_for_one, id="wake-up"),
        pytest.param("", compute, "settle", settle_and_wake_nobody, a_failure_wakes_all, id="failure"),
    ],
)
def test_a_planted_bug_is_found(
    part: str,
    where: Any,
    name: str,
    bug: Any,
    scenario: Callable[[], None],
    explore_threads: Explorer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if part:
        monkeypatch.setattr(interleaved, "fresh", lambda jobs=2: unlocked(fresh(jobs), part))
    monkeypatch.setattr(where, name, bug)
    with pytest.raises(ScheduleFailed):
        explore_threads(scenario, schedules=3000, max_steps=5000)
