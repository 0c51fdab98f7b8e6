"""Queries that run the C compiler: an object of each unit, and the program of all objects."""

from pathlib import Path, PurePath

from examples.compiler.c.unit import HEADER
from examples.compiler.queries.checking import modules
from examples.compiler.queries.emission import UnitId, c_text, instances_of
from examples.compiler.queries.sources import COMPILER
from jeton.query.outside import Command, Made, process

from jeton.query import Db, query

_RUNTIME = Path(__file__).parent.parent / "runtime"
_HEADER_TEXT = (_RUNTIME / HEADER).read_text()
_RUNTIME_TEXT = (_RUNTIME / "sou.c").read_text()
_FLAGS = ("-std=gnu11", "-O1", "-fwrapv")


def _compiled(name: str, text: str) -> Command:
    files = {f"{name}.c": text, HEADER: _HEADER_TEXT}
    return Command(("cc", *_FLAGS, "-c", f"{name}.c", "-o", f"{name}.o"), files=files, outputs=(f"{name}.o",))


@process(uses=(COMPILER,))
def object_file(db: Db, unit: UnitId) -> Command:
    """Compile the unit of a module."""
    return _compiled(PurePath(unit.module).stem, c_text(db, unit))


@process(uses=(COMPILER,))
def runtime_object(_db: Db) -> Command:
    """Compile what is the same in every program."""
    return _compiled("sou", _RUNTIME_TEXT)


@query
def units(db: Db, root: str) -> tuple[UnitId, ...]:
    """Give the units of a program: a module that nothing is called of has none."""
    possible = [UnitId(root, module) for module in modules(db, root)]
    return tuple(unit for unit, own in zip(possible, db.map(instances_of, possible), strict=True) if own)


@process
def program(db: Db, root: str) -> Command:
    """Link a program."""
    made: list[Made] = [*db.map(object_file, units(db, root)), runtime_object(db)]
    objects = {f"{number}-{name}": content for number, one in enumerate(made) for name, content in one.files.items()}
    return Command(("cc", *objects, "-lm", "-o", "program"), files=objects, outputs=("program",))
