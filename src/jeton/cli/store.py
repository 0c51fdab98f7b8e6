"""`jeton store`: what a query engine has kept on disk. Owns what is printed of it; `store/check.py` looks."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from jeton.store.check import Summary, findings, summary
from jeton.store.fact import Damaged
from jeton.store.facts import FactStore

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(short_help="Show, verify or prune what queries have kept on disk.")
def store() -> None:
    """Look at what a query engine has kept on disk: the folder that it was given as its store."""


@store.command(short_help="Show what is in a store.")
@click.argument("path", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(path: Path, as_json: bool) -> None:
    """Show version and sizes of the store in the folder PATH, its facts by kind, and when they were asked for."""
    try:
        found = summary(_looked_at(path))
    except Damaged as damage:
        _fail(str(damage))
    _say(json.dumps(asdict(found), indent=2) if as_json else _as_text(path, found))


@store.command(short_help="Check all that is in a store.")
@click.argument("path", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(path: Path, as_json: bool) -> None:
    """Check every checksum of the store in the folder PATH, and that every edge has its reverse.

    Prints a line for each finding, and exits with 1 if there is any.
    """
    try:
        looked_at = _looked_at(path)
        count, lines = looked_at.count, list(dict.fromkeys(findings(looked_at)))
    except Damaged as damage:  # nothing behind it can be looked at
        count, lines = 0, [str(damage)]
    if as_json:
        _say(json.dumps({"facts": count, "findings": lines}, indent=2))
    else:
        _say("\n".join(lines) or f"{path}: {_counted(count, 'fact')}, all as they were saved")
    if lines:
        sys.exit(1)


@store.command(short_help="Drop what nobody asked for lately.")
@click.argument("path", type=_FOLDER)
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(min=1),
    required=True,
    help="Keep what was asked for in the last N sessions, and what that was computed from.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prune(path: Path, keep: int, as_json: bool) -> None:
    """Drop what nobody asked for in the last N sessions from the store in the folder PATH.

    The last session is the last one in which anything was asked for. A process that has the store open goes on with
    all of it; if it saves, everything is there again.
    """
    try:
        looked_at = _looked_at(path)
        before, size = looked_at.count, _size(path)
        looked_at.prune(keep)
    except Damaged as damage:
        _fail(str(damage))
    except OSError as error:
        _fail(f"{path}: cannot be pruned: {error.strerror}")
    dropped, after = before - looked_at.count, _size(path)
    if as_json:
        _say(json.dumps({"kept": looked_at.count, "dropped": dropped, "bytes_before": size, "bytes": after}, indent=2))
    else:
        kept = _counted(looked_at.count, "fact")
        _say(f"{path}: {kept} kept, {dropped} dropped; {_bytes(size)} before, {_bytes(after)} now")


def _looked_at(path: Path) -> FactStore:
    try:
        return FactStore.look(path)
    except FileNotFoundError:
        _fail(f"{path}: no store here")
    except OSError as error:
        _fail(f"{path}: cannot be read: {error.strerror}")


def _as_text(path: Path, found: Summary) -> str:
    lines = [
        f"{path}: format {found.version}, generation {found.generation}, written by {_printable(found.salt)!r}",
        f"{_bytes(found.snapshot_bytes)} snapshot, {_bytes(found.log_bytes)} log",
        f"{_counted(found.facts, 'fact')}, {_counted(found.edges, 'edge')}",
    ]
    if found.kinds:
        kinds = sorted(found.kinds.items(), key=lambda item: (-item[1].facts, item[0]))
        rows = [("facts", "bytes", "of values", "kind")]
        rows += [
            (str(kind.facts), _bytes(kind.fact_bytes), _bytes(kind.value_bytes), _printable(name))
            for name, kind in kinds
        ]
        sessions = [(str(count), str(number) if number else "never") for number, count in found.sessions.items()]
        lines += ["", *_columns(rows), "", *_columns([("facts", "last asked for in session"), *sessions])]
    return "\n".join(lines)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows with all but the last column, which may be of any length, set to the right."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    return [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _bytes(size: int) -> str:
    if size < 1024:
        return f"{size} B"
    for unit, scale in (("KiB", 1 << 10), ("MiB", 1 << 20)):
        if size < 1000 * scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / (1 << 30):.1f} GiB"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _size(path: Path) -> int:
    return sum((path / name).stat().st_size for name in ("facts", "facts.log") if (path / name).exists())


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _fail(line: str) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(1)
