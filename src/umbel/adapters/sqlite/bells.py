"""Readers that wait: each has a bell (a pipe of its own) and rows in `waiter` that say what it waits for.

    reader   insert (key, bell), then look, then sleep on the pipe
    writer   commit, then look up the bells of the keys it wrote, then ring them

Whatever the order of the two, either the reader's look sees the commit or the writer's look-up sees the row.
A key is the 32-bit hash of a task id or of a topic; two that fall together wake each other for nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from secrets import randbits
from typing import Final

from ... import clock
from . import wake
from .address import Address
from .link import Link
from .statements import named
from .values import as_json, hash_of

_SQL: Final = named("result.sql")


def ring_waiters(link: Link, path: str, names: Sequence[str]) -> None:
    """Wake everybody who waits for one of these task ids or topics; forget those who are gone."""
    if not names:
        return
    gone = [bell for (bell,) in link.read(_SQL["waiters"], (_keys(names),)) if not wake.ring_bell(path, bell)]
    if gone:
        link.write(_SQL["unbell"], (as_json(gone),))


def listened(link: Link, name: str) -> bool:
    """Whether somebody waits for this task id or topic, as far as one knows without ringing."""
    return bool(link.read(_SQL["waiters"], (_keys([name]),)))


class Bell:
    """A reader's pipe and its subscriptions."""

    __slots__ = ("_address", "_link", "_names", "_number", "_pid", "_sleeper", "_version")

    def __init__(self, address: Address, link: Link) -> None:
        self._address = address
        self._link = link
        self._names: set[str] = set()
        self._renew()

    def add(self, names: Iterable[str]) -> None:
        """Subscribe. From here on nothing that is written under these names is missed."""
        self._own()
        new = [name for name in dict.fromkeys(names) if name not in self._names]
        if new:
            self._changed()  # from now on
            self._link.write(_SQL["wait"], (self._number, _keys(new)))
            self._names.update(new)

    def discard(self, names: Iterable[str]) -> None:
        self._own()
        old = [name for name in dict.fromkeys(names) if name in self._names]
        if old:
            self._names.difference_update(old)
            kept = {hash_of(name) for name in self._names}
            self._link.write(_SQL["unwait"], (self._number, _keys([name for name in old if hash_of(name) not in kept])))

    def wait(self, timeout: float, descriptor: int = -1) -> bool:
        """Sleep; True when something may be new, False when ``descriptor`` is readable or ``timeout`` is over."""
        self._own()
        end = clock.monotonic() + timeout
        while True:
            left = end - clock.monotonic()
            woken = self._sleeper.sleep(left, descriptor)
            if self._sleeper.drain():
                return True
            if woken or left <= 0:
                return False
            if self._changed():
                return True

    def close(self) -> None:
        self._sleeper.close()
        if self._pid == os.getpid():
            Path(wake.bell_pipe(self._address.path, self._number)).unlink(missing_ok=True)
            if self._names:
                self._names.clear()
                self._link.write(_SQL["unbell"], (f"[{self._number}]",))

    def _own(self) -> None:
        """After a fork the pipe is the parent's; take a new one."""
        if self._pid != os.getpid():
            names, self._names = self._names, set()
            self._sleeper.close()
            self._renew()
            self.add(names)

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._number = randbits(62)
        self._version: object = None
        self._sleeper = wake.Sleeper([wake.bell_pipe(self._address.path, self._number)])

    def _changed(self) -> bool:
        """The slow look: has another connection written anything since the last one?"""
        version = self._link.read("PRAGMA data_version")
        changed = version != self._version
        self._version = version
        return changed


def _keys(names: Iterable[str]) -> str:
    return as_json(hash_of(name) for name in names)
