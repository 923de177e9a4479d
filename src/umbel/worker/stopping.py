"""Stop: signals of the operator, and how far the shutdown has come.

SIGTERM, first SIGINT   warm: stop claiming, finish within the grace period, give the rest back
second signal, SIGQUIT  soft: what runs has `worker_soft_shutdown_timeout` more, none unless it is set, then now
one more signal         now: running functions are interrupted and handed back at once
2 s after "now"         children that do not end are killed; the store gives their work to others, nothing is counted
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
from types import FrameType
from typing import TYPE_CHECKING, Final

from .. import health, signals

if TYPE_CHECKING:
    from .brood import Brood

logger = logging.getLogger("umbel.worker")

LAST_WAIT: Final = 2.0


class Stop:
    """The supervisor's shutdown.

    Args:
        grace: seconds that running tasks get; inf: without limit.
        soft: seconds of them that are left after a second signal, or SIGQUIT.
        node: node name, for receivers of `worker_shutting_down`.
    """

    def __init__(self, grace: float, soft: float = 0.0, node: str = "") -> None:
        self.grace = grace
        self.soft = soft
        self.node = node
        self._signal = "SIGTERM"
        self._told = ""
        self.requested = False
        self.code = 0
        self._hurried = self._shortened = self._now = False
        self._until = self._now_at = 0.0
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)

    def install(self) -> None:
        """Take the signals over; after the nursery was forked, which ignores them."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._handle)
        signal.signal(signal.SIGHUP, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number).name
        self.request(now=self.requested or number == signal.SIGQUIT)

    def request(self, *, now: bool = False) -> None:
        """Begin to stop; `now` without the grace period, or asked for a second time without the soft one."""
        self.requested = True
        self._now = self._now or (now and (self._hurried or not self.soft))
        self._hurried = self._hurried or now

    @property
    def hurried(self) -> bool:
        """Whether the operator does not want to wait."""
        return self._hurried

    def end(self, code: int | None = None) -> None:
        """Begin to stop, and end with ``code``."""
        self.code = self.code if code is None else code
        self.request()

    def abandon(self, code: int) -> None:
        """The children are lost already: end with `code`."""
        self.requested = True
        self.code = code

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def progress(self, brood: Brood, now: float) -> None:
        """One step; called by the supervisor's loop."""
        if not self.requested:
            return
        if not self._until:
            self._until = now + self.grace
            most = "without limit" if math.isinf(self.grace) else f"at most {self.grace:.0f} s"
            logger.warning("Warm shutdown: finishing %d child(ren), %s", len(brood.wards), most)
            health.notify("STOPPING=1")
        self._tell()
        if self._hurried and not self._now and not self._shortened:
            self._shortened = True
            self._until = min(self._until, now + self.soft)
            logger.warning("Soft shutdown: what runs is handed back in %.0f s", self._until - now)
        if not self._now_at and (self._now or now >= self._until):
            self._now_at = now
        for ward in brood.wards.values():
            ward.say("now" if self._now_at else "stop")
            if self._now_at and now - self._now_at > LAST_WAIT:
                ward.doom("did not end after its grace period and was killed", {})

    def _tell(self) -> None:
        """`worker_shutting_down` when it begins, and once more when a warm shutdown becomes a cold one."""
        how = "Cold" if self._hurried else "Warm"
        if how != self._told:
            self._told = how
            signals.worker_shutting_down.send(sender=self.node, sig=self._signal, how=how, exitcode=self.code)
