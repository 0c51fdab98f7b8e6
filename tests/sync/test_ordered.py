"""Covers the order of locks: what is refused the first time that it is done, with nobody there to make the deadlock."""

import pytest

from jeton.sync import ORDERED, LockOrderError

pytestmark = pytest.mark.concurrency


def test_ascending_order_passes_again_and_again() -> None:
    low, high = ORDERED.lock(1, "low"), ORDERED.lock(2, "high")
    for _ in range(3):
        with low, high:
            pass


def test_descending_order_is_refused_and_takes_nothing() -> None:
    low, middle, high = ORDERED.lock(1, "low"), ORDERED.lock(2, "middle"), ORDERED.lock(3, "high")
    with middle, high, pytest.raises(LockOrderError) as caught:
        low.acquire()
    told = str(caught.value)
    assert told == ("lock low (1): taken after high (3), holding middle (2), high (3); take locks in ascending order")
    with low, middle, high:
        pass


def test_two_locks_of_one_order_are_never_held_together() -> None:
    one, other = ORDERED.lock(1, "one"), ORDERED.lock(1, "other")
    with one, pytest.raises(LockOrderError, match=r"lock other \(1\): taken after one \(1\)"):
        other.acquire()
    with other:
        pass


def test_lock_taken_twice_is_refused() -> None:
    lock = ORDERED.lock(1, "twice")
    with lock, pytest.raises(LockOrderError, match=r"lock twice \(1\): taken after twice \(1\)"):
        lock.acquire()


def test_release_on_another_thread_is_refused() -> None:
    lock = ORDERED.lock(1, "lent")
    told: list[str] = []

    def give_back() -> None:
        try:
            lock.release()
        except LockOrderError as error:
            told.append(str(error))

    with lock:
        ORDERED.start(give_back, "borrower").join()
    assert told == [
        "lock lent (1): released by borrower, which holds no lock; release a lock on the thread that took it"
    ]


def test_order_is_each_threads_own() -> None:
    low, high = ORDERED.lock(1, "low"), ORDERED.lock(2, "high")
    told: list[str] = []

    def take() -> None:
        with low:
            told.append("taken")

    with high:
        ORDERED.start(take, "other").join()
    assert told == ["taken"]


def test_locks_may_be_released_in_any_order() -> None:
    low, middle, high = ORDERED.lock(1, "low"), ORDERED.lock(2, "middle"), ORDERED.lock(3, "high")
    low.acquire()
    high.acquire()
    low.release()
    with pytest.raises(LockOrderError):
        middle.acquire()
    high.release()
    with middle:
        pass
