"""What `jeton jobserver status` shows: a table on a terminal, columns elsewhere, JSON. Owns the forms; asks nobody."""

import json
import os
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from jeton.jobserver import PoolUnusable
from jeton.jobserver.desk.process_tree import Process, trees
from jeton.jobserver.desk.protocol import ClientStatus, DeskStatus, PlaceStatus, Report

_EVERY_S = 0.5
_HEADS = ("process", "pid", "held", "state", "since", "taken", "too many")


@dataclass(frozen=True, slots=True)
class Shown:
    """A pool to show: where it is, and how to ask it."""

    socket: str
    ask: Callable[[], Report]


@dataclass(frozen=True, slots=True)
class _Row:
    depth: int
    command: str
    pid: int | None
    place: PlaceStatus | None


def show(shown: Shown, *, as_json: bool, watch: bool) -> None:
    """Show it once, or until interrupted or the pool ends. Raises PoolUnusable where it cannot be asked at first."""
    terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    if not watch:
        status = shown.ask().status
        if as_json:
            _say(json.dumps(as_object(shown.socket, status), indent=2))
        elif terminal:
            from rich.console import Console  # noqa: PLC0415  only a terminal pays for rich

            Console().print(_table(shown.socket, status))
        else:
            _say(as_text(shown.socket, status))
        return
    with suppress(KeyboardInterrupt):
        if terminal and not as_json:
            _show_live(shown)
        else:
            for status in _moments(shown):
                _say(json.dumps(as_object(shown.socket, status)) if as_json else as_text(shown.socket, status) + "\n")


def as_object(socket: str, status: DeskStatus) -> dict[str, Any]:
    """Return what `--json` prints; docs/reference/cli.md has its shape."""
    found = trees([client.pid for client in status.clients if client.pid is not None])
    said: dict[str, Any] = {"socket": socket, **asdict(status)}
    for client in said["clients"]:
        tree = found.get(client["pid"])
        client["tree"] = None if tree is None else asdict(tree)
    return said


def as_text(socket: str, status: DeskStatus) -> str:
    """Return it in columns, for a log or another program's eyes."""
    rows = [_HEADS, *(_cells(row) for row in _rows(status))]
    widths = [max(len(row[column]) for row in rows) for column in range(1, len(_HEADS))]
    lines = [_head(socket, status)]
    if len(rows) > 1:
        # The command comes last: it alone may be of any length.
        for row in rows:
            numbers = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))
            lines.append(f"{numbers}  {row[0]}")
    return "\n".join(lines)


def _head(socket: str, status: DeskStatus) -> str:
    line = f"{socket}: {status.jobs} slots, {status.held} tokens held, {status.free} free, {status.reclaimed} reclaimed"
    return line + (f", {status.to_swallow} to come back" if status.to_swallow else "")


def _rows(status: DeskStatus) -> Iterator[_Row]:
    found = trees([client.pid for client in status.clients if client.pid is not None])
    heads = {client.pid for client in status.clients}
    for client in status.clients:
        places = {place.pid: place for place in _places(client) if place.pid is not None}
        root = found.get(client.pid or 0)
        if root is None:
            yield _Row(0, client.name, client.pid, client.own)
        else:
            yield from _tree_rows(root, 0, places, heads - {root.pid})
        shown = set(places) if root is None else set(_pids(root))
        for place in _places(client):
            if place is not client.own and place.pid not in shown:
                yield _Row(1, place.name, place.pid, place)


def _places(client: ClientStatus) -> list[PlaceStatus]:
    return [*([client.own] if client.own is not None else []), *client.children]


def _tree_rows(
    process: Process, depth: int, places: dict[int, PlaceStatus], elsewhere: Container[int | None]
) -> Iterator[_Row]:
    """Yield a process and what is below it, but for what is shown elsewhere: a client of its own."""
    yield _Row(depth, process.command, process.pid, places.get(process.pid))
    for child in process.children:
        if child.pid not in elsewhere:
            yield from _tree_rows(child, depth + 1, places, elsewhere)


def _pids(process: Process) -> Iterator[int]:
    yield process.pid
    for child in process.children:
        yield from _pids(child)


def _cells(row: _Row) -> tuple[str, ...]:
    command = "  " * row.depth + _printable(row.command)
    pid = "" if row.pid is None else str(row.pid)
    if row.place is None:
        return (command, pid, "", "", "", "", "")
    place = row.place
    state = "waiting" if place.waiting else place.state
    return (
        command,
        pid,
        str(place.held),
        state,
        _duration(place.since_s),
        str(place.taken),
        str(place.returned_too_many),
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _printable(text: str) -> str:
    """Return a command as one line that no terminal takes for an order."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _table(socket: str, status: DeskStatus) -> Any:
    from rich.table import Table  # noqa: PLC0415  only a terminal pays for rich
    from rich.text import Text  # noqa: PLC0415  likewise

    table = Table(
        title=Text(_printable(_head(socket, status))), title_justify="left", box=None, pad_edge=False, expand=True
    )
    table.add_column(_HEADS[0], no_wrap=True, overflow="ellipsis", ratio=1)
    rows = list(_rows(status))
    cells = [_cells(row) for row in rows]
    for column, head in enumerate(_HEADS[1:], 1):
        # The command gives way where the terminal is narrow, not the numbers.
        width = max(len(head), *(len(each[column]) for each in cells)) if cells else len(head)
        table.add_column(head, justify="right", no_wrap=True, min_width=width)
    for row, texts in zip(rows, cells, strict=True):
        style = "bold" if row.depth == 0 else ""
        if row.place is not None and row.place.held:
            style += " green"
        table.add_row(*(Text(text) for text in texts), style=style.strip())
    return table


def _moments(shown: Shown) -> Iterator[DeskStatus]:
    """Yield what is going on, again and again, until the pool ends."""
    yield shown.ask().status
    with suppress(PoolUnusable):
        while True:
            time.sleep(_EVERY_S)
            yield shown.ask().status


def _show_live(shown: Shown) -> None:
    from rich.live import Live  # noqa: PLC0415  only a terminal pays for rich

    moments = _moments(shown)
    with Live(_table(shown.socket, next(moments)), auto_refresh=False) as live:
        for status in moments:
            live.update(_table(shown.socket, status), refresh=True)


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
