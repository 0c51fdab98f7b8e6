"""Covers the server of a global pool in this process: who may come in, which places end when, what garbage does."""

import array
import errno
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jeton.jobserver import PoolUnusable, Style, Unusable, open_pool, open_pool_or_one_slot
from jeton.jobserver.desk.desk import Desk
from jeton.jobserver.desk.link import DeskLink
from jeton.jobserver.desk.pool import DeskPool
from jeton.jobserver.desk.protocol import (
    AskStatus,
    DeskStatus,
    Failed,
    Hello,
    Report,
    Resize,
    Seated,
    Sit,
    SitShell,
    Welcome,
    encode,
)
from jeton.jobserver.desk.wire import is_same_user, peer, pid_of
from jeton.jobserver.opening import join_pool

if not hasattr(os, "pidfd_open"):
    pytest.skip("needs pidfds", allow_module_level=True)


class Served:
    """A desk on a thread of this process."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.path = str(folder / "s")
        self.log: list[str] = []
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        listener.listen()
        self.desk = Desk(jobs, listener, self.log.append)
        self._thread = threading.Thread(target=self.desk.run)
        self._thread.start()

    def status(self) -> DeskStatus:
        link = DeskLink(self.path)
        reply, _ = link.ask(AskStatus())
        link.close()
        assert isinstance(reply, Report)
        return reply.status

    def until(self, holds: Callable[[DeskStatus], bool]) -> DeskStatus:
        """Ask until it holds: each answer comes after all that the desk had heard before."""
        while not holds(status := self.status()):
            pass
        return status

    def raw(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(self.path)
        return sock

    def close(self) -> None:
        self.desk.stop()
        self._thread.join()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short name: a socket's path has 107 bytes."""
    made = tempfile.mkdtemp(prefix="jd", dir="/tmp")
    monkeypatch.setattr("tempfile.tempdir", made)
    yield Path(made)
    shutil.rmtree(made)


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    served = Served(folder, 4)
    yield served
    served.close()


@contextmanager
def pool_at(served: Served) -> Iterator[DeskPool]:
    pool = DeskPool(served.path)
    yield pool
    pool.close()


@contextmanager
def sleeper(pool: DeskPool, style: Style = Style.PIPE, code: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """A child in the pool that runs `code` with `pool`, says so, and waits for its end."""
    program = f"""
import os, sys
from jeton.jobserver import join_pool
pool = join_pool(os.environ)
{code}
print(flush=True)
sys.stdin.read()
"""
    with pool.invite("child", os.environ, style) as invitation:
        child = subprocess.Popen(
            [sys.executable, "-c", program],
            env=invitation.environment,
            pass_fds=invitation.pass_fds,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with child:
            invitation.started(child.pid)
            assert child.stdout is not None
            child.stdout.readline()
            yield child


def take(pool: Any, count: int) -> list[Any]:
    """Take so many slots, waiting for each."""
    slots: list[Any] = []
    while len(slots) < count:
        slot = pool.try_take()
        if slot is not None:
            slots.append(slot)
    return slots


TAKE = "slots = []\nwhile len(slots) < {}:\n    slots += [s for s in [pool.try_take()] if s]"


def test_a_pool_of_n_slots_gives_one_program_n(served: Served) -> None:
    with pool_at(served) as pool:
        slots = take(pool, 4)
        assert pool.jobs == 4
        assert pool.try_take() is None
        assert served.until(lambda status: status.held == 3).free == 0
        for slot in slots:
            pool.give(slot)
        served.until(lambda status: status.held == 0 and status.free == 3)
    served.until(lambda status: not status.clients)


def test_two_programs_have_no_more_slots_than_the_pool(served: Served) -> None:
    """The implicit slot of the second counts: it takes a token out of the world."""
    with pool_at(served) as one:
        assert served.status().tokens == 3
        take(one, 1)
        # Another process, because this one's second pool is paid for by the first.
        with started_elsewhere(served) as other:
            assert served.status().tokens == 2
            take(one, 2)
            assert one.try_take() is None
            other.communicate()
        served.until(lambda status: status.tokens == 3)
        take(one, 1)


@contextmanager
def started_elsewhere(served: Served, code: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """A program that joins through JETON_POOL, and that nobody below this process paid for: init is its parent."""
    program = f"""
import os, sys
if os.fork(): os._exit(0)
os.setsid()
while os.getppid() == {os.getpid()} or os.getppid() == int(sys.argv[1]): pass
from jeton.jobserver import join_pool
pool = join_pool({{"JETON_POOL": {served.path!r}}})
{code}
print(os.getpid(), flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen(
        ["sh", "-c", f'exec "{sys.executable}" -c "$0" $$', program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().strip()
        yield child


def test_a_program_below_another_is_paid_for(served: Served) -> None:
    with pool_at(served) as one, pool_at(served) as inner:
        assert [client.counted for client in served.status().clients] == [True, False]
        assert served.status().tokens == 3
        take(one, 2)
        take(inner, 2)


def test_a_program_that_is_killed_loses_nothing(served: Served) -> None:
    with started_elsewhere(served, TAKE.format(4)) as other:
        status = served.until(lambda status: status.held == 3)
        (client,) = status.clients
        assert client.pid is not None
        assert client.own is not None
        assert (client.own.held, client.own.taken, client.counted) == (3, 3, True)
        os.kill(client.pid, signal.SIGKILL)
        status = served.until(lambda status: not status.clients)
        assert (status.held, status.free, status.reclaimed) == (0, 3, 3)
        other.communicate()


@pytest.mark.parametrize("style", list(Style))
def test_a_child_that_is_killed_loses_nothing(served: Served, style: Style) -> None:
    with pool_at(served) as pool, sleeper(pool, style, TAKE.format(3)) as child:
        status = served.until(lambda status: status.held == 2)
        (place,) = status.clients[0].children
        assert (place.pid, place.name, place.fifo) == (child.pid, "child", style is Style.FIFO)
        child.kill()
        # Its pidfd or its pipes say so: nobody waits for it here.
        status = served.until(lambda status: not status.clients[0].children)
        assert (status.held, status.free, status.reclaimed) == (0, 3, 2)


@pytest.mark.parametrize("style", list(Style))
def test_what_a_client_leaves_running_keeps_its_place_until_it_ends(served: Served, style: Style) -> None:
    with ExitStack() as left:
        pool = DeskPool(served.path)
        child = left.enter_context(sleeper(pool, style, TAKE.format(2)))
        served.until(lambda status: status.held == 1)
        pool._link._wire.socket.shutdown(socket.SHUT_RDWR)  # as if this process had been killed
        (orphan,) = served.until(lambda status: [c.kind for c in status.clients] == ["orphan"]).clients
        assert (orphan.pid, orphan.name) == (child.pid, "child")
        assert served.status().held == 1
        child.kill()
        status = served.until(lambda status: not status.clients)
        assert (status.held, status.reclaimed) == (0, 1)
    pool.close()


def test_an_invitation_that_nobody_used_is_taken_back(served: Served) -> None:
    with pool_at(served) as pool:
        with pool.invite("make", {}), pool.invite("ninja", {}):
            assert [place.fifo for place in served.status().clients[0].children] == [False, True]
        served.until(lambda status: not status.clients[0].children)
        for style in Style:
            pool.invite("make", {}, style).__exit__()
    assert served.until(lambda status: not status.clients).reclaimed == 0


def test_a_resize_changes_how_many_may_run(served: Served) -> None:
    with pool_at(served) as pool:
        slots = take(pool, 4)
        link = DeskLink(served.path)
        link.ask(Resize(2))
        status = served.status()
        assert (status.jobs, status.tokens, status.to_swallow) == (2, 1, 2)
        for slot in slots[1:]:
            pool.give(slot)
        assert served.until(lambda status: status.held == 0).free == 1
        link.ask(Resize(6))
        take(pool, 5)
        assert pool.try_take() is None
        for wrong in (0, 70_000):
            reply, _ = link.ask(Resize(wrong))
            assert isinstance(reply, Failed)
            assert f"-j {wrong}: a pool has" in reply.why
        assert served.status().jobs == 6
        link.close()


def test_a_resize_below_the_number_of_programs_leaves_each_its_own_slot(served: Served) -> None:
    with started_elsewhere(served) as one, started_elsewhere(served) as two:
        link = DeskLink(served.path)
        link.ask(Resize(1))
        link.close()
        assert served.status().tokens == 0
        one.communicate()
        two.communicate()
    served.until(lambda status: status.tokens == 0 and not status.clients)


def test_a_shell_s_fifo_lives_as_long_as_the_shell(served: Served) -> None:
    shell = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    pidfd = os.pidfd_open(shell.pid)
    paths = []
    for _ in range(2):  # asked twice, it has one
        link = DeskLink(served.path)
        reply, _ = link.ask(SitShell("cat"), (pidfd,))
        assert isinstance(reply, Seated)
        paths.append(reply.fifo)
        link.close()
    os.close(pidfd)
    assert paths[0] is not None
    assert paths[0] == paths[1]
    assert Path(paths[0]).is_fifo()
    (client,) = served.status().clients
    assert (client.kind, client.pid, client.counted) == ("shell", shell.pid, False)
    assert served.status().tokens == 3
    pool = open_pool(None, {"MAKEFLAGS": f"--jobserver-auth=fifo:{paths[0]}"})
    take(pool, 3)
    served.until(lambda status: status.held == 2)
    shell.communicate()
    assert served.until(lambda status: not status.clients).held == 0
    assert not Path(paths[0]).exists()
    pool.close()


def test_a_shell_that_cannot_be_watched_is_refused_in_words(served: Served) -> None:
    link = DeskLink(served.path)
    with Path(os.devnull).open() as file:
        for fds in ((), (file.fileno(),)):
            reply, _ = link.ask(SitShell("sh"), fds)
            assert isinstance(reply, Failed)
            assert reply.why.startswith("the shell cannot be watched")
    link.close()


# Who may come in.


def test_only_this_user_may_come_in(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    assert is_same_user(os.geteuid())
    assert not is_same_user(os.geteuid() + 1)
    with served.raw() as sock:
        assert peer(sock) == (os.getpid(), os.getuid())
        served.status()  # it was let in before what follows
    monkeypatch.setattr("jeton.jobserver.desk.desk.is_same_user", lambda _: False)
    with served.raw() as sock:
        assert sock.recv(1) == b""
    assert served.log == [f"process {os.getpid()} of user {os.getuid()} was turned away"]


def test_the_server_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    monkeypatch.setattr("jeton.jobserver.desk.link.is_same_user", lambda _: False)
    with pytest.raises(PoolUnusable) as caught:
        DeskPool(served.path)
    assert caught.value.reason is Unusable.FOREIGN_DAEMON


def test_a_pidfd_is_told_from_another_file() -> None:
    pidfd = os.pidfd_open(os.getpid())
    assert pid_of(pidfd) == os.getpid()
    with Path(os.devnull).open() as file:
        assert pid_of(file.fileno()) is None
    os.close(pidfd)
    assert pid_of(pidfd) is None


# Garbage harms who sends it.


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\n",
        b"\0\xff\n",
        b"x" * 70_000,
        encode(Hello("x"), 1),
        encode(Hello("x")).replace(b"Hello", b"Welcome"),
        encode(Hello("x")) + b"{}\n" + encode(Hello("x")),
    ],
)
def test_garbage_ends_its_own_connection_alone(served: Served, sent: bytes) -> None:
    with pool_at(served) as pool:
        with served.raw() as sock:
            sock.sendall(sent)
            said = b"".join(iter(lambda: sock.recv(4096), b""))
        assert b'"Failed"' in said.splitlines()[-1]
        assert json.loads(said.splitlines()[-1])["why"]
        take(pool, 4)
    assert any("was let go: " in line for line in served.log)


def test_descriptors_that_nobody_asked_for_are_closed(served: Served) -> None:
    read_fd, write_fd = os.pipe()
    with served.raw() as sock:
        for message in (encode(Hello("x"), 2), encode(AskStatus(), 1)):
            count = json.loads(message)["fds"]
            rights = array.array("i", [write_fd] * count)
            sock.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            sock.recv(100_000)
    os.close(write_fd)
    assert os.read(read_fd, 1) == b""  # end of file: the server has no copy
    os.close(read_fd)


def send_until_refused(served: Served, sock: socket.socket) -> None:
    while True:
        try:
            sock.send(encode(AskStatus()) * 100)
        except (BrokenPipeError, ConnectionResetError):
            return
        except BlockingIOError:
            served.status()
            if not select.select([], [sock], [], 0)[1]:
                return  # the desk had its turn and read nothing


def test_a_client_that_reads_no_answers_is_let_go_and_holds_nobody_up(served: Served) -> None:
    with served.raw() as sock:
        sock.setblocking(False)
        send_until_refused(served, sock)
    with pool_at(served) as pool:
        take(pool, 4)


# The server that is not there.


def test_a_server_that_ends_is_told_of_with_what_to_do(folder: Path) -> None:
    served = Served(folder, 4)
    pool = DeskPool(served.path)
    slots = take(pool, 2)
    served.close()
    with pytest.raises(PoolUnusable) as caught:
        take(pool, 9)
    assert caught.value.reason is Unusable.DAEMON_ENDED
    assert str(caught.value).startswith(f"JETON_POOL: {served.path}: the server of the pool has ended; start it with")
    with pytest.raises(PoolUnusable) as caught:
        pool.invite("make", {})
    assert caught.value.reason is Unusable.DAEMON_ENDED
    for slot in slots:
        pool.give(slot)
    pool.close()


def stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: None, Unusable.NO_DAEMON),
        (lambda path: path.touch(), Unusable.NOT_A_SOCKET),
        (lambda path: path.mkdir(), Unusable.NOT_A_SOCKET),
        (stale, Unusable.NO_DAEMON),
    ],
)
def test_where_nothing_serves_is_told_and_one_slot_remains(
    folder: Path, make: Callable[[Path], object], reason: Unusable
) -> None:
    make(folder / "s")
    environ = {"JETON_POOL": str(folder / "s")}
    with pytest.raises(PoolUnusable) as caught:
        open_pool(None, environ)
    assert caught.value.reason is reason
    warnings: list[str] = []
    pool = open_pool_or_one_slot(None, environ, warnings.append)
    assert pool.jobs == 1
    assert warnings == [f"JETON_POOL: {folder}/s: {reason.value}; going on with one job at a time"]
    pool.close()


def test_a_path_that_no_socket_can_have_is_told(folder: Path) -> None:
    for path, reason in (("/" + "x" * 107, Unusable.PATH_TOO_LONG), (str(folder) + "/s/s", Unusable.NO_DAEMON)):
        with pytest.raises(PoolUnusable) as caught:
            DeskPool(path)
        assert caught.value.reason is reason


def test_another_program_behind_the_socket_is_told(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(PoolUnusable) as caught:
            DeskPool(str(folder / "s"))
        assert caught.value.reason is Unusable.GARBLED
        thread.join()


# Which pool is joined.


def test_the_order_is_j_then_makeflags_then_jeton_pool(served: Served) -> None:
    environ = {"JETON_POOL": served.path}
    own = open_pool(3, environ)
    assert not isinstance(own, DeskPool)
    own.close()
    outer = open_pool(5, {})
    with outer.invite("make", environ, Style.FIFO) as invitation:
        joined = open_pool(None, invitation.environment)
        assert (type(joined).__name__, joined.jobs) == ("JoinedPool", 5)
        joined.close()
    outer.close()
    for flags in ("", "-j8", "--jobserver-auth=-2,-2", "--jobserver-auth=fifo:/gone"):
        joined = open_pool(None, environ | {"MAKEFLAGS": flags})
        assert isinstance(joined, DeskPool)
        joined.close()
    assert join_pool({"JETON_POOL": ""}) is None


def test_where_neither_can_be_used_the_nearer_one_is_told(folder: Path) -> None:
    environ = {"MAKEFLAGS": "--jobserver-auth=fifo:/gone", "JETON_POOL": str(folder / "s")}
    with pytest.raises(PoolUnusable, match="MAKEFLAGS: fifo:/gone: "):
        join_pool(environ)


def test_too_few_descriptors_are_an_error_of_the_one_who_asks(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with pool_at(served) as pool:
        with monkeypatch.context() as patched:
            patched.setattr("jeton.jobserver.server.PairPipes", no_room)
            with pytest.raises(OSError, match="Too many open files"):
                pool.invite("make", {})
        with pool.invite("make", {}):
            assert len(served.status().clients[0].children) == 1


def test_a_welcome_says_how_many_slots_there_are(served: Served) -> None:
    link = DeskLink(served.path)
    assert link.ask(Hello("x")) == (Welcome(4), ())
    reply, fds = link.ask(Sit("x", fifo=False, own=True))
    assert isinstance(reply, Seated)
    assert replace(reply, place=0) == Seated(0, None, 4)
    for fd in fds:
        os.close(fd)
    link.close()
