"""Covers what a type checker says: nothing of a right program, and of a wrong one just what is wrong, at its line."""

import re
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import jeton

api = pytest.importorskip("mypy.api")

RIGHT = """
from typing import assert_type
from jeton.query import Cell, Db, Durability, Effect, Engine, Fixpoint, InputCell, Unset, input, query

NOTES = Effect[str]("notes")

@input
def text(path: str) -> str:
    return path

@input(stamp=len, durability=Durability.HIGH)
def size(path: str, unit: int = 1) -> int:
    raise Unset

@query
def words(db: Db, path: str) -> list[str]:
    db.emit(NOTES, path)
    return text(db, path).split()

@query(lru=3, persist=False)
def count(db: Db, path: str, *, least: int = 0) -> int:
    return max(least, len(words(db, path)))

@query(on_cycle=Fixpoint(lambda at: frozenset[int]()))
def reach(db: Db, at: int) -> frozenset[int]:
    return reach(db, at)

@query
async def page(db: Db, url: str) -> bytes:
    assert_type(await db.call(words, url), list[str])
    assert_type(await db.gather(page, [url]), list[bytes])
    return await page(db, url)

def main(engine: Engine) -> None:
    with engine.begin() as db:
        assert_type(words(db, "a"), list[str])
        assert_type(count(db, path="a", least=2), int)
        assert_type(db.map(words, ["a"]), list[list[str]])
        assert_type(db.map(count, ["a"]), list[int])
        assert_type(db.effects(NOTES, count, "a", least=1), list[str])
        assert_type(db.intern(("a", 1)), tuple[str, int])
        assert_type(db.wait(page, "a"), bytes)
        assert_type(text.at("a"), InputCell[str])
        assert_type(size.at("a", unit=2), InputCell[int])
        assert_type(words.at("a"), Cell[list[str]])
        str(db.explain(count, "a"))
    engine.set(text.at("a"), "new")
    engine.set(size.at("a"), 3)
    engine.set_all([(text.at("a"), "x"), (size.at("a"), 1)])
    engine.unset(text.at("a"))
    assert_type(engine.refresh(), int)
    assert_type(engine.submit(count, "a").result(), int)
"""

HEAD = RIGHT.partition("def main")[0]

WRONG = {
    "a key of another type": "words(db, 1)",
    "a key too many": 'words(db, "a", "b")',
    "no key": "words(db)",
    "no db": 'words("a")',
    "an unknown keyword": 'count(db, "a", most=1)',
    "a keyword of another type": 'count(db, "a", least="1")',
    "a keyword-only parameter by position": 'count(db, "a", 1)',
    "a result of another type": 'x: str = count(db, "a")',
    "an input's key of another type": "text(db, 1)",
    "an input's result of another type": 'x: int = text(db, "a")',
    "keys of a map of another type": "db.map(words, [1])",
    "results of a map of another type": 'x: list[int] = db.map(words, ["a"])',
    "a map of what is no query": "db.map(len, [1])",
    "a value of another type told": "db.emit(NOTES, 1)",
    "effects of another type": 'x: list[int] = db.effects(NOTES, words, "a")',
    "effects at a key of another type": "db.effects(NOTES, words, 1)",
    "an explanation at a key of another type": "db.explain(words, 1)",
    "at a key of another type": "text.at(1)",
    "at an unknown keyword": 'size.at("a", scale=1)',
    "a coroutine query that is not awaited": 'x: bytes = page(db, "a")',
    "a plain query that is awaited": 'async def f() -> None: await db.wait(words, "a")',
    "waiting for a plain query": 'db.wait(words, "a")',
    "a value of another type set": 'engine.set(text.at("a"), 1)',
    "a query called without an engine's db": 'words(engine, "a")',
    "an option that there is not": "query(cache=1)",
    "an option of another type": 'query(lru="many")',
    "a durability of another type": 'input(durability="low")',
    "a submitted key of another type": "engine.submit(count, 1)",
}


def checked(folder: Path, program: str) -> str:
    """Return what mypy says of a program, one line each."""
    path = folder / "program.py"
    path.write_text(dedent(program))
    (folder / "mypy.ini").write_text(f"[mypy]\nmypy_path = {Path(__file__).parents[2] / 'src'}\n")
    limit = sys.getrecursionlimit()
    try:
        out, err, _ = api.run(
            [
                "--strict",
                "--config-file",
                str(folder / "mypy.ini"),
                "--cache-dir",
                str(folder.parent / "cache"),
                str(path),
            ]
        )
    finally:
        sys.setrecursionlimit(limit)  # mypy raises it for the process
    assert not err
    assert isinstance(out, str)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("typed")


def test_nothing_is_said_of_a_right_program(folder: Path) -> None:
    assert checked(folder, RIGHT).startswith("Success")


def test_each_mistake_is_told_at_its_line_and_nothing_else_is(folder: Path) -> None:
    """All in one program, because a run of the type checker takes seconds."""
    program = HEAD + "def main(engine: Engine, db: Db) -> None:\n"
    lines = {}
    for at, (name, mistake) in enumerate(WRONG.items()):
        program += f"    def mistake_{at}() -> None:\n        {mistake}\n"
        lines[program.count("\n")] = name
    told = {int(line) for line in re.findall(r"^[^:]*program\.py:(\d+): error", checked(folder, program), re.MULTILINE)}
    assert {name for line, name in lines.items() if line not in told} == set()
    assert told <= set(lines)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(jeton.__file__).parent / "py.typed").exists()
