"""Threads that help with maps. Owns the open jobs, who works on them, and how many may compute at once.

A job is one map: nodes that one frame wants, all of them. The thread that opened it works on it from the first item
on; others take items from it while there are any, in the same order. Whoever has to wait for a node helps with the
jobs below that node's frame and with no others: a thread that took up something unrelated on top of its stack would
have to finish that first, and two of those can wait for each other (rayon-rs/rayon#592).

Where threads do not run in parallel, one computes at a time and the others wait for commands, coroutines or processes:
a second one that computed would only slow the first down.
"""

from jeton.query.core import THREADS_RUN_IN_PARALLEL, Core
from jeton.query.errors import Cancelled, Undecided
from jeton.query.job import Call, Chunk, Job
from jeton.query.node import Frame, Lane
from jeton.query.seats import Seats
from jeton.sync import Signal, Thread

ORDER = 45
"""The place of its lock in the order of locks."""


class Crew:
    """The helping threads of one engine. They are started when there is something to help with."""

    def __init__(self, core: Core, seats: Seats, *, parallel: bool = THREADS_RUN_IN_PARALLEL) -> None:
        self._core = core
        self.seats = seats
        self._parallel = parallel
        # Guarded by _lock: all that follows.
        self._lock = core.sync.lock(ORDER, "crew")
        # Invariant: each has items left to take.
        self._jobs: list[Job] = []
        self._idle: list[Signal] = []
        self._computing = 0
        # Helpers that were woken or started, and have not yet looked around.
        self._coming = 0
        self._threads: list[Thread] = []
        self._closed = False

    def sit(self, lane: Lane) -> None:
        """Wait for the right to compute."""
        self.seats.sit(lane)
        with self._lock:
            self._computing += 1

    def rise(self, lane: Lane) -> None:
        """Give it back before waiting, so that another may compute."""
        if lane.slot is None:
            return
        with self._lock:
            self._computing -= 1
            self._give_back_items(lane)
        self.seats.rise(lane)
        self._wake_helpers()

    def lend(self, lane: Lane) -> None:
        """Stop computing and keep the slot: a command is about to run on it."""
        with self._lock:
            if lane.is_lent or lane.slot is None:
                return
            lane.is_lent = True
            self._computing -= 1
            self._give_back_items(lane)
        self._wake_helpers()

    def resume(self, lane: Lane) -> None:
        """Compute again, with the slot that was lent or with another one."""
        with self._lock:
            was_lent, lane.is_lent = lane.is_lent, False
            self._computing += was_lent
        if lane.slot is None:
            self.sit(lane)

    @property
    def helps(self) -> bool:
        """Whether anybody but the caller would work on a job."""
        return self.seats.jobs > 1

    def work(self, job: Job) -> None:
        """Have every item of the job settled, by this thread and others. Raises what ended it."""
        with self._lock:
            self._jobs.append(job)
        try:
            self._wake_helpers()
            self.take_part(job, job.frame.lane)
        except BaseException as reason:  # noqa: BLE001  raised when the helpers have left
            with self._lock:
                job.stop_for(reason)
                self._drop_if_taken(job)
            self._core.end(job.frame.session)  # an interrupt: let them leave soon
        self._wait_for_helpers(job)
        if job.stop is not None:
            raise job.stop

    def post(self, call: Call) -> None:
        """Have another thread do something."""
        with self._lock:
            self._jobs.append(call)
        self._wake_helpers()

    def drop(self, call: Call) -> None:
        """Have it not done, if it has not begun."""
        with self._lock:
            begun = not call.left
            call.stop_for(Cancelled())
            self._drop_if_taken(call)
        if not begun:
            call.finished()

    def job_below(self, frame: Frame | None) -> Job | None:
        """Return a job of this frame or of one below it that has items left."""
        with self._lock:
            return None if frame is None else self._job_below(frame)

    def close(self) -> None:
        """Send the helpers home and wait until they have gone. Nothing runs."""
        with self._lock:
            assert not self._jobs, "nothing runs"
            self._closed = True
            idle, self._idle = self._idle, []
            threads, self._threads = self._threads, []
            self._coming += len(idle)
        for signal in idle:
            signal.set()
        for thread in threads:
            thread.join()
        self.seats.close()

    def _wait_for_helpers(self, job: Job) -> None:
        frame = job.frame
        while True:
            with self._lock:
                if not job.active and not job.left:
                    return
                below = self._job_below(frame)
                if below is None:
                    quiet = job.quiet = self._core.sync.signal("the map's last item")
            if below is not None:
                self.take_part(below, frame.lane)
                continue
            self.rise(frame.lane)
            try:
                self._core.outlast(frame.session, quiet.wait)
            finally:
                self.sit(frame.lane)

    def _job_below(self, frame: Frame) -> Job | None:
        return next((job for job in reversed(self._jobs) if job.frame.is_below(frame)), None)

    def take_part(self, job: Job, lane: Lane) -> None:
        """Settle items of a job until there are none to take."""
        stand_in: Frame | None = None
        while (chunk := self._taken(job)) is not None:
            if stand_in is None:
                stand_in = Frame(job.frame.asks, job.frame.session, lane, job.frame, None)
                stand_in.doom = job.frame.doom
                stand_in.early = job.early
            lane.chunks.append(chunk)
            try:
                while chunk.next < chunk.end:
                    at = chunk.next
                    chunk.next += 1
                    if not self._settle_item(job, stand_in, at):
                        break
            finally:
                lane.chunks.remove(chunk)
                self._done(job, stand_in)

    def _taken(self, job: Job) -> Chunk | None:
        with self._lock:
            chunk = job.take(len(self._threads))
            self._drop_if_taken(job)
            return chunk

    def _settle_item(self, job: Job, stand_in: Frame, at: int) -> bool:
        """Settle one item; False where those after it are wanted no more."""
        error: Exception | None = None
        stop: BaseException | None = None
        stand_in.rank = at
        try:
            job.settle(stand_in, at)
        except Exception as failure:  # noqa: BLE001  raised where the map was called
            error = failure
        except Undecided as reason:
            if reason.stand_in is stand_in:
                with self._lock:
                    job.end = min(job.end, at)
                    self._drop_if_taken(job)
                return False
            stop = reason
        except BaseException as reason:  # noqa: BLE001  likewise
            stop = reason
        if error is None and stop is None and not job.is_failed(at):
            return at < job.end - 1 and job.stop is None
        with self._lock:
            if stop is not None:
                job.stop_for(stop)
            else:
                job.end = min(job.end, at + 1)
                if error is not None:
                    job.errors[at] = error
            self._drop_if_taken(job)
        return False

    def _give_back_items(self, lane: Lane) -> None:
        """Let others have what this thread has taken and not begun. The lock is held."""
        for chunk in lane.chunks:
            job = chunk.job
            job.take_back(chunk)
            if job.left and job.stop is None and job not in self._jobs:
                self._jobs.append(job)

    def _drop_if_taken(self, job: Job) -> None:
        if not job.left and job in self._jobs:
            self._jobs.remove(job)

    def _done(self, job: Job, stand_in: Frame) -> None:
        quiet = None
        with self._lock:
            job.active -= 1
            is_finished = not job.active and not job.left
            if not job.active:
                quiet, job.quiet = job.quiet, None
            job.frame.take_over(stand_in)
        if quiet is not None:
            quiet.set()
        if is_finished:
            job.finished()

    def _limit(self) -> int:
        """Return how many may compute at once. The lock is not held: the pool may be opened for this."""
        return self.seats.jobs if self._parallel else 1

    def _may_help(self, limit: int) -> int:
        """Return how many more helpers would do good. The lock is held."""
        items = sum(job.left for job in self._jobs)
        return max(0, min(items, limit - self._computing - self._coming))

    def _wake_helpers(self) -> None:
        """Wake helpers, or start one where none is idle; who is started wakes or starts the next.

        Those who wait somewhere do not count: a chain of queries may keep any number of threads waiting.
        """
        if not self._jobs:  # without the lock: whoever adds one looks here afterwards
            return
        woken: list[Signal] = []
        limit = self._limit()
        with self._lock:
            if not self._jobs or self._closed:
                return
            wanted = self._may_help(limit)
            while wanted > len(woken) and self._idle:
                woken.append(self._idle.pop())
            starts = wanted > len(woken)
            self._coming += len(woken) + starts
        for signal in woken:
            signal.set()
        if starts:
            thread = self._core.sync.start(self._help, "jeton query helper")
            with self._lock:
                self._threads.append(thread)

    def _help(self) -> None:
        """Help with whatever there is: what a helper's thread does."""
        lane = self._core.lane()
        limit = self._limit()
        while True:
            with self._lock:
                self._coming -= 1
                job = self._jobs[0] if self._may_help(limit) else None
                if job is not None:
                    self._coming += 1
            if job is not None:
                self._sit_to_help(lane)
                self._wake_helpers()
                while job is not None:
                    self.take_part(job, lane)
                    with self._lock:
                        job = self._jobs[0] if self._jobs else None
                self.rise(lane)
            signal = self._core.sync.signal("something to help with")
            with self._lock:
                if self._closed:
                    return
                if self._jobs and self._may_help(limit):
                    self._coming += 1
                    continue
                self._idle.append(signal)
            signal.wait()

    def _sit_to_help(self, lane: Lane) -> None:
        self.seats.sit(lane)
        with self._lock:
            self._coming -= 1
            self._computing += 1
