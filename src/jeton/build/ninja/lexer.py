"""Characters to tokens. Owns positions and escapes; knows no statements.

The language has two modes: between tokens, and inside text (a path or a value), where only `$` is special.
"""

import re
from bisect import bisect_right

from jeton.build.graph import BuildError
from jeton.build.ninja.text import Text, Variable

_COMMENTS = re.compile(r"(?:[ ]*#[^\n]*(?:\n|\Z))*")
_BLANK = re.compile(r"[ ]*\r?\n")
_SPACES = re.compile(r"[ ]+")
_BETWEEN = re.compile(r"(?:[ ]+|\$\r?\n)*")
_WORD = re.compile(r"[a-zA-Z0-9_.-]+")
_PLAIN_BINDING = re.compile(r"[ ]+([a-zA-Z0-9_.-]+)[ ]*=[ ]*([^$\r\n\0]*)\n")
_PUNCTUATION = re.compile(r"=|:|\|@|\|\||\|")
_PATH_TEXT = re.compile(r"[^$ :|\r\n\0]+")
_VALUE_TEXT = re.compile(r"[^$\r\n\0]+")
_ESCAPE = re.compile(
    r"\$(?:(?P<char>[$ :])|(?P<line>\r?\n[ ]*)|\{(?P<braced>[a-zA-Z0-9_.-]+)\}|(?P<name>[a-zA-Z0-9_-]+))"
)

_NEEDS_A_LOOK = "#\t\r"
"""A comment may stand before the token, and two characters are errors wherever a token could stand."""

NEWLINE = "\n"
INDENT = "  "
END = ""


class ManifestError(BuildError):
    """The text of a build file is wrong. Says file, line and column, and shows the line."""


class Lexer:
    """One file's text and a position in it. A token is its own text; `NEWLINE`, `INDENT` and `END` stand for theirs."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text
        self._at = 0
        self._token_at = 0
        self._line_starts: list[int] | None = None

    def token(self) -> str:
        """Read the next token and the blanks behind it."""
        self._skip_comments()
        text, at = self._text, self._at
        self._token_at = at
        if at >= len(text):
            return END
        for pattern, token in ((_BLANK, NEWLINE), (_SPACES, INDENT)):
            match = pattern.match(text, at)
            if match:
                self._at = match.end()
                return token
        match = _WORD.match(text, at) or _PUNCTUATION.match(text, at)
        if not match:
            raise self._no_token(text[at])
        self._at = match.end()
        self._skip_blanks()
        return match[0]

    def peek(self, token: str) -> bool:
        """Read the next token if it is this one."""
        at = self._at
        first = self._text[at : at + 1]
        if first != token[0] and first not in _NEEDS_A_LOOK:
            return False  # by far the most
        if self.token() == token:
            return True
        self._at = at
        return False

    def expect(self, token: str, what: str) -> None:
        """Read this token; any other is an error that says `what` was expected.

        A last line that does not end is an error too: it is what a generator leaves that was killed.
        """
        found = self.token()
        if found == END and token == NEWLINE:
            raise self.error("unexpected EOF: the last line does not end, the file may be cut off")
        if found != token:
            raise self.error(f"expected {what}, got {self._seen()}")

    def word(self, what: str) -> str:
        """Read a name."""
        self._token_at = self._at
        match = _WORD.match(self._text, self._at)
        if not match:
            raise self.error(f"expected {what}")
        self._at = match.end()
        self._skip_blanks()
        return match[0]

    def path_text(self) -> Text:
        """Read one path and the blanks behind it; empty where none stands here."""
        self._token_at = self._at
        match = _PATH_TEXT.match(self._text, self._at)
        if match and self._text[match.end() : match.end() + 1] != "$":
            self._at = match.end()
            path: Text = match[0]
        else:
            path = self._escaped(_PATH_TEXT)
        self._skip_blanks()
        return path

    def value(self) -> Text:
        """Read the rest of the line, its end included."""
        self._token_at = self._at
        match = _VALUE_TEXT.match(self._text, self._at)
        if match and self._text[match.end() : match.end() + 1] == "\n":
            self._at = match.end() + 1
            return match[0]
        value = self._escaped(_VALUE_TEXT)
        self.expect(NEWLINE, "newline")
        return value

    def plain_binding(self) -> tuple[str, str] | None:
        """Read an indented `name = value` line without `$`, which most are; None where something else stands here."""
        match = _PLAIN_BINDING.match(self._text, self._at)
        if match is None:
            return None
        self._token_at = match.start(1)
        self._at = match.end()
        return match[1], match[2]

    def error(self, message: str, at: int | None = None) -> ManifestError:
        """Make the error that `message` is at the last token, or at `at`."""
        return self.error_at(self._token_at if at is None else at, message)

    def error_at(self, at: int, message: str) -> ManifestError:
        """Make the error for a position that `position` returned."""
        line = self._line(at)
        start = self._text.rfind("\n", 0, at) + 1
        shown = self._text[start:].split("\n", 1)[0].rstrip("\r")
        column = at - start
        if column > 72:  # keep the place in sight
            shown, column = "..." + shown[column - 40 :], 43
        shown = shown[:96]
        return ManifestError(f"{self.path}:{line}:{at - start + 1}: {message}\n{shown}\n{' ' * column}^ near here")

    def position(self) -> int:
        """Return where the last token began."""
        return self._token_at

    def blame(self, at: int) -> None:
        """Let `error` name that position: the token there is the one that matters."""
        self._token_at = at

    def place(self, at: int) -> str:
        """Return `file:line` of a position."""
        return f"{self.path}:{self._line(at)}"

    def _line(self, at: int) -> int:
        if self._line_starts is None:
            self._line_starts = [0, *(match.end() for match in re.finditer(r"\n", self._text))]
        return bisect_right(self._line_starts, at)

    def _escaped(self, plain: re.Pattern[str]) -> Text:
        parts: list[str | Variable] = []
        text = self._text
        while True:
            match = plain.match(text, self._at)
            if match:
                self._at = match.end()
                parts.append(match[0])
            if text[self._at : self._at + 1] != "$":
                break
            match = _ESCAPE.match(text, self._at)
            if not match:
                raise self.error("bad $-escape (literal $ must be written as $$)", self._at)
            self._at = match.end()
            if match["char"]:
                parts.append(match["char"])
            elif match["line"] is None:
                parts.append(Variable(match["braced"] or match["name"]))
        if all(isinstance(part, str) for part in parts):
            return "".join(part for part in parts if isinstance(part, str))
        return tuple(parts)

    def _skip_comments(self) -> None:
        # A comment is a line of its own: behind a token, `#` is text.
        if self._at == 0 or self._text[self._at - 1] == "\n":
            match = _COMMENTS.match(self._text, self._at)
            assert match is not None
            self._at = match.end()

    def _skip_blanks(self) -> None:
        match = _BETWEEN.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _no_token(self, char: str) -> ManifestError:
        if char == "\t":
            return self.error("tabs are not allowed, use spaces")
        if char == "\r":
            return self.error("carriage returns are not allowed, use newlines")
        if char == "$":
            return self.error("bad $-escape (literal $ must be written as $$)")
        return self.error(f"lexing error: unexpected {char!r}")

    def _seen(self) -> str:
        seen = self._text[self._token_at : self._at].strip()
        return f"'{seen}'" if seen else "the end of the " + ("file" if self._at >= len(self._text) else "line")
