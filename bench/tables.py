"""Tables as the benchmarks print them and the docs show them. Knows nothing of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], *, numbers: bool = True) -> list[str]:
    """Rows of a Markdown table that can be read as it is, the first one its head.

    All columns but the first are set to the right, unless they are no `numbers`.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + (":" if numbers else "-") for width in widths[1:])]
    justified = str.rjust if numbers else str.ljust
    return [
        "| " + " | ".join([row[0].ljust(widths[0]), *map(justified, row[1:], widths[1:])]) + " |"
        for row in [rows[0], rule, *rows[1:]]
    ]
