"""Covers one store in several threads: who reads while another saves sees one save or the next."""

from threading import Thread

import pytest
from tests.store.fact_world import KINDS, Stores, fact, key

from jeton.store import facts

pytestmark = pytest.mark.concurrency

FACTS = 50
TURNS = 60


def test_threads_that_read_beside_a_save_never_go_back_and_see_nothing_torn(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is folded now and then, so that the readers' view changes its snapshot too."""
    monkeypatch.setattr(facts, "_FOLD_FROM", 60_000)
    store = stores.open()
    store.save([(None, fact(f"n{number}", b"0000" * 40, (0,))) for number in range(FACTS)], b"", KINDS)
    failures: list[BaseException] = []
    done: list[bool] = []

    def read() -> None:
        try:
            latest = 0
            while not done:
                for number in range(0, FACTS, 7):
                    assert store.find(key(f"n{number}")) == number
                    value = store.value(number)
                    turn = int(value[:4])
                    assert value == b"%04d" % turn * 40
                    assert turn >= latest
                    latest = turn
                    assert number in store.readers(0)
        except BaseException as failure:  # noqa: BLE001  told by the test
            failures.append(failure)

    threads = [Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(1, TURNS):
        changed = [(number, fact(f"n{number}", b"%04d" % turn * 40, (0,))) for number in range(FACTS)]
        store.save(changed, b"", KINDS)
    done.append(True)
    for thread in threads:
        thread.join()
    assert failures == []
