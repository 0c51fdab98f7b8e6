"""The primitives of a schedule. Owns what a lock and a signal mean there; knows not who goes on.

Whoever takes something (a lock, a look at a signal, the end of a thread) has its switch point before it; whoever gives
something has one after it, and a signal is given with one on both sides. So what stands between two operations without
a lock can be seen by the others on either side of it, and a lock that is released costs one point and not two.
"""

from collections.abc import Callable
from types import TracebackType

from jeton.sync import Lock, Primitives, Signal, Thread, using
from jeton.testing.errors import NotHeld
from jeton.testing.schedule import Need, Participant, Schedule


class ControlledLock(Need):
    """A lock. Open while nobody holds it."""

    __slots__ = ("_holder", "_name", "_schedule")

    def __init__(self, schedule: Schedule, name: str) -> None:
        super().__init__(is_open=True)
        self._schedule = schedule
        self._name = name
        self._holder: Participant | None = None  # Invariant: None exactly while open

    def __str__(self) -> str:
        return f"lock {self._name}" + (f", held by {self._holder.name}" if self._holder else "")

    def acquire(self) -> bool:
        """Take it when nobody holds it."""
        me = self._schedule.point("take lock", self._name, self)
        assert self.open, "who is picked can go on"
        self.open = False
        self._holder = me
        return True

    def release(self) -> None:
        """Let it go. Raises NotHeld where this thread does not hold it."""
        schedule = self._schedule
        if schedule.error is not None:
            return  # on the way out of a failed schedule
        if self._holder is None or self._holder is not schedule.running:
            who = f"{self._holder.name} holds it" if self._holder else "nobody holds it"
            name = schedule.running.name if schedule.running else "nobody"
            raise NotHeld(f"lock {self._name}: released by {name}, and {who}")
        self._holder = None
        self.open = True
        schedule.point("released lock", self._name)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class ControlledSignal(Need):
    """A signal. Open once it is set."""

    __slots__ = ("_name", "_schedule")

    def __init__(self, schedule: Schedule, name: str) -> None:
        super().__init__(is_open=False)
        self._schedule = schedule
        self._name = name

    def __str__(self) -> str:
        return f"signal {self._name}"

    @property
    def is_set(self) -> bool:
        """Whether it has happened: a look at it is a switch point, as what is seen depends on who was first."""
        self._schedule.point("look at signal", self._name)
        return self.open

    def set(self) -> None:
        """Let it have happened."""
        if self._schedule.error is not None:
            return  # on the way out of a failed schedule
        self._schedule.point("set signal", self._name)
        self.open = True
        self._schedule.point("has set signal", self._name)

    def wait(self) -> None:
        """Go on when it has happened."""
        self._schedule.point("wait for signal", self._name, self)


class ControlledThread:
    """A thread that was started."""

    __slots__ = ("_participant", "_schedule")

    def __init__(self, schedule: Schedule, participant: Participant) -> None:
        self._schedule = schedule
        self._participant = participant

    def join(self) -> None:
        """Go on when it has ended. Raises RuntimeError on itself."""
        if self._participant is self._schedule.running:
            raise RuntimeError(f"thread {self._participant.name}: joins itself")
        self._schedule.point("join", self._participant.name, self._participant)


class ControlledThreads:
    """What `jeton.sync.primitives()` gives below `explore`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def lock(self, order: int, name: str) -> Lock:  # noqa: ARG002  the order is checked by jeton.sync.ORDERED
        """Make a lock."""
        return ControlledLock(self._schedule, name)

    def signal(self, name: str) -> Signal:
        """Make a signal."""
        return ControlledSignal(self._schedule, name)

    def start(self, target: Callable[[], None], name: str, *, stack_size: int | None = None) -> Thread:
        """Start a thread of this schedule."""
        participant = self._schedule.add(inside(self, target), name, stack_size)
        self._schedule.point("started", name)
        return ControlledThread(self._schedule, participant)

    def switch(self, what: str) -> None:
        """Let another thread run here."""
        self._schedule.point(what)


def inside(primitives: Primitives, target: Callable[[], None]) -> Callable[[], None]:
    """Return `target` with these primitives in force."""

    def run() -> None:
        with using(primitives):
            target()

    return run
