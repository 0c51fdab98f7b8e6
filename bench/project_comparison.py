"""Builds one project with two tools in turn and checks that both did the same work.

Owns the order of a round (cold build, builds with nothing to do, build after a touched header), what is
held constant between the tools, and what counts as a violation.  Knows nothing of how results are shown.

Both tools build in the same absolute path, from a copy of one configured directory with its times kept,
so that neither paths in debug information nor the configure step can make a difference.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from bench import project_trees
from bench.project_runs import Cost, Tool, build_with, configure
from bench.project_sources import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.project_sources import Source
    from bench.projects import Project

CASES = ("cold", "no-op", "one header touched")

Pair = tuple[Cost, Cost]
"""What ninja and then jeton needed for the same work, one right after the other."""


@dataclass
class Result:
    """All that one project's builds have shown."""

    project: Project
    version: str
    load: float
    """The machine's load average just before the first build."""
    steps: int = 0
    outputs: int = 0
    touched: int = 0
    """Outputs that ninja rewrote after the header was touched."""
    unstable: set[str] = field(default_factory=set)
    """Outputs that two builds by ninja itself did not make alike."""
    pairs: dict[str, list[Pair]] = field(default_factory=lambda: {case: [] for case in CASES})
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Round:
    """What one tool did with a fresh build directory."""

    costs: dict[str, Cost]
    digests: project_trees.Digests
    touched: set[str]


class Comparison:
    """The builds of one project by ninja and by jeton."""

    def __init__(self, project: Project, source: Source, ninja: Tool, jeton: Tool, *, jobs: int) -> None:
        self._project = project
        self._ninja = ninja
        self._jeton = jeton
        self._jobs = jobs
        self._home = source.directory.parent
        self._build = self._home / "build"
        self._configured = self._home / "configured"
        self._source = source.directory
        self._header = source.directory / project.header
        self._reference: project_trees.Digests = {}
        self._strange: set[str] = set()
        if not self._header.is_file():
            raise SetupError(f"{project.name} {source.version} has no {project.header} to touch")
        status = self._header.stat()
        self._header_times = (status.st_atime_ns, status.st_mtime_ns)
        self.result = Result(project, source.version, os.getloadavg()[0])

    def prepare(self) -> None:
        """Configure the project afresh and read its sources once, so that no tool meets them cold."""
        self.clean()
        configure(self._project, self._source, self._build, self._ninja.command[0])
        self._build.rename(self._configured)
        project_trees.digests(self._source)

    def run(self, runs: int, noops: int) -> Result:
        """Build the project with both tools this many times in turn."""
        for _ in range(runs):
            first = self._round(self._ninja, noops)
            second = self._round(self._jeton, noops)
            for case in CASES:
                self.result.pairs[case].append((first.costs[case], second.costs[case]))
            self._compare(first, second)
        if self._strange - self.result.unstable:
            # Before jeton is blamed: does ninja make these files alike twice?
            self._fresh()
            build_with(self._ninja, self._build, self._jobs, self._log(self._ninja, "cold"))
            self._learn(project_trees.digests(self._build))
        if differing := self._strange - self.result.unstable:
            self._violated(f"{len(differing)} outputs differ in content: {project_trees.some(differing)}")
        return self.result

    def clean(self, *, keep: bool = False) -> None:
        """Remove the build directories, unless they are to be kept, and give the header its time back."""
        os.utime(self._header, ns=self._header_times)
        if not keep:
            for folder in ("build", "configured", "kept-ninja", "kept-jeton"):
                shutil.rmtree(self._home / folder, ignore_errors=True)

    def _fresh(self) -> None:
        """Put the configured directory, as it was, where every build happens."""
        os.utime(self._header, ns=self._header_times)
        shutil.rmtree(self._build, ignore_errors=True)
        shutil.copytree(self._configured, self._build, symlinks=True)
        os.sync()  # so that no build pays for writing out what the one before it made

    def _round(self, tool: Tool, noops: int) -> _Round:
        self._fresh()
        cold = self._timed(tool, "cold")
        if tool is self._ninja:
            self._count_steps()
        for product in self._project.products:
            if not (self._build / product).is_file():
                self._violated(f"{tool.name} built no {product}")
        built, digests = project_trees.times(self._build), project_trees.digests(self._build)

        idle = [self._timed(tool, "no-op") for _ in range(noops)]
        self._expect_unchanged(tool, built, "a build with nothing to do")

        project_trees.touch_after(self._header, self._build)
        warm = self._timed(tool, "one header touched")
        rebuilt = project_trees.times(self._build)
        self._timed(tool, "no-op")
        self._expect_unchanged(tool, rebuilt, "a build right after the one for the touched header")

        kept = self._home / f"kept-{tool.name}"
        shutil.rmtree(kept, ignore_errors=True)
        self._build.rename(kept)
        return _Round(
            costs=dict(zip(CASES, (cold, _middle(idle), warm), strict=True)),
            digests=digests,
            touched=project_trees.changed(built, rebuilt),
        )

    def _timed(self, tool: Tool, case: str) -> Cost:
        return build_with(tool, self._build, self._jobs, self._log(tool, case))

    def _log(self, tool: Tool, case: str) -> Path:
        return self._home / f"{tool.name}-{case.replace(' ', '-')}.log"

    def _count_steps(self) -> None:
        log = self._log(self._ninja, "cold").read_text(errors="replace")
        totals = re.findall(r"^\[\d+/(\d+)\]", log, re.MULTILINE)
        self.result.steps = int(totals[-1]) if totals else 0

    def _expect_unchanged(self, tool: Tool, before: project_trees.Times, when: str) -> None:
        if written := project_trees.changed(before, project_trees.times(self._build)):
            self._violated(f"{tool.name} wrote in {when}: {project_trees.some(written)}")

    def _learn(self, digests: project_trees.Digests) -> None:
        """Compare a build by ninja with its first one: what differs depends on more than the sources."""
        self._reference = self._reference or digests
        self.result.unstable |= project_trees.changed(self._reference, digests)

    def _compare(self, ninja: _Round, jeton: _Round) -> None:
        self._learn(ninja.digests)
        self.result.outputs = len(self._reference)
        self.result.touched = len(ninja.touched)
        ours, theirs = set(jeton.digests), set(ninja.digests)
        if missing := theirs - ours:
            self._violated(f"jeton left out {len(missing)} outputs: {project_trees.some(missing)}")
        if extra := ours - theirs:
            self._violated(f"jeton left {len(extra)} files that ninja does not: {project_trees.some(extra)}")
        different = project_trees.changed(self._reference, jeton.digests)
        self._strange |= different & ours & theirs
        if not ninja.touched:
            self._violated(f"touching {self._project.header} made ninja rebuild nothing")
        if only := ninja.touched - jeton.touched:
            self._violated(
                f"after a touch of {self._project.header} jeton did not rebuild {project_trees.some(only)}",
            )
        if only := jeton.touched - ninja.touched:
            self._violated(
                f"after a touch of {self._project.header} only jeton rebuilt {project_trees.some(only)}",
            )

    def _violated(self, what: str) -> None:
        line = f"{self._project.name}: {what}"
        if line not in self.result.violations:
            self.result.violations.append(line)


def _middle(costs: list[Cost]) -> Cost:
    return Cost(
        wall=median(cost.wall for cost in costs),
        cpu=median(cost.cpu for cost in costs),
        foreign=median(cost.foreign for cost in costs),
    )
