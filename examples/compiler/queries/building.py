"""Queries that run the C compiler: an object of each unit, and the program of all objects."""

from pathlib import Path, PurePath

from examples.compiler.c.unit import HEADER
from examples.compiler.queries.checking import modules
from examples.compiler.queries.emission import UnitId, c_text, instances_of
from examples.compiler.queries.sources import source

from jeton.query import Db, query
from jeton.query.outside import Command, process

_RUNTIME = Path(__file__).parent.parent / "runtime"


@query
def runtime_text(db: Db, name: str) -> str:
    """Give a file of the C that every program is made with."""
    text = source(db, str(_RUNTIME / name))
    assert text is not None, "it comes with the compiler"
    return text


@process
def object_file(db: Db, unit: UnitId) -> Command:
    """Compile the unit of a module."""
    name = PurePath(unit.module).stem
    return Command(
        ("cc", "-std=gnu11", "-O1", "-fwrapv", "-c", f"{name}.c", "-o", f"{name}.o"),
        files={f"{name}.c": c_text(db, unit), HEADER: runtime_text(db, HEADER)},
        outputs=(f"{name}.o",),
    )


@process
def runtime_object(db: Db) -> Command:
    """Compile what is the same in every program."""
    return Command(
        ("cc", "-std=gnu11", "-O1", "-c", "sou.c", "-o", "sou.o"),
        files={name: runtime_text(db, name) for name in ("sou.c", HEADER)},
        outputs=("sou.o",),
    )


@query
def units(db: Db, root: str) -> tuple[UnitId, ...]:
    """Give the units of a program: a module that nothing is called of has none."""
    possible = [UnitId(root, module) for module in modules(db, root)]
    return tuple(unit for unit, own in zip(possible, db.map(instances_of, possible), strict=True) if own)


@process
def executable(db: Db, root: str) -> Command:
    """Link a program."""
    made = [*db.map(object_file, units(db, root)), runtime_object(db)]
    objects = {f"{number}-{name}": content for number, one in enumerate(made) for name, content in one.files.items()}
    return Command(("cc", *objects, "-lm", "-o", "program"), files=objects, outputs=("program",))
