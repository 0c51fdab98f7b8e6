"""Covers `verify`: a query that sees what the engine does not is reported by name and key, once; others never are."""

import pytest
from tests.query.persist.project import Project

PROGRAM = """
    from world import *

    @query
    def impure(db, key):
        return Path("unseen").read_text() + key

    @query
    def pure(db, key):
        return impure(db, key) + "!"

    @query
    def purer(db, key):
        return pure(db, key) + text(db, "f")

    @query(persist=False)
    def passing(db, key):
        return purer(db, key).upper()

    @query(volatile=True)
    def honest(db, key):
        return Path("unseen").read_text()

    @query
    def many(db, count):
        return sum(db.map(one, range(count)))

    @query
    def one(db, number):
        ran("one")
        return number
"""


@pytest.fixture
def program(project: Project) -> Project:
    project.write("program.py", PROGRAM)
    project.write("unseen", "a")
    project.write("f", "f")
    project.asks("passing(db, 'k')", "honest(db, 0)")
    return project


def test_an_impure_query_is_reported_in_one_line_with_its_key_and_its_readers_are_not(program: Project) -> None:
    program.write("unseen", "b")
    assert program.asks("purer(db, 'k')").warnings == []
    told = program.asks("purer(db, 'k')", "passing(db, 'k')", "honest(db, 0)", options="verify=1.0")
    (line,) = told.warnings
    assert line.startswith("impure('k'): gave another value though nothing that it read has changed")
    assert told.said == ["bk!f", "BK!F", "b"]
    told = program.asks("purer(db, 'k')", "passing(db, 'k')", options="verify=1.0")
    assert (told.said, told.warnings) == (["bk!f", "BK!F"], []), "the new value was kept"


@pytest.mark.parametrize("first", ["impure", "pure", "purer", "passing"])
def test_it_is_reported_once_wherever_one_begins(program: Project, first: str) -> None:
    program.write("unseen", "b")
    told = program.run(f"""
        from program import *
        with opened(verify=1.0) as engine:
            for _ in range(3):
                with engine.begin() as db:
                    {first}(db, "k")
                    passing(db, "k")
                with engine.begin() as db:
                    say(passing(db, "k"))
                engine.refresh()
            say(len(engine.reported))
    """)
    assert told.said == ["BK!F", "BK!F", "BK!F", "1"]
    assert len(told.warnings) == 1


def test_it_is_reported_while_its_reads_change_too(program: Project) -> None:
    program.write("unseen", "b")
    program.write("f", "g")
    told = program.asks("passing(db, 'k')", options="verify=1.0")
    assert told.said == ["BK!G"]
    assert [line.partition(":")[0] for line in told.warnings] == ["impure('k')"]


def test_a_pure_program_is_never_reported_whatever_changes(program: Project) -> None:
    for content in ("one", "two", "two", "three"):
        program.write("f", content)
        told = program.asks("passing(db, 'k')", options="verify=1.0")
        assert (told.said, told.warnings) == ([f"AK!{content.upper()}"], [])


def test_what_was_found_is_computed_anew_by_the_process_after_a_refresh_that_reaches_all(program: Project) -> None:
    program.write("unseen", "b")
    program.asks("impure(db, 'k')", options="verify=1.0")
    assert program.asks("passing(db, 'k')").said == ["BK!F"]


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.1, 5, 60), (0.5, 150, 250), (1.0, 400, 400)])
def test_the_share_is_about_what_was_asked_for(program: Project, share: float, least: int, most: int) -> None:
    demand = "sum(one(db, number) for number in range(400))"
    program.asks(demand)
    told = program.asks(demand, options=f"verify={share}")
    assert least <= len(told.ran) <= most
    assert (told.said, told.warnings) == (["79800"], [])


def test_another_share_is_checked_in_each_process(program: Project) -> None:
    program.write("program.py", PROGRAM.replace('ran("one")', 'ran(f"one {number}")'))
    demand = "sum(one(db, number) for number in range(400))"
    checked = [program.asks(demand, "text(db, 'f')", options="verify=0.1").ran for _ in range(3)]
    assert checked[1] != checked[2]


def test_a_failure_that_turns_to_a_value_is_reported(project: Project) -> None:
    project.write(
        "program.py",
        """
        from world import *
        @query
        def opens(db, path):
            return Path(path).read_text()
        @query
        def shown(db, path):
            return tried(opens, db, path)
        """,
    )
    missing = ["FileNotFoundError: [Errno 2] No such file or directory: 'unseen'"]
    assert project.asks("shown(db, 'unseen')").said == missing
    told = project.asks("shown(db, 'unseen')", options="verify=1.0")
    assert (told.said, told.warnings) == (missing, []), "the same failure is no other value"
    project.write("unseen", "there")
    assert project.asks("shown(db, 'unseen')").said == missing
    told = project.asks("shown(db, 'unseen')", options="verify=1.0")
    assert told.said == ["there"]
    assert [line.partition(":")[0] for line in told.warnings] == ["opens('unseen')"]
