"""Who goes on at a switch point: at random, by changing priorities, all ways in turn, or as it once was.

A strategy sees numbers alone: the threads that can go on, in the order in which they were started, the one that has the
turn first where it can. So choice 0 never takes the turn from a thread that could have kept it.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from jeton.testing.errors import Diverged


class Strategy(Protocol):
    """Decides one schedule after another. Used by one thread at a time."""

    def begin(self) -> str | None:
        """Begin the next schedule and return its name, which `named` understands; None where there is none left."""

    def choose(self, threads: Sequence[int], *, goes_on: bool) -> int:
        """Return the place in `threads` of who goes on. `goes_on`: the first has the turn now and may keep it.

        Raises Diverged where the schedule is not the one that was expected.
        """

    def end(self, choices: Sequence[int], *, is_whole: bool) -> None:
        """Take note of what was chosen. `is_whole` is false where this strategy was not asked all through.

        Raises Diverged where the schedule ended too early.
        """

    @property
    def is_complete(self) -> bool:
        """Whether there is no other schedule than those that it ran."""


class _Endless:
    """What strategies by chance have in common."""

    is_complete = False

    def end(self, choices: Sequence[int], *, is_whole: bool) -> None:
        """Nothing to note."""


class Random(_Endless):
    """Anybody, each time: many switches. The first schedule is that of `seed`, the next of `seed + 1`."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311  an order, not a secret

    def begin(self) -> str:
        """Begin with the next seed."""
        self._random.seed(self._seed)
        self._seed += 1
        return f"random:{self._seed - 1}"

    def choose(self, threads: Sequence[int], *, goes_on: bool) -> int:  # noqa: ARG002  chance does not look
        """Return any."""
        return int(self._random.random() * len(threads))


class Pct(_Endless):
    """The thread of the highest priority: they are drawn by lot, and `depth - 1` times the highest becomes the lowest.

    A bug that needs `depth` of its operations in one order is found with a chance of at least 1 / (n k^(depth-1)) per
    schedule, for n threads and k decisions, whatever else the program does: Burckhardt, Kothari, Musuvathi and
    Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010. `length` is k;
    where it is not given, it is that of the longest schedule so far.
    """

    def __init__(self, seed: int = 0, depth: int = 3, length: int | None = None) -> None:
        assert depth >= 1, "a bug needs one operation at least"
        self._seed = seed
        self._depth = depth
        self._length = length or 16
        self._learns = length is None
        self._random = random.Random(seed)  # noqa: S311  an order, not a secret
        self._priorities: dict[int, float] = {}
        self._changes: dict[int, int] = {}  # at which decision to which of the lowest priorities
        self._decisions = 0

    def begin(self) -> str:
        """Begin with the next seed."""
        self._random.seed(self._seed)
        self._seed += 1
        self._priorities.clear()
        points = self._random.sample(range(1, self._length + self._depth), self._depth - 1)
        self._changes = {point: lowest for lowest, point in enumerate(points)}
        self._decisions = 0
        return f"pct:{self._seed - 1}:{self._depth}:{self._length}"

    def choose(self, threads: Sequence[int], *, goes_on: bool) -> int:  # noqa: ARG002  priority alone decides
        """Return the one of the highest priority."""
        priorities = self._priorities
        for thread in threads:
            if thread not in priorities:
                priorities[thread] = self._depth + self._random.random()
        self._decisions += 1
        highest = max(threads, key=priorities.__getitem__)
        lowest = self._changes.get(self._decisions)
        if lowest is not None:
            priorities[highest] = lowest
            highest = max(threads, key=priorities.__getitem__)
        return threads.index(highest)

    def end(self, choices: Sequence[int], *, is_whole: bool) -> None:
        """Learn how long a schedule may be."""
        if self._learns and is_whole:
            self._length = max(self._length, len(choices))


class DepthFirst:
    """Every schedule with no preemption, then with one, up to `preemptions` (None: any number), each in order of depth.

    Most bugs need very few: Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded
    Programs", PLDI 2007. A round with one more of them runs those with fewer again, which are few in comparison.
    """

    def __init__(self, preemptions: int | None = 2) -> None:
        self._last = preemptions
        self._bound = 0 if preemptions is not None else None
        # The decisions of the schedule that runs: what was chosen of how many, and whether others than 0 preempt.
        self._path: list[tuple[int, int, bool]] = []
        self._at = 0
        self._spent = 0  # preemptions so far in the schedule that runs
        self._is_cut = False  # whether this round has left out a schedule
        self.is_exhausted = False
        """Whether all schedules within the bound have run."""
        self.is_complete = False
        """Whether all schedules have run, with any number of preemptions."""

    def begin(self) -> str | None:
        """Begin with the next one, if there is one."""
        self._at = self._spent = 0
        if self.is_exhausted:
            return None
        return name_of({at: choice for at, (choice, _, _) in enumerate(self._path) if choice})

    def choose(self, threads: Sequence[int], *, goes_on: bool) -> int:
        """Return what this schedule has there, and the first one past its known part."""
        if self._at == len(self._path):
            self._path.append((0, len(threads), goes_on))
        choice, options, preempts = self._path[self._at]
        if (options, preempts) != (len(threads), goes_on):
            raise Diverged(_elsewhere(self._at, options, len(threads)))
        self._at += 1
        self._spent += choice > 0 and preempts
        return choice

    def end(self, choices: Sequence[int], *, is_whole: bool) -> None:
        """Step to the next schedule: another choice at the last decision that has one left."""
        if self._at < len(self._path):
            raise Diverged(f"the schedule ended before decision {self._at}, which it came to before")
        self._is_cut |= not is_whole
        assert len(choices) == self._at, "asked each time"
        path, spent = self._path, self._spent
        while path:
            choice, options, preempts = path.pop()
            spent -= choice > 0 and preempts
            if choice + 1 == options:
                continue
            if preempts and self._bound is not None and spent >= self._bound:
                self._is_cut = True
                continue
            path.append((choice + 1, options, preempts))
            return
        if not self._is_cut or self._bound is None or self._bound == self._last:
            self.is_exhausted = True
            self.is_complete = not self._is_cut
            return
        self._bound += 1
        self._is_cut = False


class Replay(_Endless):
    """The choices of an earlier schedule, or those of them that were not 0, by number. Past the last it is always 0.

    A choice that does not fit raises Diverged, unless `is_strict` is false: it becomes 0.
    """

    def __init__(self, choices: Iterable[int] | Mapping[int, int], *, is_strict: bool = True) -> None:
        numbered = choices.items() if isinstance(choices, Mapping) else enumerate(choices)
        self._choices = {at: choice for at, choice in numbered if choice}
        self._at = 0
        self._is_strict = is_strict

    def begin(self) -> str:
        """Begin it."""
        self._at = 0
        return name_of(self._choices)

    def choose(self, threads: Sequence[int], *, goes_on: bool) -> int:  # noqa: ARG002  as it was
        """Return what was chosen."""
        choice = self._choices.get(self._at, 0)
        if choice >= len(threads):
            if self._is_strict:
                raise Diverged(_elsewhere(self._at, choice + 1, len(threads)))
            choice = 0
        self._at += 1
        return choice

    def end(self, choices: Sequence[int], *, is_whole: bool) -> None:  # noqa: ARG002  these are known
        """Hold it to its length."""
        last = max(self._choices, default=-1)
        if self._is_strict and self._at <= last:
            raise Diverged(f"the schedule ended before decision {last}, where choice {self._choices[last]} was to come")


def name_of(choices: Mapping[int, int]) -> str:
    """Return the name of the schedule with these choices, by number, and 0 at all others."""
    return "at:" + ",".join(f"{at}={choice}" for at, choice in sorted(choices.items()))


def named(name: str) -> Strategy:
    """Return the strategy whose first schedule has this name. Raises ValueError where none can have it."""
    kind, _, rest = name.partition(":")
    try:
        match kind:
            case "random":
                return Random(int(rest))
            case "pct":
                seed, depth, length = map(int, rest.split(":"))
                return Pct(seed, depth, length)
            case "at":
                pairs = (part.split("=") for part in rest.split(",") if part)
                return Replay({int(at): int(choice) for at, choice in pairs})
    except ValueError:
        pass
    raise ValueError(f"schedule {name!r}: not understood; write it as a failure told it, as in at:12=1,40=2")


def _elsewhere(at: int, wanted: int, found: int) -> str:
    return f"at decision {at} there are {found} threads to choose from, and there were {wanted} or more before"
