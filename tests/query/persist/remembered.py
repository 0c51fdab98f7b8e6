"""Engines on a folder, one after the other in one process; each may end as a killed process does, with nothing saved.

Owns what a stored engine for tests is. The programs are those of `tests.query.programs`, with a query of their own
whose values are not kept.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from tests.query import programs
from tests.query.scenario import engine_of

from jeton.query import Db, Engine, query
from jeton.query.engine import CHECKING_ORDER
from jeton.query.kept import Kept
from jeton.query.outdated import Outdated
from jeton.query.save import Saving


@query(persist=False)
def unkept(db: Db, at: int) -> int:
    """A node whose value is not in the store."""
    return programs._row(db, at)


programs.QUERIES["unkept"] = unkept


@st.composite
def programs_to_keep(draw: st.DrawFn, size: int) -> programs.Program:
    """Draw a program, some of whose nodes have values that are not kept."""
    program = draw(programs.programs(size))
    mapped = {node for row in program.rows for step in row if step[0] == "map" for node in step[1]}
    kinds = [
        "unkept" if kind == "plain" and at not in mapped and draw(st.booleans()) else kind
        for at, kind in enumerate(program.kinds)
    ]
    return replace(program, kinds=kinds)


def stored(folder: Path, warn: Callable[[str], None], *, jobs: int = 1, verify: float = 0.0) -> Engine:
    """Open an engine on the folder's store, with threads that compute in parallel where `jobs` is more than one."""
    engine = engine_of(jobs, verify=verify)
    core = engine._core
    core.warn = warn
    engine._kept = core.kept = Kept(core, folder)
    engine._outdated = Outdated(core, engine._kept)
    engine._saving = Saving(core, engine._kept, engine._outdated)
    engine._checking = core.sync.lock(CHECKING_ORDER, "comparing the store")
    return engine


def kill(engine: Engine) -> None:
    """End the engine with nothing saved."""
    engine._saving.save = lambda: 0  # type: ignore[method-assign]
    engine.close()
