"""Covers what cannot be kept: one warning for each query, right results, and the next process computes it again."""

import pytest
from tests.query.persist.project import Project

PROGRAM = """
    from world import *

    class Token:
        "A key by identity, which no other process has."
        def __init__(self):
            self.closed = lambda: 1

    @query
    def maker(db, path):
        ran(f"maker {path}")
        length = len(text(db, path))
        return lambda: length

    @query
    def uses(db, path):
        ran(f"uses {path}")
        return maker(db, path)()

    @query
    def keyed(db, token):
        ran("keyed")
        return len(text(db, "f"))

    @query
    def tells(db, path):
        ran("tells")
        db.emit(Effect("notes"), lambda: text)
        return len(text(db, path))

    @query
    def fails(db, path):
        ran("fails")
        error = ValueError(len(text(db, path)))
        error.hidden = lambda: 1
        raise error

    @query
    def above(db, path):
        ran("above")
        return keyed(db, Token()) + tells(db, path) + len(tried(fails, db, path))

    @query
    def plain(db, path):
        ran("plain")
        return len(text(db, path))

    @input
    def setting(name):
        return 0

    @query
    def settled(db, name):
        ran("settled")
        value = setting(db, name)
        return value() if callable(value) else value
"""


@pytest.fixture
def program(project: Project) -> Project:
    project.write("program.py", PROGRAM)
    for name in ("f", "g"):
        project.write(name, "abc")
    return project


def test_a_value_is_warned_of_once_for_each_query_and_the_rest_is_kept(program: Project) -> None:
    for _ in range(2):
        told = program.asks("uses(db, 'f')", "uses(db, 'g')", "plain(db, 'f')", "maker(db, 'f')()", "maker(db, 'g')()")
        assert told.said == ["3"] * 5
        (line,) = told.warnings
        assert line.startswith("maker('")
        assert "cannot be" in line
    told = program.asks("uses(db, 'f')", "plain(db, 'f')")
    assert (told.said, told.ran, told.warnings) == (["3", "3"], [], [])


def test_a_change_runs_it_and_all_above_since_nobody_can_tell_whether_it_is_the_same(program: Project) -> None:
    program.asks("uses(db, 'f')")
    program.write("f", "xyz")
    told = program.asks("uses(db, 'f')")
    assert (told.said, told.ran) == (["3"], ["load f", "maker f", "uses f"])
    program.write("f", "long")
    assert program.asks("uses(db, 'f')").said == ["4"]


def test_keys_effects_and_failures_are_left_out_with_a_warning_each_and_their_readers_run(program: Project) -> None:
    for content in ("abc", "abc", "abcd"):
        program.write("f", content)
        told = program.asks("above(db, 'f')", "plain(db, 'f')")
        assert told.said == [str(2 * len(content) + len(f"ValueError: {len(content)}")), str(len(content))]
        assert {"above", "keyed", "tells"} <= set(told.ran)
        assert sorted(line.partition("(")[0] for line in told.warnings) == ["fails", "keyed", "tells"]
    told = program.asks("plain(db, 'f')")
    assert (told.said, told.ran, told.warnings) == (["4"], [], [])


def test_a_setting_that_cannot_be_kept_is_gone_in_the_next_process_and_its_readers_know(program: Project) -> None:
    told = program.run("""
        from program import *
        with opened() as engine:
            for value in (lambda: 7, 5, lambda: 8):
                engine.set(setting.at("s"), value)
                with engine.begin() as db:
                    say(settled(db, "s"))
    """)
    assert told.said == ["7", "5", "8"]
    assert len(told.warnings) == 1
    assert program.asks("settled(db, 's')", "setting(db, 's')").said == ["0", "0"]


def test_a_loader_that_gives_something_that_cannot_be_kept_is_asked_and_its_readers_run(program: Project) -> None:
    program.write(
        "program.py",
        """
        from world import *
        @input
        def module(name):
            number = int(Path(name).read_text())
            return (lambda: number) if number else None
        @query
        def called(db, name):
            ran("called")
            function = module(db, name)
            return function() if function else 0
        """,
    )
    for number in ("0", "1", "2", "2", "0", "3"):
        program.write("f", number)
        assert program.asks("called(db, 'f')").said == [number]
    told = program.run("""
        from program import *
        with opened() as engine:
            for number in ("4", "5", "0", "6"):
                Path("f").write_text(number)
                engine.refresh()
                with engine.begin() as db:
                    say(called(db, "f"))
    """)
    assert told.said == ["4", "5", "0", "6"]


def test_a_class_that_is_gone_costs_what_was_of_it_and_nothing_else(program: Project) -> None:
    source = """
        from world import *
        class Old(str):
            pass
        class Key(str):
            pass
        @input
        def by_key(key):
            return len(key)
        @query
        def value(db, path):
            return Old(text(db, path)) if KEEP else text(db, path)
        @query
        def told(db, path):
            db.emit(Effect("notes"), Old(text(db, path)) if KEEP else text(db, path))
            return 1
        @query
        def keyed(db, path):
            return by_key(db, Key(path) if KEEP else path)
        @query
        def top(db, path):
            return value(db, path).upper(), told(db, path), keyed(db, path)
    """
    demands = ("top(db, 'f')", "db.effects(Effect('notes'), top, 'f')")
    program.write("program.py", "KEEP = True\n" + "\n".join(line[8:] for line in source.splitlines()))
    assert program.asks(*demands).said == ["('ABC', 1, 1)", "['abc']"]
    gone = source.replace("class Old(str):", "class New(str):").replace("class Key(str):", "class Newer(str):")
    program.write("program.py", "KEEP = False\n" + "\n".join(line[8:] for line in gone.splitlines()))
    for _ in range(2):
        told = program.asks(*demands, "value(db, 'f')", "told(db, 'f')", "keyed(db, 'f')")
        assert told.said == ["('ABC', 1, 1)", "['abc']", "abc", "1", "1"]
        # What it was made of is no part of its code, so the new class comes unannounced.
        assert {line.partition(":")[0] for line in told.warnings} <= {"value('f')"}
    program.write("f", "xy")
    assert program.asks(*demands).said == ["('XY', 1, 1)", "['xy']"]


def test_a_dropped_value_is_never_replaced_by_the_one_before(program: Project) -> None:
    program.write(
        "program.py",
        """
        from world import *
        @query(lru=1)
        def large(db, path):
            length = len(text(db, path))
            return [length] if length < 4 else [length, lambda: 1]
        """,
    )
    told = program.run("""
        from program import *
        with opened() as engine:
            for content in ("abc", "abcd", "abcde"):
                Path("f").write_text(content)
                engine.refresh()
                with engine.begin() as db:
                    say(large(db, "f")[0], large(db, "g")[0], large(db, "f")[0])
    """)
    assert told.said == ["3 3 3", "4 3 4", "5 3 5"]
