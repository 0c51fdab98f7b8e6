"""Covers modules that are imported when sessions have been: they are remembered and looked at as all others are."""

import pytest
from tests.query.persist.project import Project

PROGRAM = """
    from world import *

    @query
    def size(db, path):
        ran("size")
        return len(text(db, path))
"""

LATE = """
    from world import *

    @input(stamp=stamp)
    def late_text(path):
        return Path(path).read_text()

    @query
    def late(db, path):
        ran("late")
        return late_text(db, path)

    @query(volatile=True)
    def late_clock(db, key):
        return Path("clock").read_text()

    @query
    def late_hour(db, key):
        return late_clock(db, key)
"""
LATE_RUN = """
    from program import *
    with opened() as engine:
        with engine.begin() as db:
            size(db, "f")
        from late import *
        with engine.begin() as db:
            say(late(db, "g"), late_hour(db, 0))
"""


@pytest.fixture
def with_late(project: Project) -> Project:
    """A program with a module that is imported when a session has been."""
    project.write("program.py", PROGRAM)
    project.write("late.py", LATE)
    for name, content in {"f": "abc", "g": "g1", "clock": "one"}.items():
        project.write(name, content)
    assert project.run(LATE_RUN).said == ["g1 one"]
    return project


def test_a_late_module_is_remembered_too(with_late: Project) -> None:
    told = with_late.run(LATE_RUN)
    assert (told.said, told.ran) == (["g1 one"], [])


def test_inputs_of_a_late_module_are_looked_at(with_late: Project) -> None:
    with_late.write("g", "g2")
    assert with_late.run(LATE_RUN).said == ["g2 one"]


def test_volatile_queries_of_a_late_module_run(with_late: Project) -> None:
    with_late.write("clock", "two")
    assert with_late.run(LATE_RUN).said == ["g1 two"]


def test_edited_queries_of_a_late_module_run(with_late: Project) -> None:
    with_late.write("late.py", LATE.replace("return late_text(", "return '!' + late_text("))
    assert with_late.run(LATE_RUN).said == ["!g1 one"]


@pytest.mark.parametrize("imported", ["", "import late"])
def test_edited_queries_that_no_session_has_looked_at_are_seen_by_the_next_process(
    with_late: Project, imported: str
) -> None:
    with_late.write("late.py", LATE.replace("return late_text(", "return '!' + late_text("))
    with_late.write("f", "abcdef")
    with_late.run(f"""
        from program import *
        with opened() as engine:
            with engine.begin() as db:
                say(size(db, "f"))
            {imported}
    """)
    assert with_late.run(LATE_RUN).said == ["!g1 one"]
