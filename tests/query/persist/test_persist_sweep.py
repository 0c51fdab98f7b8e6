"""Covers sweeping: what nobody asked for lately goes, what stays is true, and what was suspect is so after."""

import subprocess
import sys

import pytest
from tests.query.persist.project import Project

PROGRAM = """
    from world import *
    import jeton.query.engine
    jeton.query.engine.SWEEP_EVERY = int(os.environ.get("SWEEP_EVERY", "32"))

    @input
    def option(name):
        return 0

    @query
    def size(db, path):
        ran(f"size {path}")
        return len(text(db, path))

    @query
    def report(db, path):
        ran(f"report {path}")
        return f"{path}: {size(db, path)} {option(db, path)}"
"""


@pytest.fixture
def program(project: Project) -> Project:
    project.write("program.py", PROGRAM)
    for name in "abc":
        project.write(name, name)
    return project


def facts(project: Project) -> list[str]:
    """Give what is in the store, by the name of its query and its key."""
    told = project.run("""
        from program import *
        from jeton.query import portable
        from jeton.store.facts import FactStore
        store = FactStore.look(Path("store"))
        for number in range(store.count):
            fact = store.fact(number)
            say(store.kinds[fact.kind].partition(":")[2], portable.loads(fact.name))
    """)
    return sorted(told.said)


def prune(project: Project, keep: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "jeton", "store", "prune", "store", "--keep", str(keep)],
        cwd=project.folder,
        env=project.environ,
        check=True,
        capture_output=True,
    )


OF_A = ["option a", "report a", "size a", "text a"]


@pytest.mark.parametrize("by", ["the engine", "the command"])
def test_what_was_not_asked_for_lately_goes_and_the_rest_is_as_it_was(program: Project, by: str) -> None:
    if by == "the engine":
        program.environ["SWEEP_EVERY"] = "1"
    options = "keep=2"
    program.asks("report(db, 'b')", "report(db, 'a')", options=options)
    for turn in range(3):
        program.write("a", "a" * turn)
        assert program.asks("report(db, 'a')", options=options).said == [f"a: {turn} 0"]
    if by == "the command":
        prune(program, 2)
    assert facts(program) == OF_A
    told = program.asks("report(db, 'a')", options=options)
    assert (told.said, told.ran, told.warnings) == (["a: 2 0"], [], [])
    told = program.asks("report(db, 'b')", options=options)
    assert (told.said, told.ran) == (["b: 1 0"], ["report b", "size b", "load b"])


def test_what_is_asked_for_and_did_not_change_stays(program: Project) -> None:
    program.environ["SWEEP_EVERY"] = "1"
    for turn in range(5):
        program.write("a", "a" * turn)
        told = program.asks("report(db, 'b')", "report(db, 'a')", options="keep=2")
    assert told.ran == ["load a", "size a", "report a"]


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_suspect_when_it_was_pruned_is_suspect_after(program: Project, times: int) -> None:
    program.asks("report(db, 'c')")
    program.asks("report(db, 'b')", "report(db, 'a')")
    program.write("a", "aaaa")
    program.asks("text(db, 'a')", "report(db, 'b')")  # the input is up to date, what read it is noted as suspect
    for _ in range(times):
        prune(program, 2)
    assert "report c" not in facts(program)
    told = program.asks("report(db, 'a')", "report(db, 'b')")
    assert (told.said, told.ran) == (["a: 4 0", "b: 1 0"], ["size a", "load a", "report a"])


def test_edited_code_that_was_noted_is_still_to_run_after_a_prune(program: Project) -> None:
    program.asks("report(db, 'c')")
    program.asks("report(db, 'b')", "report(db, 'a')")
    program.write("program.py", PROGRAM.replace("return len(", "return 100 * len("))
    program.asks("report(db, 'b')")
    prune(program, 2)
    assert program.asks("report(db, 'a')", "report(db, 'b')").said == ["a: 100 0", "b: 100 0"]


def test_what_was_set_is_never_swept(program: Project) -> None:
    program.environ["SWEEP_EVERY"] = "1"
    program.run("""
        from program import *
        with opened(keep=1) as engine:
            engine.set(option.at("a"), 7)
            with engine.begin() as db:
                say(report(db, "a"))
    """)
    for turn in range(3):
        program.write("b", "b" * turn)
        program.asks("report(db, 'b')", options="keep=1")
    assert program.asks("report(db, 'a')", options="keep=1").said == ["a: 1 7"]


def test_a_sweep_of_a_store_that_two_use_takes_nothing_from_the_other(program: Project) -> None:
    program.environ["SWEEP_EVERY"] = "1"
    program.asks("report(db, 'a')", "report(db, 'b')")
    told = program.run("""
        from program import *
        one, two = opened(keep=1), opened(keep=1)
        with one.begin() as db:
            say(report(db, "a"))
        with two.begin() as db:
            say(report(db, "c"))
        two.close()
        Path("a").write_text("aaa")
        one.refresh()
        with one.begin() as db:
            say(report(db, "a"), report(db, "b"))
        one.close()
    """)
    assert (told.said, told.warnings) == (["a: 1 0", "c: 1 0", "a: 3 0 b: 1 0"], [])
    assert program.asks("report(db, 'a')", "report(db, 'b')", "report(db, 'c')").said == ["a: 3 0", "b: 1 0", "c: 1 0"]
