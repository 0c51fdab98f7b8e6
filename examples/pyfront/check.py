"""Checking files and trees, and saying what was found. Owns the roots of the graph of queries, and how a line looks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jeton.query import Db, query

from .modules import broken, graph, lines, scope_names
from .rules import check_cycles, check_scope, findings
from .shapes import MODULE, Finding, Place
from .tree import files, name_of, silenced

if TYPE_CHECKING:
    from collections.abc import Iterator


@query
def check_file(db: Db, path: str) -> None:
    """Check all scopes of a file."""
    error = broken(db, path)
    if error is not None:
        place = Place(0, error.line, error.column - 1)
        db.emit(findings, Finding(path, MODULE, place, "syntax-error", error.message))
        return
    for name in scope_names(db, path):
        check_scope(db, path, name)


@query
def check_tree(db: Db) -> None:
    """Check all files."""
    db.map(check_file, files(db))
    check_cycles(db)


def report(db: Db) -> list[str]:
    """Check the tree and give a line for each finding, ordered by file and place."""
    check_tree(db)  # `effects` alone would pass over a query that failed
    base = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118
    return [
        f"{path.removeprefix(base)}:{line}:{column}: {code}: {message}"
        for path, line, column, code, message in sorted(set(_placed(db)))
    ]


def _placed(db: Db) -> Iterator[tuple[str, int, int, str, str]]:
    """Give each finding its line and column, from 1, and leave out those on lines that say `# noqa`."""
    found = db.effects(findings, check_tree)
    quiet = {path: silenced(db, path) for path in dict.fromkeys(finding.path for finding in found)}
    for path, name, place, code, message in found:
        line = lines(db, path, name)[place.statement] + place.line
        if line not in quiet[path]:
            yield path, line, place.column + 1, code, message


def import_graph(db: Db) -> str:
    """Give the import graph in the language of Graphviz."""
    edges = graph(db)
    body = [f'  "{name_of(db, path)}" -> "{name_of(db, other)}";' for path in edges for other in edges[path]]
    return "\n".join(["digraph imports {", *body, "}", ""])
