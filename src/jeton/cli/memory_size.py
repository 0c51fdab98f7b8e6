"""How a size of memory is written on a command line. Owns the text; does not know what the size is for."""

import re

import click

from jeton.build import MemoryLimit
from jeton.jobserver.machine_memory import MachineMemory

_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(?:([KMGT])(?:I?B)?|(%))", re.IGNORECASE)
_POWERS = "KMGT"


def memory_size(_context: click.Context, _option: click.Parameter, text: str | None) -> MemoryLimit | None:
    """Read `12G`, `512M`, `80%` of what this process may use, or `auto`; units are powers of 1024.

    An option's callback: raises BadParameter, to which click adds the option.
    """
    if text is None:
        return None
    if text.lower() == "auto":
        _total(text)
        return MemoryLimit(None)
    match = _SIZE.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r}: write a size such as 12G, 512M or 80%, or auto")
    number = float(match[1])
    if match[3] and number > 100:
        raise click.BadParameter(f"{text!r}: more than there is; write 100% or less")
    size = int(_total(text) * number / 100) if match[3] else int(number * 1024 ** (_POWERS.index(match[2].upper()) + 1))
    if size == 0:
        raise click.BadParameter(f"{text!r}: nothing fits into that; leave the option out to set no limit")
    return MemoryLimit(size)


def _total(text: str) -> int:
    total = MachineMemory().total()
    if total is None:
        raise click.BadParameter(
            f"{text!r}: this system does not tell how much memory it has; write a size such as 12G"
        )
    return total
