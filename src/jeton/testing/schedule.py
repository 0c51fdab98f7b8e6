"""One run of a scenario, in which one thread runs at a time. Owns whose turn it is; knows no locks and no signals.

Each thread of the scenario is a real one that waits at its gate until it is given the turn. It keeps the turn up to its
next switch point, where it says what it needs to go on, and a strategy picks one of those that can. No thread stands
above the others: who has the turn decides and hands it on, so that to go on oneself costs no switch at all.

Where something is wrong, the first error is kept, and every thread that is left has `Abandoned` thrown into it.
"""

import random
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from inspect import currentframe
from types import FrameType

from jeton.testing import crew
from jeton.testing.errors import Abandoned, Deadlock, Diverged, Livelock, Stalled, Step, ThreadsLeft, Uncontrolled
from jeton.testing.strategies import Strategy
from jeton.testing.where import line_of


class Need:
    """What a thread may wait for. It can go on while this is open."""

    __slots__ = ("open",)

    def __init__(self, *, is_open: bool) -> None:
        self.open = is_open

    def __str__(self) -> str:
        return "nothing"


NOTHING = Need(is_open=True)


class Participant(Need):
    """A thread of the scenario. As a need it is the thread's end.

    Its state follows from the fields:

    - `worker` None and not `open`: started, and has not had a turn;
    - `worker` set: it has the turn, or stands at a switch point until `needs` is open and it is picked;
    - `open`: it has ended.
    """

    __slots__ = ("doing", "index", "name", "needs", "stack_size", "target", "worker")

    def __init__(self, index: int, name: str, target: Callable[[], None], stack_size: int | None) -> None:
        super().__init__(is_open=False)
        self.index = index
        self.name = name
        self.target = target
        self.stack_size = stack_size
        self.worker: crew.Worker | None = None
        self.needs = NOTHING
        self.doing = "start"

    def __str__(self) -> str:
        return f"the end of {self.name}"


class Schedule:
    """One run. Everything but `run` is called by the thread that has the turn, so nothing here takes a lock."""

    def __init__(self, strategy: Strategy, *, max_steps: int, stall_s: float, traced: bool = False) -> None:
        self.error: BaseException | None = None  # the first; from then on every thread is abandoned
        self.failed: Participant | None = None  # who raised it, if one thread did
        self.steps = 0
        self.preemptions = 0
        self.choices: list[int] = []  # what the strategy said, where there was more than one to choose from
        self.options: list[int] = []  # how many there were each time
        self.trace: list[Step] | None = [] if traced else None
        self.is_fair = False  # whether the strategy was passed over for want of fairness
        self.running: Participant | None = None
        self._live: list[Participant] = []  # by index; all that have not ended
        self._started = 0
        self._strategy = strategy
        self._max_steps = max_steps
        self._fair = random.Random(0)  # noqa: S311  an order, not a secret
        self._stall_s = stall_s
        self._over = threading.Lock()
        self._over.acquire()

    def run(self, scenario: Callable[[], None]) -> None:
        """Run the scenario to its end, and all that it started. What went wrong is in `error` then."""
        main = self.add(scenario, "main", None)
        self.running = main
        seen = -1
        try:
            self._open_gate(main)
            while not self._over.acquire(timeout=self._stall_s):
                if self.steps == seen:
                    self._stalled()
                    return
                seen = self.steps
        except BaseException as error:  # an interrupt: the threads are sent home before it goes on
            self.error = self.error or error
            self._over.acquire(timeout=self._stall_s)
            raise

    def add(self, target: Callable[[], None], name: str, stack_size: int | None) -> Participant:
        """Add a thread that will have its first turn when it is picked."""
        self._started += 1
        participant = Participant(self._started - 1, name, target, stack_size)
        self._live.append(participant)
        return participant

    def point(self, what: str, about: object = "", needs: Need = NOTHING) -> Participant:
        """Let the strategy pick who goes on; return, as the caller's thread, when that is the caller and it can.

        Raises Abandoned where the schedule has failed, Uncontrolled on a thread that does not belong to it.
        """
        me = self.running
        if me is None or me.worker is None or me.worker.ident != threading.get_ident():
            raise self._refusal(what, about)
        if self.error is not None:
            self.steps += 1
            raise Abandoned
        me.needs = needs
        me.doing = f"{what} {about}" if about else what
        picked = self._pick(me)
        if picked is not me and self.error is None:
            self._open_gate(picked)
            me.worker.gate.acquire()
        if self.error is not None:
            raise Abandoned
        me.needs = NOTHING
        return me

    def _pick(self, me: Participant | None) -> Participant:
        """Return who goes on. Sets `error` where nobody can; `me` is None after a thread's end."""
        self.steps += 1
        options = [each for each in self._live if each.needs.open]
        goes_on = me is not None and me.needs.open
        if not options:
            self.error = self._stuck()
        elif self.steps > self._max_steps:
            self.error = Livelock(f"no end after {self._max_steps} steps{self._who_waits()}")
        if self.error is not None:
            picked = self._live[0]
        elif len(options) == 1:
            picked = options[0]
        else:
            if goes_on:  # the first choice is to go on
                assert me is not None, "who ended does not go on"
                options.remove(me)
                options.insert(0, me)
            picked = options[self._choose(options, goes_on)]
        preempts = goes_on and picked is not me and self.error is None
        self.preemptions += preempts
        if self.trace is not None and me is not None:
            then = None if picked is me or self.error is not None else picked.name
            self.trace.append(Step(me.name, me.doing, line_of(currentframe()), then, preempts))
        if self.error is None:
            self.running = picked
        return picked

    def _choose(self, options: list[Participant], goes_on: bool) -> int:
        if self.steps > self._max_steps // 2:
            # A thread that spins until another has done its part needs that one to have turns, and few strategies
            # are fair. This is: a program that comes to an end under it by chance has no livelock.
            self.is_fair = True
            return self._fair.randrange(len(options))
        try:
            choice = self._strategy.choose([each.index for each in options], goes_on=goes_on)
        except Diverged as error:
            self.error = error
            return 0
        assert 0 <= choice < len(options), "a strategy picks one of its options"
        self.choices.append(choice)
        self.options.append(len(options))
        return choice

    def _open_gate(self, participant: Participant) -> None:
        """Give the turn away. The caller touches nothing of the schedule after it."""
        worker = participant.worker
        if worker is None:
            worker = participant.worker = crew.hire(lambda: self._work(participant), participant.stack_size)
        worker.gate.release()

    def _work(self, me: Participant) -> None:
        """What a worker does: the whole life of one thread of the scenario."""
        worker = me.worker
        assert worker is not None, "it is set before the gate opens"
        try:
            Context().run(me.target)  # a new thread begins with an empty context
        except Abandoned:
            assert self.error is not None, "thrown after an error only"
        except BaseException as error:  # noqa: BLE001  it is the outcome of the schedule
            if self.error is None:
                self.error, self.failed = error, me
        self._live.remove(me)
        me.open = True
        self.running = None
        following = None
        if self.error is None and self._live:
            following = self._pick(None)
        if self.error is not None:  # those that never had a turn have nothing to unwind
            following = self.running = next((each for each in self._live if each.worker is not None), None)
        crew.dismiss(worker, me.stack_size)
        if following is None:
            self._over.release()
        else:
            self._open_gate(following)

    # What is told of a failure.

    def _stuck(self) -> AssertionError:
        if self._live[0].index == 0:
            return Deadlock(f"every thread waits{self._who_waits()}")
        return ThreadsLeft(f"the scenario has returned, and threads that it started wait for ever{self._who_waits()}")

    def _stalled(self) -> None:
        running = self.running
        if self.error is None:
            self.error = Stalled(
                f"thread {running.name if running else '?'} has not come to a switch point for {self._stall_s:g} s:"
                f" it waits outside of jeton.sync, or computes{self._who_waits()}"
            )

    def _who_waits(self) -> str:
        frames = sys._current_frames()  # noqa: SLF001  documented for this very purpose
        return "".join(f"\n  {_told(each, frames)}" for each in self._live)

    def _refusal(self, what: str, about: object) -> BaseException:
        if self.error is not None:
            return Abandoned()
        name = threading.current_thread().name
        refusal = Uncontrolled(
            f"{what} {about}: by thread {name}, which the schedule did not start; start threads by jeton.sync"
            if self.running is not None
            else f"{what} {about}: after the end of the schedule that it was made in; make it anew in each"
        )
        if self.running is not None:
            self.error = refusal  # who has the turn will see it at the next switch point
        return refusal


def _told(participant: Participant, frames: dict[int, FrameType]) -> str:
    worker = participant.worker
    if worker is None:
        return f"{participant.name} has not had a turn"
    where = line_of(frames.get(worker.ident))
    if participant.needs.open:
        return f"{participant.name} can go on: {participant.doing}, at {where}"
    return f"{participant.name} waits for {participant.needs}, at {where}"
