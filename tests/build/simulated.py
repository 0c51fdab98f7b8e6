"""A build without processes: a file system in memory, a shell that is a function, and a loop in virtual time.

A kill is simulated as a kill looks from outside: the state of the disk and of the log at one moment is all that
survives. The moment is any at which the build touches its disk or starts or ends a command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from jeton.build.disk import MISSING
from jeton.build.estimate import Costs
from jeton.build.execute import Execution
from jeton.build.graph import Step
from jeton.build.history import History
from jeton.build.ninja import load
from jeton.build.options import Options
from jeton.build.plan import Plan
from jeton.build.scan import Scan
from jeton.jobserver import open_pool
from jeton.runtime import ProcessResult, Scheduler, SimulatedLoop, SlotQueue, sleep

HALF = "half of it"


@dataclass
class MemoryDisk:
    """Files in memory: text and modification time. The clock stands still until `tick` moves it."""

    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    now: int = 1000
    touched: Callable[[], None] = lambda: None
    """Called before every change: here a build may die."""

    def tick(self) -> None:
        self.now += 10

    def mtime(self, path: str) -> int:
        return self.files[path][1] if path in self.files else MISSING

    def read(self, path: str) -> str | None:
        return self.files[path][0] if path in self.files else None

    def write(self, path: str, text: str) -> None:
        self.touched()
        self.files[path] = (text, self.now)

    def make_folder_of(self, path: str) -> None:
        pass

    def remove(self, path: str) -> bool:
        self.touched()
        return self.files.pop(path, None) is not None


class FunctionRunner:
    """Runs each command as a call of `function`, which writes to the disk and returns the exit status."""

    def __init__(self, disk: MemoryDisk, function: Callable[[Step], int]) -> None:
        self.ran: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._disk = disk
        self._function = function

    async def run(self, step: Step) -> ProcessResult:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.ran.append(step.outputs[0].path)
            await sleep(1 + step.id % 3)
            self._disk.tick()
            status = self._function(step)
            self._disk.touched()
        finally:
            self.at_once -= 1
        return ProcessResult(status, b"", 0.0, 0.0, 0, pipe_held=False)


@dataclass(frozen=True)
class Built:
    """What a simulated build did."""

    ran: list[str]
    failures: int
    most_at_once: int


def build(
    manifest: str,
    disk: MemoryDisk,
    log: Path,
    function: Callable[[Step], int],
    *,
    jobs: int = 2,
    seed: int = 0,
    keep_going: int = 1,
) -> Built:
    """Build the manifest's defaults on the simulated disk, with the history in the real file `log`."""
    graph = load("build.ninja", lambda _: manifest, lambda _: None)
    history = History.open(log, warn=_unexpected)
    scan = Scan(graph, history, disk)
    costs = Costs(history)
    plan = Plan(scan, costs)
    for target in graph.default_targets():
        scan.visit(target)
        plan.add(target)
    for target in scan.validations:
        scan.visit(target)
        plan.add(target)
    plan.start()
    options = Options(keep_going=keep_going)
    pool = open_pool(jobs, {})
    runner = FunctionRunner(disk, function)
    execution = Execution(graph, plan, scan, history, disk, costs, options, lambda: disk.now, runner, SlotQueue(pool))
    loop = SimulatedLoop(seed)
    try:
        Scheduler(loop).run(execution.run)
        assert pool.held == 0, "every slot went back"
        assert execution.failures or not plan.unfinished, "a build ends when all is done"
    finally:
        pool.close()
        history.close()
        loop.close()
    return Built(runner.ran, execution.failures, runner.most_at_once)


def _unexpected(line: str) -> None:
    raise AssertionError(f"unexpected warning: {line}")
