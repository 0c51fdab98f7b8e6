"""How much memory there is, how much is free, and whether processes wait for it. Owns reading it; decides nothing.

A container sees its host's whole memory and may use a part: the bounds of its control group count, and those of every
group around it. Sources: proc(5), meminfo; the kernel's "Control Group v2", memory.max, memory.high and memory.current;
"Memory Resource Controller" (v1); "PSI - Pressure Stall Information".
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jeton.jobserver.control_groups import OWN, ROOT, Version, control_groups

_KIB = 1024
_PROC = Path("/proc")


class MachineMemory:
    """The memory of this machine, as far as this process may use it. Sizes are bytes; None where nobody tells."""

    def __init__(self, root: Path = ROOT, own: Path = OWN, proc: Path = _PROC) -> None:
        """See `control_groups` for `root` and `own`; `proc` is where proc(5) is mounted."""
        self._proc = proc
        self._groups = list(control_groups(root, own, "memory"))
        self._pressure = self._pressure_file()

    def total(self) -> int | None:
        """Return how much this process and all others in its control group may ever use."""
        bounds = [bound for version, folder in self._groups for bound in _bounds(version, folder)]
        installed = self._meminfo("MemTotal")
        return min(bounds if installed is None else [*bounds, installed], default=None)

    def available(self) -> int | None:
        """Return how much could be taken now without swapping, and without meeting a group's bound."""
        rooms = [room for version, folder in self._groups for room in _rooms(version, folder)]
        available = self._meminfo("MemAvailable")
        return min(rooms if available is None else [*rooms, available], default=None)

    def pressure(self) -> float | None:
        """Return for how much of the last 10 seconds some process waited for memory, in percent.

        It is the own control group's number where that has one, so that a container is judged by its own bound;
        else the whole machine's.
        """
        if self._pressure is not None:
            with suppress(OSError, ValueError, IndexError):
                # some avg10=0.00 avg60=0.00 avg300=0.00 total=0
                return float(self._pressure.read_text().split()[1].removeprefix("avg10="))
        return None

    def _pressure_file(self) -> Path | None:
        groups = [folder / "memory.pressure" for version, folder in self._groups if version is Version.V2]
        return next((path for path in (*groups, self._proc / "pressure/memory") if path.exists()), None)

    def _meminfo(self, name: str) -> int | None:
        with suppress(OSError):
            for line in (self._proc / "meminfo").read_text().splitlines():
                key, _, value = line.partition(":")
                if key == name:
                    return int(value.split()[0]) * _KIB
        return None


def _bounds(version: Version, folder: Path) -> Iterator[int]:
    """Yield what a group sets as its bounds. v1 writes a huge number where there is none."""
    names = ("memory.max", "memory.high") if version is Version.V2 else ("memory.limit_in_bytes",)
    for name in names:
        with suppress(OSError, ValueError):  # "max" is no number
            yield int((folder / name).read_text())


def _rooms(version: Version, folder: Path) -> Iterator[int]:
    """Yield how far a group is from each of its bounds. File pages that are not in use are given up for the asking."""
    if version is Version.V2:
        usage, idle = _number(folder / "memory.current"), _stat(folder, "inactive_file")
    else:
        usage, idle = _number(folder / "memory.usage_in_bytes"), _stat(folder, "total_inactive_file")
    for bound in _bounds(version, folder):
        yield max(0, bound - max(0, usage - idle))


def _number(path: Path) -> int:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def _stat(folder: Path, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
