"""The pulse: what keeps the leases of living owners from ending.

A lease is six seconds of the server's time. The supervisor of a node prolongs it every two seconds for all children
whose process is there, with the call by which it looks for the dead, and writes into a page of memory that it shares
with what it has forked whose leases it has prolonged, and when. Each process that enlisted an owner has a thread that
looks there every second. It prolongs by itself what the supervisor has not: where there is none, where it was stopped,
or has lost its connection, or was started without that page (`spawn`). So a child whose code keeps the interpreter's
lock for minutes lives by its supervisor, a child of a stopped supervisor by its thread, and an idle worker asks once.

    page    count | monotonic seconds of the renewal, 0.0 while it is written | nonces

It is made when this module is imported, which is before a worker forks. Two supervisors that have it in common
overwrite each other's word, and their children then prolong by themselves.
"""

from __future__ import annotations

import logging
import mmap
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ... import clock
from ...broker import Owner
from ...exceptions import OperationalError
from .layout import Layout
from .link import Link

LEASE: Final = 6000
"""Milliseconds of the server's clock."""

BEAT: Final = 2.0
"""Seconds between two renewals."""

TRUST: Final = 2.8
"""Seconds for which the supervisor's word is enough: its next renewal should have come. The thread looks every second,
and so prolongs by itself two seconds before the lease would end.
"""

SLACK: Final = 2.0
"""Seconds by which a process may seem to begin after its owner: the start of the machine is rounded."""

logger = logging.getLogger(__name__)

_page = mmap.mmap(-1, mmap.PAGESIZE)
_nonces, _times = memoryview(_page).cast("q"), memoryview(_page).cast("d")
_COUNT, _TIME, _FIRST = range(3)


class Pulse:
    """Renews the owners that this process enlisted, on a thread and a connection of its own.

    Args:
        link: a connection that nobody else uses.
        layout: names of keys.
    """

    def __init__(self, link: Link, layout: Layout) -> None:
        self._link = link
        self._layout = layout
        self._nonces: frozenset[int] = frozenset()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def add(self, nonce: int) -> None:
        """Renew this one too, from now on."""
        if self._pid != os.getpid():  # in a forked child nobody of the parent's lives by us
            self._nonces, self._thread, self._pid = frozenset(), None, os.getpid()
            self._over = threading.Event()
        self._nonces |= {nonce}
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(self._over,), name="umbel-pulse", daemon=True)
            self._thread.start()

    def renewed(self, nonces: Sequence[int], moment: float) -> None:
        """Say to this process and all that it has forked that these were prolonged at a monotonic moment."""
        told = nonces[: len(_nonces) - _FIRST]
        _times[_TIME] = 0.0
        _nonces[_COUNT] = len(told)
        for place, nonce in enumerate(told, _FIRST):
            _nonces[place] = nonce
        _times[_TIME] = moment

    def drop(self, nonce: int) -> None:
        """Not this one any more."""
        self._nonces -= {nonce}

    def close(self) -> None:
        """Stop renewing; safe to repeat."""
        thread, self._thread = self._thread, None
        self._over.set()
        if thread is not None and self._pid == os.getpid():
            thread.join(BEAT)

    def _run(self, over: threading.Event) -> None:
        pause = BEAT
        while not over.wait(pause):
            if prolonged(self._nonces):
                pause = BEAT / 2
                continue
            pause = BEAT
            try:
                renew(self._link, self._layout, self._nonces)
            except OperationalError as error:  # the next beat tries again, and the loop reports the store by itself
                logger.debug("A lease was not renewed: %s", error)
        self._link.close()


def prolonged(nonces: Iterable[int]) -> bool:
    """Whether the supervisor has said moments ago that it has prolonged all of these."""
    moment = _times[_TIME]
    told = set(_nonces[_FIRST : _FIRST + _nonces[_COUNT]])
    return 0.0 <= clock.monotonic() - moment < TRUST and told.issuperset(nonces) and _times[_TIME] == moment


def renew(link: Link, layout: Layout, nonces: Iterable[int]) -> None:
    """Prolong the leases of these owners, as far as they live."""
    words = [LEASE, *nonces]
    if len(words) > 1:
        link.script("renew", (layout.prefix,), words, BEAT, idempotent=True)


def alive_here(owners: Iterable[Owner], node: str) -> list[int]:
    """The owners of a node whose process is there. Only for the node's own machine."""
    return [owner.nonce for owner in owners if owner.node == node and _is_there(owner)]


def _is_there(owner: Owner) -> bool:
    """Whether its process lives: the number is taken, and not by one that began after the owner."""
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        fields = Path(f"/proc/{owner.pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        (boot,) = (row for row in Path("/proc/stat").read_text().splitlines() if row.startswith("btime"))
    except (OSError, ValueError):  # no such file system: the number is all there is
        return True
    began = int(boot.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return fields[0] not in "ZX" and began < owner.since + SLACK
