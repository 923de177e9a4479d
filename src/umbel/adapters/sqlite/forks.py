"""No connection is alive at a fork.

SQLite keeps what the *process* has locked in tables that a fork copies, while the system's locks are not copied. A
child that opens a connection of its own, after the parent had one, would find there that the file is locked already,
take no lock, and a third process could end the write-ahead log under it. So every connection is closed before a fork,
by the thread that forks, and each part opens another at its next call, in the parent and in the child.

A connection that is busy waits for its call to end. One that does not end in time (or belongs to the forking thread
itself, in a signal handler) is left to the parent; the child never touches it.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import Final, Protocol

_PATIENCE: Final = 10.0
"""Seconds that a fork waits for a call that is under way."""


class Closable(Protocol):
    """What has a connection."""

    lock: threading.Lock

    def drop(self) -> None:
        """Close the connection; the lock is held."""
        ...

    def abandon(self) -> object:
        """In a child: forget the parent's connection without closing it, and take a new lock; returns it."""
        ...


class _Forks:
    """All connections of this process."""

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.all: weakref.WeakSet[Closable] = weakref.WeakSet()
        self.held: list[Closable] = []
        self.left: list[Closable] = []

    def before(self) -> None:
        self.gate.acquire()  # no new ones from here on
        for each in list(self.all):
            if each.lock.acquire(timeout=_PATIENCE):
                self.held.append(each)
                each.drop()
            else:
                self.left.append(each)

    def after_in_parent(self) -> None:
        for each in self.held:
            each.lock.release()
        self.held, self.left = [], []
        self.gate.release()

    def after_in_child(self) -> None:
        for each in self.left:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each.abandon()))  # for ever: even its end would close it
        self.after_in_parent()


_forks: Final = _Forks()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_forks.before, after_in_parent=_forks.after_in_parent, after_in_child=_forks.after_in_child
    )


def watch(closable: Closable) -> None:
    """Close its connection before each fork from now on; it is not kept alive."""
    with _forks.gate:
        _forks.all.add(closable)
