"""A place in the tokens. Owns going forward, numbering nodes, and noting what could not be read.

Functions over a cursor are the parser (`items`, `statements`, `expressions`). One that cannot go on notes a problem
and raises `Lost`; whoever knows where the next sentence begins catches it there and goes on.
"""

from typing import NoReturn

from examples.compiler.syntax.lexer import Kind, Token

DEEPEST = 100
"""How deeply a text may nest. Every phase calls itself on the parts of a tree, some frames for each step down."""


class Lost(Exception):  # noqa: N818  no error of the compiler's: the text's
    """The sentence cannot be read on. Its problem is noted."""


class Depth:
    """How deeply what is read stands in others: a `with` block is one step down. Raises Lost at DEEPEST."""

    def __init__(self, cursor: "Cursor") -> None:
        self._cursor = cursor
        self.now = 0

    def __enter__(self) -> None:
        if self.now >= DEEPEST:
            self._cursor.lose("this is nested too deeply", "give a part of it a name of its own")
        self.now += 1

    def __exit__(self, *_: object) -> None:
        self.now -= 1


class Cursor:
    """The tokens of a text, and the one that comes next."""

    def __init__(self, tokens: list[Token]) -> None:
        assert tokens[-1].kind is Kind.END, "there is always a next token"
        self._tokens = tokens
        self._at = 0
        self.next = tokens[0]
        # The places and problems of the item that is being read. Invariant: a node's number is an index in `places`.
        self.places: list[tuple[int, int]] = []
        self.problems: list[tuple[int, str, str | None]] = []
        # How many brackets are open in which a line may end anywhere.
        self.brackets = 0
        self.deeper = Depth(self)

    def take(self) -> Token:
        """Go past the next token and return it; the end stays where it is."""
        token = self.next
        if token.kind is not Kind.END:
            self._at += 1
            self.next = self._tokens[self._at]
        return token

    def sees(self, *texts: str) -> bool:
        """Whether the next token is one of these marks or words."""
        return self.next.text in texts and self.next.kind in (Kind.MARK, Kind.WORD)

    def took(self, text: str) -> bool:
        """Take the next token if it is this mark or word."""
        if self.sees(text):
            self.take()
            return True
        return False

    def expect(self, text: str, where: str) -> Token:
        """Take this mark or word. Raises Lost where something else stands."""
        if not self.sees(text):
            self.lose(f"expected `{text}` {where}, found {described(self.next)}")
        return self.take()

    def name(self, what: str) -> Token:
        """Take a name. Raises Lost where something else stands."""
        if self.next.kind is not Kind.NAME:
            reserved = "a word of the language is no name" if self.next.kind is Kind.WORD else None
            self.lose(f"expected {what}, found {described(self.next)}", reserved)
        return self.take()

    def node(self, start: int) -> int:
        """Number the node that reaches from `start` to the last token that was taken."""
        end = self._tokens[self._at - 1].end if self._at else 0
        return self.node_at(start, max(start, end))

    def node_at(self, start: int, end: int) -> int:
        """Number the node between two offsets."""
        self.places.append((start, end))
        return len(self.places) - 1

    def problem(self, token: Token, message: str, advice: str | None = None) -> None:
        """Note what is wrong with a token, and go on. Of several problems with one token, the first is told."""
        if self.problems and self.places[self.problems[-1][0]][0] == token.start:
            return
        self.problems.append((self.node_at(token.start, token.end), message, advice))

    def lose(self, message: str, advice: str | None = None) -> NoReturn:
        """Note what is wrong with the next token, and raise Lost."""
        if self.next.kind is Kind.STRANGE:
            message = f"{described(self.next)} begins no word of the language"
        self.problem(self.next, message, advice)
        raise Lost

    def skip_to_statement(self, lost: int) -> None:
        """Go to where a statement may begin behind the one at `lost`: a line's first word, or the end of the block."""
        self.brackets = 0
        if self.next.first_on_line and self.next.start > lost:
            return
        depth = 0
        while self.next.kind is not Kind.END and not self.at_item():
            if depth == 0 and self.sees("}"):
                return
            depth += self.sees("{") - self.sees("}")
            self.take()
            if depth == 0 and self.next.first_on_line:
                return

    def skip_to_item(self) -> None:
        """Go to where the next item may begin."""
        self.brackets = 0
        while self.next.kind is not Kind.END and not self.at_item():
            self.take()

    def at_item(self) -> bool:
        """Whether an item begins here: its word is the first on its line."""
        return self.next.first_on_line and self.sees("fn", "struct", "import")


def described(token: Token) -> str:
    """Name a token in a message."""
    if token.kind is Kind.END:
        return "the end of the file"
    return f"`{token.text}`"
