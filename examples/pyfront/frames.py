"""A scope while its file is walked, and what comes of it when the walk is over. Knows no syntax.

Which scope a name belongs to is known only at the end of the file: a function's body may use what is bound further
down. So the walk writes down who binds and who reads, and `finished` settles it from the outside in.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field

from .shapes import (
    MODULE,
    Binding,
    Call,
    Export,
    Exports,
    How,
    Import,
    Imported,
    Kind,
    Known,
    Named,
    Outline,
    Place,
    Scope,
    Signature,
)

OF_A_MODULE = frozenset(
    {"__dict__", "__doc__", "__file__", "__loader__", "__name__", "__package__", "__path__", "__spec__"}
)
"""Names that every module has, or may have, without defining them."""
BUILTINS = (
    OF_A_MODULE
    | frozenset(dir(builtins))
    | {
        "_",  # gettext puts it there
        "WindowsError",
        "__annotations__",
        "__builtins__",
        "__cached__",
        "__class__",
        "__module__",
        "__qualname__",
    }
)

_WORTH_A_WORD = {
    Kind.MODULE: frozenset({How.IMPORT}),
    Kind.FUNCTION: frozenset({How.IMPORT, How.ASSIGNMENT, How.HANDLER}),
    Kind.CLASS: frozenset[How](),
}
"""What may not go unread; the other names of modules and classes are there for others."""


@dataclass(slots=True, eq=False)
class Frame:
    """What one scope binds, reads and holds."""

    kind: Kind
    parameters_of_type: frozenset[str] = frozenset()
    """Type parameters: seen from here and from everything inside, even of a class."""
    inner: list[Frame] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    bound: dict[str, list[Binding]] = field(default_factory=dict)
    from_module: set[str] = field(default_factory=set)
    """Names that a `global` statement gives to the module."""
    from_outer: set[str] = field(default_factory=set)
    """Names that a `nonlocal` statement gives to a function around."""
    reads: dict[str, Place] = field(default_factory=dict)
    """The first read of each name that has to be defined somewhere."""
    mentions: set[str] = field(default_factory=set)
    """Names that count as read, and of which nobody says that they have to be there."""
    calls: list[Call] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    signatures: dict[str, Signature | None] = field(default_factory=dict)
    repeated: list[Named] = field(default_factory=list)
    dead: list[Place] = field(default_factory=list)
    is_opaque: bool = False
    """Whether it may read its names unseen: by `locals()`, `eval` and the like."""
    captured: frozenset[str] = frozenset()
    """Names that scopes inside take from here or from further out. Set when the walk is over."""

    def takes(self) -> frozenset[str]:
        """Settle what this scope and those inside take from outside of it."""
        self.captured = frozenset().union(*(frame.takes() for frame in self.inner))
        own = self.reads.keys() | self.mentions
        if self.kind is Kind.CLASS:  # functions inside do not see its names
            wanted = (own - self.bound.keys()) | self.captured
        else:
            wanted = (own | self.captured) - self.bound.keys()
        return frozenset((wanted - self.parameters_of_type) | self.from_module | self.from_outer)


@dataclass(slots=True, eq=False)
class File:
    """All scopes of a file, and what holds for its module as a whole."""

    frames: dict[str, Frame] = field(default_factory=lambda: {MODULE: Frame(Kind.MODULE)})
    public: list[str] | None = None
    """What `__all__` is known to list."""
    public_is_computed: bool = False
    is_open: bool = False
    """Whether names may come into the module unseen."""

    @property
    def module(self) -> Frame:
        """The scope of the module itself."""
        return self.frames[MODULE]


def finished(file: File) -> Outline:
    """Turn the frames of a file that was walked into what the other phases read."""
    module = file.module
    module.mentions.update(file.public or ())
    module.takes()
    scopes: dict[str, Scope] = {}
    outside = {id(module): frozenset[str]()}
    for name, frame in file.frames.items():  # in the order of the source: whoever is around comes first
        around = outside[id(frame)]
        scopes[name] = _scope(frame, around)
        seen = frame.bound.keys() if frame.kind is Kind.FUNCTION else frozenset[str]()
        within = around | frame.parameters_of_type | seen
        outside.update((id(inner), within) for inner in frame.inner)
    lines = {name: tuple(frame.lines) for name, frame in file.frames.items()}
    return Outline(scopes, _exports(file), lines, None)


def _scope(frame: Frame, around: frozenset[str]) -> Scope:
    uses = tuple(
        Named(name, place)
        for name, place in frame.reads.items()
        if name not in BUILTINS
        and (name in frame.from_module or name not in frame.bound)
        and name not in around
        and name not in frame.parameters_of_type
    )
    calls = tuple(settled for call in frame.calls if (settled := _settled(call, frame, around)) is not None)
    unread: list[Binding] = []
    if not frame.is_opaque:
        read = frame.reads.keys() | frame.mentions | frame.captured
        for name, bindings in frame.bound.items():
            if name not in read:
                unread += [binding for binding in bindings if binding.how in _WORTH_A_WORD[frame.kind]]
    return Scope(frame.kind, uses, calls, tuple(frame.imports), tuple(unread), tuple(frame.repeated), tuple(frame.dead))


def _settled(call: Call, frame: Frame, around: frozenset[str]) -> Call | None:
    """Keep a call if what it calls can be found: in the module, or by an import of this very scope."""
    root = call.target[0]
    if root in around or root in frame.parameters_of_type or root in BUILTINS:
        return None
    if frame.kind is Kind.MODULE or root in frame.from_module or root not in frame.bound:
        return call
    targets = {entry.target for entry in frame.imports if entry.bound == root}
    if len(targets) != 1 or any(binding.how is not How.IMPORT for binding in frame.bound[root]):
        return None
    return call._replace(through=targets.pop())


def _exports(file: File) -> Exports:
    module = file.module
    imports: dict[str, set[Imported]] = {}
    for entry in module.imports:
        imports.setdefault(entry.bound, set()).add(entry.target)
    names: dict[str, Export] = {}
    for name, bindings in module.bound.items():
        names[name] = Known.VALUE
        if all(binding.how is How.IMPORT for binding in bindings) and len(imports[name]) == 1:
            names[name] = imports[name].pop()
        elif len(bindings) == 1 and bindings[0].how is How.DEFINITION:
            names[name] = module.signatures.get(name) or Known.VALUE
    public = None if file.public is None or file.public_is_computed else tuple(file.public)
    stars = tuple(entry.target for entry in module.imports if entry.bound == "*")
    return Exports(names, stars, public, file.is_open or "__getattr__" in names)
