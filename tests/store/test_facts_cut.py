"""Covers every state that a kill can leave on disk: each step of a save and of a rewrite, cut at each byte."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.store.fact_world import KINDS, Stores, fact, said, sample

from jeton.store import facts
from jeton.store.change_log import FoundLog, read_log
from jeton.store.facts import FactStore
from jeton.store.snapshot import Generation


def assert_goes_on(stores: Stores, names: int) -> None:
    """Hold that a store can be saved to and opened again, whatever was left beside it."""
    store = stores.open()
    before = said(store)
    assert len(before) == names
    store.save([(None, fact("after"))], b"after", KINDS)
    again = stores.open()
    assert said(again) == said(store)
    assert len(said(again)) == names + 1
    assert again.meta == b"after"


def test_a_log_cut_at_any_byte_holds_the_whole_saves_before_and_goes_on(stores: Stores) -> None:
    store = stores.open()
    states, ends = [], []
    for turn in range(4):
        sample(store, turn)
        states.append(said(stores.open()))
        ends.append(stores.log_path.stat().st_size if stores.log_path.exists() else 0)
    files = stores.files()
    assert ends[-1] == len(files["facts.log"])
    for cut in range(len(files["facts.log"]) + 1):
        stores.lay({**files, "facts.log": files["facts.log"][:cut]})
        whole = sum(end <= cut for end in ends)
        assert said(stores.open()) == states[whole - 1], cut
        if cut % 7 == 0 or cut in ends:
            assert_goes_on(stores, 5 * whole)
    assert stores.warnings == []


def test_a_torn_tail_is_cut_off_by_the_process_that_saw_it_and_by_one_that_did_not(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    whole = stores.files()["facts.log"]
    sample(store, 2)
    torn = stores.files()["facts.log"][len(whole) : -1]
    for opened_after in (False, True):
        stores.lay({**stores.files(), "facts.log": whole})
        before = stores.open()
        with stores.log_path.open("ab") as log:
            log.write(torn)
        store = stores.open() if opened_after else before
        snapshot = stores.path.stat().st_ino
        store.save([(None, fact("after"))], b"after", KINDS)
        assert len(said(stores.open())) == 11
        assert stores.path.stat().st_ino == snapshot, "a torn tail is nobody's save"


def test_a_log_and_a_snapshot_begun_beside_their_places_are_nothing(stores: Stores) -> None:
    """What a kill leaves before either renaming."""
    store = stores.open()
    sample(store)
    one = stores.files()
    sample(store, 1)
    two = stores.files()
    store.rewrite(range(5))
    new = stores.files()["facts"]
    log = two["facts.log"]
    for cut in range(0, len(log) + 1, 3):
        stores.lay({**one, "facts.log.new": log[:cut]})
        assert_goes_on(stores, 5)
    for cut in range(0, len(new) + 1, 3):
        stores.lay({**two, "facts.new": new[:cut]})
        assert_goes_on(stores, 10)
    assert stores.warnings == []


def test_a_log_older_than_its_snapshot_is_nothing(stores: Stores) -> None:
    """What a kill leaves between the renaming of a snapshot and the removal of the log before it."""
    store = stores.open()
    sample(store)
    sample(store, 1)
    old_log = stores.files()["facts.log"]
    for _ in range(3):  # a log may be several snapshots older, if each of the writers was killed there
        store.rewrite(range(5))
        stores.log_path.write_bytes(old_log)
        assert len(said(stores.open())) == 5
    assert_goes_on(stores, 5)
    assert stores.warnings == []


def test_a_snapshot_cut_at_any_byte_is_set_aside(stores: Stores) -> None:
    """No kill leaves that, but a disk may."""
    sample(stores.open())
    data = stores.files()["facts"]
    for cut in range(len(data)):
        stores.lay({"facts": data[:cut]})
        stores.warnings.clear()
        assert said(stores.open()) == {}
        assert len(stores.warnings) == 1
        assert (stores.folder / "facts.aside").read_bytes() == data[:cut]


def test_a_log_whose_snapshot_is_gone_is_nothing(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    log = stores.files()["facts.log"]
    stores.lay({"facts.log": log})
    assert_goes_on(stores, 0)
    assert stores.warnings == []


def test_a_reader_goes_on_with_what_it_opened(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    reader = stores.open()
    before = said(reader)
    store.rewrite([0])
    stores.path.unlink()
    assert said(reader) == before


@pytest.mark.parametrize("how", [FactStore.look, None])
@pytest.mark.parametrize("saves_after", [0, 1])
def test_a_snapshot_replaced_between_the_two_looks_is_looked_at_again(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, how: Callable[[Path], FactStore] | None, saves_after: int
) -> None:
    """A reader maps the snapshot; before it comes to the log, another process replaces both.

    reader: map snapshot 1                                          read log: not of snapshot 1, or none: again
    writer:                 snapshot 2, remove log, maybe a new log
    """
    store = stores.open()
    sample(store)
    sample(store, 1)

    def replace() -> None:
        store.rewrite(range(7))
        for _ in range(saves_after):
            sample(store, 2)

    interrupt = [replace]

    def late(path: Path, generation: Generation) -> FoundLog:
        if interrupt:
            interrupt.pop()()
        return read_log(path, generation)

    with monkeypatch.context() as patched:
        patched.setattr(facts, "read_log", late)
        reader = stores.open() if how is None else how(stores.folder)
    assert interrupt == []
    assert said(reader) == said(store)
    assert len(said(reader)) == 7 + 5 * saves_after
    assert stores.warnings == []
