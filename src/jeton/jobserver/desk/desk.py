"""The server of a global pool: who comes in, which places are theirs, when each ends. Owns the connections and pidfds.

One thread answers all of them and waits for none; tokens pass through the places' pipes, which the pool's `Server`
serves on its own thread. A place ends by the first of: its client says so, the pidfd of its child says so, its pipes
come to their end. The places of a client that is gone stay for as long as what runs there does.

A program that comes in has an implicit slot that nobody paid for. It counts: with k programs in a pool of N slots
there are N - k tokens beside them, so that N jobs run, not N - 1 + k. The count goes down as tokens come back, so that
nobody waits to come in, and nobody who waits for another holds it up. One that was started below another, or by a
command that has a place, was paid for by the token that its parent holds.
"""

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from jeton.jobserver.arbiter import SeatState
from jeton.jobserver.desk.guests import Chair, Guest, orphan_status, program_status, shell_status
from jeton.jobserver.desk.process_tree import ancestors
from jeton.jobserver.desk.protocol import (
    MAX_REQUEST,
    AskStatus,
    DeskStatus,
    Done,
    Failed,
    Garbled,
    Hello,
    Left,
    Reply,
    Report,
    Request,
    Resize,
    Seated,
    Sit,
    SitShell,
    Started,
    Stop,
    Welcome,
    decode_request,
    encode,
)
from jeton.jobserver.desk.wire import Wire, close_all, copies, is_same_user, opened_both_ways, peer, pid_of
from jeton.jobserver.flags import FifoAuth
from jeton.jobserver.server import Server

_MOST_UNSENT = 64
"""Answers that a client may leave unread; one question at a time is the rule, so that this one is broken."""


_Handler = Callable[[], object]


class Desk:
    """A pool of `jobs` slots behind a socket that listens. One thread runs it; any may `stop` it."""

    def __init__(self, jobs: int, listener: socket.socket, log: Callable[[str], object]) -> None:
        """Take the listening socket over. Raises ValueError as `Server`, OSError."""
        self.jobs = jobs
        self._server = Server(jobs)
        self._listener = listener
        self._log = log
        self._guests: set[Guest] = set()
        self._chairs: dict[int, Chair] = {}
        self._numbers = 0
        self._since = time.monotonic()
        self._stopping = False
        # Guarded by _waking: whether wake_fd is still ours. Reentrant, because a signal handler may come in between.
        self._waking = threading.RLock()
        self._closed = False
        self._selector = selectors.DefaultSelector()
        self._woken_fd, self.wake_fd = os.pipe()
        """A byte written into `wake_fd` wakes the desk: for signal.set_wakeup_fd."""
        for fd in (self._woken_fd, self.wake_fd):
            os.set_blocking(fd, False)
        self._spare_fd = os.open(os.devnull, os.O_RDONLY)  # given up for a moment to turn a client away
        listener.setblocking(False)
        self._watch(listener, self._let_in)
        self._watch(self._woken_fd, lambda: os.read(self._woken_fd, 4096))

    def run(self) -> None:
        """Serve until stopped; then let everybody go and close everything but what is not ours."""
        try:
            while not self._stopping:
                for key, _ in self._selector.select():
                    # What stands before it in this round may have ended it.
                    if self._selector.get_map().get(key.fd) is key:
                        key.data()
        finally:
            self._close()

    def stop(self) -> None:
        """Make `run` return, soon. From any thread, or a signal handler."""
        self._stopping = True
        with self._waking, suppress(BlockingIOError):
            if not self._closed:
                os.write(self.wake_fd, b"x")

    def resize(self, jobs: int) -> None:
        """Have that many slots from now on. Raises ValueError."""
        old, self.jobs = self.jobs, jobs
        try:
            self._fit()
        except ValueError:
            self.jobs = old
            raise
        self._log(f"{jobs} slots, {old} before")

    # Connections.

    def _let_in(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._turn_one_away()
            return  # else it is gone again
        sock.setblocking(False)
        pid, uid = peer(sock)
        if not is_same_user(uid):
            self._log(f"process {pid} of user {uid} was turned away")
            sock.close()
            return
        guest = Guest(Wire(sock, MAX_REQUEST), pid)
        self._guests.add(guest)
        self._watch(sock, lambda: self._hear(guest))

    def _turn_one_away(self) -> None:
        self._log("a client was turned away: too many open files")
        os.close(self._spare_fd)
        with suppress(OSError):
            self._listener.accept()[0].close()
        self._spare_fd = os.open(os.devnull, os.O_RDONLY)

    def _hear(self, guest: Guest) -> None:
        """Send what is due and answer what was asked."""
        try:
            self._send_unsent(guest)
            if guest.unsent:
                return  # it reads nothing: neither do we
            more = guest.wire.receive()
            while guest in self._guests and (line := guest.wire.next_line()) is not None:
                self._answer_line(guest, line)
            if not more:
                self._let_go(guest)
        except BlockingIOError:
            pass
        except Garbled as garbled:
            self._log(f"process {guest.pid} was let go: {garbled}")
            self._say(guest, Failed(0, str(garbled)))
            self._let_go(guest)  # at once: what comes behind it cannot be told apart
        except OSError as error:
            self._let_go(guest, str(error.strerror))

    def _answer_line(self, guest: Guest, line: bytes) -> None:
        request, count = decode_request(line)
        fds = guest.wire.take_fds(count)
        kept: int | None = None
        try:
            kept = self._answer(guest, request, fds[0] if fds else None)
        except ValueError as error:
            self._say(guest, Failed(0, str(error)))
        except OSError as error:
            self._say(guest, Failed(error.errno or errno.EIO, error.strerror or str(error)))
        finally:
            for fd in fds:
                if fd != kept:
                    os.close(fd)

    def _answer(self, guest: Guest, request: Request, pidfd: int | None) -> int | None:
        """Do what was asked. Returns the pidfd if it is kept."""
        if isinstance(request, Hello):
            self._come_in(guest, request.name)
        elif isinstance(request, Sit):
            self._sit(guest, request)
        elif isinstance(request, Started):
            chair = self._chair_of(guest, request.place)
            return self._watch_child(chair, pidfd) if chair is not None else None
        elif isinstance(request, Left):
            chair = self._chair_of(guest, request.place)
            if chair is not None:
                self._end(chair)
        elif isinstance(request, SitShell):
            return self._sit_shell(guest, request.name, pidfd)
        elif isinstance(request, AskStatus):
            self._say(guest, Report(self.status()))
        elif isinstance(request, Resize):
            self.resize(request.jobs)
            self._say(guest, Done())
        else:
            assert isinstance(request, Stop)
            self._log(f"process {guest.pid} asked for the end")
            self._say(guest, Done())
            self.stop()
        return None

    def _let_go(self, guest: Guest, why: str = "") -> None:
        """Hear that a client is gone. What it started and still runs keeps its place."""
        if guest not in self._guests:
            return
        if why:
            self._log(f"process {guest.pid} was let go: {why}")
        self._guests.remove(guest)
        self._selector.unregister(guest.wire.socket)
        for _, fds in guest.unsent:
            close_all(fds)
        guest.wire.close()
        for chair in list(guest.chairs.values()):
            if chair.own or (chair.pidfd is None and chair.fifo):
                self._end(chair)
            else:
                chair.guest = None
        if guest.counted:
            self._fit()

    def _say(self, guest: Guest, reply: Reply, fds: tuple[int, ...] = ()) -> None:
        guest.unsent.append((encode(reply, len(fds)), fds))
        if len(guest.unsent) > _MOST_UNSENT:
            self._let_go(guest, "it does not read its answers")
            return
        try:
            self._send_unsent(guest)
        except OSError as error:
            self._let_go(guest, str(error.strerror))

    def _send_unsent(self, guest: Guest) -> None:
        try:
            while guest.unsent:
                data, fds = guest.unsent[0]
                rest = data[guest.wire.send(data, fds) :]
                close_all(fds)
                if rest:
                    guest.unsent[0] = (rest, ())
                else:
                    guest.unsent.popleft()
        except BlockingIOError:
            pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if guest.unsent else 0)
        key = self._selector.get_key(guest.wire.socket)
        if key.events != events:
            self._selector.modify(guest.wire.socket, events, key.data)

    # Places.

    def _come_in(self, guest: Guest, name: str) -> None:
        self._sweep()
        if not guest.joined:
            guest.name, guest.joined = name, True
            guest.counted = not self._is_paid_for(guest)
            self._fit()
        self._say(guest, Welcome(self.jobs))

    def _is_paid_for(self, guest: Guest) -> bool:
        paid = {other.pid for other in self._guests if other.joined and other is not guest}
        paid |= {chair.place.pid for chair in self._chairs.values() if chair.place.pid and not chair.shell}
        return any(pid in paid for pid in ancestors(guest.pid))

    def _fit(self) -> None:
        """Have as many tokens as there are slots beside the implicit ones that count; one always does."""
        counted = sum(guest.counted for guest in self._guests)
        if self.jobs < 1:
            raise ValueError(f"-j {self.jobs}: a pool has at least 1 slot")
        slots = self.jobs - max(1, counted) + 1
        self._server.resize(max(1, slots))

    def _sit(self, guest: Guest, request: Sit) -> None:
        chair = self._chair(request.name, guest, fifo=request.fifo, own=request.own)
        try:
            if request.own:
                chair.place.pid = guest.pid
            copy = os.dup if request.own else opened_both_ways
            fds = copies(chair.place.pipes.pass_fds(), copy)
        except BaseException:
            self._end(chair)
            raise
        chair.place.pipes.child_started()  # they live on in the message
        self._say(guest, self._seated(chair), fds)

    def _sit_shell(self, guest: Guest, name: str, pidfd: int | None) -> int | None:
        pid = None if pidfd is None else pid_of(pidfd)
        if pid is None:
            raise ValueError("the shell cannot be watched: it has ended, or this system has no pidfd")
        for chair in self._chairs.values():
            if chair.shell and chair.place.pid == pid:
                self._say(guest, self._seated(chair))
                return None
        chair = self._chair(name, None, fifo=True, to_shell=True)
        kept = self._watch_child(chair, pidfd)
        self._say(guest, self._seated(chair))
        return kept

    def _seated(self, chair: Chair) -> Seated:
        auth = chair.place.pipes.auth
        return Seated(chair.number, auth.path if isinstance(auth, FifoAuth) else None, self.jobs)

    def _chair(self, name: str, guest: Guest | None, *, fifo: bool, own: bool = False, to_shell: bool = False) -> Chair:
        place = self._server.sit(name, fifo=fifo)
        self._numbers += 1
        chair = self._chairs[self._numbers] = Chair(self._numbers, place, fifo, guest, own, to_shell)
        if guest is not None:
            guest.chairs[chair.number] = chair
        return chair

    def _chair_of(self, guest: Guest, number: int) -> Chair | None:
        """Return a place of this client; None where it has ended already."""
        return guest.chairs.get(number)

    def _watch_child(self, chair: Chair, pidfd: int | None) -> int | None:
        pid = None if pidfd is None else pid_of(pidfd)
        if pidfd is None or pid is None or chair.pidfd is not None:
            return None  # it was faster, or the system has none: its pipes or its client tell
        chair.place.child_started(pid)
        chair.pidfd = pidfd
        self._watch(pidfd, lambda: self._end(chair))
        return pidfd

    def _end(self, chair: Chair) -> None:
        """Take a place back, with all that its child held."""
        if self._chairs.pop(chair.number, None) is None:
            return
        if chair.guest is not None:
            chair.guest.chairs.pop(chair.number, None)
        if chair.pidfd is not None:
            self._selector.unregister(chair.pidfd)
            os.close(chair.pidfd)
        chair.place.leave()

    # What there is to see.

    def status(self) -> DeskStatus:
        """Return what is going on. On the thread of `run`."""
        self._sweep()
        now = time.monotonic()
        pool = self._server.status()
        chairs = self._chairs.values()
        clients = [program_status(guest, now) for guest in self._guests if guest.joined]
        clients += [shell_status(chair, now) for chair in chairs if chair.shell]
        clients += [orphan_status(chair, now) for chair in chairs if not chair.shell and chair.guest is None]
        clients.sort(key=lambda client: -client.joined_s)
        return DeskStatus(
            pid=os.getpid(),
            up_s=now - self._since,
            jobs=self.jobs,
            tokens=pool.jobs - 1,
            free=pool.free,
            held=sum(seat.held for seat in pool.seats),
            to_swallow=pool.to_swallow,
            reclaimed=pool.reclaimed,
            clients=clients,
        )

    def _sweep(self) -> None:
        """Forget the places whose pipes came to their end before anything else told of it."""
        for chair in list(self._chairs.values()):
            if chair.place.seat.state is SeatState.RETIRED:
                self._end(chair)

    def _watch(self, file: socket.socket | int, handler: _Handler) -> None:
        self._selector.register(file, selectors.EVENT_READ, handler)

    def _close(self) -> None:
        self._listener.close()
        for guest in list(self._guests):
            self._let_go(guest)
        for chair in list(self._chairs.values()):
            self._end(chair)
        self._server.close()
        self._selector.close()
        with self._waking:
            self._closed = True
            close_all((self._woken_fd, self.wake_fd, self._spare_fd))
