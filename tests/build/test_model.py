"""What is built is always what a clean build gives: graphs, edits, failures and kills, against a plain model.

The model knows nothing of times or histories: the text of an output is a function of its command and of the texts
that the command reads, and a clean build is that function applied from the sources up.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.build.simulated import HALF, MemoryDisk, build

if TYPE_CHECKING:
    from jeton.build.graph import Step

SOURCES = ["s0", "s1", "s2"]
HEADERS = ["h0", "h1"]


@dataclass
class Rule:
    """One step of the generated graph. `number` names it, `salt` is the part of its command that edits change."""

    number: int
    inputs: list[str]
    order_only: list[str]
    outputs: list[str]
    reads_headers: bool
    """It reads whatever headers the texts of its inputs name, and tells with a depfile."""
    restat: bool
    """It leaves an output alone whose text would not change."""
    pooled: bool
    salt: int = 0
    fails: bool = False


@dataclass
class Project:
    """A graph and the texts of its sources."""

    rules: list[Rule]
    texts: dict[str, str] = field(default_factory=dict)

    def manifest(self) -> str:
        lines = ["pool narrow", "  depth = 1"]
        for rule in self.rules:
            lines += [f"rule r{rule.number}", f"  command = make {rule.number} salt {rule.salt} fails {rule.fails}"]
            if rule.reads_headers:
                lines += ["  deps = gcc", "  depfile = $out.d"]
            if rule.restat:
                lines += ["  restat = 1"]
            if rule.pooled:
                lines += ["  pool = narrow"]
            order_only = f" || {' '.join(rule.order_only)}" if rule.order_only else ""
            outputs = rule.outputs[0] + "".join(f" | {output}" for output in rule.outputs[1:])
            lines += [f"build {outputs}: r{rule.number} {' '.join(rule.inputs)}{order_only}"]
        return "\n".join(lines) + "\n"

    def text(self, rule: Rule, output: str, read: dict[str, str]) -> str:
        parts = [f"{name}={read[name]}" for name in sorted(read)]
        return f"<{output} by {rule.salt}: {' '.join(parts)}>"

    def headers_in(self, texts: list[str]) -> list[str]:
        return [header for header in HEADERS if any(f"#{header}" in text for text in texts)]

    def clean(self) -> dict[str, str]:
        """Return every text that a clean build gives."""
        texts = dict(self.texts)
        for rule in self.rules:
            read = {name: texts[name] for name in rule.inputs}
            if rule.reads_headers:
                read |= {header: texts[header] for header in self.headers_in(list(read.values()))}
            texts |= {output: self.text(rule, output, read) for output in rule.outputs}
        return texts


@dataclass
class World:
    """A project on a simulated disk, with a real log."""

    project: Project
    log: Path
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    kill_after: int | None = None
    """How many touches of the disk from now the next build dies."""
    edit_after: int | None = None
    """How many touches of the disk from now somebody edits a source while the build runs."""
    torn: int = 0
    """How many bytes of the log's end are lost when it dies."""

    def __post_init__(self) -> None:
        for name, text in self.project.texts.items():
            self.disk.write(name, text)
        self.disk.touched = self._touched
        self._survives: tuple[dict[str, tuple[str, int]], bytes] | None = None
        self._log_before = b""

    def edit(self, name: str, text: str) -> None:
        self.disk.tick()
        self.project.texts[name] = text
        self.disk.files[name] = (text, self.disk.now)
        self.disk.tick()

    def run(self, jobs: int, seed: int, keep_going: int) -> None:
        """Build; if the build is to die, leave behind what a kill at that moment leaves."""
        self.disk.tick()
        self._survives = None
        self._log_before = self.log.read_bytes() if self.log.exists() else b""
        build(self.project.manifest(), self.disk, self.log, self._command, jobs=jobs, seed=seed, keep_going=keep_going)
        if self._survives is not None:
            self.disk.files, log = self._survives
            # What was on disk before this build is not torn by its death.
            kept = max(len(self._log_before), len(log) - self.torn) if log.startswith(self._log_before) else len(log)
            self.log.write_bytes(log[:kept])
        self.kill_after = self.edit_after = None
        self.disk.tick()

    def _touched(self) -> None:
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after == 0:
                self._survives = (dict(self.disk.files), self.log.read_bytes())
        if self.edit_after is not None and self._survives is None:
            self.edit_after -= 1
            if self.edit_after == 0:
                self.edit(SOURCES[0], "edited meanwhile #h1")

    def _command(self, step: Step) -> int:
        rule = next(rule for rule in self.project.rules if rule.outputs[0] == step.outputs[0].path)
        read = {name: self.disk.read(name) or "" for name in rule.inputs}
        if rule.reads_headers:
            headers = self.project.headers_in(list(read.values()))
            read |= {header: self.disk.read(header) or "" for header in headers}
        for output in rule.outputs:
            text = self.project.text(rule, output, read)
            if rule.restat and self.disk.read(output) == text:
                continue
            self.disk.write(output, HALF)
            self.disk.write(output, text if not rule.fails else HALF)
        if rule.reads_headers:
            self.disk.write(f"{rule.outputs[0]}.d", f"{rule.outputs[0]}: {' '.join(read)}\n")
        return int(rule.fails)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    names = list(SOURCES)
    rules = []
    for number in range(draw(st.integers(1, 6))):
        inputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        made = [name for name in names if name.startswith("o") and name not in inputs]
        order_only = draw(st.lists(st.sampled_from(made), max_size=1, unique=True)) if made else []
        outputs = [f"o{number}{letter}" for letter in "ab"[: draw(st.integers(1, 2))]]
        flags = [draw(st.booleans()) for _ in range(3)]
        rules.append(Rule(number, inputs, order_only, outputs, flags[0] and len(outputs) == 1, flags[1], flags[2]))
        names += outputs
    texts = {name: draw(source_texts) for name in SOURCES} | dict.fromkeys(HEADERS, "h")
    return Project(rules, texts)


source_texts = st.sampled_from(["x", "y", "x #h0", "y #h1", "x #h0 #h1"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(project=projects(), data=st.data())
def test_what_is_built_is_what_a_clean_build_gives(project: Project, data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        world = World(project, folder / "log")
        for _ in range(data.draw(st.integers(1, 5))):
            change(world, data)
            run(world, data)
        for rule in project.rules:
            rule.fails = False
        run(world, data, to_the_end=True)
        clean = project.clean()
        assert {name: world.disk.read(name) for name in clean} == clean
        before = dict(world.disk.files)
        run(world, data, to_the_end=True)
        assert world.disk.files == before, "a second build has nothing to do"
    finally:
        shutil.rmtree(folder)


def change(world: World, data: st.DataObject) -> None:
    """Do to the project what people do between two builds."""
    rules = world.project.rules
    kind = data.draw(st.sampled_from(["edit", "touch", "header", "command", "remove", "fail", "mend", "nothing"]))
    rule = data.draw(st.sampled_from(rules))
    if kind == "edit":
        world.edit(data.draw(st.sampled_from(SOURCES)), data.draw(source_texts))
    elif kind == "touch":
        name = data.draw(st.sampled_from(SOURCES))
        world.edit(name, world.project.texts[name])
    elif kind == "header":
        world.edit(data.draw(st.sampled_from(HEADERS)), data.draw(st.sampled_from(["h", "g"])))
    elif kind == "command":
        rule.salt += 1
    elif kind == "remove":
        world.disk.files.pop(data.draw(st.sampled_from(rule.outputs)), None)
    elif kind in ("fail", "mend"):
        rule.fails = kind == "fail"


def run(world: World, data: st.DataObject, *, to_the_end: bool = False) -> None:
    if not to_the_end and data.draw(st.booleans()):
        world.kill_after = data.draw(st.integers(1, 40))
        world.torn = data.draw(st.integers(0, 30))
    if not to_the_end and data.draw(st.booleans()):
        world.edit_after = data.draw(st.integers(1, 40))
    world.run(data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2**16)), data.draw(st.sampled_from([0, 1, 2])))


def test_one_slot_runs_one_step_at_once(tmp_path: Path) -> None:
    manifest = "rule r\n  command = x\n" + "".join(f"build o{n}: r\n" for n in range(20))
    disk = MemoryDisk()

    def command(step: Step) -> int:
        disk.write(step.outputs[0].path, "")
        return 0

    built = {jobs: build(manifest, disk, tmp_path / f"log{jobs}", command, jobs=jobs) for jobs in (1, 3)}
    assert [built[jobs].most_at_once for jobs in (1, 3)] == [1, 3]
    assert len(built[1].ran) == 20


def test_simulation_is_replayed_by_its_seed(tmp_path: Path) -> None:
    manifest = "rule r\n  command = x\n" + "".join(f"build o{n}: r\n" for n in range(8))

    def order(name: str, seed: int) -> list[str]:
        disk = MemoryDisk()

        def command(step: Step) -> int:
            disk.write(step.outputs[0].path, "")
            return 0

        return build(manifest, disk, tmp_path / name, command, seed=seed, jobs=3).ran

    assert order("a", 7) == order("b", 7)
