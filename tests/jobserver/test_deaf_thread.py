"""Our threads take no signal: the main thread would sleep on, and its handler would not run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from jeton.jobserver import Server
from jeton.jobserver.deaf_thread import start_deaf_thread

SRC = Path(__file__).parents[2] / "src"

WAITS = """
import os, signal, subprocess
from jeton.jobserver import OwnPool
pool = OwnPool(2)
invitation = pool.invite("true", {})
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
child = subprocess.Popen(["cat"])
print("ready", flush=True)
os.waitpid(child.pid, 0)
"""


def test_a_deaf_thread_blocks_every_signal_and_its_maker_does_not() -> None:
    blocked: list[set[int | signal.Signals]] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    start_deaf_thread(lambda: blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "asks").join()
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= blocked[0]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_the_servers_thread_is_deaf() -> None:
    with Server(2) as server:
        place = server.sit("a child")
        assert server._thread is not None
        status = Path(f"/proc/self/task/{server._thread.native_id}/status").read_text()
        mask = int(status.partition("SigBlk:")[2].split()[0], 16)
        assert mask & (1 << (signal.SIGTERM - 1))
        place.leave()


def test_a_signal_ends_the_wait_of_the_main_thread_beside_a_serving_one() -> None:
    """However often it is tried: the kernel may choose any thread that does not block the signal."""
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WAITS],
            env={**os.environ, "PYTHONPATH": str(SRC)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.terminate()
            assert process.wait() == 7
