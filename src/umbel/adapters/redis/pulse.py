"""The pulse: what keeps the leases of living owners from ending.

A lease is six seconds of the server's time. It is prolonged every two seconds from two sides: by a thread of the
process that enlisted the owner, and by the supervisor of its node, in every sweep and for all children whose process is
there. A child whose code keeps the interpreter's lock for minutes lives by its supervisor, one without a supervisor by
its thread.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ...broker import Owner
from ...exceptions import OperationalError
from .layout import Layout
from .link import Link

LEASE: Final = 6000
"""Milliseconds of the server's clock."""

BEAT: Final = 2.0
"""Seconds between two renewals."""

SLACK: Final = 2.0
"""Seconds by which a process may seem to begin after its owner: the start of the machine is rounded."""

logger = logging.getLogger(__name__)


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
        while not over.wait(BEAT):
            try:
                renew(self._link, self._layout, self._nonces)
            except OperationalError as error:  # the next beat tries again, and the loop reports the store by itself
                logger.debug("A lease was not renewed: %s", error)
        self._link.close()


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
