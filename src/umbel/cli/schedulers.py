"""``umbel beat -S CLASS``: a scheduler of Celery's kind as a program of its own.

What SIGTERM, SIGINT and SIGQUIT do depends on what it is doing:

    asleep, or waiting for a lock          it ends at once
    looking at entries, sending, writing   it ends after that, or `PATIENCE` seconds later, or at a second signal
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click

from ..integrations.celery import installed
from ..places import node_name
from ..schedulers import Service, shelf
from ..utils.time import humanize_seconds
from . import daemon

if TYPE_CHECKING:
    from ..app import Umbel

PATIENCE: Final = 5.0
WATCH: Final = 1.0
"""Seconds between two looks whether a scheduler's worker lives."""


def named(app: Umbel, options: Mapping[str, Any]) -> str | None:
    """The scheduler class that the command line or a setting names; None when nobody has named one."""
    written = app.conf.beat_scheduler if app.conf.is_explicit("beat_scheduler") else None
    return options["scheduler"] or written


def last_runs(app: Umbel, written: str | None) -> dict[str, float]:
    """What the file of Celery's beat says, for umbel's own scheduler: an entry that is new to it goes on from there.

    Args:
        app: the application.
        written: ``-s``; without it the setting counts where it is written, or where umbel stands for Celery.
    """
    conf = app.conf
    asked = written or conf.is_explicit("beat_schedule_filename") or installed()
    return shelf.last_runs(written or conf.beat_schedule_filename) if asked else {}


def start(app: Umbel, options: Mapping[str, Any], *, quiet: bool) -> int:
    """Run the named scheduler until it is stopped; returns the exit code."""
    node = node_name(options["hostname"] or "beat@%h")
    pidfile, log = daemon.prepared(options, node, app.conf)
    service = Service(app, options["max_interval"], options["schedule"], named(app, options), hostname=node)
    looked_at = service.get_scheduler(lazy=True)  # what cannot be loaded is told before it goes to the background
    if not quiet:
        click.echo(banner(service, looked_at), err=True)
    if daemon.left_behind(options, node, log):
        return 0
    with daemon.written(pidfile):
        install(service)
        service.start()
    return 0


class Inside:
    """The named scheduler of a `worker -B`, as `beat.embedded` has it.

    Args:
        app: the application.
        options: of the worker.
        node: its name, for logs.
        alive: whether to go on.
    """

    def __init__(self, app: Umbel, options: Mapping[str, Any], node: str, alive: Callable[[], bool]) -> None:
        self.service = Service(app, None, options["schedule_filename"], named(app, options), hostname=node)
        self._alive = alive

    def install(self, *numbers: int) -> None:
        """Let these signals end it."""
        install(self.service, *numbers)

    def run(self) -> int:
        """Send until stopped."""
        threading.Thread(target=self._watch, name="umbel-guard", daemon=True).start()
        try:
            self.service.start(embedded_process=True)
        except SystemExit:  # of a signal
            pass
        return 0

    def _watch(self) -> None:
        """A scheduler of somebody else asks nobody whether to go on."""
        while self._alive():
            time.sleep(WATCH)
        os.kill(os.getpid(), signal.SIGTERM)


def install(service: Service, *numbers: int) -> None:
    """Take the operator's signals over: SIGTERM, SIGINT and SIGQUIT unless others are named."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        if not service.busy or service.stopping:
            raise SystemExit
        service.stop()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    for number in (*(numbers or (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)), signal.SIGALRM):
        signal.signal(number, leave)


def banner(service: Service, scheduler: Any) -> str:
    """What a person reads first: name, store, scheduler."""
    kind, app = type(scheduler), service.app
    lines = [
        f"umbel beat {service.hostname} (pid {os.getpid()}, Python {sys.version.split()[0]})",
        f"  app       {app.main}",
        f"  broker    {app.shown_broker_url}",
        f"  scheduler {kind.__module__}.{kind.__qualname__}",
        *(f"  {line.strip(' .')}" for line in scheduler.info.splitlines()),
        f"  sleeps    {humanize_seconds(scheduler.max_interval)} at most",
    ]
    return "\n".join(lines)
