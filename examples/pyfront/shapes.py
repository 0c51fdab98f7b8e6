"""The values that go from one phase to the next. Owns their form; knows nothing of syntax trees, files and queries.

None of them holds a line of a file. A place is told by the number of a statement in its scope, so that a comment or an
edit elsewhere in the file leaves every value here equal to what it was, and nobody who reads it runs again.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import NamedTuple

MODULE = ""
"""The qualified name of a module's own scope."""


class Place(NamedTuple):
    """Where something is, as seen from its scope."""

    statement: int
    """Its number among the scope's statements, in the order of the source."""
    line: int
    """Lines below the statement's first one; negative for a decorator."""
    column: int
    """From 0, as the parser counts: in bytes of UTF-8."""


class Kind(IntEnum):
    """What a scope belongs to."""

    MODULE = 0
    FUNCTION = 1
    CLASS = 2
    """Its names are not seen from the functions inside."""


class How(IntEnum):
    """What bound a name. It decides whether a name that nobody reads is worth a word."""

    IMPORT = 0
    DEFINITION = 1
    """`def` or `class`."""
    ASSIGNMENT = 2
    """A plain `name = value`."""
    HANDLER = 3
    """`except … as name`."""
    OTHER = 4
    """A parameter, a loop's target, a pattern, a part of a tuple: it often has to have a name."""


class Imported(NamedTuple):
    """What an import names."""

    module: str
    """Dotted; for a relative import what follows the dots."""
    level: int
    """The number of dots in front; 0 for an absolute import."""
    name: str | None
    """What is taken from the module; None for the module itself, "*" for all of it."""


class Import(NamedTuple):
    """One name that an import statement binds."""

    bound: str
    target: Imported
    loads: str
    """The module that is loaded: of `import a.b`, which binds `a`, it is `a.b`."""
    place: Place
    probing: bool
    """Whether a failure is caught: then it is there to find out, and may miss or go unread."""
    lazy: bool
    """Whether it does not run when the module is loaded, but later or for type checkers only."""


class Signature(NamedTuple):
    """How a function may be called."""

    positional: tuple[str, ...]
    """Parameters that may be given by position."""
    nameless: int
    """How many of them only by position."""
    defaults: int
    """How many of them, counted from the end, may be left out."""
    keywords: tuple[str, ...]
    """Parameters that are given by name only."""
    required: tuple[str, ...]
    """Those of them that may not be left out."""
    more_positional: bool
    more_keywords: bool


class Call(NamedTuple):
    """A call of something that the scope takes from its module, or has imported itself."""

    target: tuple[str, ...]
    """The parts of a dotted name."""
    through: Imported | None
    """What the first part is, where the scope has imported it itself."""
    positional: int
    keywords: tuple[str, ...]
    unpacks: bool
    """Whether it passes `*args` or `**kwargs`: then it may lack nothing, whatever it seems to."""
    place: Place


class Named(NamedTuple):
    """A name and where it stands."""

    name: str
    place: Place


class Binding(NamedTuple):
    """A name, what bound it and where."""

    name: str
    how: How
    place: Place


class Scope(NamedTuple):
    """What the rules have to know of the body of a module, class or function, without what is nested in it."""

    kind: Kind
    uses: tuple[Named, ...]
    """Names that it takes from its module or from the builtins; the first use of each."""
    calls: tuple[Call, ...]
    imports: tuple[Import, ...]
    unread: tuple[Binding, ...]
    """Bindings of names that neither it nor anything inside reads."""
    repeated: tuple[Named, ...]
    """Definitions that replace another one of the same block, which nobody has used."""
    dead: tuple[Place, ...]
    """Statements behind a return, raise, break or continue."""


class Known(Enum):
    """What is known of a name in a module that is no function, class, import or module."""

    VALUE = "value"
    """It is defined; as what does not matter or cannot be told."""
    UNKNOWN = "unknown"
    """It may be defined."""
    MISSING = "missing"
    """It is not defined, and nothing could define it unseen."""


class Module(NamedTuple):
    """A name that stands for a module of the tree."""

    path: str


Export = Signature | Imported | Known
"""A name of a module as the module itself tells it."""
Definition = Signature | Module | Known
"""The same, with imports followed to where they lead."""


class Exports(NamedTuple):
    """What a module shows to its own functions and to others."""

    names: dict[str, Export]
    stars: tuple[Imported, ...]
    """`from … import *`, in the order of the source."""
    public: tuple[str, ...] | None
    """`__all__`; None where there is none, or where it is computed."""
    is_open: bool
    """Whether names may come in unseen: by `globals()`, `exec` and the like, or by a module's `__getattr__`."""


class Broken(NamedTuple):
    """Why a file could not be parsed."""

    line: int
    column: int
    """From 1, as the parser counts for errors."""
    message: str


class Outline(NamedTuple):
    """A whole file, in one walk over its tree."""

    scopes: dict[str, Scope]
    """By qualified name; a second one of the same name is `name#2`."""
    exports: Exports
    lines: dict[str, tuple[int, ...]]
    """For each scope the first line, from 1, of each of its statements. All that moves with a comment is here."""
    error: Broken | None
    """Why there is nothing else."""


class Finding(NamedTuple):
    """Something to tell about a scope."""

    path: str
    scope: str
    place: Place
    code: str
    message: str
