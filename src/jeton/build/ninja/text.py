"""Text with variables in it. Owns how it is spelled out; not where the values come from."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name` or `${name}` in a text."""

    name: str


Text = str | tuple[str | Variable, ...]
"""A text as it was read: plain, or its parts where it has variables."""


def expand(text: Text, lookup: Callable[[str], str]) -> str:
    """Spell the text out, each variable by `lookup`."""
    if isinstance(text, str):
        return text
    return "".join([part if isinstance(part, str) else lookup(part.name) for part in text])
