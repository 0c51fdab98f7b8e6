"""From text to tokens. Owns the spelling of every word of Sou; knows nothing of how words make sentences.

Nothing in a text stops the lexer: what no word begins with becomes a token of its own kind, and the parser reports it.
Line ends are no tokens. Each token says instead whether it is the first on its line, which is where a statement may
begin and an operator may not.
"""

import re
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What sort of word a token is."""

    NAME = "name"
    """A name that somebody chose."""
    WORD = "word"
    """A word of the language: `fn`, `while`."""
    INT = "int"
    """Decimal digits."""
    FLOAT = "float"
    """Digits with a point, an exponent, or both."""
    STRING = "string"
    """A string with its quotes and escapes, as it was written."""
    OPEN_STRING = "open string"
    """A string whose line ends before it does."""
    MARK = "mark"
    """An operator or a bracket."""
    STRANGE = "strange"
    """A character that begins no word."""
    END = "end"
    """After the last token. Its text is empty."""


_OF_ITEMS = frozenset(["fn", "import", "struct"])
_OF_STATEMENTS = frozenset(["break", "continue", "else", "for", "if", "in", "let", "return", "var", "while"])
_OF_EXPRESSIONS = frozenset(["and", "false", "not", "or", "true"])
WORDS = _OF_ITEMS | _OF_STATEMENTS | _OF_EXPRESSIONS

_WORD = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*)
      | (?P<line>\n)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<float>[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))
      | (?P<int>[0-9]+)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
      | (?P<open>"(?:[^"\\\n]|\\[^\n])*)
      | (?P<mark>->|\.\.|==|!=|<=|>=|[-+*/%<>=.,:()\[\]{}])
      | (?P<strange>.)""",
    re.VERBOSE,
)

_KINDS = {
    "name": Kind.NAME,
    "int": Kind.INT,
    "float": Kind.FLOAT,
    "string": Kind.STRING,
    "open": Kind.OPEN_STRING,
    "mark": Kind.MARK,
    "strange": Kind.STRANGE,
}


class Token(NamedTuple):
    """One word, and where it stands: offsets in characters from the beginning of the text."""

    kind: Kind
    text: str
    start: int
    end: int
    first_on_line: bool


def tokens(text: str) -> list[Token]:
    """Split a text. The last token is of the kind END and stands behind the last word, not behind the comments."""
    found: list[Token] = []
    first = True
    for match in _WORD.finditer(text):
        group = match.lastgroup
        if group == "line":
            first = True
        elif group is not None and group != "blank":
            word = match.group()
            kind = Kind.WORD if word in WORDS else _KINDS[group]
            found.append(Token(kind, word, match.start(), match.end(), first))
            first = False
    end = found[-1].end if found else 0
    found.append(Token(Kind.END, "", end, end, first_on_line=True))
    return found
