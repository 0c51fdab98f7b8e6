"""Small programs of threads, each sound or with one bug: what the checker has to tell apart."""

from collections.abc import Callable

from jeton.sync import Signal, Thread, primitives

Scenario = Callable[[], None]


def run_all(*targets: Callable[[], None]) -> None:
    """Run each on a thread of its own, named after its function, until all have ended."""
    sync = primitives()
    threads: list[Thread] = [sync.start(target, target.__name__) for target in targets]
    for thread in threads:
        thread.join()


def counter(*, bug: bool) -> None:
    """Check, then act: with the bug, two read the same number."""
    sync = primitives()
    lock = sync.lock(1, "count")
    count = 0

    def one() -> None:
        nonlocal count
        if bug:
            seen = count
            sync.switch("between reading and writing")
            count = seen + 1
        else:
            with lock:
                count += 1

    def other() -> None:
        one()

    run_all(one, other)
    assert count == 2, f"counted {count}"


def two_locks(*, bug: bool) -> None:
    """Two locks in opposite order."""
    sync = primitives()
    left, right = sync.lock(1, "left"), sync.lock(2, "right")

    def forth() -> None:
        with left, right:
            pass

    def back() -> None:
        first, second = (right, left) if bug else (left, right)
        with first, second:
            pass

    run_all(forth, back)


def lost_wake_up(*, bug: bool) -> None:
    """With the bug, the reader looks for an item and registers to be woken for it under two holds of the lock."""
    sync = primitives()
    lock = sync.lock(1, "queue")
    items: list[str] = []
    waiting: list[Signal] = []

    def reader() -> None:
        signal = sync.signal("item")
        with lock:
            if items:
                return
            if not bug:
                waiting.append(signal)
        if bug:
            with lock:
                waiting.append(signal)
        signal.wait()
        with lock:
            assert items, "woken for nothing"

    def writer() -> None:
        with lock:
            items.append("item")
            woken = waiting[:]
        for signal in woken:
            signal.set()

    run_all(reader, writer)


def unset_signal(*, bug: bool) -> None:
    """With the bug, a way out that sets no signal."""
    sync = primitives()
    lock = sync.lock(1, "state")
    done = sync.signal("done")
    is_cancelled = False

    def work() -> None:
        with lock:
            stops = is_cancelled
        if stops and bug:
            return
        done.set()

    def cancel() -> None:
        nonlocal is_cancelled
        with lock:
            is_cancelled = True

    def wait() -> None:
        done.wait()

    run_all(work, cancel, wait)


def stale_token(*, bug: bool) -> None:
    """Who sleeps leaves a token to be woken by. With the bug, who finds work after all leaves its token behind.

    The next item then wakes a token that nobody waits for, and the one who sleeps is not woken.
    """
    sync = primitives()
    lock = sync.lock(1, "work")
    work: list[int] = []
    tokens: list[Signal] = []

    def worker() -> None:
        while True:
            with lock:
                if work:
                    work.pop()
                    return
            token = sync.signal("token")
            with lock:
                tokens.append(token)
            passed_on: Signal | None = None
            with lock:
                found = bool(work)  # it came between the look and the token
                if found:
                    work.pop()
                    if token in tokens and not bug:
                        tokens.remove(token)
                    elif tokens and not bug:
                        passed_on = tokens.pop(0)
            if passed_on is not None:
                passed_on.set()
            if found:
                return
            token.wait()

    def giver() -> None:
        for number in range(2):
            with lock:
                work.append(number)
                token = tokens.pop(0) if tokens else None
            if token is not None:
                token.set()

    run_all(worker, worker, giver)


class Deque:
    """A deque for work stealing: its owner pushes and pops at one end, others steal at the other."""

    def __init__(self, *, takes_twice: bool = False, loses: bool = False) -> None:
        self._sync = primitives()
        self._lock = self._sync.lock(1, "deque")
        self._items: list[int] = []
        self._takes_twice = takes_twice
        self._loses = loses

    def push(self, item: int) -> None:
        """Put one in at the owner's end."""
        if self._loses:  # copied, and put back without a look at what was stolen or pushed meanwhile
            items = self._items
            self._sync.switch("between copying and replacing")
            self._items = [*items, item]
        else:
            with self._lock:
                self._items.append(item)

    def pop(self) -> int | None:
        """Take one out at the owner's end."""
        with self._lock:
            return self._items.pop() if self._items else None

    def steal(self) -> int | None:
        """Take one out at the other end."""
        if not self._takes_twice:
            with self._lock:
                return self._items.pop(0) if self._items else None
        if not self._items:
            return None
        item = self._items[0]
        self._sync.switch("between reading and removing")
        with self._lock:
            if item in self._items:
                self._items.remove(item)
        return item


def stealing(deque_of: Callable[[], Deque]) -> None:
    """One owner and two thieves; every item is to be taken once."""
    deque = deque_of()
    taken: list[int] = []

    def owner() -> None:
        for item in range(3):
            deque.push(item)
        own = deque.pop()
        if own is not None:
            taken.append(own)

    def thief() -> None:
        stolen = deque.steal()
        if stolen is not None:
            taken.append(stolen)

    run_all(owner, thief, thief)
    while (item := deque.pop()) is not None:
        taken.append(item)
    assert len(set(taken)) == len(taken), "taken twice"
    assert sorted(taken) == [0, 1, 2], "lost"


def taken_twice(*, bug: bool) -> None:
    """With the bug, a thief reads an item before it removes it."""
    stealing(lambda: Deque(takes_twice=bug))


def lost_item(*, bug: bool) -> None:
    """With the bug, two who push replace the list by their own copy."""
    deque = Deque(loses=bug)

    def left() -> None:
        deque.push(1)

    def right() -> None:
        deque.push(2)

    run_all(left, right)
    assert {deque.pop(), deque.pop()} == {1, 2}, "lost"


PLANTED: dict[Callable[..., None], str] = {
    counter: "counted 1",
    two_locks: r"lock (left|right), held by (back|forth)",
    lost_wake_up: "reader waits for signal item",
    unset_signal: "wait waits for signal done",
    stale_token: "waits for signal token",
    taken_twice: "taken twice",
    lost_item: "lost",
}
"""Each program, and what is told of its bug."""
