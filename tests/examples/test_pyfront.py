"""How little of examples/pyfront runs again after an edit, that it says the same at any time, and the program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from examples.pyfront.check import check_file
from examples.pyfront.cli import absolute, main
from examples.pyfront.rules import check_scope
from examples.pyfront.tree import roots
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples.pyfront_tree import ROOT, check, front, program, runs, told, write

from jeton.query import Engine

# ---- what runs again

TREE = {
    "lib.py": "import os\n\n\ndef used(a):\n    return os.path.join(a, a)\n\n\ndef other(b):\n    return b\n",
    "one.py": "from lib import used\n\n\ndef f():\n    return used(1)\n\n\ndef g():\n    return 2\n",
    "two.py": "import lib\n\n\ndef h():\n    return lib.other(1)\n",
}


def after_edit(engine: Engine, path: Path, old: str, new: str) -> Counter[str]:
    """Edit a file, check again and count what ran for it."""
    text = path.read_text()
    assert old in text
    told(engine)
    runs(engine)
    path.write_text(text.replace(old, new))
    assert engine.refresh() == 1
    told(engine)
    return runs(engine)


def test_nothing_runs_where_nothing_changed(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    with front(tmp_path) as engine:
        told(engine)
        runs(engine)
        assert engine.refresh() == 0
        told(engine)
        assert runs(engine) == Counter()


def test_comment_runs_the_file_up_to_its_outline_and_no_rule(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    with front(tmp_path) as engine:
        ran = after_edit(engine, tmp_path / "lib.py", "def used", "# a comment\n\ndef used")
        assert ran == Counter(parsed=1, outline=1, scopes=1, exports=1, broken=1)


def test_edited_body_checks_its_own_function_and_no_other(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    with front(tmp_path) as engine:
        ran = after_edit(engine, tmp_path / "lib.py", "return b", "return b, len(b)")
        assert "check_scope" not in ran  # the builtins are not asked for, so the scope is what it was
        ran = after_edit(engine, tmp_path / "lib.py", "return b", "return b, nothing")
        assert (ran["check_scope"], ran["neighbours"]) == (1, 0)
        with engine.begin() as db:
            explained = str(db.explain(check_scope, str(tmp_path / "lib.py"), "other"))
        assert "text(" in explained.splitlines()[-1]


def test_changed_signature_checks_its_callers_only(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    with front(tmp_path) as engine:
        ran = after_edit(engine, tmp_path / "lib.py", "def other(b)", "def other(b, c)")
        assert ran["check_scope"] == 1
        assert told(engine) == ["two.py:5:12: wrong-call: other() lacks c"]


def test_finding_moves_with_its_line_though_no_rule_runs(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "def f():\n    x = 1\n"})
    with front(tmp_path) as engine:
        ran = after_edit(engine, tmp_path / "a.py", "def f", "#\n#\ndef f")
        assert told(engine) == ["a.py:4:5: unused-variable: x is assigned and not used"]
        assert ran["check_scope"] == 0


def test_file_that_comes_or_goes_changes_what_names_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "from p.late import f\n\n\ndef g():\n    f()\n", "p/__init__.py": ""})
    with front(tmp_path) as engine:
        assert told(engine) == []
        write(tmp_path, {"p/late.py": "def f(x): ...\n"})
        engine.refresh()
        assert told(engine) == ["a.py:5:5: wrong-call: f() lacks x"]
        write(tmp_path, {"p/deep/er.py": "import nowhere\n"})
        engine.refresh()
        assert told(engine)[-1] == "p/deep/er.py:1:1: unused-import: nowhere is imported and not used"
        (tmp_path / "p/late.py").unlink()
        engine.refresh()
        assert [line for line in told(engine) if line.startswith("a.py")] == []


def test_syntax_error_comes_and_goes(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    with front(tmp_path) as engine:
        before = told(engine)
        text = (tmp_path / "lib.py").read_text()
        write(tmp_path, {"lib.py": text + "def (\n"})
        engine.refresh()
        assert [line.split(":")[3] for line in told(engine)] == [" syntax-error"]
        write(tmp_path, {"lib.py": text})
        engine.refresh()
        assert told(engine) == before


# ---- the same at any time

MIXED = {
    **TREE,
    "bad.py": "x = (\n",
    "p/__init__.py": "from .a import *\n",
    "p/a.py": "from . import b\nimport lib\n\n\ndef f():\n    x = lib.used()\n    return b.nothing\n    return y\n",
    "p/b.py": "from .a import f\nfrom .a import z\n\n\ndef g():\n    f(1)\n",
}


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_same_lines_at_any_number_of_threads_and_again(tmp_path: Path, jobs: int) -> None:
    found = check(tmp_path, MIXED)
    assert len(found) == 9
    with front(tmp_path, jobs) as engine:
        assert told(engine) == found
        assert told(engine) == found
        engine.refresh()
        assert told(engine) == found


NAMES = ("a", "b", "c", "p.d", "p.e")
BODIES = st.sampled_from(
    [
        "",
        "def f(x): return x\n",
        "def f(x, y=1): return g(x)\n",
        "def g(): return f(1, 2)\n",
        "class f:\n    def g(self): return g\n",
        "f = 1\n",
        "def f(\n",
        "# only a comment\n\n",
        "globals()\n",
        "__all__ = ['f']\n",
    ]
)
IMPORTS = st.builds(
    lambda form, name: form.format(name=name, short=name.rpartition(".")[2]),
    st.sampled_from(
        [
            "from {name} import f\nf()\n",
            "from {name} import *\n",
            "import {name}\n{name}.f(1)\n",
            "from . import {short}\n",
        ]
    ),
    st.sampled_from(NAMES),
)
TEXTS = st.lists(IMPORTS | BODIES, max_size=4).map("".join)
EDITS = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | TEXTS), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS, jobs=st.sampled_from([1, 2]))
def test_edited_tree_is_told_as_a_new_one_is(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, str | None]], jobs: int
) -> None:
    tree = tmp_path_factory.mktemp("tree")
    write(tree, {"p/__init__.py": ""})
    with front(tree, jobs) as engine:
        for name, text in edits:
            path = tree / f"{name.replace('.', '/')}.py"
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text)
            engine.refresh()
            found = told(engine)
            with front(tree) as cold:
                assert found == told(cold)


# ---- the program


def test_program_says_the_same_with_a_store_and_without(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, MIXED)
    store = str(tmp_path / "store")
    first = program("check", ".", "-j1", cwd=tree)
    assert (first.returncode, first.stderr) == (1, "")
    for arguments in (["-j1"], ["-j2"], ["-j8"], ["--cache", store], ["--cache", store], ["--cache", store, "-j2"]):
        again = program("check", ".", *arguments, cwd=tree)
        assert (again.returncode, again.stdout, again.stderr) == (1, first.stdout, "")


def test_new_process_with_a_store_runs_nothing(tmp_path: Path) -> None:
    tree, store = tmp_path / "tree", tmp_path / "store"
    write(tree, MIXED)
    found = check(tree, store=store)
    with front(tree, store=store) as engine:
        assert told(engine) == found
        assert runs(engine) == Counter()


def test_edit_between_processes_runs_what_it_would_in_one(tmp_path: Path) -> None:
    tree, store = tmp_path / "tree", tmp_path / "store"
    write(tree, TREE)
    check(tree, store=store)
    text = (tree / "lib.py").read_text()
    write(tree, {"lib.py": text.replace("def other(b)", "def other(b, c)")})
    with front(tree, store=store) as engine:
        assert told(engine) == ["two.py:5:12: wrong-call: other() lacks c"]
        assert runs(engine)["check_scope"] == 1


def test_clean_tree_exits_with_0_and_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    result = program("check", ".", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [[], ["check"], ["nonsense", "."], ["check", "absent"], ["check", ".", "-j0"]])
def test_wrong_arguments_are_told_in_a_line_and_exit_with_2(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(str(end.code))
    said = capsys.readouterr()
    assert (status, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("pyfront: ")


def test_program_tells_counts_reasons_and_the_graph(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    result = program("check", ".", "--stats", "--explain", "lib.py:used", "--graph", "g.dot", cwd=tmp_path)
    assert "check_scope" in result.stderr
    assert "lib.py', 'used')" in result.stdout
    assert (tmp_path / "g.dot").read_text().startswith("digraph imports {\n")


def test_watching_tells_an_edit(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": ""})
    command = [sys.executable, str(ROOT / "examples" / "pyfront"), "watch", ".", "--interval", "0.01"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        try:
            assert watcher.stdout.readline().startswith("-- checked")
            (tmp_path / "a.py").write_text("nowhere\n")
            assert watcher.stdout.readline() == "a.py:1:1: undefined-name: nowhere is not defined\n"
        finally:
            watcher.kill()


def test_file_alone_is_checked_as_a_module_of_its_package(tmp_path: Path) -> None:
    write(tmp_path, {"p/__init__.py": "", "p/a.py": "from .b import f\nf()\n", "p/b.py": "def f(x): ...\n"})
    with front(tmp_path) as engine:
        engine.set(roots.at(), absolute(["p/a.py", "p/b.py"]))
        assert told(engine) == ["p/a.py:2:1: wrong-call: f() lacks x"]
        with engine.begin() as db:
            check_file(db, str(tmp_path / "p/a.py"))
