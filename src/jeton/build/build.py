"""One build, from the manifest to the end. Owns the order of the stages and the files of the build folder."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from jeton.build.disk import Disk, RealDisk
from jeton.build.estimate import Costs
from jeton.build.graph import BuildError, File, Graph
from jeton.build.history import History
from jeton.build.ninja import load
from jeton.build.options import Options
from jeton.build.orphans import end_orphans
from jeton.build.paths import canonical
from jeton.build.plan import Plan
from jeton.build.scan import Explain, Scan
from jeton.store import OwnerLock
from jeton.trace import STREAM, BuildOutcome, DidBuild, WillBuild

if TYPE_CHECKING:
    from jeton.build.execute import Execution

LOG_NAME = ".jeton_log"
LOCK_NAME = ".jeton_lock"
_REBUILDS = 100
"""How often a manifest may make itself anew before something must be wrong with it."""


class OwnBuildError(BuildError):
    """The folder is held by the very build that this process is a step of: waiting would be for ever."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a build ended."""

    outcome: BuildOutcome
    status: int = 0
    """The exit status of the command that failed last, or the number of the signal that interrupted."""
    failures: int = 0
    manifest_failed: bool = False
    """It was the manifest itself that could not be made: nothing else was tried."""


class Build:
    """One build of one manifest in the current folder. `warn` gets single lines for a person."""

    def __init__(
        self,
        options: Options,
        *,
        warn: Callable[[str], None],
        explain: Explain | None = None,
        environ: Mapping[str, str] = os.environ,
        disk: Disk | None = None,
    ) -> None:
        self.options = options
        self._warn = warn
        self._explain = explain
        self._environ = environ
        self._disk = disk or RealDisk()

    def load(self) -> Graph:
        """Read the manifest. Raises BuildError."""
        with STREAM.span("load"):
            return load(
                self.options.manifest,
                _read_text,
                self._warn,
                allow_phony_cycles=self.options.allow_phony_cycles,
            )

    def run(self, targets: Sequence[str]) -> Result:
        """Build the targets, or the manifest's defaults. Raises BuildError for what a person must mend."""
        if STREAM.on:
            STREAM.emit(WillBuild(self.options.manifest))
        with Folder(self.load(), self._warn, dry_run=self.options.dry_run) as folder:
            result = self._run_in(folder, targets)
            if result.outcome is BuildOutcome.NOTHING_TO_DO and folder.ran:
                result = replace(result, outcome=BuildOutcome.SUCCEEDED)  # the manifest itself was made anew
        if STREAM.on:
            STREAM.emit(DidBuild(result.outcome, folder.ran))
        return result

    def _run_in(self, folder: "Folder", targets: Sequence[str]) -> Result:
        for _ in range(_REBUILDS):
            manifest = folder.graph.files.get(canonical(self.options.manifest))
            if manifest is None or manifest.producer is None:
                break
            result, rebuilt = self._make(folder, [manifest])
            if result.outcome is BuildOutcome.FAILED:
                return replace(result, manifest_failed=True)
            if result.outcome is BuildOutcome.INTERRUPTED:
                return result
            if not rebuilt:
                break
            if self.options.dry_run:
                return result  # what the new manifest would say is not known
            folder.reload(self.load())
        else:
            raise BuildError(
                f"{self.options.manifest}: still dirty after {_REBUILDS} tries, perhaps system time is not set"
            )
        return self._make(folder, find_targets(folder.graph, targets))[0]

    def _make(self, folder: "Folder", targets: Sequence[File]) -> tuple[Result, bool]:
        """Bring the targets up to date. The second says whether the first of them was made anew."""
        scan = Scan(folder.graph, folder.history, self._disk, self._explain)
        costs = Costs(folder.history)
        plan = Plan(scan, costs)
        with STREAM.span("scan"):
            for target in targets:
                scan.visit(target)
                plan.add(target)
            for target in scan.validations:  # grows on the way
                scan.visit(target)
                plan.add(target)
        if not plan.total:
            return Result(BuildOutcome.NOTHING_TO_DO), False
        # Here and not above: a build with nothing to do never pays for the event loop.
        from jeton.build.admission import open_admission  # noqa: PLC0415
        from jeton.build.conduct import conduct  # noqa: PLC0415
        from jeton.build.execute import Execution  # noqa: PLC0415
        from jeton.build.memory import Needs  # noqa: PLC0415
        from jeton.build.resident import ProcessTrees  # noqa: PLC0415
        from jeton.jobserver.machine_memory import MachineMemory  # noqa: PLC0415

        costs.learn_from_history(folder.graph.steps)
        needs = Needs(folder.history)
        if self.options.memory is not None:
            needs.learn_from_history(folder.graph.steps)
        admission = open_admission(self.options, needs, costs, ProcessTrees(), MachineMemory())
        plan.start()
        parts = (folder.graph, plan, scan, folder.history, self._disk, costs, self.options, folder.now_on_disk)
        execution, signum = conduct(
            partial(Execution, *parts), folder.path, self.options, self._environ, self._warn, admission
        )
        folder.ran += plan.done
        return _result(execution, signum), targets[0] in scan.dirty


def _result(execution: "Execution", signum: int) -> Result:
    if signum:
        return Result(BuildOutcome.INTERRUPTED, signum, execution.failures)
    if execution.failures:
        return Result(BuildOutcome.FAILED, execution.last_status, execution.failures)
    return Result(BuildOutcome.SUCCEEDED)


class Folder:
    """The graph of a build and the history that goes with it, under the lock of its folder."""

    def __init__(self, graph: Graph, warn: Callable[[str], None], *, dry_run: bool) -> None:
        self.graph = graph
        self.ran = 0
        """Steps that ran so far."""
        self._warn = warn
        self._dry_run = dry_run
        self._lock: OwnerLock | None = None
        self.path = folder_of(graph)
        """Where the history and the lock are."""
        self.history = History()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def reload(self, graph: Graph) -> None:
        """Go on with another graph of the same manifest."""
        self.graph = graph
        if folder_of(graph) != self.path:
            self._close()
            self.path = folder_of(graph)
            self._open()

    def now_on_disk(self) -> int:
        """Return the time, in nanoseconds, by the clock that stamps files of this folder."""
        assert self._lock is not None, "a dry run starts no command"
        return self._lock.touch()

    def _open(self) -> None:
        if self._dry_run:
            self.history = History.read(self.path / LOG_NAME)
            return
        self._lock = take_lock(self.path, self._warn)
        self.history = History.open(self.path / LOG_NAME, self._warn)
        if self.history.was_cut_off:
            end_orphans(self.path, self._warn)

    def _close(self) -> None:
        self.history.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def folder_of(graph: Graph) -> Path:
    """Return the folder that the history of this graph is kept in: the manifest's `builddir`, or the current one."""
    return Path(graph.variables.get("builddir") or ".")


def take_lock(folder: Path, warn: Callable[[str], None]) -> OwnerLock:
    """Take the lock of a build folder, waiting for whoever builds there. Raises OwnBuildError where that has no end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = OwnerLock(folder / LOCK_NAME)
    except OSError as error:
        raise BuildError(f"{folder}: {error.strerror}") from None
    if not lock.try_take():
        if lock.held_by_ancestor():
            lock.release()
            raise OwnBuildError(
                f"{folder.absolute()}: a step of the build that runs here cannot start another one in it"
            )
        warn(f"{folder.absolute()}: waiting for process {lock.holder()}, which builds here")
        lock.take()
    return lock


def find_targets(graph: Graph, names: Sequence[str]) -> list[File]:
    """Return the files that a person named; `PATH^` is the first output that is made from PATH. Raises BuildError."""
    if not names:
        return graph.default_targets()
    return [_find_target(graph, name) for name in names]


def _find_target(graph: Graph, name: str) -> File:
    try:
        path = canonical(name.removesuffix("^"))
    except ValueError:
        raise BuildError("empty path: name a target, or nothing for the default ones") from None
    file = graph.files.get(path)
    if file is None:
        if name in ("clean", "help"):
            meant = "jeton ninja -t clean" if name == "clean" else "--help"
            raise BuildError(f"unknown target '{name}', did you mean '{meant}'?")
        close = get_close_matches(path, graph.files, 1)
        raise BuildError(f"unknown target '{path}'" + (f", did you mean '{close[0]}'?" if close else ""))
    if not name.endswith("^"):
        return file
    if not file.readers:
        raise BuildError(f"'{path}' has no out edge")
    return file.readers[0].outputs[0]


def _read_text(path: str) -> str:
    return Path(path).read_bytes().decode(errors="surrogateescape")  # carriage returns are the lexer's to judge
