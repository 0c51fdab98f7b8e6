"""Shows a diagnostic with the lines that it is about. Owns the form; the only reader of places besides the parser.

A line with the place first, which editors and terminals can jump to; the line of source; carets below it; the notes.
"""

from collections.abc import Callable, Iterator

from examples.compiler.diagnostics import Anchor, Diagnostic
from examples.compiler.syntax.tree import Places

_TAB = "    "


class Excerpts:
    """Knows the texts that diagnostics are about."""

    def __init__(self, text: Callable[[str], str], places: Callable[[str], Places]) -> None:
        """Both are asked by the path of a module."""
        self._text = text
        self._places = places

    def place(self, anchor: Anchor) -> tuple[int, int]:
        """Give the offsets of a node."""
        nodes = self._places(anchor.module)[anchor.item]
        return nodes[anchor.node] if nodes else (0, 0)

    def shown(self, diagnostic: Diagnostic) -> str:
        """Give the lines of one diagnostic, without the last line's end."""
        return "\n".join(self._lines(diagnostic))

    def _lines(self, diagnostic: Diagnostic) -> Iterator[str]:
        yield from self._excerpt(diagnostic.anchor, f"{diagnostic.severity.value}: {diagnostic.message}")
        for note in diagnostic.notes:
            if note.anchor is None:
                yield f"{self._margin(diagnostic.anchor)} = {note.text}"
        for note in diagnostic.notes:
            if note.anchor is not None:
                yield from self._excerpt(note.anchor, f"note: {note.text}")

    def _excerpt(self, anchor: Anchor, message: str) -> Iterator[str]:
        text = self._text(anchor.module)
        start, end = self.place(anchor)
        number = text.count("\n", 0, start) + 1
        line_start = text.rfind("\n", 0, start) + 1
        line = text[line_start:].partition("\n")[0].rstrip("\r")
        before = text[line_start:start].replace("\t", _TAB)
        marked = text[start : min(end, line_start + len(line))].replace("\t", _TAB)
        margin = self._margin(anchor)
        yield f"{anchor.module}:{number}:{start - line_start + 1}: {message}"
        yield f"{margin} |"
        yield f"{number} | {line.replace(chr(9), _TAB)}".rstrip()
        yield f"{margin} | {' ' * len(before)}{'^' * max(1, len(marked))}"

    def _margin(self, anchor: Anchor) -> str:
        """Give as many blanks as the number of the anchor's line has digits."""
        line = self._text(anchor.module).count("\n", 0, self.place(anchor)[0]) + 1
        return " " * len(str(line))
