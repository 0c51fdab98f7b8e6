"""Covers real processes: writers that are killed, two that save into one folder, and readers beside them."""

from random import Random

import pytest
from tests.store.children import SRC, Child
from tests.store.fact_world import KINDS, SALT, Stores, fact, key, said, sample

SAVE = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(SRC.parent)!r})
from tests.store.fact_world import KINDS, SALT, fact
from jeton.store import facts
facts._FOLD_FROM = 20_000
store = facts.FactStore.open(Path(sys.argv[1]), salt=SALT, warn=lambda line: os.write(1, line.encode() + b"\\n"))
tag, turns = sys.argv[2], int(sys.argv[3])
first = int(store.meta.split()[1]) + 1 if store.meta else 0
os.write(1, b"ready\\n")
if sys.argv[4:]:
    sys.stdin.readline()
for turn in range(first, first + turns):
    mark = f"{{tag}} {{turn}}".encode()
    here = [(store.find(fact(name).key), fact(name, mark * 20, reads)) for name, reads in
            (("a", ()), ("b", (0,)), ("c", (0, 1)), ("d", (2,)))]
    store.save(here, mark, KINDS)
    if turn % 5 == 4:
        store.rewrite([0, 1, 2, 3])
    os.write(1, b"%d\\n" % turn)
"""


def assert_of_one_save(stores: Stores) -> tuple[str, int]:
    """Hold that all that is there is of one save; give who did it, and in which turn."""
    store = stores.open()
    found = said(store)
    mark = store.meta
    assert set(found) == set(map(key, "abcd"))
    assert {one.fact.value for one in found.values()} == {mark * 20}
    assert found[key("c")].reads == (key("a"), key("b"))
    tag, turn = mark.decode().split()
    return tag, int(turn)


def test_a_killed_writer_leaves_the_last_save_or_the_one_it_was_about(stores: Stores) -> None:
    """The writers come one after another, each going on where the killed one was."""
    random = Random(3)
    for _ in range(25):
        with Child(SAVE, stores.folder, "w", "1000000") as writer:
            assert writer.says() == "ready"
            turns = [int(writer.says()) for _ in range(random.randrange(1, 40))]
            writer.kill()
            turns += map(int, writer.rest())
        assert turns == list(range(turns[0], turns[-1] + 1)), "no warnings, and no gap"
        assert assert_of_one_save(stores)[1] - turns[-1] in (0, 1)
    assert stores.warnings == []


def test_of_two_processes_that_save_at_once_one_is_seen_whole_at_any_time(stores: Stores) -> None:
    with (
        Child(SAVE, stores.folder, "one", "300", "wait") as one,
        Child(SAVE, stores.folder, "two", "300", "wait") as two,
    ):
        assert [one.says(), two.says()] == ["ready", "ready"]
        one.hears("go")
        two.hears("go")
        assert one.says() == "0"
        while not (one.ended and two.ended):
            tag, turn = assert_of_one_save(stores)
            assert tag in ("one", "two")
            assert 0 <= turn < 300
        assert one.rest() == [str(turn) for turn in range(1, 300)]
        assert two.rest() == [str(turn) for turn in range(300)]
    assert assert_of_one_save(stores)[1] == 299
    assert stores.warnings == []


@pytest.mark.parametrize("first_saves_twice", [False, True])
def test_the_last_to_save_wins_whole(stores: Stores, first_saves_twice: bool) -> None:
    sample(stores.open())
    one, two = stores.open(), stores.open()
    one.save([(0, fact("a0", b"of one")), (None, fact("one"))], b"one", KINDS)
    if first_saves_twice:
        one.save([(None, fact("one too"))], b"one", KINDS)
    two.save([(None, fact("two"))], b"two", KINDS)
    found = said(stores.open())
    assert found == said(two)
    assert key("two") in found
    assert key("one") not in found
    assert found[key("a0")].fact.value == b"text of a"
    assert key("one") in said(one), "who had it open goes on with it"
    one.save([], b"one again", KINDS)
    assert said(stores.open()) == said(one)
    assert stores.warnings == []


def test_two_that_began_with_nothing_do_not_mix_either(stores: Stores) -> None:
    one, two = stores.open(), stores.open()
    one.save([(None, fact("one"))], b"one", KINDS)
    one.save([(None, fact("one too"))], b"one", KINDS)
    two.save([(None, fact("two"))], b"two", KINDS)
    assert said(stores.open()) == said(two)
    two.rewrite([0])
    one.rewrite([1])
    assert [*said(stores.open())] == [key("one too")]
    assert stores.warnings == []
    assert stores.open()._salt == SALT
