"""The loop of a scheduler's process: one step, then sleep until the next one, until somebody stops it.

A signal ends the sleep by a pipe, and the loop between two steps; a step is never cut short. At the end the lead is
given back, so that another scheduler has it within a second.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Final

from .. import signals
from ..backoff import AWAY
from ..exceptions import OperationalError, StoreFull
from ..schedules import Entry, read_entries
from .beat import Beat
from .sending import AppSender

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.beat")

LONGEST_WAIT: Final = 3.0
"""Seconds between two attempts while the store is away: another scheduler must see this one's return soon."""

_PASSES: Final = (*AWAY, StoreFull)


def entries_of(app: Umbel) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entries of an app, and a sentence for each that cannot run.

    The app is finalized first: receivers of `on_after_finalize` add entries, as those of `on_after_configure` do.
    """
    app.finalize()
    return read_entries(app.conf.beat_schedule, app)


class Service:
    """One `umbel beat`, or the scheduler of a `worker -B`.

    Args:
        app: whose `beat_schedule` it sends; its tasks are imported already.
        node: its name, for people.
        max_interval: most seconds of one sleep; `beat_max_loop_interval` unless given, 0: as long as it takes.
        embedded: it belongs to a worker.
        alive: whether to go on; asked every few seconds.
        since: see `Beat`.

    Attributes:
        entries: what it sends, by name.
        bad: a sentence for each entry that it does not send.

    Example:
        >>> Service(app, "beat@here").run()   # doctest: +SKIP
        0
    """

    def __init__(
        self, app: Umbel, node: str, *, max_interval: float | None = None, embedded: bool = False,
        alive: Callable[[], bool] = lambda: True, since: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        self.app = app
        self.node = node
        self.entries: Mapping[str, Entry]
        self.entries, self.bad = entries_of(app)
        self._embedded = embedded
        self._alive = alive
        self._since = since
        self.max_interval = float(app.conf.beat_max_loop_interval if max_interval is None else max_interval)
        self._stopped = False
        self._wake, self._write = os.pipe()
        for end in (self._wake, self._write):
            os.set_blocking(end, False)

    def install(self, *numbers: int) -> None:
        """Let these signals end it: SIGTERM, SIGINT and SIGQUIT unless others are named."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in numbers or (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped = True

    def stop(self) -> None:
        """End it, from another thread or a receiver of a signal."""
        self._stopped = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"s")

    def run(self) -> int:
        """Send until stopped.

        Returns:
            the exit code, 0.

        Raises:
            ImproperlyConfigured: the store cannot keep a schedule.
            OperationalError: the store refuses, in a way that does not pass by itself.
        """
        for sentence in self.bad.values():
            logger.error("%s It is left out, the others go on.", sentence)
        scope = self.app.main or "default"
        with contextlib.closing(self.app.coordinator(scope)) as coordinator:
            beat = Beat(
                coordinator, self.entries, AppSender(self.app), scope=scope, node=self.node,
                max_interval=self.max_interval, since=self._since,
            )  # fmt: skip
            signals.beat_init.send(sender=self)
            if self._embedded:
                signals.beat_embedded_init.send(sender=self)
            self._loop(beat)
            with contextlib.suppress(OperationalError):  # somebody will see that it is silent
                beat.resign()
        return 0

    def _loop(self, beat: Beat) -> None:
        failures = 0
        while not self._stopped and self._alive():
            try:
                seconds = beat.step()
                failures = 0
            except _PASSES as error:
                failures += 1
                seconds = min(0.5 * failures, LONGEST_WAIT)
                logger.error("%s Trying again in %g s.", error, seconds)
            if seconds > 0 and not self._stopped:
                self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        select.select([self._wake], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
