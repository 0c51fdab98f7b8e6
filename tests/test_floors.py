"""The floors hold: every import goes down, none hides in a function without its reason, and no room is called utils."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "jeton"

FLOORS = {
    "trace": 0,
    "sync": 0,
    "store": 1,
    "jobserver": 1,
    "runtime": 2,
    "query": 3,
    "build": 4,
    "report": 5,
    "cli": 6,
    "testing": 6,
}

KNOWS_NOTHING_OF = {
    "store": {"jobserver"},
    "build": {"report", "query"},
    "report": {"runtime", "jobserver", "store", "build", "query"},
    "testing": {"cli", "report", "build", "query", "runtime", "jobserver", "store"},
}
"""Beyond the floors: rooms that may not be known although they are below."""

MODULES = sorted(SRC.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else ""


def imported_rooms(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            names = [node.module or ""]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "jeton" and len(parts) > 1:
                found.append((node.lineno, parts[1]))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_go_down(path: Path) -> None:
    own = room(path)
    for line, other in imported_rooms(ast.parse(path.read_text(encoding="utf-8"))):
        if own in ("", other):
            continue
        assert FLOORS[other] < FLOORS[own], f"{path}:{line}: {own} may not import {other}"
        assert other not in KNOWS_NOTHING_OF.get(own, ()), f"{path}:{line}: {own} knows nothing of {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_import_inside_a_function_gives_its_reason(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for function in ast.walk(ast.parse("\n".join(lines))):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(function):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                around = "\n".join(lines[node.lineno - 4 : node.lineno])
                assert "PLC0415" in around, f"{path}:{node.lineno}: an import inside a function, without its reason"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_file_says_what_it_owns(path: Path) -> None:
    assert path.stem not in ("utils", "util", "helpers", "misc", "common")
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path}: no docstring on top"


def test_every_room_has_its_floor() -> None:
    rooms = {path.name for path in SRC.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert rooms == set(FLOORS)
