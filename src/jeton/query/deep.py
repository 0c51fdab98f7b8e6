"""Chains deeper than a thread's stack. Owns going on, on the stack of a new thread, while this one waits.

A chain of queries is a chain of Python calls, and the interpreter allows a thread a thousand of those by default. Near
that limit the chain goes on in a thread of its own, with a large stack and, while there are such threads, a limit to
go with it. So depth is bounded by memory, and a chain of 100,000 takes some hundred threads, which only wait.
"""

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context

from jeton.query.core import Core
from jeton.query.errors import TooDeepError
from jeton.query.node import Frame

_FRAMES = 400
"""So many Python frames on an ordinary stack are deep: two fifths of the default limit."""
_LEVELS = 1000
"""So many levels of queries go on the stack of a deep thread."""
FEW_LEVELS = 16
"""Where so few use up a deep thread, one of them recurses by itself, and another thread would not help."""
_DEEP_LIMIT = 60_000
"""The interpreter's recursion limit while there are deep threads: up to sixty frames for each level."""
_DEEP_STACK = 256 << 20
"""Bytes of address space for the stack of a deep thread; what is not used is not there."""


def is_deep(frame: Frame) -> bool:
    """Tell whether the stack of this thread is used up, nearly enough. Asked at each eighth level.

    What uses it up in fewer levels gets RecursionError, and then the last of them goes on here too.
    """
    lane = frame.lane
    if lane.base:
        return frame.depth - lane.base >= _LEVELS
    try:
        sys._getframe(_FRAMES)  # noqa: SLF001  the one way to ask, and documented
    except ValueError:
        return False
    return True


def hop(core: Core, frame: Frame, go_on: Callable[[], None]) -> None:
    """Call `go_on` on a thread with a large stack, in this context, and raise what it raises."""
    failures: list[BaseException] = []
    context = copy_context()
    lane = frame.lane
    base = lane.base

    def call() -> None:
        core.adopt(lane)
        try:
            context.run(go_on)
        except BaseException as reason:  # noqa: BLE001  raised on the thread that waits
            failures.append(reason)

    with _DEEP:
        lane.base = frame.depth
        try:
            thread = core.sync.start(call, "jeton deep query", stack_size=_DEEP_STACK)
        except RuntimeError:  # no more threads: what is left of this stack has to do
            lane.base = base
            go_on()
            return
        try:
            core.outlast(frame.session, thread.join)
        finally:
            lane.base = base
    if failures:
        if isinstance(failures[0], RecursionError) and not isinstance(failures[0], TooDeepError):
            raise TooDeepError(
                f"{frame.node!r}: recursion without end, or deeper than {_DEEP_LIMIT} calls in one query"
            )
        raise failures[0]


def set_limit_back() -> None:
    """Set the recursion limit back where that is still owed. Called with every root's end, on a shallow stack."""
    if _DEEP.is_owed:
        _DEEP.pay()


class _Limit:
    """The recursion limit, raised while anybody is inside."""

    def __init__(self) -> None:
        # Guarded by _lock: how many are inside, and the limit from before.
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0
        # Whether the limit is to be set back, once nobody is inside.
        self.is_owed = False

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                if not self.is_owed:
                    self._before = sys.getrecursionlimit()
                sys.setrecursionlimit(max(self._before, _DEEP_LIMIT))

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            self.is_owed = True
            self._pay()

    def pay(self) -> None:
        """Set the limit back, if that could not be done before: it cannot be lower than the stack is deep."""
        with self._lock:
            self._pay()

    def _pay(self) -> None:
        if not self._inside and self.is_owed:
            try:
                sys.setrecursionlimit(self._before)
            except RecursionError:
                return
            self.is_owed = False


_DEEP = _Limit()
