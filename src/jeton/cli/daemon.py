"""A process of one's own in the background. Owns the forks, the session and the standard streams; not what it does.

As daemon(7) has it: a new session without a terminal, a second fork so that it can never get one, no descriptor that
was inherited (a pipe that make watches would stay open for as long as the server lives), `/` as the folder, and a
parent that ends only when it is known whether the start went well.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

Ready = Callable[[str], None]


class StartFailed(Exception):  # noqa: N818  the name says what is the case
    """It did not start. The text is one line."""


def start_in_background(serve: Callable[[Ready], None]) -> str:
    """Run `serve` in the background; return what it says with the function that it gets, once it is ready.

    Raises StartFailed with what it raised as StartFailed. `serve` ends the process by returning.
    """
    read_fd, write_fd = os.pipe()
    first = os.fork()
    if first == 0:
        _become_a_daemon(serve, write_fd)
    os.close(write_fd)
    with os.fdopen(read_fd, "rb") as answer:
        said = answer.read().decode(errors="replace")
    os.waitpid(first, 0)
    if said.startswith("+"):
        return said[1:]
    raise StartFailed(said[1:] or "the server ended before it was ready")


def write_to(log: Path) -> None:
    """Let the standard streams of a process in the background be a new file; they stay as they are where it cannot be.

    What stands there already is not followed if it is a link.
    """
    try:
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return
    for stream in (1, 2):
        os.dup2(fd, stream)
    os.close(fd)


def _become_a_daemon(serve: Callable[[Ready], None], write_fd: int) -> NoReturn:
    status = 1
    try:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        write_fd = _let_go_of_everything_but(write_fd)

        def ready(line: str) -> None:
            os.write(write_fd, f"+{line}".encode())
            os.close(write_fd)

        serve(ready)
        status = 0
    except StartFailed as failed:
        os.write(write_fd, f"-{failed}".encode())
    except BaseException:  # noqa: BLE001  a bug is read in the log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _let_go_of_everything_but(fd: int) -> int:
    """Close every descriptor but this one, which gets another number; return it."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o077)
    os.chdir("/")
    os.dup2(fd, 3, inheritable=False)
    os.closerange(4, max(os.sysconf("SC_OPEN_MAX"), 4))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
    return 3
