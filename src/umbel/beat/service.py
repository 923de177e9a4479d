"""The loop of a scheduler's process: one step, then sleep until the next one, until somebody stops it.

A signal ends the sleep by a pipe, and the loop between two steps; a step is never cut short. At the end the lead is
given back, so that another scheduler has it within a second.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Final

from .. import clock, health, signals
from ..app.roster import Roster
from ..backoff import AWAY
from ..exceptions import OperationalError, StoreFull
from ..places import heartbeat_file
from ..schedules import Entry
from .beat import Beat
from .sending import AppSender

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.beat")

LONGEST_WAIT: Final = 3.0
"""Seconds between two attempts while the store is away: another scheduler must see this one's return soon."""

_PASSES: Final = (*AWAY, StoreFull)


class Watched:
    """What changes entries while they run: the app's file, and the store. See `Changes`.

    Args:
        roster: of the app.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def changed(self) -> dict[str, Entry | None]:
        """Those that cannot run are told, and do not run."""
        names = self._roster.refresh()
        found: dict[str, Entry | None] = dict.fromkeys(names)
        for listed in self._roster.listed(names):
            found[listed.name] = listed.entry
            if listed.wrong:
                logger.error("%s It is left out, the others go on.", listed.wrong)
        if names:
            logger.info("changed: %s", ", ".join(sorted(names)[:20]))
        return found


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
        entries: what code and file have at its start, by name.
        bad: a sentence for each of them that it does not send.

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
        self._roster = Roster(app)
        listed = self._roster.listed()
        self.entries: Mapping[str, Entry] = {one.name: one.entry for one in listed if one.entry is not None}
        self.bad = {one.name: one.wrong for one in listed if one.wrong}
        self._embedded = embedded
        self._alive = alive
        self._since = since
        self.max_interval = float(app.conf.beat_max_loop_interval if max_interval is None else max_interval)
        self._file = heartbeat_file(node)
        self._started = clock.wall()
        self._said = self._answered = -2 * health.FRESH
        self._settled = False
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
        with (
            contextlib.closing(self.app.coordinator(scope)) as coordinator,
            contextlib.closing(self.app.overrides(scope)) as overrides,
        ):
            self._roster.watch(overrides)
            beat = Beat(
                coordinator, self.entries, AppSender(self.app), scope=scope, node=self.node,
                max_interval=self.max_interval, since=self._since, changes=Watched(self._roster),
            )  # fmt: skip
            signals.beat_init.send(sender=self)
            if self._embedded:
                signals.beat_embedded_init.send(sender=self)
            try:
                self._loop(beat)
            finally:
                health.remove(str(self._file))
            with contextlib.suppress(OperationalError):  # somebody will see that it is silent
                beat.resign()
        return 0

    def _loop(self, beat: Beat) -> None:
        failures = 0
        while not self._stopped and self._alive():
            try:
                seconds = beat.step()
                failures, self._answered = 0, clock.monotonic()
                self._settle_in(leads=beat.leads)
            except _PASSES as error:
                failures += 1
                seconds = min(0.5 * failures, LONGEST_WAIT)
                logger.error("%s Trying again in %g s.", error, seconds)
            self._say_alive(leads=beat.leads)
            if seconds > 0 and not self._stopped:
                self._sleep(seconds)

    def _settle_in(self, *, leads: bool) -> None:
        """What a leader has built once stays: the garbage collector need not look at all entries again and again,
        in the middle of what is due.
        """
        if leads and not self._settled:
            self._settled = True
            gc.collect()
            gc.freeze()

    def _say_alive(self, *, leads: bool) -> None:
        """For `umbel health`, once a second; the scheduler of a worker has no file, its worker has."""
        now = clock.monotonic()
        if self._embedded or now - self._said < 1:
            return
        self._said = now
        said = health.Beat(self.node, os.getpid(), now, self._answered, True, (), self._started, leads)
        try:
            health.write(str(self._file), said)
        except OSError as error:
            logger.warning("The heartbeat file %s cannot be written: %s", self._file, error)

    def _sleep(self, seconds: float) -> None:
        select.select([self._wake], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
