"""Which step runs next. Owns the state of every wanted step; runs nothing and looks at no file.

A step waits until all that it needs is made; of the ready ones, the one with the longest way to the end of the
build comes first (its critical path, in the time that steps took before), within the bounds of the pools.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from heapq import heappop, heappush

from jeton.build.graph import BuildError, File, Step, StepPool
from jeton.build.scan import Scan


class StepState(Enum):
    """Where a step of the plan is. `_ALLOWED` names the ways between."""

    UP_TO_DATE = "up to date"
    """It need not run, but something that it needs may: it is passed when that is done."""
    WAITING = "waiting"
    """It must run, and something that it needs is not made yet."""
    READY = "ready"
    """All that it needs is made; it waits for a slot, or for its pool."""
    RUNNING = "running"
    """Its command runs."""
    DONE = "done"
    """Its outputs are made, or were up to date and so is all that they need. It never changes again."""
    FAILED = "failed"
    """Its command failed; what needs it will wait for ever. It never changes again."""


_ALLOWED = frozenset(
    {
        (StepState.UP_TO_DATE, StepState.WAITING),
        (StepState.UP_TO_DATE, StepState.DONE),
        (StepState.WAITING, StepState.UP_TO_DATE),
        (StepState.WAITING, StepState.READY),
        (StepState.READY, StepState.RUNNING),
        (StepState.RUNNING, StepState.DONE),
        (StepState.RUNNING, StepState.FAILED),
    }
)


class Plan:
    """The wanted steps of one build, each in one `StepState`."""

    def __init__(self, scan: Scan, cost: Callable[[Step], float]) -> None:
        """`cost` is how many seconds a step is expected to take."""
        self._scan = scan
        self._cost = cost
        self._states: dict[Step, StepState] = {}
        # Invariant: the number of distinct steps that make an input of the key and are not DONE. 0 for each READY step.
        self._missing: dict[Step, int] = {}
        self._rank: dict[Step, float] = {}
        self._ready: list[tuple[float, int, Step]] = []
        # Invariant: a pool has a line only while it is full; no step in it is in _ready.
        self._lines: dict[StepPool, list[tuple[float, int, Step]]] = {}
        self._in_pool: dict[StepPool, int] = {}
        self.total = 0
        """Steps with a command that have run, run, or must run."""
        self.done = 0
        """Steps with a command that have run, whatever came of it."""

    def add(self, target: File) -> None:
        """Want the target. It and all below it have been visited by the scan.

        Raises BuildError where something is missing that nobody makes.
        """
        if target.producer is None:
            self._need_source(target, None)
            return
        waiting: list[Step] = [target.producer]
        while waiting:
            step = waiting.pop()
            if step in self._states or step in self._scan.fresh:
                continue
            must_run = any(output in self._scan.dirty for output in step.outputs)
            self._states[step] = StepState.WAITING if must_run else StepState.UP_TO_DATE
            self.total += must_run and not step.phony
            producers: dict[Step, None] = {}
            for file in step.inputs():
                if file.producer is None:
                    self._need_source(file, step)
                elif file.producer not in self._scan.fresh:
                    producers[file.producer] = None
            self._missing[step] = sum(self._states.get(producer) is not StepState.DONE for producer in producers)
            waiting += reversed(producers)

    def start(self) -> None:
        """Rank the steps and make ready what waits for nothing. To be called after every `add`."""
        self._rank = self._ranks()
        for step in [step for step, missing in self._missing.items() if missing == 0]:
            if self._states[step] in (StepState.WAITING, StepState.UP_TO_DATE):
                self._advance(step)

    @property
    def has_ready(self) -> bool:
        """A step can start now."""
        return bool(self._ready)

    @property
    def unfinished(self) -> bool:
        """A step that must run has not run."""
        return self.done < self.total

    def most_urgent(self, count: int) -> list[Step]:
        """Return up to `count` ready steps, those with the longest way to the end first."""
        if count == 1:
            return [step for _, _, step in self._ready[:1]]
        entries = [heappop(self._ready) for _ in range(min(count, len(self._ready)))]
        for entry in entries:
            heappush(self._ready, entry)
        return [step for _, _, step in entries]

    def take(self, step: Step) -> None:
        """READY to RUNNING. It is among the most urgent ones."""
        passed = []
        while (entry := heappop(self._ready))[2] is not step:
            passed.append(entry)
        for entry in passed:
            heappush(self._ready, entry)
        self._set(step, StepState.RUNNING)

    def finish(self, step: Step, unchanged: Iterable[File]) -> None:
        """RUNNING to DONE. `unchanged` are the outputs that came out as they were: readers may stay as they are."""
        self.done += 1
        self._leave_pool(step)
        for output in unchanged:
            self._stays_as_it_is(output)
        self._set(step, StepState.DONE)
        self._release_readers(step)

    def fail(self, step: Step) -> None:
        """RUNNING to FAILED."""
        self.done += 1
        self._leave_pool(step)
        self._set(step, StepState.FAILED)

    def changed(self, steps: Iterable[Step]) -> None:
        """Take up steps of the plan whose inputs or judgement changed, after the scan has visited them again.

        Raises BuildError where a new input is missing that nobody makes.
        """
        affected = [step for step in steps if step in self._states]
        for step in affected:
            if self._states[step] not in (StepState.WAITING, StepState.UP_TO_DATE):
                continue
            for file in step.inputs():
                if file.producer is not None:
                    self.add(file)
                else:
                    self._need_source(file, step)
            producers = {file.producer for file in step.inputs() if file.producer in self._states}
            self._missing[step] = sum(
                self._states[producer] is not StepState.DONE for producer in producers if producer
            )
            must_run = any(output in self._scan.dirty for output in step.outputs)
            if must_run and self._states[step] is StepState.UP_TO_DATE:
                self._set(step, StepState.WAITING)
                self.total += not step.phony
        self.start()

    def predecessors(self, step: Step) -> tuple[int, ...]:
        """Return the ids of the steps of this plan that the step waited for."""
        makers = {file.producer for file in step.inputs() if file.producer in self._states}
        return tuple(sorted(maker.id for maker in makers if maker is not None))

    def waiting_time(self) -> tuple[float, float]:
        """Return the seconds of work that is left, and the longest path through it. Running steps count whole."""
        left = [
            step
            for step, state in self._states.items()
            if state in (StepState.WAITING, StepState.READY, StepState.RUNNING)
        ]
        return sum(map(self._cost, left)), max((self._rank.get(step, 0.0) for step in left), default=0.0)

    def _advance(self, step: Step) -> None:
        """Let a step go on that nothing keeps back any more."""
        passed = [step]
        while passed:
            step = passed.pop()
            if self._states[step] is StepState.WAITING and not step.phony:
                self._set(step, StepState.READY)
                self._enter_pool(step)
                continue
            if self._states[step] is StepState.WAITING:
                self._set(step, StepState.UP_TO_DATE)  # a phony step has nothing to run
            self._set(step, StepState.DONE)
            passed += self._freed_by(step)

    def _release_readers(self, step: Step) -> None:
        for reader in self._freed_by(step):
            self._advance(reader)

    def _freed_by(self, step: Step) -> list[Step]:
        freed = []
        for reader in dict.fromkeys(reader for output in step.outputs for reader in output.readers):
            if reader in self._missing and self._states[reader] in (StepState.WAITING, StepState.UP_TO_DATE):
                self._missing[reader] -= 1
                if self._missing[reader] == 0:
                    freed.append(reader)
        return freed

    def _stays_as_it_is(self, output: File) -> None:
        """Stop the wave: readers that only this output made dirty need not run."""
        self._scan.dirty.discard(output)
        waiting = list(output.readers)
        while waiting:
            reader = waiting.pop()
            if self._states.get(reader) is StepState.WAITING and self._scan.reconsider(reader):
                self._set(reader, StepState.UP_TO_DATE)
                self.total -= not reader.phony
                waiting += [other for out in reader.outputs for other in out.readers]

    def _enter_pool(self, step: Step) -> None:
        entry = (-self._rank.get(step, 0.0), step.id, step)
        pool = step.recipe.pool
        if pool is None or pool.depth == 0:
            heappush(self._ready, entry)
        elif self._in_pool.get(pool, 0) < pool.depth:
            self._in_pool[pool] = self._in_pool.get(pool, 0) + 1
            heappush(self._ready, entry)
        else:
            heappush(self._lines.setdefault(pool, []), entry)

    def _leave_pool(self, step: Step) -> None:
        pool = step.recipe.pool
        if pool is None or pool.depth == 0:
            return
        line = self._lines.get(pool)
        if line:
            heappush(self._ready, heappop(line))
        else:
            self._in_pool[pool] -= 1

    def _ranks(self) -> dict[Step, float]:
        """Return for each step the seconds from its start to the end of the build if cores were free."""
        ranks: dict[Step, float] = {}
        stack = list(self._states)
        while stack:
            step = stack[-1]
            readers = {reader for output in step.outputs for reader in output.readers if reader in self._states}
            unknown = [reader for reader in readers if reader not in ranks]
            if unknown and step not in ranks:
                stack += unknown
                continue
            stack.pop()
            if step not in ranks:
                own = self._cost(step) if self._states[step] is StepState.WAITING else 0.0
                ranks[step] = own + max((ranks[reader] for reader in readers), default=0.0)
        return ranks

    def _need_source(self, file: File, reader: Step | None) -> None:
        if file in self._scan.dirty and file.named:
            needed = f", needed by '{reader.outputs[0].path}'," if reader is not None else ""
            raise BuildError(f"'{file.path}'{needed} missing and no known rule to make it")

    def _set(self, step: Step, state: StepState) -> None:
        """Make every transition."""
        old = self._states[step]
        assert (old, state) in _ALLOWED, f"{step!r}: from {old.value} to {state.value}"
        assert state is not StepState.READY or self._missing[step] == 0
        self._states[step] = state
