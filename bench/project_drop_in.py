"""Smoke check of jeton-ninja as a drop-in: CMake and Meson configure and build with it in ninja's place.

Owns the two front ends' build commands and what is asked of the outcome.  Measures nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench import project_trees
from bench.project_runs import children_environment, configure, configurer_command, run_logged

if TYPE_CHECKING:
    from bench.project_sources import Source
    from bench.projects import Project


def check_drop_in(project: Project, source: Source, drop_in: str, *, jobs: int, keep: bool) -> list[str]:
    """Configure and build a project through its own front end, twice; return what was wrong, a line each."""
    home = source.directory.parent
    build, log = home / "drop-in", home / "drop-in.log"
    shutil.rmtree(build, ignore_errors=True)
    program = configurer_command(project)
    words = ["--build", str(build)] if project.configurer == "cmake" else ["compile", "-C", str(build)]
    command = [program, *words, "-j", str(jobs)]
    environment = children_environment(NINJA=drop_in)
    violations: list[str] = []
    try:
        configure(project, source.directory, build, drop_in)
        run_logged(command, log, cwd=home, environment=environment)
        violations += [
            f"{project.name}: {project.configurer} with {drop_in} built no {product}"
            for product in project.products
            if not (build / product).is_file()
        ]
        if project.configurer == "meson" and Path(drop_in).name not in log.read_text(errors="replace"):
            violations.append(f"{project.name}: meson compile did not say that it runs {drop_in}")
        before = project_trees.times(build)
        run_logged(command, log, cwd=home, environment=environment)
        if written := project_trees.changed(before, project_trees.times(build)):
            violations.append(f"{project.name}: a second build wrote {project_trees.some(written)}")
    finally:
        if not keep:
            shutil.rmtree(build, ignore_errors=True)
    return violations
