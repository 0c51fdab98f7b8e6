"""The memory rule. Owns what a step is expected to need, and which ready step may start; reads nothing, starts nothing.

A step may start beside others while what they have and what it needs fit into the limit. What a running step has is
the larger of what is resident and what it is expected to need: a compiler that has just begun is small and will grow,
one that has outgrown what was expected has what it has. Admitting by resident memory and estimates is
nix-eval-jobs' (PR 450); letting smaller work pass without delaying what waits is EASY backfilling (D. Lifka,
"The ANL/IBM SP scheduling system", 1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from jeton.build.graph import Step
from jeton.build.history import History

_KIB = 1024
_UNKNOWN_SHARE = 8
"""A step of a kind of which none has ended is taken to need this part of the limit. That many start side by side in a
first build; as soon as one has ended, its kind is known."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready step, in numbers."""

    need: int | None
    """The bytes that it is expected to need, None where nothing is known."""
    lasts_s: float
    """How long it is expected to run."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A running step, in numbers."""

    need: int | None
    """As for a candidate."""
    resident: int
    """The bytes that it has now, as far as was seen."""
    ends_in_s: float
    """When it is expected to end; 0 where it should have ended."""


def needed(need: int | None, limit: int) -> int:
    """Return the bytes that a step counts for before it runs."""
    return limit // _UNKNOWN_SHARE if need is None else need


def taken(runner: Runner, limit: int) -> int:
    """Return the bytes that a running step counts for."""
    return max(runner.resident, needed(runner.need, limit))


def choose(candidates: Sequence[Candidate], running: Sequence[Runner], limit: int) -> int | None:
    """Return which of the candidates may start within `limit` bytes, by its place, or None.

    The first is the most urgent. Where nothing runs, it starts whatever it needs. Where it does not fit, a later one
    that does may pass if it is expected to be done, or to leave room enough, by the time that the first one fits.
    """
    if not running:
        return 0 if candidates else None
    used = sum(taken(runner, limit) for runner in running)
    for place, candidate in enumerate(candidates):
        need = needed(candidate.need, limit)
        if place == 0:
            if used + need <= limit:
                return 0
            fits_in_s, spare = _reserve(need, running, limit)
        elif used + need <= limit and (candidate.lasts_s < fits_in_s or need <= spare):
            return place
    return None


def _reserve(need: int, running: Sequence[Runner], limit: int) -> tuple[float, int]:
    """Return in how many seconds there should be room for `need`, and how many bytes will be left beside it then."""
    left = sum(taken(runner, limit) for runner in running)
    at = 0.0
    for runner in sorted(running, key=lambda runner: runner.ends_in_s):
        left -= taken(runner, limit)
        at = runner.ends_in_s
        if left + need <= limit:
            break
    return at, max(0, limit - left - need)


class Needs:
    """What each step is expected to need, in bytes: as much as before, or as steps of its kind did."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._kinds: dict[str, _Kind] = {}

    def learn(self, step: Step, peak_kib: int) -> None:
        """Take what a step was seen to have into its kind's mean. 0 is not known, and changes nothing."""
        if peak_kib:
            self._kinds.setdefault(_kind(step), _Kind()).add(peak_kib)

    def learn_from_history(self, steps: Sequence[Step]) -> None:
        """Take what earlier builds saw of these steps into the means."""
        for step in steps:
            if not step.phony:
                self.learn(step, self._before(step))

    def __call__(self, step: Step) -> int | None:
        """Return the expected bytes, None where nothing is known of the step or its kind."""
        peak_kib = self._before(step)
        if not peak_kib:
            kind = self._kinds.get(_kind(step))
            if kind is None:
                return None
            peak_kib = kind.expected()
        return peak_kib * _KIB

    def _before(self, step: Step) -> int:
        made = self._history.made.get(step.outputs[0].path)
        return 0 if made is None else made.peak_kib


class _Kind:
    """What steps of one kind were seen to have."""

    __slots__ = ("_count", "_squares", "_sum")

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0
        self._squares = 0

    def add(self, peak_kib: int) -> None:
        self._count += 1
        self._sum += peak_kib
        self._squares += peak_kib * peak_kib

    def expected(self) -> int:
        """Return the mean and one standard deviation: too little costs a killed build, too much a little time."""
        mean = self._sum / self._count
        return round(mean + sqrt(max(0.0, self._squares / self._count - mean * mean)))


def _kind(step: Step) -> str:
    """Return the rule's name without the target that CMake writes after two underscores: CXX_COMPILER__hello_Debug."""
    return step.rule.partition("__")[0] or step.rule
