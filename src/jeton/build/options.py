"""How a build is to go. Owns the defaults; decides nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """How much memory the running steps may have together."""

    size: int | None
    """Bytes. None is as much as the machine and its control groups can spare, looked at again and again."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may ask of a build."""

    manifest: str = "build.ninja"
    jobs: int | None = None
    """Slots of a pool of its own; None joins the pool that the process was started in."""
    keep_going: int = 1
    """Stop starting steps after that many failures; 0 never stops."""
    dry_run: bool = False
    """Say what would run, run nothing and write nothing."""
    load_limit: float = 0.0
    """Start no step beside a running one while the machine's load is higher; 0 sets no limit."""
    keep_depfile: bool = False
    keep_rspfile: bool = False
    allow_phony_cycles: bool = True
    """Let phony targets that name themselves pass with a warning."""
    memory: MemoryLimit | None = None
    """Start no step beside running ones that would not fit in; None sets no limit."""
    pressure_limit: float = 10.0
    """Start no step beside a running one while processes wait for memory longer, in percent of the last 10 seconds;
    0 sets no limit."""
