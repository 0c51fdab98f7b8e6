"""Runs a plan. Owns what happens around each command: folders, response files, discovered inputs, the history.

Two kinds of tasks: one dispatcher, which waits for a ready step and then for a slot, and one task for each running
step. Which step gets a slot is decided when the slot is there, so that the most urgent one has it.
"""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from jeton.build.admission import Admission
from jeton.build.command import Runner, machine_load
from jeton.build.discovered import Discovered
from jeton.build.disk import Disk
from jeton.build.estimate import Costs, Estimate
from jeton.build.graph import CONSOLE, BuildError, DepsStyle, File, Graph, Step
from jeton.build.history import Deps, History, Made, fingerprint
from jeton.build.ninja import parse_depfile, without_includes
from jeton.build.options import Options
from jeton.build.paths import canonical
from jeton.build.plan import Plan
from jeton.build.scan import Scan
from jeton.jobserver import Slot
from jeton.runtime import Cancelled, Event, ProcessResult, Scope, SlotQueue
from jeton.trace import STREAM, DidChangePlan, DidEstimate, DidRunStep, StepOutcome, WillRunPlan, WillRunStep

_LOAD_POLL_S = 0.5
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NOTHING = ProcessResult(0, b"", 0.0, 0.0, 0, pipe_held=False)


class Execution:
    """One run of one plan. `run` returns when every step that could run has ended."""

    def __init__(  # one place that has it all
        self,
        graph: Graph,
        plan: Plan,
        scan: Scan,
        history: History,
        disk: Disk,
        costs: Costs,
        options: Options,
        now_on_disk: Callable[[], int],
        runner: Runner,
        slots: SlotQueue,
        admission: Admission | None = None,
    ) -> None:
        """`now_on_disk` is the time in nanoseconds by the clock that stamps files."""
        self._plan = plan
        self._scan = scan
        self._history = history
        self._disk = disk
        self._runner = runner
        self._slots = slots
        self._admission = admission
        self._options = options
        self._now_on_disk = now_on_disk
        self._discovered = Discovered(graph, history, disk)
        self._estimate = Estimate(plan, costs)
        self._dyndeps = {step.dyndep for step in graph.steps if step.dyndep is not None}
        self._running = 0
        self._progress = Event()
        self._waiting_for_slot: Scope | None = None
        self.failures = 0
        self.last_status = 0
        """The exit status of the command that failed last; minus the signal's number if one ended it."""
        self.interrupted_by = 0
        """The signal that ended a step as if a person had stopped the build, or 0."""

    async def run(self) -> None:
        """Run the plan. Raises BuildError where the graph turns out to be wrong on the way; Cancelled passes."""
        if STREAM.on:
            STREAM.emit(WillRunPlan(self._plan.total))
        async with Scope() as steps:
            while (slot := await self._next_slot()) is not None:
                step = self._next_step()
                if step is None or self._stopping:
                    self._slots.give(slot)
                    continue
                self._plan.take(step)
                self._running += 1
                if self._admission is not None:
                    self._admission.will_run(step)  # here and not in its task, which begins after the next was chosen
                steps.spawn(self._run_step, step, slot)

    @property
    def _stopping(self) -> bool:
        if self.interrupted_by:
            return True
        return self._options.keep_going > 0 and self.failures >= self._options.keep_going

    async def _next_slot(self) -> Slot | None:
        """Wait until a step is ready, then for a slot; None when no step will be ready any more."""
        while True:
            if self._stopping or (not self._plan.has_ready and not self._running):
                return None
            if not self._plan.has_ready:
                self._progress.clear()
                await self._progress.wait()
            elif self._running and 0 < self._options.load_limit < machine_load():
                await self._step_ended(_LOAD_POLL_S)
            elif self._admission is not None and self._next_step() is None:
                await self._step_ended(self._admission.poll_s)
            else:
                async with Scope() as self._waiting_for_slot:
                    return await self._slots.take()
                # Cancelled by `_settle`: there is nothing left to take a slot for.

    def _next_step(self) -> Step | None:
        """Return the step that is to have the next slot, None where none is ready or memory holds all back."""
        if self._admission is not None:
            return self._admission.choose(self._plan.most_urgent)
        return next(iter(self._plan.most_urgent(1)), None)

    async def _step_ended(self, at_most_s: float) -> None:
        """Wait until a step has ended, but no longer than that."""
        self._progress.clear()
        with suppress(TimeoutError):
            async with Scope(timeout=at_most_s):
                await self._progress.wait()

    async def _run_step(self, step: Step, slot: Slot) -> None:
        if STREAM.on:
            self._say_will_run(step)
        self._estimate.will_run(step)
        ran = _Ran(StepOutcome.INTERRUPTED)
        try:
            ran = await self._make(step)
        finally:
            self._running -= 1
            self._estimate.did_run(step)
            if self._admission is not None:
                self._admission.did_run(step, ran.result.peak_kib)
            self._slots.give(slot)
            if STREAM.on:
                self._say_did_run(step, ran)
        # The dispatcher, if that slot woke it, runs after this: it finds the plan as it is now.
        self._settle(step, ran)

    async def _make(self, step: Step) -> "_Ran":
        """Run the command; on success note what it did. What goes wrong is told where its output would be."""
        if self._options.dry_run:
            return _Ran(StepOutcome.SUCCEEDED)
        recipe = step.recipe
        outputs = [output.path for output in step.outputs]
        started_ns = time.monotonic_ns()
        try:
            for path in (*outputs, recipe.depfile):
                self._disk.make_folder_of(path)
            if recipe.rspfile:
                self._disk.write(recipe.rspfile, recipe.rspfile_content)
            before = [self._scan.mtime(output) for output in step.outputs]
            began = self._now_on_disk()
            self._history.started(outputs)
            result = await self._runner.run(step)
            inputs, output = self._inputs_read(step, result)
            result = replace(result, output=output)
            if result.status != 0:
                self._note_failure(outputs)
                interrupted = -result.status in _STOPPED_BY
                return _Ran(StepOutcome.INTERRUPTED if interrupted else StepOutcome.FAILED, result)
            if recipe.rspfile and not self._options.keep_rspfile:
                self._disk.remove(recipe.rspfile)
            duration_ms = (time.monotonic_ns() - started_ns) // 1_000_000
            peak_kib = result.peak_kib
            if self._admission is not None:
                peak_kib = max(peak_kib, self._admission.peak_kib(step))
            unchanged = self._record(step, before, began, inputs, duration_ms, peak_kib)
        except (BuildError, OSError) as error:
            self._note_failure(outputs)
            return _Ran(StepOutcome.FAILED, replace(_NOTHING, status=1, output=f"{error}\n".encode()))
        except Cancelled:
            self._remove_half_made(step)
            self._note_failure(outputs)
            raise
        return _Ran(StepOutcome.SUCCEEDED, result, unchanged)

    def _note_failure(self, outputs: list[str]) -> None:
        """Write down that the command has ended. Where that fails too, the next build looks for it once in vain."""
        with suppress(OSError):
            self._history.failed(outputs)

    def _inputs_read(self, step: Step, result: ProcessResult) -> tuple[list[str] | None, bytes]:
        """Return what the command says that it read, None where it says nothing, and the rest of its output."""
        recipe = step.recipe
        if recipe.deps is DepsStyle.MSVC:
            output, names = without_includes(result.output, recipe.msvc_prefix)
            return [canonical(name) for name in names], output
        if recipe.deps is DepsStyle.NONE or result.status != 0:
            return None, result.output
        if not recipe.depfile:
            raise BuildError(f"{step.outputs[0].path}: edge with deps=gcc but no depfile makes no sense")
        try:
            names = parse_depfile(self._disk.read(recipe.depfile) or "").inputs
            inputs = [canonical(name) for name in names]
        except ValueError as error:
            raise BuildError(f"{recipe.depfile}: {error}") from None
        if not self._options.keep_depfile:
            self._disk.remove(recipe.depfile)
        return inputs, result.output

    def _record(
        self, step: Step, before: list[int], began: int, inputs: list[str] | None, duration_ms: int, peak_kib: int
    ) -> list[File]:
        """Write the step into the history; return the outputs that came out as they were."""
        recipe = step.recipe
        mtime = began
        unchanged: list[File] = []
        if step.restat or recipe.generator:
            after = [self._scan.look_again(output) for output in step.outputs]
            if step.restat:
                unchanged = [output for output, old, new in zip(step.outputs, before, after, strict=True) if old == new]
            if recipe.generator and not unchanged:
                # It writes files that it also reads, and those are no news. For any other step they would be: a person
                # may have edited an input while it ran, and only the time of its start tells.
                mtime = max(began, *after)
        if inputs is not None:
            for output in step.outputs:
                self._history.read_by(output.path, Deps(self._scan.look_again(output), inputs))
        made = Made(fingerprint(recipe.fingerprint_text), mtime, duration_ms, peak_kib)
        self._history.finished([output.path for output in step.outputs], made)
        return unchanged

    def _remove_half_made(self, step: Step) -> None:
        """Remove what an interrupted command may have left unfinished."""
        for output in step.outputs:
            if step.recipe.depfile or self._disk.mtime(output.path) != self._scan.mtime(output):
                self._disk.remove(output.path)
        if step.recipe.depfile:
            self._disk.remove(step.recipe.depfile)

    def _settle(self, step: Step, ran: "_Ran") -> None:
        """Take the end of a step into the plan, and let the dispatcher look at it."""
        total = self._plan.total
        if ran.outcome is StepOutcome.SUCCEEDED:
            for output in step.outputs:
                if output in self._dyndeps and not self._options.dry_run:
                    self._load_dyndep(output)
            self._plan.finish(step, ran.unchanged)
        elif ran.outcome is StepOutcome.INTERRUPTED:
            # Somebody stops the step as they would the build: Ctrl-C in its terminal, a shutdown.
            self.interrupted_by = -ran.result.status
            self._remove_half_made(step)
            self._plan.fail(step)
        else:
            self.failures += 1
            self.last_status = ran.result.status
            self._plan.fail(step)
        if STREAM.on:
            if self._plan.total != total:
                STREAM.emit(DidChangePlan(self._plan.total - self._plan.done))
            if (left_s := self._estimate.left_if_due()) is not None:
                STREAM.emit(DidEstimate(left_s))
        self._progress.set()
        if self._stopping and self._waiting_for_slot is not None:
            self._waiting_for_slot.cancel()

    def _load_dyndep(self, file: File) -> None:
        steps = self._discovered.load_dyndep(file)
        known = len(self._scan.validations)
        affected = self._scan.unsettle(steps)
        for step in affected:
            self._scan.visit(step.outputs[0])
        for target in self._scan.validations[known:]:
            self._scan.visit(target)
            self._plan.add(target)
        self._plan.changed(affected)

    def _say_will_run(self, step: Step) -> None:
        recipe = step.recipe
        outputs = tuple(output.path for output in step.outputs)
        STREAM.emit(
            WillRunStep(step.id, step.rule, step.title, recipe.command, outputs, console=recipe.pool is CONSOLE)
        )

    def _say_did_run(self, step: Step, ran: "_Ran") -> None:
        STREAM.emit(
            DidRunStep(
                step=step.id,
                kind=step.rule,
                title=step.title,
                command=step.recipe.command,
                outputs=tuple(output.path for output in step.outputs),
                outcome=ran.outcome,
                status=ran.result.status,
                output=ran.result.output,
                cpu_s=ran.result.user_s + ran.result.system_s,
                after=self._plan.predecessors(step),
            )
        )


@dataclass(frozen=True, slots=True)
class _Ran:
    """How a step ended, and which of its outputs came out as they were."""

    outcome: StepOutcome
    result: ProcessResult = _NOTHING
    unchanged: Sequence[File] = ()
