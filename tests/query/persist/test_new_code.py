"""Covers code that changed between two processes: what it computed is computed again, and nothing else."""

import pytest
from tests.query.persist.project import Project

PROGRAM = """
    from world import *
    LIMIT = 10

    def helper(value):
        return value + 1

    @query(uses=(helper,))
    def declared(db, path):
        ran("declared")
        return helper(len(text(db, path)))

    @query
    def undeclared(db, path):
        ran("undeclared")
        return helper(len(text(db, path)))

    @query
    def size(db, path):
        "Return its length."
        ran("size")
        return len(text(db, path))

    @query
    def top(db, path):
        ran("top")
        return size(db, path), declared(db, path)
"""
DEMANDS = ("top(db, 'f')", "undeclared(db, 'f')")


@pytest.fixture
def coded(project: Project) -> Project:
    """The program, which has run once."""
    project.write("program.py", PROGRAM)
    project.write("f", "abc")
    assert project.asks(*DEMANDS).said == ["(3, 4)", "4"]
    assert project.asks(*DEMANDS).ran == []
    return project


def edited(project: Project, old: str, new: str, program: str = PROGRAM) -> str:
    assert old in program
    program = program.replace(old, new)
    project.write("program.py", program)
    return program


def test_an_edited_query_runs_and_who_reads_it_runs_if_its_value_changed(coded: Project) -> None:
    edited(coded, "return len(", "return 100 * len(")
    told = coded.asks(*DEMANDS)
    assert (told.said, sorted(told.ran)) == (["(300, 4)", "4"], ["load f", "size", "top"])
    assert coded.asks(*DEMANDS).ran == []


def test_an_edit_that_gives_the_same_value_runs_that_query_alone(coded: Project) -> None:
    edited(coded, "return len(", "return 1 * len(")
    told = coded.asks(*DEMANDS)
    assert (told.said, set(told.ran) - {"load f"}) == (["(3, 4)", "4"], {"size"})
    assert coded.asks(*DEMANDS).ran == []


def test_moving_code_and_other_words_in_a_docstring_run_nothing(coded: Project) -> None:
    program = edited(coded, "LIMIT = 10", "# A long\n    # comment.\n\n    LIMIT = 10")
    edited(coded, "Return its length.", "Give how long it is.", program)
    told = coded.asks(*DEMANDS)
    assert (told.said, told.ran) == (["(3, 4)", "4"], [])


def test_an_edited_helper_is_seen_where_it_is_declared_and_only_there(coded: Project) -> None:
    edited(coded, "value + 1", "value + 2")
    told = coded.asks(*DEMANDS)
    assert (told.said, set(told.ran) - {"load f"}) == (["(3, 5)", "4"], {"declared", "top"})


def test_a_constant_that_is_declared_counts(project: Project) -> None:
    program = PROGRAM.replace("uses=(helper,)", "uses=(helper, LIMIT)")
    project.write("program.py", program)
    project.write("f", "abc")
    project.asks(*DEMANDS)
    edited(project, "LIMIT = 10", "LIMIT = 11", program)
    assert set(project.asks(*DEMANDS).ran) - {"load f"} == {"declared"}


def test_an_edit_that_is_taken_back_is_followed_both_ways(coded: Project) -> None:
    edited(coded, "return len(", "return 100 * len(")
    assert coded.asks(*DEMANDS).said == ["(300, 4)", "4"]
    coded.write("program.py", PROGRAM)
    assert coded.asks(*DEMANDS).said == ["(3, 4)", "4"]
    edited(coded, "return len(", "return 100 * len(")
    coded.asks("undeclared(db, 'f')")
    coded.write("program.py", PROGRAM)
    assert coded.asks(*DEMANDS).said == ["(3, 4)", "4"]


def test_a_query_that_is_removed_and_comes_back_edited_is_not_believed(coded: Project) -> None:
    without = edited(coded, "return size(db, path), declared", "return 0, declared")
    before, _, rest = without.partition("    @query\n    def size")
    coded.write("program.py", before + "    @query\n    def top" + rest.partition("    def top")[2])
    assert coded.asks(*DEMANDS).said == ["(0, 4)", "4"]
    edited(coded, "return len(", "return 7 * len(")
    assert coded.asks(*DEMANDS).said == ["(21, 4)", "4"]


def test_a_removed_query_whose_name_stands_for_another_one_is_missed_by_its_readers(coded: Project) -> None:
    edited(
        coded,
        "    @query\n    def top",
        "    @query\n    def another(db, path):\n        return -1\n\n    size = another\n\n    @query\n    def top",
        edited(coded, "    @query\n    def size", "    def size"),
    )
    assert coded.asks(*DEMANDS).said == ["(-1, 4)", "4"]


def test_a_new_query_reads_what_is_remembered(coded: Project) -> None:
    coded.write("program.py", PROGRAM + "\n    @query\n    def new(db, path):\n        return size(db, path) + 1\n")
    told = coded.asks("new(db, 'f')", *DEMANDS)
    assert (told.said, told.ran) == (["4", "(3, 4)", "4"], [])


def test_an_edited_loader_is_asked_again(project: Project) -> None:
    program = """
        from world import *
        @input(stamp=stamp)
        def number(path):
            ran("load")
            return int(Path(path).read_text())
        @query
        def double(db, path):
            ran("double")
            return 2 * number(db, path)
    """
    project.write("program.py", program)
    project.write("n", "1")
    assert project.asks("double(db, 'n')").said == ["2"]
    edited(project, "return int(", "return 1 * int(", program)
    told = project.asks("double(db, 'n')")
    assert (told.said, told.ran) == (["2"], ["load"])
    edited(project, "return int(", "return 5 + int(", program)
    assert project.asks("double(db, 'n')").said == ["12"]


def test_what_was_set_stays_when_the_loader_is_edited(project: Project) -> None:
    program = """
        from world import *
        @input
        def number(path):
            return 1
        @query
        def double(db, path):
            return 2 * number(db, path)
    """
    project.write("program.py", program)
    project.run("""
        from program import *
        with opened() as engine:
            engine.set(number.at("n"), 50)
            with engine.begin() as db:
                say(double(db, "n"))
    """)
    edited(project, "return 1", "return 2", program)
    assert project.asks("double(db, 'n')", "number(db, 'n')").said == ["100", "50"]
    edited(project, "return 1", "return 3", program)
    told = project.run("""
        from program import *
        with opened() as engine:
            engine.set(number.at("n"), 60)
            with engine.begin() as db:
                say(double(db, "n"))
            engine.unset(number.at("n"))
            with engine.begin() as db:
                say(double(db, "n"))
    """)
    assert told.said == ["120", "6"]


def test_an_option_that_changes_what_is_believed_counts_as_code(project: Project) -> None:
    program = """
        from world import *
        @query
        def clock(db, key):
            return Path("clock").read_text()
        @query(on_cycle=Fallback(lambda key: "first"))
        def ring(db, key):
            return ring(db, key)
        @query
        def flaky(db, key):
            raise OSError(Path("clock").read_text())
    """
    demands = ("clock(db, 0)", "ring(db, 0)", "flaky(db, 0)")
    project.write("program.py", program)
    project.write("clock", "one")
    assert project.asks(*demands).said == ["one", "first", "OSError: one"]
    project.write("clock", "two")
    assert project.asks(*demands).said == ["one", "first", "OSError: one"], "nobody told the engine"
    program = edited(project, "@query\n        def clock", "@query(volatile=True)\n        def clock", program)
    program = edited(project, '"first"', '"second"', program)
    edited(project, "@query\n        def flaky", "@query(transient=(OSError,))\n        def flaky", program)
    assert project.asks(*demands).said == ["two", "second", "OSError: two"]


def test_edited_queries_are_seen_after_a_process_that_only_set_an_input(coded: Project) -> None:
    edited(coded, "return len(", "return 100 * len(")
    coded.run("""
        from program import *
        with opened() as engine:
            engine.set(bare.at("x"), "x")
    """)
    assert coded.asks(*DEMANDS).said == ["(300, 4)", "4"]


def test_another_version_of_the_engine_is_set_aside_with_one_line(coded: Project) -> None:
    coded.write("newer.py", "import jeton.query.kept\njeton.query.kept.FORMAT = 'another'\n")
    told = coded.run("import newer\nfrom program import *\nwith opened() as e, e.begin() as db: say(top(db, 'f'))")
    assert told.said == ["(3, 4)"]
    assert "top" in told.ran
    (line,) = told.warnings
    assert "store/facts: written by another version" in line
    told = coded.asks(*DEMANDS)
    assert told.said == ["(3, 4)", "4"]
    assert len(told.warnings) == 1
    assert coded.asks(*DEMANDS).ran == []


@pytest.mark.parametrize("change", ["edited", "removed"])
def test_an_interrupt_while_the_store_is_compared_loses_no_edit(coded: Project, change: str) -> None:
    more = """
    @input
    def plain(path):
        if Path("stop").exists():
            Path("stop").unlink()
            raise KeyboardInterrupt
        return 1

    @query
    def with_plain(db, path):
        return top(db, path), plain(db, path)
"""
    coded.write("program.py", PROGRAM + more)
    assert coded.asks("with_plain(db, 'f')").said == ["((3, 4), 1)"]
    program = PROGRAM.replace("return len(text(db, path))", "return 100 * len(text(db, path))")
    if change == "removed":
        program = program.replace("    @query\n    def size", "    @query\n    def new_size")
        program = program.replace("    @query\n    def top", "    size = new_size\n\n    @query\n    def top")
    coded.write("program.py", program + more)
    coded.write("stop", "")
    told = coded.run("""
        from program import *
        with opened() as engine:
            try:
                engine.begin()
            except KeyboardInterrupt:
                say("interrupted")
            with engine.begin() as db:
                say(with_plain(db, "f"))
    """)
    assert told.said == ["interrupted", "((300, 4), 1)"]


def test_two_scripts_that_share_a_store_and_no_query_go_on_by_themselves(coded: Project) -> None:
    script = """
        from world import *
        @query
        def {name}(db, path):
            ran("{name}")
            return "{name}", text(db, path)
        with opened() as engine, engine.begin() as db:
            say({name}(db, "f"))
    """
    for turn in range(2):
        for name in ("one", "two"):
            told = coded.run(script.format(name=name))
            assert told.said == [f"('{name}', 'abc')"]
            assert told.warnings == []
        assert coded.asks(*DEMANDS).ran == [], turn


def test_two_queries_of_one_name_are_not_mixed_up(coded: Project) -> None:
    coded.write(
        "program.py",
        PROGRAM
        + """
    class Plugin:
        def __init__(self, number):
            self.number = number
            self.closed = lambda: 1

    def made(plugin):
        @query
        def check(db, path):
            return plugin.number * len(text(db, path))
        return check

    one, two = made(Plugin(1)), made(Plugin(2))

    @query
    def both(db, path):
        return one(db, path), two(db, path)
    """,
    )
    for _ in range(3):
        assert coded.asks("one(db, 'f')", "two(db, 'f')", "both(db, 'f')").said == ["3", "6", "(3, 6)"]
    assert coded.asks("two(db, 'f')").said == ["6"]
    coded.write("f", "long")
    assert coded.asks("one(db, 'f')", "both(db, 'f')").said == ["4", "(4, 8)"]
