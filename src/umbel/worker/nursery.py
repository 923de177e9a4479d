"""The nursery: a single-threaded process that forks every child.

The supervisor forks it after the app was imported and before any thread or connection exists. So a dead child is
replaced within a second, without importing again and without forking a process that holds locks or sockets.

    supervisor --"fork N"-->            nursery --fork--> child N
    supervisor <--pid + control pipe--  nursery           (the pipe's far end travels as a file descriptor)
    supervisor <--exit, stopped, continued of a pid--     (from waitpid)

The nursery ends when the supervisor's end of the socket closes; its children end with it (parent-death signal on Linux,
end of their control pipe everywhere).
"""

from __future__ import annotations

import array
import ctypes
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from .pipes import heard

_PR_SET_PDEATHSIG: Final = 1


class Forked(msgspec.Struct, tag=True, frozen=True):
    """Child `number` lives as `pid`; its control pipe comes along as a file descriptor."""

    number: int
    pid: int


class Exited(msgspec.Struct, tag=True, frozen=True):
    """A child is dead. `status` is negative for a signal, else the exit code."""

    pid: int
    status: int


class Stopped(msgspec.Struct, tag=True, frozen=True):
    """A child was stopped by a signal (SIGSTOP), or goes on again."""

    pid: int
    stopped: bool


Life = Callable[[int, socket.socket], NoReturn]
"""What a child does: called with its number and its control pipe."""

Event = Forked | Exited | Stopped

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


class Nursery:
    """The supervisor's side.

    Args:
        life: called in a fresh child with (number, control pipe); must not return.
        before: called in the nursery before each fork.
    """

    def __init__(self, life: Life, before: Callable[[], None] = lambda: None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        supervisor = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _serve(theirs, life, supervisor, before)
        theirs.close()
        self.socket = ours
        self._buffer = b""
        self._pipes: list[socket.socket] = []

    def fork(self, number: int) -> None:
        """Ask for child `number`; a `Forked` event answers."""
        self.socket.sendall(b"%d\n" % number)

    def events(self) -> list[tuple[Event, socket.socket | None]] | None:
        """What happened, with the control pipe of each `Forked`; None when the nursery is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self.socket, 65536, 64)
        except ConnectionResetError:  # killed before it had read what it was asked
            return None
        self._pipes += [socket.socket(fileno=fd) for fd in fds]
        if not data:
            return None
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        events: list[tuple[Event, socket.socket | None]] = []
        for line in lines:
            event = _decode(line)
            events.append((event, self._pipes.pop(0) if isinstance(event, Forked) else None))
        return events


def die_with_parent(parent: int) -> None:
    """Linux: be killed when the parent dies. The check afterwards closes the gap in between."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(os.EX_UNAVAILABLE)


def _serve(link: socket.socket, life: Life, supervisor: int, before: Callable[[], None]) -> NoReturn:
    """The nursery process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(supervisor)
    gc.collect()
    gc.freeze()
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    buffer = b""
    poll = select.poll()
    for descriptor in (link.fileno(), read):
        poll.register(descriptor, select.POLLIN)
    while True:
        readable = {descriptor for descriptor, _ in poll.poll()}
        if read in readable:
            os.read(read, 4096)
            _report(link)
        if link.fileno() in readable:
            data = heard(link)
            if not data:
                os._exit(0)
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                before()
                _fork(link, int(line), life, (read, write))


def _fork(link: socket.socket, number: int, life: Life, fds: tuple[int, int]) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    nursery = os.getpid()
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in fds:
            os.close(fd)
        link.close()
        near.close()
        die_with_parent(nursery)
        life(number, far)
    far.close()
    _tell(link, Forked(number, pid), near)
    near.close()


def _report(link: socket.socket) -> None:
    flags = os.WNOHANG | os.WUNTRACED | os.WCONTINUED
    while True:
        try:
            pid, status = os.waitpid(-1, flags)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
            _tell(link, Stopped(pid, os.WIFSTOPPED(status)))
        else:
            _tell(link, Exited(pid, os.waitstatus_to_exitcode(status)))


def _tell(link: socket.socket, event: Event, pipe: socket.socket | None = None) -> None:
    fds = [pipe.fileno()] if pipe is not None else []
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        link.sendmsg([_encode(event) + b"\n"], ancillary)
    except OSError:
        os._exit(0)
