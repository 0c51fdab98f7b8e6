"""Where in the scenario's code a thread is. Owns what is not of that code."""

import os
import threading
from pathlib import Path
from types import FrameType, TracebackType

_OURS = (*(str(Path(__file__).parents[1] / room) + os.sep for room in ("testing", "sync")), threading.__file__)


def line_of(frame: FrameType | None) -> str:
    """Return file and line of the innermost frame that is none of this room, of `jeton.sync` or of `threading`."""
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return "its start" if frame is None else f"{shown(frame.f_code.co_filename)}:{frame.f_lineno}"


def raised_at(traceback: TracebackType | None) -> str:
    """Return file and line of where something was raised, as the scenario sees it."""
    found = "its start"
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith(_OURS):
            found = f"{shown(filename)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def shown(filename: str) -> str:
    """Return the name of a file relative to the current folder if it is below it."""
    path = Path(filename)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return filename
