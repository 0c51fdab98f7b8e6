"""Progress on a terminal: a bar, what runs now, and what is left. Owns the screen's last lines while a build runs.

Drawn by rich, which knows terminals, NO_COLOR and resizing. Above the bar stand only the steps that had something
to say: they scroll away as in any other log.
"""

import sys
import threading
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from jeton.report.counts import Counts
from jeton.report.durations import spoken
from jeton.report.memory_wait import waiting_line
from jeton.report.plain_progress import ended, failure, summary
from jeton.trace import (
    STREAM,
    BuildOutcome,
    DidBuild,
    DidRunStep,
    DidWaitForMemory,
    Event,
    StepOutcome,
    WillRunPlan,
    WillRunStep,
    WillWaitForMemory,
)

_SHOWN = 8
"""Running steps that are shown at most; on many cores the rest is a number."""
_PER_SECOND = 10


class TerminalProgress:
    """A `Listener` that draws. To be closed, so that the terminal is whole again whatever happened."""

    def __init__(self, console: Console | None = None, *, verbose: bool = False, force: bool = False) -> None:
        """Draw on `console`, or on standard output; with `force`, whatever that is."""
        self._console = console or Console(file=sys.stdout, highlight=False, force_terminal=force or None)
        self._verbose = verbose
        # Guarded by _lock: rich draws from a thread of its own.
        self._lock = threading.Lock()
        self._counts = Counts()
        self._running: dict[int, tuple[int, str]] = {}  # when it began, and its title
        self._waiting: WillWaitForMemory | None = None
        self._live: Live | None = None

    def __call__(self, at_ns: int, event: Event) -> None:
        """Hear an event."""
        with self._lock:
            self._counts.hear(at_ns, event)
            if isinstance(event, WillRunStep):
                self._running[event.step] = (at_ns, event.title)
            elif isinstance(event, DidRunStep):
                self._running.pop(event.step, None)
            elif isinstance(event, WillWaitForMemory):
                self._waiting = event
            elif isinstance(event, DidWaitForMemory):
                self._waiting = None
        if isinstance(event, WillRunPlan):
            self._start()
        elif isinstance(event, WillRunStep) and event.console:
            self.close()  # the terminal is the step's
        elif isinstance(event, DidRunStep):
            self._did_run(event)
            self._start()
        elif isinstance(event, DidBuild):
            self.close()
            style = {BuildOutcome.SUCCEEDED: "green", BuildOutcome.FAILED: "bold red"}.get(event.outcome, "")
            self._console.print(Text(summary(event, self._counts), style=style))

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the bar and the running steps."""
        with self._lock:
            yield from self._drawing(console, options)

    def _start(self) -> None:
        if self._live is None:
            self._live = Live(self, console=self._console, refresh_per_second=_PER_SECOND, transient=True)
            self._live.start()

    def _did_run(self, step: DidRunStep) -> None:
        if step.outcome is StepOutcome.FAILED:
            how, _, command = failure(step).decode(errors="replace").partition("\n")
            self._console.print(Text(how, style="bold red"), soft_wrap=True)
            self._print_raw(command.encode() + ended(step.output))
        elif step.outcome is StepOutcome.SUCCEEDED and (self._verbose or step.output):
            what = step.command if self._verbose else step.title
            self._print_raw(f"{what}\n".encode(errors="surrogateescape") + ended(step.output))

    def _print_raw(self, text: bytes) -> None:
        self._console.print(_Raw(text.decode(errors="replace")), end="", soft_wrap=True, crop=False)

    def _drawing(self, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
        counts = self._counts
        now_ns = STREAM.clock()
        grid = Table.grid(padding=(0, 1))
        left_s = counts.left_s(now_ns)
        left = "" if left_s is None else f"about {spoken(left_s)} left"
        grid.add_row(
            Text(f"{counts.finished}/{counts.total}"),
            ProgressBar(
                total=max(1, counts.total),
                completed=counts.finished,
                width=min(40, options.max_width // 3),
                complete_style="blue",
            ),
            Text(spoken((now_ns - (counts.began_ns or now_ns)) * 1e-9)),
            Text(left, style="dim"),
        )
        yield grid
        steps = sorted(self._running.values())
        for began_ns, title in steps[:_SHOWN]:
            line = Text(f"  {spoken((now_ns - began_ns) * 1e-9):>7}  ", style="dim")
            line.append(title.replace("\n", " "), style="default")
            line.truncate(options.max_width, overflow="ellipsis")
            yield line
        if len(steps) > _SHOWN:
            yield Text(f"           and {len(steps) - _SHOWN} more", style="dim")
        if self._waiting is not None:
            line = Text(f"  {waiting_line(self._waiting)}", style="dim")
            line.truncate(options.max_width, overflow="ellipsis")
            yield line
        del console


class _Raw:
    """Text with its own escapes, as a step wrote it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the text untouched."""
        del console, options
        yield Segment(self._text)
