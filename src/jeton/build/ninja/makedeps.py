"""Depfiles: what a compiler wrote about the files that it read, in make's syntax. Pure: text to paths.

Compilers differ in how they quote. What is common to gcc, clang and others: a backslash keeps a blank or `#` in a
name and joins lines; `$$` is a dollar; any other backslash is itself. Of several rules, the ones without inputs
(gcc -MP) only protect against headers that vanish. Reference: GNU make manual, "Rule Syntax"; gcc's mkdeps.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Depfile:
    """The targets of the rules and the files that they depend on, each once, in the order of the text."""

    targets: list[str]
    inputs: list[str]


_TOKEN = re.compile(
    r"""
      (?P<join>  \\\r?\n )                     # a line that goes on
    | (?P<end>   \r?\n )
    | (?P<blank> [ \t]+ )
    | (?P<colon> :(?=[ \t\r\n]|\\\r?\n|\Z) )  # C:/ is no rule
    | (?P<pairs> (?:\\\\)*\\ (?=[ \t]) ) [ \t]   # an odd number of backslashes, then a blank
    | \\(?P<kept> [\#:] ) (?![ \t\r\n]) | \\(?P<hash> \# )
    | \$(?P<dollar> \$ )
    | (?P<plain> [^\\$: \t\r\n]+ | . )
    """,
    re.VERBOSE,
)


def parse_depfile(text: str) -> Depfile:
    """Read a depfile. Raises ValueError where it is none: the message says why."""
    if "\\ " not in text and "\\#" not in text and "\\:" not in text and "$" not in text:
        plain = text.replace("\\\r\n", " ").replace("\\\n", " ")
        if plain.count("\n") <= 1 and plain.count(": ") == 1:
            before, _, after = plain.partition(": ")
            return Depfile(list(dict.fromkeys(before.split())), list(dict.fromkeys(after.split())))
    return _parse_slowly(text)


def _parse_slowly(text: str) -> Depfile:
    targets: dict[str, None] = {}
    inputs: dict[str, None] = {}
    line: list[str] = []  # the names of this rule so far
    colon_at: int | None = None
    name: list[str] = []

    def end_name() -> None:
        if name:
            line.append("".join(name))
            name.clear()

    def end_rule() -> None:
        nonlocal colon_at
        end_name()
        if line and colon_at is None:
            raise ValueError("expected ':' in depfile")
        own_targets, own_inputs = line[:colon_at], line[colon_at:]
        for target in own_targets:
            if target in inputs and own_inputs:
                raise ValueError("inputs may not also have inputs")
            if target not in inputs:
                targets[target] = None
        inputs.update(dict.fromkeys(own_inputs))
        line.clear()
        colon_at = None

    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "end":
            end_rule()
        elif kind in ("join", "blank"):
            end_name()
        elif kind == "colon" and colon_at is None:
            end_name()
            colon_at = len(line)
        elif kind == "pairs":
            name.append("\\" * (len(match["pairs"]) // 2) + " ")
        else:
            name.append(match["kept"] or match["hash"] or match["dollar"] or match[0])
    end_rule()
    return Depfile(list(targets), list(inputs))
