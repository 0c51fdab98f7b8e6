"""Covers inputs that were set, loaders without a default, and durability, over several processes."""

import pytest
from tests.query.persist.project import Project

PROGRAM = """
    from world import *

    @input
    def option(name):
        raise Unset

    @input(durability=Durability.HIGH, stamp=stamp)
    def system(path):
        ran(f"load {path}")
        return Path(path).read_text()

    @input(persist=False)
    def passing(path):
        return Path(path).read_text()

    @query
    def shout(db, path):
        ran("shout")
        return text(db, path).upper()

    @query
    def level(db, name):
        ran("level")
        return tried(option, db, name)

    @query
    def seen(db, path):
        ran("seen")
        return passing(db, path)

    @query
    def both(db, path):
        return text(db, path) + system(db, path)
"""


@pytest.fixture
def program(project: Project) -> Project:
    project.write("program.py", PROGRAM)
    project.write("f", "disk")
    return project


def changes(project: Project, change: str, *demands: str) -> tuple[list[str], list[str]]:
    """Run a process that makes a change first; give what it said and ran."""
    lines = "\n".join(f"        say(tried(lambda: {demand}))" for demand in demands)
    session = f"    with engine.begin() as db:\n{lines}\n" if demands else ""
    told = project.run(f"from program import *\nwith opened() as engine:\n    {change}\n{session}")
    assert told.warnings == []
    return told.said, told.ran


SET = "engine.set(text.at('f'), 'given')"


def test_what_was_set_stays_set_in_the_next_process_whatever_the_disk_says(program: Project) -> None:
    assert changes(program, SET, "shout(db, 'f')") == (["GIVEN"], ["shout"])
    program.write("f", "other")
    told = program.asks("shout(db, 'f')", "text(db, 'f')")
    assert (told.said, told.ran) == (["GIVEN", "given"], [])
    assert changes(program, "say(engine.refresh())", "shout(db, 'f')") == (["0", "GIVEN"], [])


def test_setting_the_same_value_again_runs_nothing(program: Project) -> None:
    changes(program, SET, "shout(db, 'f')")
    assert changes(program, SET, "shout(db, 'f')") == (["GIVEN"], [])


def test_setting_what_the_loader_gave_runs_nothing_and_keeps_it(program: Project) -> None:
    assert program.asks("shout(db, 'f')").said == ["DISK"]
    assert changes(program, "engine.set(text.at('f'), 'disk')", "shout(db, 'f')") == (["DISK"], [])
    program.write("f", "other")
    assert program.asks("shout(db, 'f')").said == ["DISK"]


def test_setting_another_value_runs_its_readers(program: Project) -> None:
    changes(program, SET, "shout(db, 'f')")
    assert changes(program, "engine.set(text.at('f'), 'new')", "shout(db, 'f')") == (["NEW"], ["shout"])
    assert program.asks("shout(db, 'f')").said == ["NEW"]


@pytest.mark.parametrize("ask_first", ["pass", "engine.begin()"])
def test_unset_goes_back_to_the_loader(program: Project, ask_first: str) -> None:
    changes(program, SET, "shout(db, 'f')")
    unset = f"{ask_first}; engine.unset(text.at('f'))"
    assert changes(program, unset, "shout(db, 'f')") == (["DISK"], ["load f", "shout"])
    assert program.asks("shout(db, 'f')").ran == []
    program.write("f", "other")
    assert program.asks("shout(db, 'f')").said == ["OTHER"]


def test_a_process_that_only_sets_is_heard_of_by_the_next(program: Project) -> None:
    program.asks("shout(db, 'f')")
    changes(program, SET)
    assert program.asks("shout(db, 'f')").said == ["GIVEN"]
    changes(program, "engine.unset(text.at('f'))")
    assert program.asks("shout(db, 'f')").said == ["DISK"]


def test_an_unset_option_is_a_failure_until_it_is_set(program: Project) -> None:
    assert program.asks("level(db, 'o')").said == ["Unset: "]
    assert program.asks("level(db, 'o')").said == ["Unset: "]
    assert changes(program, "engine.set(option.at('o'), 3)", "level(db, 'o')") == (["3"], ["level"])
    told = program.asks("level(db, 'o')")
    assert (told.said, told.ran) == (["3"], [])
    assert changes(program, "engine.unset(option.at('o'))", "level(db, 'o')")[0] == ["Unset: "]


def test_what_was_set_and_is_not_kept_is_gone_and_its_readers_know(program: Project) -> None:
    assert changes(program, "engine.set(passing.at('f'), 'given')", "seen(db, 'f')")[0] == ["given"]
    assert program.asks("seen(db, 'f')", "passing(db, 'f')", "seen(db, 'f')").said == ["disk"] * 3


def test_a_durable_input_is_looked_at_when_the_store_is_opened_and_by_a_durable_refresh(program: Project) -> None:
    assert program.asks("both(db, 'f')").said == ["diskdisk"]
    program.write("f", "new")
    assert program.asks("both(db, 'f')").said == ["newnew"]
    told = program.run("""
        from program import *
        with opened() as engine:
            with engine.begin() as db:
                say(both(db, "f"))
                system(db, "f")
            Path("f").write_text("newer")
            for durable in (False, True, True):
                say(engine.refresh(durable=durable))
                with engine.begin() as db:
                    say(both(db, "f"))
    """)
    assert told.said == ["newnew", "1", "newernew", "1", "newernewer", "0", "newernewer"]


def test_a_refresh_sees_inputs_that_are_no_nodes_yet(program: Project) -> None:
    program.asks("shout(db, 'f')")
    told = program.run("""
        from program import *
        with opened() as engine:
            engine.begin()
            Path("f").write_text("newer")
            say(engine.refresh(), engine.refresh())
            with engine.begin() as db:
                say(shout(db, "f"))
    """)
    assert told.said == ["1 0", "NEWER"]


def test_a_refresh_sees_inputs_that_verification_has_met_and_not_read(program: Project) -> None:
    program.write(
        "program.py",
        """
        from world import *
        @query
        def choice(db, key):
            return text(db, "g") if text(db, "f") == "disk" else ""
        @query
        def other(db, key):
            return text(db, "g")
        """,
    )
    program.write("g", "g1")
    assert program.asks("choice(db, 0)", "other(db, 0)").said == ["g1", "g1"]
    program.write("f", "x")
    told = program.run("""
        from program import *
        with opened() as engine:
            with engine.begin() as db:
                say(choice(db, 0))
            Path("g").write_text("longer")
            say(engine.refresh())
            with engine.begin() as db:
                say(other(db, 0))
    """)
    assert told.said == ["", "1", "longer"]


def test_an_interrupt_in_the_first_look_at_the_inputs_loses_nothing(program: Project) -> None:
    program.write(
        "program.py",
        PROGRAM
        + """
    @input
    def plain(path):
        if Path("stop").exists():
            Path("stop").unlink()
            raise KeyboardInterrupt
        return Path(path).read_text()

    @query
    def two(db, key):
        return plain(db, "f") + plain(db, "g")
    """,
    )
    program.write("g", "g1")
    assert program.asks("two(db, 0)").said == ["diskg1"]
    for name in ("f", "g", "stop"):
        program.write(name, f"new {name} ")
    told = program.run("""
        from program import *
        with opened() as engine:
            try:
                engine.begin()
            except KeyboardInterrupt:
                say("interrupted")
            with engine.begin() as db:
                say(two(db, 0))
    """)
    assert told.said == ["interrupted", "new f new g "]


def test_two_threads_that_begin_first_do_not_cancel_each_other(program: Project) -> None:
    program.asks("shout(db, 'f')")
    told = program.run("""
        from program import *
        import sys, threading
        with opened() as engine:
            checks, at_it, go_on = engine._outdated.check, threading.Event(), threading.Event()
            def check():
                at_it.set()
                go_on.wait()
                return checks()
            engine._outdated.check = check
            begun = threading.Barrier(2)
            def ask():
                try:
                    with engine.begin() as db:
                        begun.wait()
                        say(shout(db, "f"))
                except Cancelled:
                    say("cancelled")
            threads = [threading.Thread(target=ask) for _ in range(2)]
            threads[0].start()
            at_it.wait()
            threads[1].start()
            same, place = 0, None
            while same < 1000:  # until it waits, somewhere
                frame = sys._current_frames().get(threads[1].ident)
                before, place = place, frame and (frame.f_code, frame.f_lasti)
                same = same + 1 if place == before and place else 0
                os.sched_yield()
            go_on.set()
            for thread in threads:
                thread.join()
    """)
    assert told.said == ["DISK", "DISK"]
