"""Covers any order of saving, opening, folding, rewriting and pruning, by two owners, against a plain dict."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.store.fact_world import KINDS, Stores, fact, key, said

from jeton.store import facts
from jeton.store.facts import FactStore

NAMES = [f"n{number}" for number in range(12)]


class Known(NamedTuple):
    value: bytes
    reads: tuple[bytes, ...]
    asked_at: int
    flags: int
    verified_at: int


Model = dict[bytes, Known]


class StoreMachine(RuleBasedStateMachine):
    """Two stores of one folder, each with a model of what it should see, and a model of what is on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory(prefix="jeton-model-")
        self.stores = Stores(Path(self.temporary.name) / "s")
        self.disk: tuple[Model, bytes] = ({}, b"")
        self.opened: list[FactStore] = [self.stores.open(), self.stores.open()]
        self.models: list[tuple[Model, bytes]] = [({}, b""), ({}, b"")]
        self.turn = 0

    @rule(
        who=st.integers(0, 1),
        names=st.lists(st.sampled_from(NAMES), max_size=6, unique=True),
        reads=st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=6, max_size=6),
        values=st.lists(st.none() | st.binary(max_size=40), min_size=6, max_size=6),
        asked=st.integers(0, 6),
        flags=st.integers(0, 7),
    )
    def save(
        self,
        who: int,
        names: list[str],
        reads: list[list[int]],
        values: list[bytes | None],
        asked: int,
        flags: int,
    ) -> None:
        store, model = self.opened[who], dict(self.models[who][0])
        keys = [store.fact(number).key for number in range(store.count)]
        numbers = [store.find(key(name)) for name in names]
        keys += [key(name) for name, number in zip(names, numbers, strict=True) if number is None]
        changed = []
        self.turn += 1
        for name, number, read, value in zip(names, numbers, reads, values, strict=False):
            mine = tuple(each % len(keys) for each in read)
            known = model.get(key(name))
            kept = known.value if value is None and known is not None else value or b""
            one = fact(name, value, mine, asked_at=asked, flags=flags, verified_at=self.turn)
            changed.append((number, one))
            model[key(name)] = Known(kept, tuple(keys[each] for each in mine), asked, flags, self.turn)
        meta = b"%d" % self.turn
        new = iter(range(store.count, len(keys)))
        expected = [next(new) if number is None else number for number in numbers]
        assert store.save(changed, meta, KINDS) == expected
        self.models[who] = self.disk = (model, meta)

    @rule(who=st.integers(0, 1))
    def reopen(self, who: int) -> None:
        self.opened[who].close()
        self.opened[who] = self.stores.open()
        self.models[who] = self.disk

    @rule(who=st.integers(0, 1), roots=st.lists(st.integers(0, 30), max_size=3))
    def rewrite(self, who: int, roots: list[int]) -> None:
        store, (model, meta) = self.opened[who], self.models[who]
        if not store.count:
            return
        before = [store.fact(number).key for number in range(store.count)]
        kept = reached(model, {before[root % store.count] for root in roots})
        numbers = store.rewrite([root % store.count for root in roots])
        after = [store.fact(number).key for number in range(store.count)]
        assert {before[old]: after[new] for old, new in numbers.items()} == {each: each for each in kept}
        self.models[who] = self.disk = ({each: model[each] for each in kept}, meta)

    @rule(who=st.integers(0, 1), keep=st.integers(1, 4))
    def prune(self, who: int, keep: int) -> None:
        model, meta = self.models[who]
        last = max((known.asked_at for known in model.values()), default=0)
        roots = {each for each, known in model.items() if known.asked_at and known.asked_at > last - keep}
        self.opened[who].prune(keep)
        self.models[who] = self.disk = ({each: model[each] for each in reached(model, roots)}, meta)

    @invariant()
    def everything_is_as_the_model_has_it(self) -> None:
        for store, (model, meta) in zip([*self.opened, self.stores.open()], [*self.models, self.disk], strict=True):
            found = said(store)
            assert store.meta == meta
            assert {
                each: Known(one.fact.value or b"", one.reads, one.fact.asked_at, one.fact.flags, one.fact.verified_at)
                for each, one in found.items()
            } == model
            for each, known in model.items():
                assert all(each in found[read].readers for read in known.reads)
        assert self.stores.warnings == []

    def teardown(self) -> None:
        self.temporary.cleanup()


def reached(model: Model, roots: set[bytes]) -> set[bytes]:
    found, todo = set(roots), [*roots]
    while todo:
        for read in model[todo.pop()].reads:
            if read not in found:
                found.add(read)
                todo.append(read)
    return found


@pytest.fixture(autouse=True)
def small_logs_are_folded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_FOLD_FROM", 900)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
