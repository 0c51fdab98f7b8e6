"""Variables and rules by name. Owns the order in which a name is looked up.

In a build statement a variable is what the first of these says: `in`, `in_newline` and `out`; the statement's own
block; the rule's block, spelled out anew for the statement; the file; the file that read it with `subninja`.
"""

import re

from jeton.build.graph import BuildError, File, Step
from jeton.build.ninja.text import Text, expand

RULE_VARIABLES = frozenset(
    {
        "command",
        "depfile",
        "deps",
        "description",
        "dyndep",
        "generator",
        "msvc_deps_prefix",
        "pool",
        "restat",
        "rspfile",
        "rspfile_content",
    }
)


class Rule:
    """A named recipe whose texts are spelled out for each step."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: dict[str, Text] = {}

    def described(self) -> str:
        """Return the rule's description as it is written, its variables unspelled."""
        text = self.texts.get("description", "")
        if isinstance(text, str):
            return text
        return "".join(part if isinstance(part, str) else "${" + part.name + "}" for part in text)


class Bindings:
    """The variables and rules of one file."""

    def __init__(self, parent: "Bindings | None" = None) -> None:
        self.variables: dict[str, str] = {}
        self.rules: dict[str, Rule] = {}
        self._parent = parent

    def lookup(self, name: str) -> str:
        """Return the variable's value; an unknown one is empty."""
        scope: Bindings | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope._parent  # noqa: SLF001  of the same class
        return ""

    def rule(self, name: str) -> Rule | None:
        """Return the rule of that name."""
        scope: Bindings | None = self
        while scope is not None:
            if name in scope.rules:
                return scope.rules[name]
            scope = scope._parent  # noqa: SLF001  of the same class
        return None


class StepBindings:
    """The variables of one build statement. `place` is where it stands, for errors."""

    __slots__ = ("_file", "_own", "_place", "_rule")

    def __init__(self, own: dict[str, str], rule: Rule, file: Bindings, place: str) -> None:
        self._own = own
        self._rule = rule
        self._file = file
        self._place = place

    def lookup_path(self, name: str) -> str:
        """Return the value of a variable in one of the statement's own paths, where the rule has no say."""
        return self._own[name] if name in self._own else self._file.lookup(name)

    def value(self, step: Step, name: str, *, for_shell: bool = True) -> str:
        """Return a variable of the statement, `$in` and `$out` quoted for the shell unless `for_shell` is False."""
        open_names: list[str] = []

        def lookup(name: str) -> str:
            if name in ("in", "in_newline"):
                separator = " " if name == "in" else "\n"
                return _joined(step.explicit, separator, for_shell=for_shell)
            if name == "out":
                return _joined(step.outputs[: len(step.outputs) - step.implicit_outputs], " ", for_shell=for_shell)
            if name in self._own:
                return self._own[name]
            text = self._rule.texts.get(name)
            if text is None:
                return self._file.lookup(name)
            if name in open_names:
                cycle = " -> ".join([*open_names[open_names.index(name) :], name])
                raise BuildError(f"{self._place}: cycle in rule variables: {cycle}")
            open_names.append(name)
            value = expand(text, lookup)
            open_names.pop()
            return value

        return lookup(name)


_SAFE = re.compile(r"[A-Za-z0-9_+\-./]*")


def _joined(files: list[File], separator: str, *, for_shell: bool) -> str:
    if for_shell:
        return separator.join([quoted(file.path) for file in files])
    return separator.join([file.path for file in files])


def quoted(path: str) -> str:
    """Return the path as one word of the shell, quoted only if it must be."""
    # Not shlex.quote: it leaves more characters bare, and the command would not be ninja's to the letter.
    if _SAFE.fullmatch(path):
        return path
    return "'" + path.replace("'", "'\\''") + "'"
