"""Covers a store in good health: saving, finding again, folding the log, keeping what is asked for."""

import os
from pathlib import Path

import pytest
from tests.store.fact_world import INPUT, KINDS, Stores, assert_readers_cover_reads, fact, key, said, sample

from jeton.store.facts import FactStore


def test_a_new_store_is_empty_writes_nothing_and_says_nothing(stores: Stores) -> None:
    store = stores.open()
    assert (store.count, store.meta, store.kinds, store.find(key("a"))) == (0, b"", [], None)
    assert list(store.with_flag(INPUT)) == []
    with pytest.raises(IndexError):
        store.fact(0)
    store.close()
    assert not stores.folder.exists()
    assert stores.warnings == []


def test_what_was_saved_is_there_for_the_saver_and_for_whoever_opens(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    here = said(store)
    there = said(stores.open())
    assert here == there
    assert len(here) == 5
    assert here[key("exports0")].reads == (key("a0"), key("b0"))
    assert here[key("a0")].readers == {key("exports0"), key("check0")}
    assert here[key("exports0")].fact.value == b"x" * 300
    assert here[key("check0")].reads == (key("exports0"), key("a0"), key("exports0"))
    assert stores.open().meta == b"meta 0"
    assert stores.open().kinds == KINDS
    assert stores.warnings == []


def test_numbers_are_handed_out_in_order_and_stay(stores: Stores) -> None:
    store = stores.open()
    assert store.save([(None, fact("a")), (None, fact("b"))], b"", KINDS) == [0, 1]
    assert store.save([(1, fact("b", b"2")), (None, fact("c")), (0, fact("a", b"2"))], b"", KINDS) == [1, 2, 0]
    assert [stores.open().find(key(name)) for name in "abcd"] == [0, 1, 2, None]


def test_a_second_save_leaves_the_snapshot_alone(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    before = stores.path.stat()
    sample(store, 1)
    after = stores.path.stat()
    assert (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
    assert said(stores.open()) == said(store)
    assert store.count == 10


def test_a_value_of_none_stays_what_it_was_over_saves_openings_and_folding(stores: Stores) -> None:
    store = stores.open()
    store.save([(None, fact("a", b"the value")), (None, fact("b", b"other"))], b"", KINDS)
    for turn in range(3):
        store.save([(0, store.fact(0)._replace(verified_at=turn))], b"", KINDS)
        assert store.value(0) == b"the value"
        store = stores.open()
        assert store.value(0) == b"the value"
        assert store.fact(0).verified_at == turn
    store.save([(0, fact("a", b"new"))], b"", KINDS)
    store.save([(0, store.fact(0))], b"", KINDS)
    assert store.value(0) == stores.open().value(0) == b"new"
    store.rewrite([0, 1])
    assert store.value(0) == stores.open().value(0) == b"new"


def test_a_changed_fact_is_found_by_what_it_reads_now(stores: Stores) -> None:
    store = stores.open()
    store.save([(None, fact("a")), (None, fact("b")), (None, fact("c", b"", (0,)))], b"", KINDS)
    store.save([(2, fact("c", b"", (1,)))], b"", KINDS)
    for each in (store, stores.open()):
        assert each.reads(2) == (1,)
        assert 2 in each.readers(1)
    store.rewrite([0, 2])
    assert said(store)[key("a")].readers == frozenset()


def test_a_large_log_is_folded_into_a_new_snapshot_with_the_same_numbers(stores: Stores) -> None:
    store = stores.open()
    store.save([(None, fact(str(number), b"x" * 1000)) for number in range(1000)], b"", KINDS)
    snapshots = {stores.path.stat().st_ino}
    logs = []
    for turn in range(12):
        store.save([(number, fact(str(number), b"%d" % turn * 1000)) for number in range(300)], b"%d" % turn, KINDS)
        snapshots.add(stores.path.stat().st_ino)
        logs.append(stores.log_path.stat().st_size if stores.log_path.exists() else 0)
        assert stores.open().meta == b"%d" % turn
    assert 0 in logs
    assert max(logs) > 300_000
    assert max(logs) <= 1 << 20
    assert said(stores.open()) == said(store)
    assert stores.open().value(7) == b"11" * 1000
    assert stores.open().value(700) == b"x" * 1000


def test_a_rewrite_keeps_what_the_roots_read_and_tells_the_new_numbers(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    before = said(store)
    check = store.find(key("check1"))
    assert check is not None
    numbers = store.rewrite([check], meta=b"after")
    assert numbers == {5: 0, 6: 1, 7: 2, 8: 3}
    after = said(store)
    assert after == {each: before[each] for each in map(key, ("a1", "b1", "exports1", "check1"))}
    assert said(stores.open()) == after
    assert (store.meta, store.kinds) == (b"after", KINDS)


def test_pruning_keeps_what_was_asked_for_lately(stores: Stores) -> None:
    store = stores.open()
    for turn in range(4):  # check was asked for in session turn + 1, lonely in session turn
        sample(store, turn)
    store.prune(2)
    assert {one.fact.name.decode() for one in said(store).values()} == {
        *("a2", "b2", "exports2", "check2"),
        *("a3", "b3", "exports3", "check3", "lonely3"),
    }
    store.prune(1, session=9)
    assert said(stores.open()) == said(store) == {}


def test_closure_is_the_roots_and_all_that_they_read(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    assert store.closure([3]) == {0, 1, 2, 3}
    assert store.closure([4, 0]) == {0, 4}
    assert store.closure([]) == set()


def test_what_reads_a_number_that_is_none_is_refused_and_nothing_saved(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    files = stores.files()
    for changed in ([(None, fact("x", b"", (6,)))], [(5, fact("x"))], [(0, fact("a0")), (0, fact("a0"))]):
        with pytest.raises(ValueError, match=r"^(fact [56]: there are|a fact is saved twice at once)"):
            store.save(changed, b"", KINDS)
    with pytest.raises(ValueError, match="16 bytes"):
        store.save([(None, fact("x")._replace(key=b"short"))], b"", KINDS)
    assert stores.files() == files
    assert store.count == 5


def test_a_fact_may_read_itself_and_later_ones(stores: Stores) -> None:
    """A cycle is kept as it is."""
    store = stores.open()
    store.save([(None, fact("a", b"", (1, 0))), (None, fact("b", b"", (0,)))], b"", KINDS)
    found = said(stores.open())
    assert found[key("a")].readers == {key("a"), key("b")}
    assert store.closure([1]) == {0, 1}


def test_a_save_without_facts_keeps_the_owner_s_state(stores: Stores) -> None:
    store = stores.open()
    store.save([], b"one", ["k"])
    store.save([], b"two", ["k", "l"])
    again = stores.open()
    assert (again.meta, again.kinds, again.count) == (b"two", ["k", "l"], 0)


def test_a_closed_store_has_nothing_and_saves_nothing(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    files = stores.files()
    store.close()
    store.close()
    assert store.count == 0
    with pytest.raises(ValueError, match="closed"):
        store.save([(None, fact("x"))], b"", KINDS)
    assert stores.files() == files


def test_a_failed_save_leaves_disk_and_memory_as_they_were(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    files, before = stores.files(), said(store)
    real = os.write

    def half(fd: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return real(fd, data[: len(data) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            sample(store, 2)
    assert stores.files() == files
    assert said(store) == said(stores.open()) == before
    sample(store, 2)
    assert said(stores.open()) == said(store)
    assert store.count == 15


def test_a_failed_rewrite_leaves_disk_and_memory_as_they_were(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    files, before = stores.files(), said(store)

    def fail(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            store.rewrite([0])
    assert stores.files() == files
    assert stores.names() == {"facts", "facts.log", "facts.lock"}
    assert said(store) == said(stores.open()) == before


def test_a_salt_longer_than_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        FactStore.open(tmp_path, salt="x" * 65, warn=print)


def test_readers_are_never_missing_however_the_facts_came(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    sample(store, 1)
    store.save([(3, fact("check0", None, (6, 5, 4)))], b"", KINDS)
    store.save([(None, fact("top", b"", (3, 8, 0)))], b"", KINDS)
    for each in (store, stores.open()):
        assert_readers_cover_reads(said(each))
    store.rewrite(range(store.count))
    assert_readers_cover_reads(said(store))


def test_looking_at_a_store_needs_no_salt_and_changes_nothing(stores: Stores) -> None:
    sample(stores.open())
    files = stores.files()
    assert said(FactStore.look(stores.folder)) == said(stores.open())
    assert stores.files() == files
    with pytest.raises(FileNotFoundError):
        FactStore.look(stores.folder / "nothing here")
