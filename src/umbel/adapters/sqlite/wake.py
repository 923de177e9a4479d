"""Wake-up without polling: named pipes beside the file, one byte after the commit.

    <db>.wake/q-<queue>     one a queue; whoever publishes to it writes a byte, idle consumers sleep on it
    <db>.wake/w-<number>    one a reader that waits for results, requests or replies; named in the table `waiter`

A byte says "look", nothing more. The order that loses none: the writer commits, then writes; the reader is woken, takes
the bytes, then looks. A consumer that leaves rows behind passes a byte on, and a byte wakes one of them, not all. What a
killed process may take with it is found by the slow look that every sleeper makes every `SWEEP` seconds.

On systems without named pipes every sleeper looks every 50 ms instead.
"""

from __future__ import annotations

import errno
import hashlib
import os
import select
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ...clock import monotonic

SWEEP: Final = 1.0
"""Seconds between the looks of a sleeper that nobody woke."""

_POLL: Final = 0.05
_KEPT: Final = 64
"""Pipes that a writer keeps open."""

HAS_PIPES: Final = hasattr(os, "mkfifo")


def folder_of(path: str) -> str:
    return path + ".wake"


def queue_pipe(path: str, queue: str) -> str:
    """Name of the pipe of a queue; any queue name makes a file name."""
    name = quote(queue, safe=" +-_=@,")
    if len(name) > 200:
        name = "~" + hashlib.sha256(queue.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{folder_of(path)}/q-{name}"


def bell_pipe(path: str, bell: int) -> str:
    return f"{folder_of(path)}/w-{bell:x}"


def open_pipe(name: str) -> int:
    """Open a pipe for reading, made when it is missing; -1 where there are no pipes."""
    if not HAS_PIPES:
        return -1
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(name, flags)
    except FileNotFoundError:
        Path(name).parent.mkdir(mode=0o700, exist_ok=True)
        try:
            os.mkfifo(name, 0o600)
        except FileExistsError:
            pass
        return os.open(name, flags)


def ring_bell(path: str, bell: int) -> bool:
    """Wake one waiting reader; False when nobody listens there any more (its pipe is then removed)."""
    if not HAS_PIPES:
        return True
    name = bell_pipe(path, bell)
    try:
        pipe = os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno == errno.ENXIO:
            Path(name).unlink(missing_ok=True)
            return False
        return True
    try:
        os.write(pipe, b"\0")
    except OSError:
        pass  # full: it will look anyway
    finally:
        os.close(pipe)
    return True


class Ringer:
    """Wakes consumers of queues; keeps the pipes that it uses open."""

    __slots__ = ("_path", "_pid", "_pipes")

    def __init__(self, path: str) -> None:
        self._path = path
        self._pid = os.getpid()
        self._pipes: OrderedDict[str, int] = OrderedDict()

    def ring(self, queue: str) -> None:
        """Wake one consumer of the queue. Never blocks, never fails: the sweep is the guarantee."""
        pipe = self._pipes.get(queue)
        try:
            if pipe is None:
                pipe = os.open(queue_pipe(self._path, queue), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                self._pipes[queue] = pipe
                if len(self._pipes) > _KEPT:
                    os.close(self._pipes.popitem(last=False)[1])
            os.write(pipe, b"\0")
        except OSError:
            pass  # no consumer has ever made the pipe, or it is full of bytes that say the same

    def close(self) -> None:
        while self._pipes:
            os.close(self._pipes.popitem()[1])


class Sleeper:
    """Sleeps on pipes until one has a byte."""

    __slots__ = ("_pipes", "_poll")

    def __init__(self, names: Sequence[str]) -> None:
        self._pipes = {open_pipe(name): name for name in names} if HAS_PIPES else {}

    def sleep(self, timeout: float, wake: int, changed: Callable[[], bool]) -> bool:
        """Sleep until a pipe had a byte or ``changed()`` (True), or until ``wake`` is readable or time is over (False).

        Args:
            timeout: seconds.
            wake: a file descriptor that is only looked at; -1: none.
            changed: asked every `SWEEP` seconds.
        """
        end = monotonic() + timeout
        with _waiting(self._pipes, wake) as wait:
            while True:
                left = end - monotonic()
                ready = wait(max(0.0, min(left, SWEEP if HAS_PIPES else _POLL)))
                rung = [pipe for pipe in ready if pipe in self._pipes and _drain(pipe)]
                if rung:
                    return True
                if wake in ready:
                    return False
                if left <= 0:
                    return False
                if not ready and changed():
                    return True

    def close(self) -> None:
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes = {}


class _waiting:  # noqa: N801
    """Waits for pipes exclusively where the system can (a byte wakes one sleeper), and for one more descriptor."""

    def __init__(self, pipes: Iterable[int], wake: int) -> None:
        self._fds = list(pipes)
        self._wake = wake

    def __enter__(self) -> Callable[[float], list[int]]:
        if hasattr(select, "epoll"):
            self._epoll = select.epoll()
            for fd in self._fds:
                self._epoll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            if self._wake >= 0:
                self._epoll.register(self._wake, select.EPOLLIN)
            epoll = self._epoll
            return lambda timeout: [fd for fd, _ in epoll.poll(timeout)]
        poll = select.poll()
        for fd in self._fds:
            poll.register(fd, select.POLLIN)
        if self._wake >= 0:
            poll.register(self._wake, select.POLLIN)
        return lambda timeout: [fd for fd, _ in poll.poll(timeout * 1000)]

    def __exit__(self, *exc: object) -> None:
        if hasattr(self, "_epoll"):
            self._epoll.close()


def _drain(pipe: int) -> bool:
    """Take all bytes; False when another sleeper was faster."""
    try:
        return bool(os.read(pipe, 65536))
    except BlockingIOError:
        return False
