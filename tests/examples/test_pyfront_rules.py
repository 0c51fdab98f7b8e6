"""What examples/pyfront finds, and what it leaves alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from examples.pyfront.check import import_graph
from tests.examples.pyfront_tree import check, front, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\n", "a.py:1:1: unused-import: os is imported and not used"),
        ("import os\n__all__ = ['os']\n", None),
        ("import os as os\n", None),
        ("import os\ndef f() -> 'os.PathLike[str]': ...\n", None),
        ("try:\n    import os\nexcept ImportError:\n    pass\n", None),
        ("def f():\n    import os\n", "a.py:2:5: unused-import: os is imported and not used"),
        ("import os  # noqa\n", None),
        ("def f():\n    x = 1\n", "a.py:2:5: unused-variable: x is assigned and not used"),
        ("def f():\n    _x = 1\n    y, z = 1, 2\n    return locals\n", None),
        ("def f():\n    x = 1\n    return locals()\n", None),
        ("def f():\n    x = 1\n    return lambda: x\n", None),
        (
            "try: pass\nexcept OSError as e: pass\n\n\ndef f():\n    try: pass\n    except OSError as e: pass\n",
            "a.py:7:5: unused-variable: e is assigned and not used",
        ),
        ("def f():\n    return nowhere\n", "a.py:2:12: undefined-name: nowhere is not defined"),
        ("try:\n    unicode\nexcept NameError:\n    pass\n", None),
        ("def f():\n    return later\nlater = 1\n", None),
        ("def f():\n    global made\n    made = 1\ndef g():\n    return made\n", None),
        ("class C:\n    x = 1\n    def f(self):\n        return x\n", "a.py:4:16: undefined-name: x is not defined"),
        ("import os\nclass C:\n    os = 1\n    def f(self):\n        return os\n", None),
        ("print([x for x in range(3)], x)\n", "a.py:1:30: undefined-name: x is not defined"),
        ("globals()['x'] = 1\nprint(x)\n", None),
        ("from elsewhere import *\nprint(x)\n", None),
        ("def f(a): ...\nf()\n", "a.py:2:1: wrong-call: f() lacks a"),
        ("def f(a): ...\nf(1, 2)\n", "a.py:2:1: wrong-call: f() takes 1 positional argument, 2 given"),
        ("def f(a): ...\nf(1, a=2)\n", "a.py:2:1: wrong-call: f() gets a by position and by name"),
        ("def f(a, /): ...\nf(a=2)\n", "a.py:2:1: wrong-call: f() has no parameter a"),
        ("def f(*, a, b=1): ...\nf(b=2)\n", "a.py:2:1: wrong-call: f() lacks a"),
        ("def f(a, b=1, *c, d=2, **e): ...\nf(1, 2, 3, d=4, z=5)\nf(*[])\nf(**{})\n", None),
        ("class C:\n    def __init__(self, a): ...\nC()\nC(1)\n", "a.py:3:1: wrong-call: C() lacks a"),
        ("import x\n@x.y\ndef f(a): ...\nf()\n", None),
        ("def f(a): ...\nf = max\nf()\n", None),
        (
            "def f(): ...\ndef f(): ...\n",
            "a.py:2:1: duplicate: f is defined a second time, and the first one is not used",
        ),
        ("def f(): ...\nf()\ndef f(): ...\n", None),
        ("if 1:\n    def f(): ...\nelse:\n    def f(): ...\n", None),
        ("def f():\n    return 1\n    print()\n", "a.py:3:5: unreachable: this is never reached"),
        ("def f():\n    return\n    yield\n", None),
        ("for x in []:\n    continue\n    x\n", "a.py:3:5: unreachable: this is never reached"),
        ("x = (\n", "a.py:1:5: syntax-error: '(' was never closed"),
        ("async def f(x):\n    async with x as y:\n        return [z async for z in y]\n", None),
        ("def f(x):\n    match x:\n        case {'a': b, **rest}:\n            return b, rest\n", None),
    ],
)
def test_rule_tells_this_and_nothing_else(tmp_path: Path, text: str, expected: str | None) -> None:
    assert check(tmp_path, {"a.py": text}) == ([] if expected is None else [expected])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_parameters_are_names_of_their_function_or_class(tmp_path: Path) -> None:
    text = "class C[T]:\n    def f[U](self, x: T, y: U) -> 'T': return T, U\ntype L[V] = list[V]\nprint(T)\n"
    assert check(tmp_path, {"a.py": text}) == ["a.py:4:7: undefined-name: T is not defined"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("b.py", "from lib import f, nothing\nf(nothing)\n", ["b.py:1:1: missing-name: lib does not define nothing"]),
        ("b.py", "import lib\nlib.f()\n", ["b.py:2:1: wrong-call: f() lacks a"]),
        ("b.py", "import lib as l\nl.f()\n", ["b.py:2:1: wrong-call: f() lacks a"]),
        ("b.py", "from lib import f as g\ng()\n", ["b.py:2:1: wrong-call: g() lacks a"]),
        ("b.py", "def h():\n    from lib import f\n    f()\n", ["b.py:3:5: wrong-call: f() lacks a"]),
        ("b.py", "from pkg import f\nf()\n", ["b.py:2:1: wrong-call: f() lacks a"]),
        ("b.py", "from pkg.inner import *\nf()\n", ["b.py:2:1: wrong-call: f() lacks a"]),
        ("b.py", "from pkg.inner import *\nprint(_hidden)\n", ["b.py:2:7: undefined-name: _hidden is not defined"]),
        ("b.py", "import pkg.inner\npkg.inner.f()\n", ["b.py:2:1: wrong-call: f() lacks a"]),
        ("b.py", "from pkg import data, inner\nprint(data, inner)\n", []),
        ("b.py", "from lib import __doc__, __file__\nprint(__doc__, __file__)\n", []),
        ("pkg/b.py", "from . import inner\ninner.f()\n", ["pkg/b.py:2:1: wrong-call: f() lacks a"]),
        ("pkg/b.py", "from .inner import x\nx()\n", ["pkg/b.py:1:1: missing-name: pkg.inner does not define x"]),
        ("pkg/b.py", "from ...far import x\nx()\n", []),
        ("b.py", "try:\n    from lib import nothing\nexcept ImportError:\n    nothing = None\n", []),
    ],
)
def test_names_are_followed_through_the_modules_of_the_tree(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    (tmp_path / "pkg" / "data").mkdir(parents=True)
    files = {
        "lib.py": "def f(a): ...\n",
        "pkg/__init__.py": "from lib import f\n",
        "pkg/inner.py": "from lib import f\n_hidden = f\n",
    }
    assert check(tmp_path, {**files, name: text}) == expected


def test_ring_of_imported_names_is_unknown_and_no_error(tmp_path: Path) -> None:
    files = {"a.py": "from b import x\nx()\n", "b.py": "from a import x\nx()\n"}
    assert check(tmp_path, files) == ["a.py:1:1: import-cycle: a -> b -> a"]


def test_cycle_is_told_once_at_its_first_file_and_by_the_shortest_way(tmp_path: Path) -> None:
    files = {
        "z.py": "import m\nm",
        "m.py": "import z, n\nz, n",
        "n.py": "import b\nb",
        "b.py": "'''doc'''\nimport z, m\nz, m",
        "c.py": "def f():\n    import d\n    d",
        "d.py": "import c\nc",
    }
    found = check(tmp_path, files)
    assert found == ["b.py:2:1: import-cycle: b -> m -> n -> b"]
    assert all(check(tmp_path, jobs=jobs) == found for jobs in (2, 8))


def test_import_graph_has_an_edge_for_each_import_that_runs_on_loading(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import b\nfrom p import q\n", "b.py": "import os\n", "p/__init__.py": "", "p/q.py": ""})
    with front(tmp_path) as engine, engine.begin() as db:
        assert import_graph(db) == 'digraph imports {\n  "a" -> "b";\n  "a" -> "p.q";\n}\n'


@pytest.mark.parametrize("text", [b"x = '\0'\n", b"# coding: nonsense\n", b"x = '\xff'\n", b"\n\nx = $\n"])
def test_file_that_is_no_python_is_told_with_its_place(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.py").write_bytes(text)
    (tmp_path / "good.py").write_text("from bad import x\nx()\n")
    (line,) = check(tmp_path)
    assert line.startswith("bad.py:")
    assert ": syntax-error: " in line
