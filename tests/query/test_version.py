"""Covers what counts as the same code: all that it computes by does, where it stands and what it says does not."""

import subprocess
import sys
import textwrap
from typing import Any

import pytest

from jeton.query import query
from jeton.query.version import version_of


def made(text: str, name: str = "f") -> Any:
    """Return what this source defines, as a module of its own would."""
    names: dict[str, Any] = {"__name__": "made"}
    exec(compile(textwrap.dedent(text), "made.py", "exec"), names)
    return names[name]


BASE = """
def f(db, path):
    found = open(path).read()
    return found + "a"
"""


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("\n\n\n" + BASE, id="moved"),
        pytest.param(BASE.replace("found =", "# a remark\n    found ="), id="comment"),
        pytest.param(BASE.replace('found + "a"', '(\n        found\n        + "a"\n    )'), id="layout"),
        pytest.param(BASE.replace("path)", "path: str) -> str", 1), id="annotations"),
        pytest.param("x = 1\n" + BASE + "\ny = 2\n", id="neighbours"),
    ],
)
def test_where_and_how_it_is_written_does_not_count(other: str) -> None:
    assert version_of(made(other)) == version_of(made(BASE))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(BASE.replace('"a"', '"b"'), id="constant"),
        pytest.param(BASE.replace("found +", "found *"), id="operator"),
        pytest.param(BASE.replace("open(", "print("), id="name"),
        pytest.param(BASE.replace(".read", ".readline"), id="attribute"),
        pytest.param(BASE.replace("path):", "path, more=1):"), id="parameter"),
        pytest.param(BASE.replace("def", "async def"), id="coroutine"),
        pytest.param(BASE.replace("return", "yield"), id="generator"),
    ],
)
def test_what_it_computes_counts(other: str) -> None:
    assert version_of(made(other)) != version_of(made(BASE))


def test_what_a_docstring_says_does_not_count() -> None:
    one = made('def f(db):\n    """One."""\n    return "x"')
    other = made('def f(db):\n    """Another,\n\n    and longer.\n    """\n    return "x"')
    assert version_of(one) == version_of(other)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("def f(db):\n    return {!r}", id="without docstring"),
        pytest.param("f = lambda db: {!r}", id="lambda"),
        pytest.param('def f(db):\n    "doc"\n    return {!r}', id="with docstring"),
        pytest.param("def f(db, xs):\n    return [x + {!r} for x in xs]", id="list comprehension"),
        pytest.param("def f(db, xs):\n    return {{x + {!r} for x in xs}}", id="set comprehension"),
        pytest.param("def f(db, xs):\n    return {{x: {!r} for x in xs}}", id="dict comprehension"),
        pytest.param("def f(db, xs):\n    return tuple(x + {!r} for x in xs)", id="generator"),
        pytest.param("def f(db):\n    def g():\n        return {!r}\n    return g()", id="nested function"),
        pytest.param("def f(db):\n    return (lambda: {!r})()", id="nested lambda"),
        pytest.param("def f(db):\n    class C:\n        x = {!r}\n    return C.x", id="nested class"),
        pytest.param("def f(db, x):\n    return x in {{{!r}, 'z'}}", id="set of constants"),
        pytest.param("def f(db, x):\n    return f'{{x}} {!s}'", id="format string"),
        pytest.param("def f(db, x={!r}):\n    return x", id="default"),
        pytest.param("def f(db, *, x={!r}):\n    return x", id="keyword default"),
        pytest.param("def f(db, x=[{!r}]):\n    return x", id="default list"),
        pytest.param("def f(db, x=lambda: {!r}):\n    return x()", id="default function"),
    ],
)
def test_a_constant_counts_wherever_it_stands(template: str) -> None:
    one, other = template.format("a"), template.format("b")
    assert version_of(made(one)) != version_of(made(other))
    assert version_of(made(one)) == version_of(made("\n\n" + one))


@pytest.mark.parametrize(("one", "other"), [("1", "True"), ("1", "1.0"), ("0.0", "-0.0"), ("(1,)", "[1]")])
def test_constants_that_are_equal_are_told_apart(one: str, other: str) -> None:
    assert version_of(made(f"def f(db):\n    return {one}")) != version_of(made(f"def f(db):\n    return {other}"))


@pytest.mark.parametrize(("one", "other"), [("1", "2"), ("'x'", "'y'"), ("len", "max"), ("lambda: 1", "lambda: 2")])
def test_what_it_closes_over_counts(one: str, other: str) -> None:
    text = "def outer(x):\n    def f(db):\n        return x\n    return f\nf = outer({})"
    assert version_of(made(text.format(one))) != version_of(made(text.format(other)))
    assert version_of(made(text.format(one))) == version_of(made(text.format(one)))


def test_a_local_function_that_calls_itself_has_a_version() -> None:
    text = "def outer():\n    def f(db, n):\n        return f(db, n - {}) if n else 0\n    return f\nf = outer()"
    assert version_of(made(text.format(1))) == version_of(made(text.format(1)))
    assert version_of(made(text.format(1))) != version_of(made(text.format(2)))


USED = {
    "function": "def u(x):\n    return x + {}",
    "lambda": "u = lambda x: x + {}",
    "constant": "u = ('level', {})",
    "dict": "u = {{'level': {}}}",
    "cached function": "import functools\n@functools.lru_cache\ndef u(x):\n    return x + {}",
    "wrapped function": "import functools\ndef g(x):\n    return x + {}\nu = functools.wraps(g)(lambda *a: g(*a))",
    "partial": "import functools\ndef g(x, y):\n    return x\nu = functools.partial(g, {})",
    "method": "class u:\n    def m(self):\n        return {}",
    "static method": "class u:\n    @staticmethod\n    def m():\n        return {}",
    "class method": "class u:\n    @classmethod\n    def m(cls):\n        return {}",
    "property": "class u:\n    @property\n    def m(self):\n        return {}",
    "class constant": "class u:\n    LIMIT = {}",
    "base class": "class b:\n    def m(self):\n        return {}\nclass u(b):\n    pass",
    "dataclass default": "import dataclasses\n@dataclasses.dataclass\nclass u:\n    x: int = {}",
    "enum": "import enum\nclass u(enum.Enum):\n    A = {}",
    "nested function": "def u(x):\n    def g():\n        return {}\n    return g()",
    "query": "from jeton.query import query\n@query\ndef u(db, x: int) -> int:\n    return x + {}",
    "compiled pattern": "import re\nu = re.compile('a{}')",
}


@pytest.mark.parametrize("text", USED.values(), ids=USED)
def test_what_it_says_it_uses_counts(text: str) -> None:
    def reader(db: Any) -> int:
        return 0

    one, other = (made(text.format(number), "u") for number in (1, 2))
    assert version_of(reader, (one,)) != version_of(reader, (other,))
    moved = made("\n\n\n" + text.format(1), "u")
    assert version_of(reader, (one,)) == version_of(reader, (moved,))
    assert version_of(reader, ()) != version_of(reader, (one,))


def test_a_query_has_the_version_of_its_function_and_its_uses() -> None:
    def limit(number: int) -> Any:
        return query(uses=(number,))(made(BASE))

    assert limit(1).query.version == limit(1).query.version
    assert limit(1).query.version != limit(2).query.version
    assert query(made(BASE)).query.version == query(made("\n" + BASE)).query.version


@pytest.mark.parametrize("level", [1, 2], ids=["plain", "nested in a class"])
def test_moving_a_function_with_a_class_inside_changes_nothing(level: int) -> None:
    """From 3.13 on the body of a class holds the number of its first line."""
    text = "def f(db):\n    class C:\n        " + ("class D:\n            " * (level - 1)) + "x = 1\n    return C"
    assert version_of(made(text)) == version_of(made("\n\n\n" + text))


def test_it_is_the_same_in_every_process() -> None:
    script = (
        "from jeton.query.version import version_of\n"
        "def f(db, x, y={'p', 'q', 'r'}):\n"
        "    return x in {'a', 'b', 'c', 'd'} or [z for z in y if z in {'k', 'l', 'm'}]\n"
        "print(version_of(f, ({'u', 'v', 'w'}, frozenset(['i', 'j']))).hex())\n"
    )
    versions = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(versions) == 1


def test_running_a_function_does_not_change_its_version() -> None:
    """The interpreter rewrites the bytecode of what runs often."""
    function = made("def f(db, n):\n    return sum(i * 2 for i in range(n)) + len(str(n))")
    before = version_of(function)
    for _ in range(2000):
        function(None, 3)
    assert version_of(function) == before
