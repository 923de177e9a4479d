"""Health: a small file that says whether this worker or scheduler lives and is ready, and systemd's notifications.

It is written about once a second, whole (written beside it and renamed). Whoever asks reads one file: no app is
imported, no store is opened, a busy worker is not disturbed.

            of a worker                                          of a scheduler
    live    the supervisor's loop turned within the last 15 s    its loop did
    ready   live, all children claim, the store answered all     live, the store answered within the last 15 s, and it
            within the last 15 s, and it is not stopping         is not stopping; whether it leads is in `leads`
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from . import clock

FRESH: Final = 15.0
"""Seconds after which a beat is too old."""


class Beat(NamedTuple):
    """What the file holds.

    Attributes:
        node: node name.
        pid: of the supervisor, or the scheduler.
        beat: monotonic time of the last write (one machine, one boot).
        store: monotonic time of the store's last answer, on the connection that has had none for longest: the
            supervisor's, or one on which a child consumes.
        ready: whether the worker takes work.
        children: process ids of the living children.
        started: unix time of the start.
        leads: of a scheduler, whether it leads; None of a worker.
    """

    node: str
    pid: int
    beat: float
    store: float
    ready: bool
    children: Sequence[int] = ()
    started: float = 0.0
    leads: bool | None = None

    def live(self, now: float) -> bool:
        """Whether the supervisor's loop turns; a file of an earlier boot or of a dead process does not count."""
        return 0 <= now - self.beat < FRESH and _exists(self.pid)

    def serving(self, now: float) -> bool:
        return self.live(now) and self.ready and now - self.store < FRESH


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write(path: str, beat: Beat) -> None:
    """Replace the file."""
    target = Path(path)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_text(json.dumps(beat._asdict()), encoding="utf-8")
    fresh.replace(target)


def read(path: str) -> Beat | None:
    """What the file says, None when there is none or it is not readable."""
    try:
        facts = json.loads(Path(path).read_bytes())
        return Beat(
            str(facts["node"]), int(facts["pid"]), float(facts["beat"]), float(facts["store"]), facts["ready"] is True,
            [int(pid) for pid in facts["children"]], float(facts["started"]), facts.get("leads"),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def now() -> float:
    return clock.monotonic()


def notify(state: str) -> None:
    """Tell systemd (``sd_notify``); does nothing without ``NOTIFY_SOCKET``.

    Args:
        state: for instance ``READY=1``, ``STOPPING=1``, ``WATCHDOG=1``.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.sendto(state.encode(), address)


def seconds(value: float | timedelta | None) -> float:
    """A setting that is a number of seconds or a timedelta; 0.0 for None."""
    if value is None:
        return 0.0
    return value.total_seconds() if isinstance(value, timedelta) else float(value)
