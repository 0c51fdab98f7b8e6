"""The timings page: one file of HTML that opens offline. Owns how a recorded build is drawn; computes nothing of it.

Plain SVG and no script: it can be looked at wherever a build log can, and mailed.
"""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from jeton.report.build_record import BuildRecord, Span, build_record, cores_busy, running
from jeton.report.durations import spoken
from jeton.trace import Record, StepOutcome

_WIDTH = 1400
_LEFT = 34
_ROW = 18
_LOAD_HEIGHT = 130
_SLOWEST = 25
_LABEL_FROM = 60
"""A bar narrower than this, in pixels, has no room for its title."""


def write_page(path: Path, records: Iterable[Record], name: str = "jeton build") -> None:
    """Write the page of a recorded build. Raises OSError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(build_record(records), name), encoding="utf-8", errors="replace")


def page(build: BuildRecord, name: str) -> str:
    """Return the page as text."""
    template = Template(files("jeton.report").joinpath("timings.html").read_text(encoding="utf-8"))
    slowest = sorted(build.spans, key=lambda span: -span.seconds)[:_SLOWEST]
    return template.substitute(
        name=escape(name),
        subtitle=_subtitle(build),
        figures="".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in _figures(build)),
        timeline=_timeline(build),
        load=_load(build),
        path_time=spoken(sum(span.seconds for span in build.longest_path)),
        path_rows="".join(_row([span.start_s, span.seconds, span.cpu_s], [_step(span)]) for span in build.longest_path),
        slow_rows="".join(_row([span.seconds, span.cpu_s], [escape(span.kind), _step(span)]) for span in slowest),
        kind_rows="".join(
            f'<tr><td>{escape(kind)}</td><td class="n">{count}</td><td class="n">{spoken(seconds)}</td>'
            f'<td class="n">{spoken(cpu_s)}</td></tr>'
            for kind, count, seconds, cpu_s in build.by_kind()
        ),
    )


def _subtitle(build: BuildRecord) -> str:
    failed = sum(span.outcome is not StepOutcome.SUCCEEDED for span in build.spans)
    outcome = "" if build.outcome is None else f"{build.outcome.value}; "
    return f"{outcome}{len(build.spans)} steps ran" + (f", {failed} of them to no good end" if failed else "")


def _figures(build: BuildRecord) -> list[tuple[str, str]]:
    seconds = build.seconds
    path_s = sum(span.seconds for span in build.longest_path)
    busy = build.cpu_s / seconds if seconds else 0.0
    return [
        ("wall time", spoken(seconds)),
        ("CPU time", spoken(build.cpu_s)),
        ("cores busy on average", f"{busy:.2f}"),
        ("most steps at once", str(build.lanes)),
        ("longest path", spoken(path_s)),
    ]


def _timeline(build: BuildRecord) -> str:
    scale = (_WIDTH - _LEFT) / (build.seconds or 1.0)
    height = build.lanes * _ROW + 24
    bars = []
    for span in build.spans:
        x, y = _LEFT + span.start_s * scale, span.lane * _ROW
        width = max(1.0, span.seconds * scale - 0.5)
        kind = "step"
        if span.outcome is not StepOutcome.SUCCEEDED:
            kind += " bad"
        elif span.on_longest_path:
            kind += " path"
        told = escape(f"{span.title}\n{spoken(span.seconds)}, {spoken(span.cpu_s)} of CPU, from {span.start_s:.2f} s")
        bars.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y + 1}" width="{width:.1f}" height="{_ROW - 2}" rx="2">'
            f"<title>{told}</title></rect>"
        )
        if width >= _LABEL_FROM:
            letters = int(width / 6.2)
            title = span.title if len(span.title) <= letters else "…" + span.title[-letters + 1 :]
            bars.append(f'<text class="label" x="{x + 4:.1f}" y="{y + 13}">{escape(title)}</text>')
    return _svg(height, _axis(build.seconds, scale, height) + "".join(bars), "Every step as a bar from start to end")


def _load(build: BuildRecord) -> str:
    steps, cores = running(build.spans), cores_busy(build.spans)
    top = max([value for _, value in [*steps, *cores]], default=1.0) or 1.0
    scale = (_WIDTH - _LEFT) / (build.seconds or 1.0)
    height = _LOAD_HEIGHT + 24

    def corners(points: Sequence[tuple[float, float]]) -> str:
        corners = []
        y = float(_LOAD_HEIGHT)
        for time_s, value in points:
            x = _LEFT + time_s * scale
            corners.append(f"{x:.1f},{y:.1f}")
            y = _LOAD_HEIGHT - value / top * (_LOAD_HEIGHT - 10)
            corners.append(f"{x:.1f},{y:.1f}")
        return " ".join(corners)

    levels = "".join(
        f'<text class="axis" x="2" y="{_LOAD_HEIGHT - level / top * (_LOAD_HEIGHT - 10) + 4:.1f}">{level}</text>'
        for level in sorted({0, round(top / 2), round(top)})
    )
    body = (
        _axis(build.seconds, scale, height)
        + levels
        + f'<polygon class="cpu" points="{_LEFT},{_LOAD_HEIGHT} {corners(cores)} {_WIDTH},{_LOAD_HEIGHT}"/>'
        + f'<polyline class="run" points="{corners(steps)}"/>'
    )
    return _svg(height, body, "Steps running and cores busy over time")


def _axis(seconds: float, scale: float, height: int) -> str:
    """Draw a line and its time at every round number of seconds."""
    step = next((step for step in _ROUND if seconds / step <= 14), 3600)
    marks = []
    for number in range(int(seconds / step) + 1):
        x = _LEFT + number * step * scale
        marks.append(f'<line class="grid" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 20}"/>')
        marks.append(f'<text class="axis" x="{x + 2:.1f}" y="{height - 6}">{number * step:g} s</text>')
    return "".join(marks)


_ROUND = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800)


def _svg(height: int, body: str, label: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>'


def _step(span: Span) -> str:
    title = escape(span.title)
    return title if span.title == span.command else f"{title}<br><code>{escape(_cut(span.command))}</code>"


def _cut(command: str) -> str:
    return command if len(command) <= 300 else command[:297] + "..."


def _row(numbers: Sequence[float], texts: Sequence[str]) -> str:
    cells = [f'<td class="n">{number:.2f} s</td>' for number in numbers] + [f"<td>{text}</td>" for text in texts]
    return f"<tr>{''.join(cells)}</tr>"
