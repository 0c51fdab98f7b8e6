"""When inputs may change: never while something runs. Owns the revision and who is under way; not what a change does.

Running queries see one state of the inputs from their beginning to their end. Who wants to change one ends every
session, waits until what is under way has noticed, changes it, and lets the next sessions begin.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident

from jeton.query.errors import Cancelled, EngineClosedError
from jeton.query.node import Session
from jeton.sync import Primitives, Signal

ORDER = 10
"""The place of the gate's lock in the order of locks."""


class Gate:
    """The revision, the sessions, and who is in."""

    def __init__(self, sync: Primitives) -> None:
        self._sync = sync
        # Guarded by it: all that follows.
        self.lock = sync.lock(ORDER, "gate")
        self.revision = 1
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self._inside = 0
        self._entered = 0
        # Invariant: not None exactly while somebody changes something; set when that is over.
        self._changed: Signal | None = None
        self._changer = 0
        # Invariant: not None exactly while a change waits for the last one inside.
        self._quiet: Signal | None = None
        self._closed = False

    def begin(self) -> Session:
        """Open a session at the present revision, after a change that is under way. Raises EngineClosedError."""
        while True:
            with self.lock:
                self.refuse_closed()
                changed = self._changed
                if changed is None:
                    session = Session(self.revision)
                    self._sessions.add(session)
                    return session
            changed.wait()

    def enter(self, session: Session) -> int:
        """Count one demand as under way; return its number. Raises Cancelled where the session is over."""
        with self.lock:
            if session.over:
                raise Cancelled
            self._inside += 1
            self._entered += 1
            return self._entered

    def leave(self) -> None:
        """Count it no more."""
        quiet = None
        with self.lock:
            self._inside -= 1
            if not self._inside:
                quiet, self._quiet = self._quiet, None
        if quiet is not None:
            quiet.set()

    def finish(self, session: Session) -> None:
        """End one session."""
        with self.lock:
            session.over = True
            self._sessions.discard(session)

    @contextmanager
    def changing(self, wake: Callable[[], None], *, last: bool = False) -> Iterator[int]:
        """End every session, wait until nobody is inside, and be alone until the block ends. Gives the new revision.

        `wake` is called when the sessions are over, to wake who sleeps. Not to be called inside a query. Raises
        EngineClosedError after a `last` one.
        """
        done = self._sync.signal("change is over")
        self._be_the_one_who_changes(done, last=last)
        try:
            quiet = self._end_sessions()
            wake()
            if quiet is not None:
                quiet.wait()
            with self.lock:
                self.revision += 1
                revision = self.revision
            yield revision
        finally:
            with self.lock:
                self._changed = self._quiet = None
                self._changer = 0
            done.set()

    def close(self, wake: Callable[[], None]) -> bool:
        """End every session for good, and wait until nobody is inside. False where it was closed before."""
        try:
            with self.changing(wake, last=True):
                return True
        except EngineClosedError:
            return False

    def refuse_closed(self) -> None:
        """Raise EngineClosedError where the engine is closed."""
        if self._closed:
            raise EngineClosedError("the engine is closed; make another")

    @property
    def is_changing(self) -> bool:
        """Whether this very thread changes something."""
        return self._changer == get_ident()

    def _be_the_one_who_changes(self, done: Signal, *, last: bool) -> None:
        while True:
            with self.lock:
                before = self._changed
                if before is None:
                    self.refuse_closed()
                    self._closed = last
                    self._changed = done
                    self._changer = get_ident()
                    return
            before.wait()

    def _end_sessions(self) -> Signal | None:
        with self.lock:
            for session in self._sessions:
                session.over = True
            self._sessions.clear()
            if self._inside:
                self._quiet = self._sync.signal("nobody is inside")
            return self._quiet
