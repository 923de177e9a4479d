"""Wake-up without polling: named pipes beside the file, one byte after the commit.

    <db>.wake/q-<queue>     one a queue; whoever publishes to it writes a byte, idle consumers sleep on it
    <db>.wake/w-<number>    one a reader that waits for results, requests or replies; named in the table `waiter`

A byte says "look", nothing more. The order that loses none: the writer commits, then writes; the reader takes the
bytes, then looks, then sleeps. A consumer that leaves rows behind passes a byte on, and a byte wakes one of them, not
all. What a killed process may take with it is found by the slow look that every sleeper makes every `SWEEP` seconds.

On systems without named pipes every sleeper looks every 50 ms instead.
"""

from __future__ import annotations

import errno
import hashlib
import os
import select
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

SWEEP: Final = 1.0
"""Seconds between the looks of a sleeper that nobody woke."""

_POLL: Final = 0.05
_KEPT: Final = 64
"""Pipes that a writer keeps open."""

HAS_PIPES: Final = hasattr(os, "mkfifo")


def folder_of(path: str) -> str:
    return path + ".wake"


@lru_cache(maxsize=256)
def queue_pipe(path: str, queue: str) -> str:
    """Name of the pipe of a queue; any queue name makes a file name."""
    name = quote(queue, safe=" +-_=@,")
    if len(name) > 200:
        name = "~" + hashlib.sha256(queue.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{folder_of(path)}/q-{name}"


def bell_pipe(path: str, bell: int) -> str:
    return f"{folder_of(path)}/w-{bell:x}"


def open_pipe(name: str) -> int:
    """Open a pipe for reading, made when missing; -1 when that is impossible here: its sleeper then looks often."""
    if not HAS_PIPES:
        return -1
    try:
        Path(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a waiting reader may be the first user
        try:
            os.mkfifo(name, 0o600)
        except FileExistsError:
            pass
        return os.open(name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return -1


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
        self._pipes: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def ring(self, queue: str) -> None:
        """Wake one consumer of the queue. Never blocks, never fails: the sweep is the guarantee."""
        pipe, until = self._pipes.get(queue, (-1, 0.0))
        try:
            if time.monotonic() >= until:
                pipe = self._open(queue)
            os.write(pipe, b"\0")
        except OSError:
            pass  # no consumer has ever made the pipe, or it is full of bytes that say the same

    def _open(self, queue: str) -> int:
        """Open it, anew every `SWEEP` seconds: somebody may have removed the folder, and consumers made a new one."""
        old, _ = self._pipes.pop(queue, (-1, 0.0))
        if old >= 0:
            os.close(old)
        pipe = os.open(queue_pipe(self._path, queue), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._pipes[queue] = (pipe, time.monotonic() + SWEEP)
        if len(self._pipes) > _KEPT:
            os.close(self._pipes.popitem(last=False)[1][0])
        return pipe

    def close(self) -> None:
        while self._pipes:
            os.close(self._pipes.popitem()[1][0])


class Sleeper:
    """Sleeps on pipes. Belongs to one process: after a fork make another one."""

    __slots__ = ("_epoll", "_names", "_pipes", "_rest", "pid")

    def __init__(self, names: Sequence[str]) -> None:
        self.pid = os.getpid()
        self._names = names
        self._open()

    def _open(self) -> None:
        pipes = [open_pipe(name) for name in self._names]
        self._pipes = [pipe for pipe in pipes if pipe >= 0]
        self._rest = SWEEP if len(self._pipes) == len(self._names) else _POLL
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            for pipe in self._pipes:
                self._epoll.register(pipe, select.EPOLLIN | select.EPOLLEXCLUSIVE)

    def drain(self) -> bool:
        """Take all bytes out of all pipes; False when there were none."""
        had = False
        for pipe in self._pipes:
            had = _drain(pipe) or had
        return had

    def sleep(self, timeout: float, wake: int = -1) -> bool:
        """Sleep until a pipe has a byte, ``wake`` is readable, or ``timeout`` seconds passed; `SWEEP` seconds at most.

        Args:
            timeout: seconds.
            wake: a file descriptor that is only looked at; -1: none.

        Returns:
            True when a pipe has a byte or ``wake`` is readable.
        """
        if not HAS_PIPES:
            time.sleep(max(0.0, min(timeout, self._rest)))
            return False
        if self._sleep(max(0.0, min(timeout, self._rest)), wake):
            return True
        if timeout >= SWEEP == self._rest and not all(map(_stands, self._names, self._pipes)):
            self.close()
            self._open()
        return False

    def _sleep(self, timeout: float, wake: int) -> bool:
        if self._epoll is None:
            poll = select.poll()
            for pipe in (*self._pipes, *((wake,) if wake >= 0 else ())):
                poll.register(pipe, select.POLLIN)
            return bool(poll.poll(timeout * 1000))
        if wake < 0:
            return bool(self._epoll.poll(timeout))
        self._epoll.register(wake, select.EPOLLIN)
        try:
            return bool(self._epoll.poll(timeout))
        finally:
            self._epoll.unregister(wake)

    def close(self) -> None:
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes = []
        if self._epoll is not None:
            self._epoll.close()


def _stands(name: str, pipe: int) -> bool:
    """Whether the name is still that of the pipe: a folder that was removed hides its pipes from everybody else."""
    try:
        return os.path.samestat(Path(name).stat(), os.fstat(pipe))
    except OSError:
        return False


def _drain(pipe: int) -> bool:
    try:
        return bool(os.read(pipe, 65536))
    except BlockingIOError:
        return False
