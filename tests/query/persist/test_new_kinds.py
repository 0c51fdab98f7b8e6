"""Covers what is remembered of queries of every kind: effects, rings, volatile and transient ones, maps, coroutines."""

import pytest
from tests.query.persist.project import Project

EFFECTS = """
    from world import *
    NOTES, OTHERS = Effect("notes"), Effect("others")

    @query
    def low(db, path):
        ran(f"low {path}")
        for word in text(db, path).split():
            db.emit(OTHERS if word == "other" else NOTES, f"{path}:{word}")
        return 0

    @query
    def middle(db, path):
        ran(f"middle {path}")
        db.emit(NOTES, "before")
        low(db, path)
        db.emit(NOTES, "between")
        return low(db, "common")

    @query
    def high(db, key):
        ran("high")
        return [middle(db, path) for path in ("f", "g")]
"""
NOTED = "['before', 'f:one', 'between', 'common:c', 'before', 'g:two', 'between']"


@pytest.fixture
def telling(project: Project) -> Project:
    project.write("program.py", EFFECTS)
    for name, content in {"f": "one", "g": "two other", "common": "c"}.items():
        project.write(name, content)
    assert project.asks("db.effects(NOTES, high, 0)").said == [NOTED]
    return project


def test_effects_are_told_again_in_order_and_nothing_runs(telling: Project) -> None:
    told = telling.asks("db.effects(NOTES, high, 0)", "db.effects(OTHERS, high, 0)", "db.effects(NOTES, low, 'g')")
    assert told.said == [NOTED, "['g:other']", "['g:two']"]
    assert told.ran == []


def test_effects_of_what_ran_and_of_what_is_remembered_stand_in_one_order(telling: Project) -> None:
    telling.write("g", "two three")
    told = telling.asks("db.effects(NOTES, high, 0)")
    assert told.said == [NOTED.replace("'g:two'", "'g:two', 'g:three'")]
    assert told.ran == ["load g", "low g"]


def test_an_effect_that_is_new_far_below_is_found_by_the_process_after(telling: Project) -> None:
    telling.write("common", "c other")
    telling.asks("high(db, 0)")
    told = telling.asks("db.effects(OTHERS, high, 0)")
    assert (told.said, told.ran) == (["['common:other', 'g:other']"], [])


def test_effects_that_are_gone_are_gone(telling: Project) -> None:
    for name in ("f", "g", "common"):
        telling.write(name, "")
    telling.asks("high(db, 0)")
    assert telling.asks("db.effects(NOTES, high, 0)").said == ["['before', 'between', 'before', 'between']"]


KINDS = """
    from world import *

    @query(volatile=True)
    def clock(db, key):
        ran("clock")
        return Path("clock").read_text()

    @query
    def hour(db, key):
        ran("hour")
        return clock(db, key).split(":")[0]

    @query(transient=(OSError,))
    def fetched(db, key):
        ran("fetched")
        if not Path("net").exists():
            raise OSError("no network")
        return 1

    @query
    def shown(db, key):
        ran("shown")
        return tried(fetched, db, key)

    @query
    def item(db, path):
        ran(f"item {path}")
        return len(text(db, path))

    @query
    def total(db, paths):
        ran("total")
        return sum(db.map(item, paths))

    @query(lru=1)
    def large(db, path):
        ran(f"large {path}")
        return text(db, path) * 2

    @query
    async def page(db, path):
        ran(f"page {path}")
        return await db.call(item, path)

    @query
    async def pages(db, paths):
        ran("pages")
        return sum(await db.gather(page, paths))

    @query
    def book(db, path):
        ran("book")
        return db.wait(page, path), text(db, "title")
"""


@pytest.fixture
def kinds(project: Project) -> Project:
    project.write("program.py", KINDS)
    for name in ("f", "g", "h"):
        project.write(name, name)
    project.write("clock", "1:00")
    project.write("title", "t")
    return project


def test_a_volatile_query_runs_in_each_process_and_its_readers_where_it_changed(kinds: Project) -> None:
    assert kinds.asks("hour(db, 0)").said == ["1"]
    told = kinds.asks("hour(db, 0)")
    assert (told.said, told.ran) == (["1"], ["clock"])
    kinds.write("clock", "1:30")
    told = kinds.asks("hour(db, 0)")
    assert (told.said, told.ran) == (["1"], ["clock", "hour"])
    kinds.write("clock", "2:00")
    assert kinds.asks("hour(db, 0)").said == ["2"]


def test_what_goes_by_a_transient_failure_does_not_outlast_the_process(kinds: Project) -> None:
    assert kinds.asks("shown(db, 0)").said == ["OSError: no network"]
    told = kinds.asks("shown(db, 0)")
    assert (told.said, told.ran) == (["OSError: no network"], ["shown", "fetched"])
    kinds.write("net", "")
    assert kinds.asks("shown(db, 0)").said == ["1"]
    told = kinds.asks("shown(db, 0)")
    assert (told.said, told.ran) == (["1"], [])


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_map_is_verified_item_by_item(kinds: Project, jobs: int) -> None:
    demand = "total(db, ('f', 'g', 'h', 'f'))"
    assert kinds.asks(demand, options=f"jobs={jobs}").said == ["4"]
    kinds.write("g", "G")
    told = kinds.asks(demand, options=f"jobs={jobs}")
    assert (told.said, sorted(told.ran)) == (["4"], ["item g", "load g"])
    kinds.remove("f")
    told = kinds.asks(demand, options=f"jobs={jobs}")
    assert "FileNotFoundError" in told.said[0]
    kinds.write("f", "ff")
    assert kinds.asks(demand, options=f"jobs={jobs}").said == ["6"]


def test_values_that_were_dropped_from_memory_are_kept(kinds: Project) -> None:
    demands = ("large(db, 'f')", "large(db, 'g')", "large(db, 'f')")
    expected = ["ff", "gg", "ff"]
    assert kinds.asks(*demands).said == expected
    told = kinds.asks(*demands, *demands)
    assert (told.said, told.ran) == (expected * 2, [])
    kinds.write("f", "new")
    told = kinds.asks(*demands, *demands)
    assert told.said == ["newnew", "gg", "newnew"] * 2
    assert kinds.asks(*demands).ran == []


def test_coroutines_are_remembered(kinds: Project) -> None:
    demands = ("db.wait(pages, ('f', 'g'))", "book(db, 'f')")
    assert kinds.asks(*demands).said == ["2", "(1, 't')"]
    told = kinds.asks(*demands)
    assert (told.said, told.ran) == (["2", "(1, 't')"], [])
    kinds.write("title", "other")
    told = kinds.asks(*demands)
    assert (told.said, sorted(told.ran)) == (["2", "(1, 'other')"], ["book", "load title"])
    kinds.write("g", "gg")
    told = kinds.asks(*demands)
    assert (told.said, sorted(told.ran)) == (["3", "(1, 'other')"], ["item g", "load g", "page g", "pages"])


RINGS = """
    from world import *

    def edges(db, node):
        return text(db, node).split()

    @query(uses=(edges,), on_cycle=Fixpoint(initial=lambda node: frozenset()))
    def reach(db, node):
        ran(f"reach {node}")
        return frozenset({node}).union(*[reach(db, other) for other in edges(db, node)])

    @query(uses=(edges,))
    def strict(db, node):
        ran(f"strict {node}")
        return 1 + sum(strict(db, other) for other in edges(db, node))

    @query(uses=(edges,), on_cycle=Fallback(lambda node: -1))
    def mild(db, node):
        ran(f"mild {node}")
        return 1 + sum(mild(db, other) for other in edges(db, node))
"""
RING_DEMANDS = (
    "[''.join(sorted(reach(db, node))) for node in 'abcd']",
    *("strict(db, 'a')", "strict(db, 'd')", "mild(db, 'b')", "mild(db, 'd')"),
)


def ring(project: Project, **edges: str) -> tuple[list[str], list[str]]:
    for name, others in edges.items():
        project.write(name, others)
    told = project.asks(*RING_DEMANDS)
    return told.said, told.ran


def test_rings_and_fixpoints_are_remembered_and_change_with_their_edges(project: Project) -> None:
    project.write("program.py", RINGS)
    cycle = "CycleError: strict('a'): depends on itself: strict('a') -> strict('b') -> strict('a')"
    first = ["['abd', 'abd', 'abcd', 'd']", cycle, "1", "-1", "1"]
    assert ring(project, a="b", b="a d", c="a", d="")[0] == first
    assert ring(project) == (first, [])
    assert ring(project, a="b", c="a b")[0] == first
    assert ring(project, b="d")[0] == ["['abd', 'bd', 'abcd', 'd']", "3", "1", "2", "1"]
    assert ring(project, d="a")[0][0] == "['abd', 'abd', 'abcd', 'abd']"
    assert ring(project)[1] == []
    assert ring(project, d="")[0] == ["['abd', 'bd', 'abcd', 'd']", "3", "1", "2", "1"]
    assert ring(project, b="a d")[0] == first


DEEP = """
    from world import *

    @query
    def link(db, number):
        return text(db, "end") if not number else link(db, number - 1)

    @query
    def length(db, number):
        return len(link(db, number))
"""
LENGTH = 100_000


def test_a_chain_of_100_000_is_saved_believed_and_verified_in_new_processes(project: Project) -> None:
    project.write("program.py", DEEP)
    project.write("end", "abc")
    demand = f"length(db, {LENGTH})"
    assert project.asks(demand).said == ["3"]
    project.write("end", "abc")
    told = project.asks(demand)
    assert (told.said, told.ran) == (["3"], ["load end"])
