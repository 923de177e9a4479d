"""``umbel beat -S CLASS``: a scheduler of Celery's kind as a program of its own.

What SIGTERM, SIGINT and SIGQUIT do depends on what it is doing:

    asleep, or waiting for a lock          it ends at once
    looking at entries, sending, writing   it ends after that, or `PATIENCE` seconds later, or at a second signal
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click

from ..places import expand, node_name
from ..schedulers import Service
from ..utils.time import humanize_seconds
from ..worker import logs
from . import daemon

if TYPE_CHECKING:
    from ..app import Umbel

PATIENCE: Final = 5.0


def named(app: Umbel, options: Mapping[str, Any]) -> str | None:
    """The scheduler class that the command line or a setting names; None when nobody has named one."""
    written = app.conf.beat_scheduler if app.conf.is_explicit("beat_scheduler") else None
    return options["scheduler"] or written


def start(app: Umbel, options: Mapping[str, Any], *, quiet: bool) -> int:
    """Run the named scheduler until it is stopped; returns the exit code."""
    node = node_name(options["hostname"] or "beat@%h")
    pidfile = expand(options["pidfile"], node) if options["pidfile"] else None
    if pidfile:
        daemon.refuse_second(pidfile)
    logfile = daemon.logfile(options, node)
    color = False if click.get_current_context().find_root().params.get("no_color") else None
    logs.setup(logs.LogOptions(options["loglevel"], logfile, color), app.conf)
    service = Service(app, options["max_interval"], options["schedule"], named(app, options), hostname=node)
    looked_at = service.get_scheduler(lazy=True)  # what cannot be loaded is told before it goes to the background
    if not quiet:
        click.echo(banner(service, looked_at), err=True)
    if options["detach"] and (pid := daemon.detach()):
        click.echo(f"{node} runs in the background, pid {pid}, log {logfile}", err=True)
        return 0
    with daemon.written(pidfile):
        install(service)
        service.start()
    return 0


def install(service: Service) -> None:
    """Take the operator's signals over."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        if not service.busy or service.stopping:
            raise SystemExit
        service.stop()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGALRM):
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
