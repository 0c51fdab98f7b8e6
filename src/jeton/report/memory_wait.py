"""A wait for memory in one line. Owns its words; all forms of progress say them. Pure."""

from jeton.trace import MemoryHold, WillWaitForMemory

_STEP = 1024


def waiting_line(wait: WillWaitForMemory) -> str:
    """Say what the next step waits for."""
    steps = f"{wait.running} step runs" if wait.running == 1 else f"{wait.running} steps run"
    if wait.reason is MemoryHold.PRESSURE:
        return f"waiting for memory: processes lacked it for {wait.pressure:.0f}% of the last 10 s; {steps} on alone"
    used, needed, limit = (spoken_size(kib) for kib in (wait.used_kib, wait.needed_kib, wait.limit_kib))
    return f"waiting for memory: {steps} with {used} of {limit}, the next needs {needed}"


def spoken_size(kib: int) -> str:
    """Return `512K`, `48M` or `10.2G`, as `--memory` reads it."""
    if kib < _STEP:
        return f"{kib}K"
    if kib < _STEP * _STEP:
        return f"{kib / _STEP:.0f}M"
    return f"{kib / _STEP / _STEP:.1f}G"
