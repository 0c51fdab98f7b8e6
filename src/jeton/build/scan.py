"""What is out of date. Owns the judgement of each step; changes nothing on disk and decides no order.

The rule is ninja's, by modification times: a step must run when an output is missing, when an input is newer than an
output or than the start of the command that made it, when its command is another one, when nothing is known of how
an output was made, and when any of its inputs must be made anew. What ninja does not look at: an output whose maker
was interrupted is out of date, whatever its time.

The walk goes depth first over a stack of its own, so that a chain of any length is followed.
"""

from collections.abc import Callable, Iterator

from jeton.build.discovered import Discovered
from jeton.build.disk import MISSING, Disk
from jeton.build.graph import BuildError, File, Graph, Step
from jeton.build.history import History, fingerprint

Explain = Callable[[str], None]


class Scan:
    """The state of the files of one graph, looked at once each."""

    def __init__(self, graph: Graph, history: History, disk: Disk, explain: Explain | None = None) -> None:
        self._graph = graph
        self._history = history
        self._disk = disk
        self._explain = explain
        self._discovered = Discovered(graph, history, disk)
        self.dirty: set[File] = set()
        """Files that are missing or must be made anew."""
        self.fresh: set[Step] = set()
        """Settled steps whose outputs are up to date, and so is everything that they are made from."""
        self.validations: list[File] = []
        """Validations of every step that was settled, in the order in which they were met."""
        self._mtimes: dict[File, int] = {}
        self._settled: set[Step] = set()
        self._without_deps: set[Step] = set()
        self._said: set[str] = set()

    def visit(self, target: File) -> None:
        """Judge the target and everything that it is made from. Raises BuildError for a cycle."""
        # Invariant: path[i] waits for a file that path[i + 1] makes; on_path is its set.
        path: list[tuple[Step, Iterator[File]]] = []
        on_path: set[Step] = set()
        following: File | None = target
        while True:
            if following is not None:
                step = following.producer
                if step is None:
                    self._judge_source(following)
                elif step in on_path:
                    raise BuildError(f"dependency cycle: {_cycle([step for step, _ in path], following)}")
                elif step not in self._settled:
                    path.append((step, self._needed_first(step)))
                    on_path.add(step)
            if not path:
                return
            step, needed = path[-1]
            following = next(needed, None)
            if following is None:
                path.pop()
                on_path.discard(step)
                self._settled.add(step)

    def mtime(self, file: File) -> int:
        """Return a file's modification time, asked for once."""
        mtime = self._mtimes.get(file)
        if mtime is None:
            mtime = self._mtimes[file] = self._disk.mtime(file.path)
        return mtime

    def look_again(self, file: File) -> int:
        """Ask the disk anew for a file's modification time."""
        self._mtimes.pop(file, None)
        return self.mtime(file)

    def unsettle(self, steps: list[Step]) -> list[Step]:
        """Take back the judgement of these steps and of all that depend on them; return those whose it was."""
        undone: list[Step] = []
        waiting = list(steps)
        while waiting:
            step = waiting.pop()
            if step not in self._settled:
                continue
            self._settled.discard(step)
            self.fresh.discard(step)
            self.dirty.difference_update(step.outputs)
            undone.append(step)
            for output in step.outputs:
                waiting += output.readers
        return undone

    def reconsider(self, step: Step) -> bool:
        """Judge a dirty step again now that some of its inputs turned out unchanged. True: it need not run."""
        if step in self._without_deps or any(file in self.dirty for file in step.dirtying_inputs()):
            return False
        if self._outputs_out_of_date(step):
            return False
        self.dirty.difference_update(step.outputs)
        return True

    def _needed_first(self, step: Step) -> Iterator[File]:
        """Yield every file that must be judged before the step; judge the step at the end."""
        self.validations += step.validations
        if step.dyndep is not None and not step.dyndep_loaded:
            yield step.dyndep
            producer = step.dyndep.producer
            if producer is None or producer in self.fresh:
                self._discovered.load_dyndep(step.dyndep)
        why_unknown = self._discovered.load_deps(step, lambda: self.mtime(step.outputs[0]))
        yield from step.inputs()
        self._judge(step, why_unknown)

    def _judge_source(self, file: File) -> None:
        if self.mtime(file) == MISSING:
            self._say(f"{file.path} has no in-edge and is missing")
            self.dirty.add(file)

    def _judge(self, step: Step, why_unknown: str | None) -> None:
        dirty = False
        if why_unknown is not None:
            self._say(why_unknown)
            self._without_deps.add(step)
            dirty = True
        for file in step.dirtying_inputs():
            if file in self.dirty:
                self._say(f"{file.path} is dirty")
                dirty = True
        if not dirty:
            dirty = self._outputs_out_of_date(step)
        if dirty:
            self.dirty.update(step.outputs)
        waits = any(file.producer is not None and file.producer not in self.fresh for file in step.inputs())
        # A phony step without inputs has nothing to do, even where its file does not exist.
        if not waits and (not dirty or (step.phony and not any(step.inputs()))):
            self.fresh.add(step)

    def _outputs_out_of_date(self, step: Step) -> bool:
        newest = max(step.dirtying_inputs(), key=self.mtime, default=None)
        if step.phony:
            return self._phony_out_of_date(step, newest)
        mark = fingerprint(step.recipe.fingerprint_text)
        return any(self._output_out_of_date(step, output, newest, mark) for output in step.outputs)

    def _phony_out_of_date(self, step: Step, newest: File | None) -> bool:
        if newest is None and not any(step.inputs()):
            missing = [output for output in step.outputs if self.mtime(output) == MISSING]
            for output in missing:
                self._say(f"output {output.path} of phony edge with no inputs doesn't exist")
            return bool(missing)
        if newest is not None:
            # A name for other files is as new as the newest of them.
            for output in step.outputs:
                self._mtimes[output] = max(self.mtime(output), self.mtime(newest))
        return False

    def _output_out_of_date(self, step: Step, output: File, newest: File | None, mark: int) -> bool:
        mtime = self.mtime(output)
        if mtime == MISSING:
            return self._say(f"output {output.path} doesn't exist")
        if self._history.interrupted(output.path):
            return self._say(f"the step that makes {output.path} failed or was interrupted")
        made = self._history.made.get(output.path)
        generator = step.recipe.generator
        if newest is not None:
            # An unchanged output of a restat step stays old; the start of its command is on record instead.
            if mtime < self.mtime(newest) and not (made is not None and step.restat):
                return self._say(f"output {output.path} older than most recent input {newest.path}")
            if made is not None and made.mtime < self.mtime(newest):
                return self._say(f"recorded mtime of {output.path} older than most recent input {newest.path}")
        if made is None:
            return not generator and self._say(f"command line not found in log for {output.path}")
        return not generator and made.fingerprint != mark and self._say(f"command line changed for {output.path}")

    def _say(self, why: str) -> bool:
        if self._explain is not None and why not in self._said:
            self._said.add(why)
            self._explain(why)
        return True


def _cycle(path: list[Step], closing: File) -> str:
    """Spell out the cycle that `closing` closes, from it and back to it."""
    assert closing.producer is not None
    names = [closing.path]
    for step in path[path.index(closing.producer) :]:
        following = path[path.index(step) + 1] if step is not path[-1] else closing.producer
        names.append(next(file.path for file in step.inputs() if file.producer is following))
    names[-1] = closing.path
    return " -> ".join(names)
