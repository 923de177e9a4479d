"""The pulse: one thread a process that keeps links alive while nobody uses them.

Every second it looks at each link that is open. One that a call is driving at the moment is left alone; the others get
their heartbeats, and what the server sent is read. It starts with the first link and never ends by itself; a forked
child has none until it opens a link of its own, and lets go of its parent's.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import Final, Protocol

EVERY: Final = 1.0
"""Seconds between two looks; at a heartbeat of 4 s a side is taken for dead after 8."""

_logger: Final = logging.getLogger(__name__)


class Beating(Protocol):
    """What it keeps alive."""

    def beat(self) -> None:
        """Send and read what is due, or return at once when somebody else does."""
        ...

    def forked(self) -> None:
        """In a forked child: let go of the parent's connection."""
        ...


_links: Final[weakref.WeakSet[Beating]] = weakref.WeakSet()
_guard = threading.Lock()
_thread: threading.Thread | None = None


def watch(link: Beating) -> None:
    """Keep a link alive for as long as it exists."""
    global _thread  # noqa: PLW0603 - one a process
    with _guard:
        _links.add(link)
        if _thread is None:
            _thread = threading.Thread(target=_run, name="umbel-amqp-pulse", daemon=True)
            _thread.start()


def _run() -> None:
    while True:
        time.sleep(EVERY)
        with _guard:
            links = list(_links)
        for link in links:
            try:
                link.beat()
            except Exception:
                _logger.debug("A link could not be kept alive; it is opened again at its next use.", exc_info=True)
        del links


def _forked() -> None:
    global _guard, _thread  # noqa: PLW0603 - the parent's thread does not exist here, and may have held the lock
    _guard = threading.Lock()
    _thread = None
    for link in list(_links):
        link.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
