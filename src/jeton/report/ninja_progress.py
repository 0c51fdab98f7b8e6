"""Progress as ninja prints it, for people and programs that expect ninja. Owns NINJA_STATUS; keeps no screen.

Reference: "The Ninja build system", 1.13, "Environment variables".
"""

import re
from typing import BinaryIO

from jeton.report.counts import Counts
from jeton.trace import DidRunStep, Event, StepOutcome, WillRunStep

_DEFAULT_STATUS = "[%f/%t] "
_CODE = re.compile(r"%(.)")


class NinjaProgress:
    """Prints each step as ninja does: on a `terminal` of that many columns over one line, else a line for each.

    Raises ValueError for a `status` with an unknown placeholder.
    """

    def __init__(
        self,
        out: BinaryIO,
        *,
        status: str | None,
        verbose: bool,
        quiet: bool,
        columns: int | None,
        colour: bool,
        jobs: int,
    ) -> None:
        self._out = out
        self._status = _DEFAULT_STATUS if status is None else status
        self._verbose = verbose
        self._quiet = quiet
        self._columns = columns if not verbose else None
        self._colour = colour
        self._jobs = jobs
        self._counts = Counts()
        self._console: int | None = None  # the step that owns the terminal
        self._held: list[bytes] = []
        self._ends: list[float] = []
        self._open_line = False
        self._prefix()

    def __call__(self, at_ns: int, event: Event) -> None:
        """Hear an event."""
        self._counts.hear(at_ns, event)
        if isinstance(event, WillRunStep):
            if event.console or self._columns is not None:
                self._print(self._line(event, whole=event.console))
            if event.console:
                self._end_line()
                self._console = event.step
        elif isinstance(event, DidRunStep):
            self._did_run(event)

    def finish(self) -> None:
        """End the line that the last step was shown on."""
        self._end_line()

    def _did_run(self, step: DidRunStep) -> None:
        self._ends.append(self._counts.elapsed_s)
        was_console = step.step == self._console
        if was_console:
            self._console = None
            self._print(b"")  # what the others had to say meanwhile
        if not was_console and step.outcome is not StepOutcome.INTERRUPTED:
            self._print(self._line(step, whole=False))
        if step.outcome is StepOutcome.FAILED:
            self._end_line()
            status = step.status if step.status >= 0 else 128 - step.status
            text = f"FAILED: [code={status}] {' '.join(step.outputs)} \n{step.command}\n"
            self._print(text.encode(errors="surrogateescape"))
        if step.output:
            self._end_line()
            self._print(step.output if self._colour else _ANSI.sub(b"", step.output))

    def _line(self, step: WillRunStep | DidRunStep, *, whole: bool) -> bytes:
        if self._quiet:
            return b""
        text = self._prefix() + (step.command if self._verbose else step.title)
        if self._columns is None or whole:
            return text.encode(errors="surrogateescape") + b"\n"
        self._open_line = True
        return b"\r" + _elided(text, self._columns).encode(errors="surrogateescape") + b"\x1b[K"

    def _end_line(self) -> None:
        if self._open_line:
            self._open_line = False
            self._print(b"\n")

    def _print(self, text: bytes) -> None:
        if self._console is not None:
            self._held.append(text)
            return
        self._out.write(b"".join(self._held) + text)
        self._held.clear()
        self._out.flush()

    def _prefix(self) -> str:
        counts = self._counts
        elapsed = counts.elapsed_s
        left_s = counts.left_s(counts.now_ns)
        overall = counts.finished / elapsed if elapsed else None
        values = {
            "%": "%",
            "s": str(counts.started),
            "t": str(counts.total),
            "r": str(counts.running),
            "u": str(counts.total - counts.started),
            "f": str(counts.finished),
            "p": f"{100 * counts.finished // counts.total if counts.total else 0:3d}%",
            "o": _rate(overall),
            "c": _rate(self._current_rate()),
            "e": f"{elapsed:.3f}",
            "w": _clock(elapsed),
            "E": "?" if left_s is None else f"{left_s:.3f}",
            "W": "?" if left_s is None else _clock(left_s),
            "P": f"{self._time_share(left_s):3d}%",
        }

        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                raise ValueError(f"unknown placeholder '%{match[1]}' in $NINJA_STATUS")
            return values[match[1]]

        return _CODE.sub(value, self._status)

    def _current_rate(self) -> float | None:
        recent = self._ends[-self._jobs :]
        return len(recent) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else None

    def _time_share(self, left_s: float | None) -> int:
        counts = self._counts
        if left_s is None or not counts.elapsed_s:
            return 100 * counts.finished // counts.total if counts.total else 0
        return int(100 * counts.elapsed_s / (counts.elapsed_s + left_s))


_ANSI = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


def _elided(text: str, columns: int) -> str:
    """Cut the middle out of what does not fit."""
    text = text.replace("\n", " ")
    if len(text) <= columns:
        return text
    keep = max(0, columns - 3)
    return text[: keep // 2] + "..." + text[len(text) - (keep - keep // 2) :]


def _rate(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"
