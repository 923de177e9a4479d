"""Service: lets a scheduler tick, until it is told to stop.

Two calls:

    start()   beat_init -> tick, sleep, tick ... -> the scheduler is closed, which writes what it keeps
    stop()    may come from another thread, or from a signal handler: it sets a flag and ends the sleep by a byte in a
              pipe, and takes no lock
"""

from __future__ import annotations

import logging
import os
import select
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from .. import clock, loading, signals
from ..exceptions import ImproperlyConfigured
from ..utils.time import humanize_seconds
from .persistent import PersistentScheduler

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.beat")

MOMENT: Final = 0.001
_CELERY_S = ("celery.beat:", "celery.beat.")


class Service:
    """One scheduler at work.

    Args:
        app: the application.
        max_interval: seconds that it sleeps at most; else `beat_max_loop_interval`, else the scheduler's own.
        schedule_filename: for a scheduler with a file; else `beat_schedule_filename`.
        scheduler_cls: a class, the path of one, or a name that a package has in the entry point group
            ``celery.beat_schedulers`` (``django``, say).
        remote_control: accepted; nobody answers for it.
        hostname: node name, for the banner.

    Example:
        >>> Service(app, scheduler_cls="redbeat.RedBeatScheduler").start()   # doctest: +SKIP
    """

    scheduler_cls: Any = PersistentScheduler

    def __init__(
        self, app: Umbel, max_interval: float | None = None, schedule_filename: str | None = None,
        scheduler_cls: Any = None, remote_control: bool | None = None, hostname: str | None = None,
    ) -> None:  # fmt: skip
        self.app: Any = app
        self.max_interval = max_interval or app.conf.beat_max_loop_interval
        self.scheduler_cls = scheduler_cls or self.scheduler_cls
        self.schedule_filename = schedule_filename or app.conf.beat_schedule_filename
        self.remote_control = app.conf.beat_enable_remote_control if remote_control is None else remote_control
        self.hostname = hostname
        self.ticked_at: float | None = None
        self.busy = False
        self._stopping = False
        self._is_stopped = threading.Event()
        self._wake, self._bell = os.pipe()
        for fd in (self._wake, self._bell):
            os.set_blocking(fd, False)

    def __del__(self) -> None:
        for name in ("_wake", "_bell"):
            if name in self.__dict__:
                os.close(self.__dict__.pop(name))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.app, self.max_interval, self.schedule_filename, self.scheduler_cls, self.remote_control, self.hostname,
        )  # fmt: skip

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def start(self, embedded_process: bool = False) -> None:
        """Tick until `stop`, SystemExit or KeyboardInterrupt; then write what is kept.

        Args:
            embedded_process: it is the child of a worker, so `beat_embedded_init` is sent too.
        """
        logger.info("beat: Starting...")
        logger.debug("beat: Ticking with max interval->%s", humanize_seconds(self.scheduler.max_interval))
        try:
            signals.beat_init.send(sender=self)
            if embedded_process:
                signals.beat_embedded_init.send(sender=self)
            while not self._stopping:
                self._turn()
        except (KeyboardInterrupt, SystemExit):
            self._stopping = True
        finally:
            self.sync()

    def _turn(self) -> None:
        self.busy = True
        try:
            wait = self.scheduler.tick() or 0
        finally:
            self.busy = False
        self.ticked_at = clock.monotonic()
        if wait > 0 and not self._stopping:
            logger.debug("beat: Waking up %s.", humanize_seconds(wait, prefix="in "))
            self._sleep(wait)
            if self.scheduler.should_sync():
                self.scheduler._do_sync()  # noqa: SLF001 - Celery's name, which subclasses know

        elif wait < 0:  # an entry has a moment to go, for which a scheduler does not want to sleep
            self._sleep(MOMENT)

    def _sleep(self, seconds: float) -> None:
        select.select([self._wake], [], [], seconds)

    def sync(self) -> None:
        """Close the scheduler, which writes what it keeps."""
        self.busy = True
        try:
            self.scheduler.close()
        finally:
            self.busy = False
            self._is_stopped.set()

    def stop(self, wait: bool = False) -> None:
        """End `start`.

        Args:
            wait: until it has ended.
        """
        logger.info("beat: Shutting down...")
        self._stopping = True
        try:
            os.write(self._bell, b".")
        except BlockingIOError:  # it is full of bells
            pass
        if wait:
            self._is_stopped.wait()

    def get_scheduler(self, lazy: bool = False, extension_namespace: str = "celery.beat_schedulers") -> Any:
        """A new scheduler.

        Args:
            lazy: one that sets up nothing, to be looked at.
            extension_namespace: entry point group of the names that packages have for theirs.

        Raises:
            ImproperlyConfigured: there is no class of that name, or it is derived from an installed Celery's.
        """
        return self._class(extension_namespace)(
            app=self.app, schedule_filename=self.schedule_filename, max_interval=self.max_interval, lazy=lazy
        )

    def _class(self, group: str) -> Any:
        named = self.scheduler_cls
        if not isinstance(named, str):
            return named
        if named.startswith(_CELERY_S):  # umbel's, whether or not it stands for Celery here
            named = "umbel.schedulers:" + named[len(_CELERY_S[0]) :]
        load = loading.extensions(group).get(named)
        found = loading.symbol(named) if load is None else load()
        if any(base.__module__.partition(".")[0] == "celery" for base in getattr(found, "__mro__", ())):
            raise ImproperlyConfigured(f"{named} is a scheduler for an installed Celery: add --as-celery after umbel")
        return found

    @cached_property
    def scheduler(self) -> Any:
        """The scheduler, made when it is first asked for."""
        return self.get_scheduler()
