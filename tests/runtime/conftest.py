"""Gives the tests of the runtime their loops: libuv's where it is installed, the standard one and the simulated."""

import os
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import pytest

from jeton.runtime import EventLoop, SimulatedLoop, libuv_loop, stdlib_loop

MakeLoop: TypeAlias = Callable[[], EventLoop]

needs_uvloop = pytest.mark.skipif(find_spec("uvloop") is None, reason="needs uvloop")
REAL = [pytest.param(libuv_loop, id="libuv", marks=needs_uvloop), pytest.param(stdlib_loop, id="stdlib")]


@pytest.fixture(params=[*REAL, pytest.param(SimulatedLoop, id="simulated")])
def make_loop(request: pytest.FixtureRequest) -> MakeLoop:
    """Make a loop of each kind in turn."""
    make: MakeLoop = request.param
    return make


@pytest.fixture(params=REAL)
def make_real_loop(request: pytest.FixtureRequest) -> MakeLoop:
    """Make a loop of each kind that serves processes, signals and threads."""
    make: MakeLoop = request.param
    return make


@pytest.fixture
def leaks_nothing() -> Iterator[None]:
    """Hold a test to leave no descriptor, no child and no thread behind."""
    if find_spec("uvloop") is not None:
        libuv_loop().close()  # the first one opens a pipe for signals that the process keeps
    before = open_descriptors()
    threads = set(threading.enumerate())  # a checker's, say, which waits for its next schedule
    children = child_processes()  # a server of multiprocessing's, say
    yield
    assert open_descriptors() == before
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)  # it has done all that it was for, and is about to end
    assert set(threading.enumerate()) <= threads
    assert child_processes() <= children


def child_processes() -> set[int]:
    """List the children of this process that nobody has waited for; none where there is no /proc."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = status.read_text().partition(" (")
        except OSError:  # it has gone
            continue
        if int(rest.rpartition(")")[2].split()[1]) == os.getpid():
            found.add(int(pid))
    return found


def open_descriptors() -> set[str]:
    """List this process's descriptors, but for the one that lists them."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112  listed below, as text
    listing = os.open(folder, os.O_RDONLY)
    try:
        return set(os.listdir(listing)) - {str(listing)}  # noqa: PTH208  of a descriptor
    finally:
        os.close(listing)
