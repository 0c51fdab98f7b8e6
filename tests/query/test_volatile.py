"""Covers queries that see what the engine does not: they run again after a refresh, and at no other time."""

from tests.query.scenario import Runs

from jeton.query import Db, Engine, input, query  # noqa: A004  the engine's word

SEEN = {"count": 0, "mood": 0}
NOTED = Runs()


@input
def unrelated() -> int:
    return 0


@query(volatile=True)
def counted(db: Db) -> int:
    SEEN["count"] += 1
    return SEEN["count"]


@query(volatile=True)
def mood(db: Db) -> int:
    NOTED.note("mood")
    return SEEN["mood"]


@query
def reader(db: Db) -> int:
    NOTED.note("reader")
    return mood(db)


def test_it_runs_once_between_two_refreshes(engine: Engine) -> None:
    first = counted(engine.begin())
    engine.cancel()
    engine.set(unrelated.at(), SEEN["count"] + 1000)
    assert counted(engine.begin()) == first
    engine.refresh()
    db = engine.begin()
    assert [counted(db), counted(db)] == [first + 1] * 2


def test_readers_run_only_where_it_gives_another_value(engine: Engine) -> None:
    reader(engine.begin())
    NOTED.take()
    engine.refresh()
    reader(engine.begin())
    assert NOTED.take() == ["mood"]
    SEEN["mood"] += 1
    engine.refresh()
    assert reader(engine.begin()) == SEEN["mood"]
    assert NOTED.take() == ["mood", "reader"]


def test_refreshes_in_a_row_are_as_one(engine: Engine) -> None:
    reader(engine.begin())
    NOTED.take()
    for _ in range(4):
        engine.refresh()
    reader(engine.begin())
    assert NOTED.take() == ["mood"]


def test_refresh_does_not_count_it_among_the_inputs_that_changed(engine: Engine) -> None:
    counted(engine.begin())
    assert engine.refresh() == 0


def test_a_volatile_query_that_reads_is_rerun_by_what_it_read_too(engine: Engine) -> None:
    @query(volatile=True)
    def mixed(db: Db) -> int:
        NOTED.note("mixed")
        return unrelated(db)

    engine.set(unrelated.at(), 1)
    assert mixed(engine.begin()) == 1
    engine.set(unrelated.at(), 2)
    assert mixed(engine.begin()) == 2
    engine.set(unrelated.at(), 3)
    engine.refresh()
    assert mixed(engine.begin()) == 3
    engine.refresh()
    engine.set(unrelated.at(), 4)
    assert mixed(engine.begin()) == 4
    NOTED.take()


def test_a_chain_of_volatile_queries(engine: Engine) -> None:
    @query(volatile=True)
    def level(db: Db, number: int) -> int:
        NOTED.note(number)
        return SEEN["mood"] if number == 0 else level(db, number - 1)

    level(engine.begin(), 3)
    NOTED.take()
    for _ in range(2):
        SEEN["mood"] += 1
        engine.refresh()
        assert level(engine.begin(), 3) == SEEN["mood"]
        assert sorted(NOTED.take()) == [0, 1, 2, 3]


def test_one_that_was_never_demanded_again_stays_forgotten(engine: Engine) -> None:
    reader(engine.begin())
    engine.refresh()
    engine.refresh()
    SEEN["mood"] += 1
    NOTED.take()
    assert reader(engine.begin()) == SEEN["mood"]
    assert NOTED.take() == ["mood", "reader"]


def test_volatile_results_in_a_map_are_run_again(engine: Engine) -> None:
    @query(volatile=True)
    def item(db: Db, number: int) -> int:
        return SEEN["mood"] + number

    @query
    def every(db: Db) -> tuple[int, ...]:
        return tuple(db.map(item, range(10)))

    for _ in range(3):
        SEEN["mood"] += 1
        engine.refresh()
        assert every(engine.begin()) == tuple(SEEN["mood"] + number for number in range(10))
