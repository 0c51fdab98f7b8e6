"""A pool as one process sees it. Owns the slots that this process holds; not where tokens come from.

A process has one implicit slot, which its parent paid for, and may hold tokens beside it. The implicit slot
is used first and is never given away. `try_take` and `give` may be called from any thread.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Protocol

from jeton.jobserver.invitation import Invitation, Style
from jeton.trace import STREAM, DidGiveSlot, DidTakeSlot


class Slot:
    """The right to keep one core busy. `token` is the byte to return, or None for the implicit slot; it never changes.

    A plain class: one is made for each token, and a frozen dataclass takes three times as long to make.
    """

    __slots__ = ("token",)

    def __init__(self, token: bytes | None) -> None:
        self.token = token


class Watcher(Protocol):
    """What a pool needs of an event loop to call somebody when a slot may be had."""

    def watch_readable(self, fd: int, callback: Callable[[], object]) -> Callable[[], None]:
        """Call back whenever reading `fd` would not wait, until the undo is called."""

    def call_from_thread(self, callback: Callable[[], object]) -> object:
        """Call back once, soon, on the loop's thread; from any thread."""


class Pool(ABC):
    """Slots of one pool. To be closed by whoever opened it."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._implicit = Slot(None)
        # Guarded by _lock. Invariant: every slot in _held was returned by try_take and not yet given back;
        # the implicit slot is in _held exactly while it is in use.
        self._lock = Lock()
        self._held: set[Slot] = set()

    @property
    @abstractmethod
    def jobs(self) -> int:
        """How many slots the pool has in all, as far as this process knows; at least 1."""

    @property
    def identity(self) -> object:
        """What tells this pool from every other that this process may join; two with the same one share its tokens."""
        return self

    @abstractmethod
    def watch(self, loop: Watcher, callback: Callable[[], object]) -> Callable[[], None]:
        """Call back on the loop's thread whenever `try_take` may find a slot. One watch at a time.

        The implicit slot is not watched: who gives it back knows.
        """

    @abstractmethod
    def invite(self, command: str, environ: Mapping[str, str], style: Style | None = None) -> Invitation:
        """Tell how a child that runs `command` joins, starting from `environ`; it brings its own implicit slot.

        Raises OSError where no pipe can be made for it.
        """

    @abstractmethod
    def _take_token(self) -> bytes | None:
        """Take a token if there is one."""

    @abstractmethod
    def _give_token(self, token: bytes) -> None:
        """Give it back."""

    @abstractmethod
    def _close(self) -> None:
        """Close what this process has opened."""

    @property
    def held(self) -> int:
        """How many slots this process holds now."""
        return len(self._held)

    def try_take(self) -> Slot | None:
        """Take a slot if there is one: the implicit one first, then a token. Raises PoolUnusable if the pool died."""
        slot = self._take_implicit()
        if slot is None:
            token = self._take_token()
            if token is None:
                return None
            slot = Slot(token)
            with self._lock:
                self._held.add(slot)
        if STREAM.on:
            STREAM.emit(DidTakeSlot(len(self._held)))
        return slot

    def _take_implicit(self) -> Slot | None:
        if self._implicit in self._held:  # without the lock: who gives it back at this moment is a moment late
            return None
        with self._lock:
            if self._implicit in self._held:
                return None
            self._held.add(self._implicit)
            return self._implicit

    def give(self, slot: Slot) -> None:
        """Give a slot back. A slot given twice, or by a forked child, is an error of the caller."""
        with self._lock:
            assert slot in self._held, "a slot is given back once"
            assert os.getpid() == self._owner, "a forked child holds nothing"
            self._held.remove(slot)
        if slot.token is not None:
            self._give_token(slot.token)
        if STREAM.on:
            STREAM.emit(DidGiveSlot(len(self._held)))

    def close(self) -> None:
        """Return every token that is still held, and close what this process has opened.

        A forked child returns nothing: what it closes are its own copies.
        """
        with self._lock:
            left, self._held = self._held, set()
        if os.getpid() == self._owner:
            for slot in left:
                if slot.token is not None:
                    self._give_token(slot.token)
        self._close()
