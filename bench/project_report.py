"""Shows what the builds of the real projects cost: one Markdown table and the notes that belong to it.

Owns the wording and the choice of figures (medians, and the median of the ratios of pairs).  Knows nothing
of how the figures came about.
"""

from __future__ import annotations

import platform
from statistics import median
from typing import TYPE_CHECKING

from bench.project_trees import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.project_comparison import Pair, Result
    from bench.project_runs import Tool

COLUMNS = (
    "project",
    "configured by",
    "steps",
    "build",
    "ninja wall s",
    "jeton wall s",
    "wall jeton/ninja",
    "ninja CPU s",
    "jeton CPU s",
    "CPU jeton/ninja",
)


def markdown(results: Sequence[Result], ninja: Tool, jeton: Tool, *, jobs: int, cores: int) -> str:
    """Return the table and its notes."""
    rows: list[tuple[str, ...]] = [COLUMNS, ("---", "---", "---:", "---") + ("---:",) * 6]
    rows += [row for result in results for row in _rows(result)]
    table = [f"| {' | '.join(row)} |" for row in rows]
    notes = [f"- {note}" for note in _notes(results, ninja, jeton, jobs, cores)]
    return "\n".join([*table, "", *notes, ""])


def _rows(result: Result) -> Iterable[tuple[str, ...]]:
    project = result.project
    title = (f"{project.name} {result.version}", project.configurer, str(result.steps))
    for case, pairs in result.pairs.items():
        name = case
        if case == "one header touched":
            name = f"`{project.header}` touched ({result.touched} outputs)"
        yield (*title, name, *_figures(pairs))


def _figures(pairs: Sequence[Pair]) -> tuple[str, ...]:
    return (
        *_compared([(ninja.wall, jeton.wall) for ninja, jeton in pairs]),
        *_compared([(ninja.cpu, jeton.cpu) for ninja, jeton in pairs]),
    )


def _compared(pairs: Sequence[tuple[float, float]]) -> tuple[str, str, str]:
    # A build with nothing to do may use less processor time than the kernel can tell.
    ratios = [jeton / ninja for ninja, jeton in pairs if ninja > 0]
    return (
        _seconds(median(ninja for ninja, _ in pairs)),
        _seconds(median(jeton for _, jeton in pairs)),
        f"{median(ratios):.2f}" if ratios else "-",
    )


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


def _notes(
    results: Sequence[Result],
    ninja: Tool,
    jeton: Tool,
    jobs: int,
    cores: int,
) -> Iterable[str]:
    yield (
        f"ninja {ninja.version}, jeton {jeton.version}, Python {platform.python_version()}, "
        f"-j{jobs} on {cores} cores ({platform.machine()}, {platform.system()})."
    )
    runs = max((len(result.pairs["cold"]) for result in results), default=0)
    yield (
        f"Medians over {runs} {'run' if runs == 1 else 'runs'}, the tools in turn; a ratio is the median of "
        "the ratios of runs next to each other.  CPU is user plus system time of the tool and its children."
    )
    for result in results:
        foreign = [cost.foreign for pair in result.pairs["cold"] for cost in pair]
        yield (
            f"{result.project.name}: load average {result.load:.2f} before the first build; other processes "
            f"used {median(foreign):.2f} cores (at most {max(foreign):.2f}) during the cold builds."
        )
        yield f"{result.project.name}: {_findings(result)}"


def _findings(result: Result) -> str:
    checked = f"{result.outputs} files in the build directory"
    if result.unstable:
        checked += (
            f", {len(result.unstable)} of them left out of the comparison of bytes since ninja does not "
            f"make them alike twice ({some(result.unstable)})"
        )
    if result.violations:
        return f"{checked}; the tools did NOT do the same work ({len(result.violations)} findings)."
    return (
        f"{checked}; both tools left the same files with the same bytes, wrote nothing with nothing to do, "
        "and rewrote the same files after the touch."
    )
