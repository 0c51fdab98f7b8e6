"""Covers files that cannot be trusted: no access ever gives what was not saved, and nobody sees a traceback."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.store.fact_world import KINDS, Stores, fact, key, said, sample

from jeton.store.fact import Damaged, Fact
from jeton.store.facts import FactStore

T = TypeVar("T")


class Expected:
    """A state of a store that may be found, by numbers."""

    def __init__(self, store: FactStore) -> None:
        self.meta, self.kinds, self.count = store.meta, store.kinds, store.count
        self.facts = [store.fact(number) for number in range(store.count)]
        self.values = [store.value(number) for number in range(store.count)]
        self.readers = [tuple(store.readers(number)) for number in range(store.count)]
        self.flagged = {bit: list(store.with_flag(bit)) for bit in (1, 2, 4)}


def filled(stores: Stores) -> tuple[dict[str, bytes], list[Expected]]:
    """Give a store's files, and what is there: in all, in the snapshot alone, and in nothing."""
    store = stores.open()
    empty = Expected(store)
    sample(store)
    snapshot_alone = Expected(stores.open())
    sample(store, 1)
    store.save([(3, store.fact(3)._replace(verified_at=7)), (None, fact("top", b"t", (3, 8)))], b"last", KINDS)
    whole = Expected(stores.open())
    return stores.files(), [whole, snapshot_alone, empty]


def tried(ask: Callable[[], T], damages: list[Damaged]) -> T | None:
    try:
        return ask()
    except Damaged as damage:
        damages.append(damage)
        return None


def assert_right_or_damaged(store: FactStore, expected: Expected, at: object) -> list[Damaged]:
    """Ask for everything, and give every Damaged that was raised."""
    damages: list[Damaged] = []
    assert (store.meta, store.kinds, store.count) == (expected.meta, expected.kinds, expected.count), at
    for number, there in enumerate(expected.facts):
        assert tried(lambda number=number: store.fact(number), damages) in (there, None), at  # type: ignore[misc]
        assert tried(lambda number=number: store.reads(number), damages) in (there.reads, None), at  # type: ignore[misc]
        assert tried(lambda number=number: store.value(number), damages) in (expected.values[number], None), at  # type: ignore[misc]
        readers = tried(lambda number=number: tuple(store.readers(number)), damages)  # type: ignore[misc]
        assert readers in (expected.readers[number], None), at
        assert_found(store, there.key, there, damages, at)
    for stranger in map(key, ("x", "y", "z")):
        assert_found(store, stranger, None, damages, at)
    for bit, flagged in expected.flagged.items():
        assert tried(lambda bit=bit: list(store.with_flag(bit)), damages) in (flagged, None), at  # type: ignore[misc]
    return damages


def assert_found(store: FactStore, wanted: bytes, there: Fact | None, damages: list[Damaged], at: object) -> None:
    """Hold that a look-up gives the fact, a miss, or Damaged."""
    number = tried(lambda: store.find(wanted), damages)
    if number is not None:
        assert tried(lambda: store.fact(number), damages) in (there, None), at


@pytest.mark.parametrize("name", ["facts", "facts.log"])
def test_with_any_byte_flipped_everything_is_right_or_a_miss_or_damaged(stores: Stores, name: str) -> None:
    files, states = filled(stores)
    unnoticed = 0
    for at in range(len(files[name])):
        data = bytearray(files[name])
        data[at] ^= (0x01, 0x80, 0xFF)[at % 3]
        stores.lay({**files, name: bytes(data)})
        stores.warnings.clear()
        store = stores.open()
        expected = states[0]
        if stores.warnings:
            (line,) = stores.warnings
            assert "\n" not in line
            assert f"set aside as {name}.aside" in line or "facts.log.aside and facts.aside" in line, (at, line)
            expected = states[1 if name == "facts.log" else 2]
        damages = assert_right_or_damaged(store, expected, at)
        for damage in damages:
            assert "\n" not in str(damage)
            assert str(damage).startswith(f"{stores.folder}/facts")
        unnoticed += not damages and not stores.warnings
        if damages:
            store.set_aside(damages[0])
            assert store.count == 0
            sample(store)
            assert len(said(stores.open())) == 5
    # Spaces between sections, slots of the table that nobody looks at, and the nonce of the log.
    assert unnoticed < len(files[name]) / 3


def test_two_files_that_do_not_belong_together_are_never_mixed(stores: Stores) -> None:
    files, states = filled(stores)
    stores.lay({})
    other = stores.open()
    other.save([(None, fact("other"))], b"", KINDS)
    other.save([(0, fact("other", b"2"))], b"", KINDS)
    there = stores.files()
    stores.lay({"facts": files["facts"], "facts.log": there["facts.log"]})
    assert_right_or_damaged(stores.open(), states[1], "a log of another store")
    assert len(stores.warnings) == 1
    assert "continues another snapshot" in stores.warnings[0]
    assert "going on without it" in stores.warnings[0]


def test_entries_that_changed_places_are_not_taken_for_each_other(stores: Stores) -> None:
    store = stores.open()
    store.save([(None, fact("aa", b"1")), (None, fact("bb", b"2"))], b"", KINDS)
    data = stores.path.read_bytes()
    first, second = data.index(key("aa")), data.index(key("bb"))
    size = second - first
    swapped = data[:first] + data[second : second + size] + data[first:second] + data[second + size :]
    assert len(swapped) == len(data)
    stores.path.write_bytes(swapped)
    store = stores.open()
    for number in (0, 1):
        with pytest.raises(Damaged, match=rf"facts: fact {number} is damaged"):
            store.fact(number)


def test_another_salt_is_set_aside_and_the_other_owner_is_told(stores: Stores) -> None:
    sample(stores.open())
    sample(stores.open(), 1)
    store = stores.open("another version")
    assert store.count == 0
    (line,) = stores.warnings
    assert line == (
        f"{stores.path}: written by another version of its owner; "
        "set aside as facts.log.aside and facts.aside, starting anew"
    )
    sample(store)
    assert len(said(stores.open("another version"))) == 5
    assert len(stores.warnings) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        bytes(4096),
        b"SQLite format 3\0" + bytes(4096),
        b"jeton facts 2\n\0\0" + bytes(4096),
        b"\x7fELF" * 500,
    ],
    ids=["empty", "one byte", "zeros", "a database", "another version", "a program"],
)
def test_a_foreign_file_in_its_place_is_set_aside(stores: Stores, data: bytes) -> None:
    for name in ("facts", "facts.log"):
        files, states = filled(stores)
        stores.lay({**files, name: data})
        stores.warnings.clear()
        assert_right_or_damaged(stores.open(), states[2 if name == "facts" else 1], name)
        if name == "facts" or len(data) > 60:
            (line,) = stores.warnings
            assert "not a snapshot of this version" in line or "not a log of this version" in line
            assert (stores.folder / f"{name}.aside").read_bytes() == data
        stores.lay({})


def test_a_second_thing_set_aside_takes_the_place_of_the_first(stores: Stores) -> None:
    for turn in range(3):
        stores.lay({"facts": b"junk %d" % turn})
        stores.open()
    assert stores.names() == {"facts.aside", "facts.lock"}


def test_setting_aside_spares_what_another_process_saved_meanwhile(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    other = stores.open()
    sample(other, 1)
    store.set_aside()
    assert store.count == 0
    assert len(said(stores.open())) == 10
    assert stores.warnings == []


def test_damage_found_while_copying_is_told_and_nothing_replaced(stores: Stores) -> None:
    store = stores.open()
    sample(store)
    data = stores.path.read_bytes()
    stores.path.write_bytes(data.replace(b"exports0", b"Exports0", 1))
    store = stores.open()
    damaged = stores.files()
    with pytest.raises(Damaged, match="fact 2 is damaged"):
        store.rewrite(range(5))
    with pytest.raises(Damaged, match="fact 2 is damaged"):
        store.prune(1)
    assert stores.files() == damaged
