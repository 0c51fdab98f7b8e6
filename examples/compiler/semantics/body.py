"""One function while it is checked. Owns which variables can be seen, and the facts that are found."""

from dataclasses import dataclass

from examples.compiler.diagnostics import Note
from examples.compiler.semantics.facts import Facts, Target
from examples.compiler.semantics.kinds import ItemId, Type
from examples.compiler.semantics.reporter import Reporter
from examples.compiler.semantics.signature import TypeReader
from examples.compiler.semantics.world import Signature, World


@dataclass(slots=True)
class Variable:
    """A variable that can be seen."""

    name: str
    node: int
    type: Type
    mutable: bool
    used: bool = False


class Body(Reporter):
    """What the rules for statements and expressions read and write."""

    def __init__(self, world: World, item: ItemId, signature: Signature, *, whole: bool) -> None:
        """`whole` says that the parser skipped nothing; otherwise a variable may be read in what it skipped."""
        super().__init__(world, item)
        self._whole = whole
        self.signature = signature
        self.read_type = TypeReader(self, signature.type_parameters).read
        self.loops = 0  # how many loops this place is in
        # Invariant: the innermost block comes last, and the first scope is that of the parameters.
        self._scopes: list[dict[str, Variable]] = []
        self.types: dict[int, Type] = {}
        self.targets: dict[int, Target] = {}
        self.declarations: dict[int, int] = {}

    @property
    def facts(self) -> Facts:
        """What was found."""
        return Facts(self.types, self.targets, self.declarations)

    def enter(self) -> None:
        """Begin a block."""
        self._scopes.append({})

    def leave(self) -> None:
        """End a block, and warn of the variables of it that nobody read."""
        for variable in self._scopes.pop().values():
            if self._whole and not variable.used and not variable.name.startswith("_"):
                advice = f"if that is meant, call it `_{variable.name}`"
                self.warning(variable.node, f"variable `{variable.name}` is never read", advice)

    def declare(self, name: str, node: int, kind: Type, *, mutable: bool = False, used: bool = False) -> None:
        """Make a variable, of which there may be one of a name in each block."""
        scope = self._scopes[-1]
        if name in scope:
            note = Note("the first one is here", self.anchor(scope[name].node))
            self.error(node, f"there is a variable `{name}` in this block already", note)
            scope[name].used = True  # which of the two was meant is not known
        scope[name] = Variable(name, node, kind, mutable, used)
        self.types[node] = kind

    def variable(self, name: str) -> Variable | None:
        """Find a variable by name, the innermost first."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return None

    def variables(self) -> list[str]:
        """Give the names of all that can be seen."""
        return [name for scope in self._scopes for name in scope]
