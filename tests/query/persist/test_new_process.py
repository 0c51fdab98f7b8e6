"""Covers what a new process runs: nothing when nothing changed, else the reach of the change as far as values change.

The program is a small compiler: its front reads files, a firewall of exports lets through what others can see.
"""

import os

import pytest
from tests.query.persist.project import Project

COMPILER = """
    from world import *

    @query(persist=False)
    def parsed(db, path):
        ran(f"parsed {path}")
        lines = [line.partition("#")[0].strip() for line in text(db, path).splitlines()]
        return [line for line in lines if line]

    @query
    def exports(db, path):
        ran(f"exports {path}")
        return tuple(line.partition("=")[0].strip() for line in parsed(db, path) if "=" in line)

    @query
    def imports(db, path):
        ran(f"imports {path}")
        return tuple(line.split()[1] for line in parsed(db, path) if line.startswith("use "))

    @query
    def check(db, path):
        ran(f"check {path}")
        return [name for used in imports(db, path) for name in exports(db, used)]

    @query
    def program(db, main):
        ran(f"program {main}")
        return {path: check(db, path) for path in (main, *imports(db, main))}
"""
FILES = {"main": "use one\nuse two\n", "one": "a = 1\nuse two\n", "two": "b = 2\n", "other": "z = 1\n"}
RESULT = "{'main': ['a', 'b'], 'one': ['b'], 'two': []}"


@pytest.fixture
def compiler(project: Project) -> Project:
    """The program, which has run once."""
    project.write("program.py", COMPILER)
    for name, content in FILES.items():
        project.write(name, content)
    first = project.asks("program(db, 'main')", "check(db, 'other')")
    assert first.said == [RESULT, "[]"]
    assert first.ran.count("program main") == 1
    return project


def test_an_unchanged_run_runs_nothing_and_loads_nothing(compiler: Project) -> None:
    for _ in range(3):
        told = compiler.asks("program(db, 'main')")
        assert (told.said, told.ran, told.warnings) == ([RESULT], [], [])


def test_only_what_is_asked_for_becomes_a_node(compiler: Project) -> None:
    told = compiler.run("""
        from program import *
        with opened() as engine:
            with engine.begin() as db:
                check(db, "other")
            say(sorted(map(repr, engine._core.nodes())))
    """)
    assert told.said == ["[\"check('other')\"]"]


def test_a_changed_input_runs_exactly_its_reach(compiler: Project) -> None:
    compiler.write("two", "b = 2\nc = 3\n")
    told = compiler.asks("program(db, 'main')", "check(db, 'other')")
    assert told.said == ["{'main': ['a', 'b', 'c'], 'one': ['b', 'c'], 'two': []}", "[]"]
    assert sorted(told.ran) == [
        *("check main", "check one"),
        *("exports two", "imports two", "load two", "parsed two", "program main"),
    ]
    assert compiler.asks("program(db, 'main')").ran == []


def test_a_change_inside_a_file_stops_at_the_firewall(compiler: Project) -> None:
    compiler.write("two", "b = 2000\n")
    told = compiler.asks("program(db, 'main')")
    assert told.said == [RESULT]
    assert sorted(told.ran) == ["exports two", "imports two", "load two", "parsed two"]
    assert compiler.asks("program(db, 'main')").ran == []


def test_a_comment_stops_below_the_firewall(compiler: Project) -> None:
    compiler.write("two", "b = 2  # a comment\n")
    told = compiler.asks("program(db, 'main')")
    assert told.said == [RESULT]
    assert {"load two", "parsed two"} <= set(told.ran) <= {"exports two", "imports two", "load two", "parsed two"}
    assert compiler.asks("program(db, 'main')").ran == []


def test_what_is_not_demanded_stays_suspect_until_it_is(compiler: Project) -> None:
    compiler.write("two", "b = 2\nc = 3\n")
    compiler.asks("check(db, 'other')")
    assert compiler.asks("exports(db, 'two')").said == ["('b', 'c')"]
    told = compiler.asks("program(db, 'main')")
    assert told.said == ["{'main': ['a', 'b', 'c'], 'one': ['b', 'c'], 'two': []}"]
    assert "exports two" not in told.ran, "it ran in the process before"


def test_a_change_that_is_taken_back_between_two_processes_runs_nothing_above_the_input(compiler: Project) -> None:
    compiler.write("two", "b = 2\nc = 3\n")
    compiler.asks("check(db, 'other')")
    compiler.write("two", FILES["two"])
    told = compiler.asks("program(db, 'main')")
    assert (told.said, told.ran) == ([RESULT], ["load two"])


def test_a_value_that_is_not_kept_is_computed_again_only_when_wanted(compiler: Project) -> None:
    told = compiler.asks("exports(db, 'two')")
    assert (told.said, told.ran) == (["('b',)"], [])
    told = compiler.asks("parsed(db, 'two')")
    assert (told.said, told.ran) == (["['b = 2']"], ["parsed two", "load two"])
    compiler.write("two", "c = 3\n")
    assert compiler.asks("exports(db, 'two')").ran[0] == "load two"


def test_a_stamp_that_moved_over_the_same_content_runs_the_loader_alone(compiler: Project) -> None:
    compiler.write("two", FILES["two"])
    told = compiler.asks("program(db, 'main')")
    assert (told.said, told.ran) == ([RESULT], ["load two"])
    assert compiler.asks("program(db, 'main')").ran == [], "the new stamp was kept"


def test_a_change_that_leaves_the_stamp_is_not_seen(compiler: Project) -> None:
    path = compiler.folder / "two"
    before = path.stat()
    path.write_text("d = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    told = compiler.asks("program(db, 'main')")
    assert (told.said, told.ran) == ([RESULT], [])


def test_a_file_that_goes_and_comes_back_is_followed(compiler: Project) -> None:
    compiler.remove("two")
    gone = compiler.asks("program(db, 'main')")
    assert gone.said == ["FileNotFoundError: [Errno 2] No such file or directory: 'two'"]
    assert compiler.asks("check(db, 'main')").said == gone.said
    compiler.write("two", "e = 5\n")
    assert compiler.asks("program(db, 'main')").said == ["{'main': ['a', 'e'], 'one': ['e'], 'two': []}"]


def test_a_file_that_was_moved_away_and_back_with_its_stamp_is_there_again(compiler: Project) -> None:
    path = compiler.folder / "two"
    path.rename(compiler.folder / "away")
    assert "FileNotFoundError" in compiler.asks("program(db, 'main')").said[0]
    (compiler.folder / "away").rename(path)
    assert compiler.asks("program(db, 'main')").said == [RESULT]


def test_a_loader_without_a_stamp_is_asked_once_at_the_beginning(project: Project) -> None:
    project.write(
        "program.py",
        """
        from world import *
        @input
        def number(path):
            ran(f"load {path}")
            return int(Path(path).read_text())
        @query
        def double(db, path):
            ran(f"double {path}")
            return 2 * number(db, path)
        """,
    )
    project.write("n", "1")
    assert project.asks("double(db, 'n')").said == ["2"]
    told = project.asks("double(db, 'n')")
    assert (told.said, told.ran) == (["2"], ["load n"])
    project.write("n", "01")
    told = project.asks("double(db, 'n')")
    assert (told.said, set(told.ran)) == (["2"], {"load n"})
    project.write("n", "4")
    assert project.asks("double(db, 'n')").said == ["8"]


OPTIONAL = """
    from world import *
    @query
    def option(db, path):
        ran(f"option {path}")
        return text(db, path)
    @query
    def shown(db, path):
        ran(f"shown {path}")
        try:
            return option(db, path)
        except FileNotFoundError:
            return "default"
"""


def test_a_file_that_is_still_not_there_runs_nothing_above_its_loader(project: Project) -> None:
    project.write("program.py", OPTIONAL)
    assert project.asks("shown(db, 'f')").said == ["default"]
    told = project.asks("shown(db, 'f')")
    assert told.said == ["default"]
    assert set(told.ran) <= {"load f"}
    project.write("f", "text")
    assert project.asks("shown(db, 'f')").said == ["text"]
    project.remove("f")
    assert project.asks("shown(db, 'f')").said == ["default"]


def test_a_failure_is_remembered_and_stops_what_reads_it_when_it_is_the_same(project: Project) -> None:
    project.write(
        "program.py",
        """
        from world import *
        @query
        def strict(db, path):
            ran("strict")
            raise ValueError(f"{path}: has {len(text(db, path))} letters")
        @query
        def lenient(db, path):
            ran("lenient")
            return tried(strict, db, path)
        """,
    )
    project.write("f", "abc")
    expected = ["ValueError: f: has 3 letters"]
    assert project.asks("lenient(db, 'f')").said == expected
    told = project.asks("strict(db, 'f')", "lenient(db, 'f')")
    assert (told.said, told.ran) == (expected * 2, [])
    project.write("f", "xyz")
    told = project.asks("lenient(db, 'f')")
    assert (told.said, told.ran) == (expected, ["load f", "strict"])
    project.write("f", "long")
    assert project.asks("lenient(db, 'f')").said == ["ValueError: f: has 4 letters"]


def test_a_failure_that_does_not_unpickle_is_computed_again(project: Project) -> None:
    project.write(
        "program.py",
        """
        from world import *
        class Odd(Exception):
            def __init__(self, one, two):
                super().__init__(f"{one}, {two}")
        @query
        def odd(db, key):
            ran("odd")
            raise Odd(key, bare(db, "f"))
        @query
        def above(db, key):
            ran("above")
            return tried(odd, db, key)
        """,
    )
    project.write("f", "x")
    for _ in range(2):
        assert project.asks("odd(db, 1)").said == ["Odd: 1, x"]
        assert project.asks("above(db, 1)").said == ["Odd: 1, x"]
    project.write("f", "y")
    assert project.asks("above(db, 1)").said == ["Odd: 1, y"]
