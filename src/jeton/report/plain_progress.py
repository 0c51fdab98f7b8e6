"""Progress where there is no terminal: one line for each step that ended. Owns the lines; keeps no screen."""

from typing import BinaryIO

from jeton.report.counts import Counts
from jeton.report.durations import spoken
from jeton.report.memory_wait import waiting_line
from jeton.trace import (
    BuildOutcome,
    DidBuild,
    DidRunStep,
    Event,
    MemoryHold,
    StepOutcome,
    WillRunStep,
    WillWaitForMemory,
)


class PlainProgress:
    """Prints `[finished/total] title`, then what the step wrote, once; a failed step with its command.

    While a step owns the terminal, what other steps have to say waits. That steps wait for memory is said once.
    """

    def __init__(self, out: BinaryIO, *, verbose: bool = False, quiet: bool = False) -> None:
        self._out = out
        self._verbose = verbose
        self._quiet = quiet
        self._counts = Counts()
        self._console: int | None = None  # the step that owns the terminal
        self._held: list[bytes] = []
        self._told_waits: set[MemoryHold] = set()

    def __call__(self, at_ns: int, event: Event) -> None:
        """Hear an event."""
        self._counts.hear(at_ns, event)
        if isinstance(event, WillRunStep) and event.console:
            self._print(self._line(event))
            self._console = event.step
        elif isinstance(event, DidRunStep):
            self._did_run(event)
        elif isinstance(event, DidBuild):
            self._did_build(event)
        elif isinstance(event, WillWaitForMemory) and event.reason not in self._told_waits:
            self._told_waits.add(event.reason)
            if not self._quiet:
                self._print(f"{waiting_line(event)}\n".encode())

    def _did_run(self, step: DidRunStep) -> None:
        if step.outcome is StepOutcome.INTERRUPTED:
            return
        said_before = step.step == self._console
        if said_before:
            self._console = None
        quiet = self._quiet and step.outcome is StepOutcome.SUCCEEDED
        text = b"" if quiet or said_before else self._line(step)
        if step.outcome is StepOutcome.FAILED:
            text += failure(step)
        text += ended(step.output)
        self._print(text)

    def _did_build(self, build: DidBuild) -> None:
        self._console = None  # an interrupted step never said that it ended
        self._print(b"")
        if not self._quiet:
            self._print((summary(build, self._counts) + "\n").encode())

    def _line(self, step: WillRunStep | DidRunStep) -> bytes:
        what = step.command if self._verbose else step.title
        return f"[{self._counts.finished}/{self._counts.total}] {what}\n".encode(errors="surrogateescape")

    def _print(self, text: bytes) -> None:
        if self._console is not None:
            self._held.append(text)
            return
        self._out.write(b"".join(self._held) + text)
        self._held.clear()
        self._out.flush()


def failure(step: DidRunStep) -> bytes:
    """Say which step failed, how, and the command to try by hand."""
    how = f"exit status {step.status}" if step.status >= 0 else f"killed by signal {-step.status}"
    return f"failed: {' '.join(step.outputs)} ({how})\n{step.command}\n".encode(errors="surrogateescape")


def ended(output: bytes) -> bytes:
    """Return the output, its last line ended."""
    return output if not output or output.endswith(b"\n") else output + b"\n"


def summary(build: DidBuild, counts: Counts) -> str:
    """Say in one line how the build ended."""
    if build.outcome is BuildOutcome.NOTHING_TO_DO:
        return "nothing to do"
    steps = f"{build.ran} step" + ("" if build.ran == 1 else "s")
    took = f"{steps} in {spoken(counts.elapsed_s)}, {spoken(counts.cpu_s)} of CPU"
    if build.outcome is BuildOutcome.SUCCEEDED:
        return f"done: {took}"
    if build.outcome is BuildOutcome.INTERRUPTED:
        return f"interrupted after {took}; the next build goes on from here"
    failed = f"{counts.failed} step" + ("" if counts.failed == 1 else "s")
    left = f", {counts.total - counts.finished} not tried" if counts.total > counts.finished else ""
    return f"failed: {failed} failed{left}; ran {took}"
