"""A build without processes: a file system in memory, a shell that is a function, and a loop in virtual time.

A kill is simulated as a kill looks from outside: the state of the disk and of the log at one moment is all that
survives. The moment is any at which the build touches its disk or starts or ends a command.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from jeton.build.admission import Admission
from jeton.build.disk import MISSING
from jeton.build.estimate import Costs
from jeton.build.execute import Execution
from jeton.build.graph import Step
from jeton.build.history import History
from jeton.build.memory import Needs
from jeton.build.ninja import load
from jeton.build.options import MemoryLimit, Options
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


@dataclass
class SimulatedMemory:
    """A machine's memory, in which each step has its peak from its start to its end."""

    limit: MemoryLimit | None
    peak: Callable[[Step], int]
    """Bytes."""
    seconds: Callable[[Step], float] = lambda _: 1.0
    visible: bool = True
    """What is resident can be read; else a step seems to have nothing."""
    size: int = 1 << 40
    others: int = 0
    """What the rest of the machine has."""
    pressures: list[float] = field(default_factory=list)
    """What is read next, and next; then 0."""
    used: int = 0
    most_used: int = 0
    steps: dict[int, Step] = field(default_factory=dict)
    """The running ones, by the number that stands for their pid."""

    def began(self, step: Step) -> int:
        pid = step.id + 1
        self.steps[pid] = step
        self.used += self.peak(step)
        self.most_used = max(self.most_used, self.used)
        return pid

    def ended(self, step: Step) -> None:
        del self.steps[step.id + 1]
        self.used -= self.peak(step)

    def resident(self, roots: Collection[int]) -> dict[int, int]:
        assert set(roots) <= set(self.steps), "only running steps are looked at"
        return {pid: self.peak(self.steps[pid]) for pid in roots} if self.visible else {}

    def total(self) -> int:
        return self.size

    def available(self) -> int:
        return self.size - self.others - self.used

    def pressure(self) -> float:
        return self.pressures.pop(0) if self.pressures else 0.0


class FunctionRunner:
    """Runs each command as a call of `function`, which writes to the disk and returns the exit status."""

    def __init__(
        self,
        disk: MemoryDisk,
        function: Callable[[Step], int],
        memory: SimulatedMemory | None,
        started: Callable[[Step, int], None] | None,
    ) -> None:
        self.ran: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._disk = disk
        self._function = function
        self._memory = memory
        self._started = started

    async def run(self, step: Step) -> ProcessResult:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.ran.append(step.outputs[0].path)
            peak = await self._pass_time(step)
            self._disk.tick()
            status = self._function(step)
            self._disk.touched()
        finally:
            self.at_once -= 1
        return ProcessResult(status, b"", 0.0, 0.0, peak // 1024, pipe_held=False)

    async def _pass_time(self, step: Step) -> int:
        """Return the step's peak in bytes."""
        if self._memory is None:
            await sleep(1 + step.id % 3)
            return 0
        pid = self._memory.began(step)
        try:
            if self._started is not None:
                self._started(step, pid)
            await sleep(self._memory.seconds(step))
        finally:
            self._memory.ended(step)
        return self._memory.peak(step)


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
    memory: SimulatedMemory | None = None,
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
    costs.learn_from_history(graph.steps)
    plan.start()
    loop = SimulatedLoop(seed)
    admission = None
    if memory is not None:
        needs = Needs(history)
        needs.learn_from_history(graph.steps)
        admission = Admission(memory.limit, 10.0, needs, costs, memory.resident, memory, loop.time)
    options = Options(keep_going=keep_going)
    pool = open_pool(jobs, {})
    runner = FunctionRunner(disk, function, memory, None if admission is None else admission.started)
    parts = (graph, plan, scan, history, disk, costs, options, lambda: disk.now, runner, SlotQueue(pool))
    execution = Execution(*parts, admission)
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
