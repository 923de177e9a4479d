"""``umbel beat``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from ..beat import Service
from ..exceptions import ImproperlyConfigured
from ..places import node_name
from . import celerys, daemon, schedulers
from .session import Session, app_option
from .worker import LEVELS

if TYPE_CHECKING:
    from ..app import Umbel

SHOWN = 12
"""Entries that the banner names."""


@click.command()
@app_option
@click.option("-n", "--hostname", metavar="NAME", help="Name of this scheduler, beat@%h unless given.")
@click.option("-l", "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="WARNING", show_default=True)
@click.option("-f", "--logfile", metavar="PATH", help="Log to a file instead of standard error.")
@click.option("--max-interval", type=click.FloatRange(min=0), metavar="SECONDS", help="Most seconds of one sleep.")
@click.option("--detach", is_flag=True, help="Go on in the background; logs go to a file.")
@click.option("--pidfile", metavar="PATH", help="Keep the process id there; refuse when that one runs.")
@click.option("--uid", metavar="USER", help="Run as this user.")
@click.option("--gid", metavar="GROUP", help="Run as this group.")
@click.option("--umask", metavar="OCTAL", help="Mode mask of new files.")
@click.argument("overrides", nargs=-1, metavar="[-- SETTING=VALUE...]")
@celerys.accept_beat
@click.pass_obj
def beat(session: Session, /, app_name: str | None, **options: Any) -> int:
    """Send periodic tasks at their times. Start as many as you like: one leads, the others wait.

    \b
    umbel -A proj beat                  where the log says what is sent:  -l INFO
    umbel -A proj beat --pidfile /run/proj/beat.pid --detach
    umbel --as-celery -A proj beat -S redbeat.RedBeatScheduler    a scheduler written for Celery
    """
    app = session.app(app_name)
    app.config_from_cmdline(options["overrides"], "beat")
    app.import_modules()
    if not app.broker.abilities.shared:
        raise ImproperlyConfigured(
            "memory:// lives inside one process, so no worker would see what a scheduler of its own sends: name no "
            "broker to use the embedded SQLite store"
        )
    daemon.become(options["uid"], options["gid"], options["umask"])
    try:
        start = schedulers.start if schedulers.named(app, options) else _start
        return start(app, options, quiet=session.quiet)
    except OSError as error:
        if error.filename is None:
            raise
        raise ImproperlyConfigured(f"{error.filename} cannot be used ({error.strerror})") from error


def _start(app: Umbel, options: dict[str, Any], *, quiet: bool) -> int:
    """Everything is known to be fine: say who is here, go to the background, run."""
    node = node_name(options["hostname"] or "beat@%h")
    pidfile, log = daemon.prepared(options, node, app.conf)
    app.coordinator().close()  # refused before it goes to the background
    since = schedulers.last_runs(app, options["schedule"])
    service = Service(app, node, max_interval=options["max_interval"], since=since)
    if not quiet:
        click.echo(banner(service), err=True)
    if daemon.left_behind(options, node, log):
        return 0
    with daemon.written(pidfile):
        service.install()
        return service.run()


def banner(service: Service) -> str:
    """What a person reads first: name, store, entries."""
    entries = list(service.entries.values())
    width = max((len(entry.name) for entry in entries[:SHOWN]), default=0)
    lines = [
        f"umbel beat {service.node} (pid {os.getpid()}, Python {sys.version.split()[0]})",
        f"  app      {service.app.main}",
        f"  broker   {service.app.shown_broker_url}",
        f"  entries  {len(entries)}" + (f", and {len(service.bad)} that cannot run" if service.bad else ""),
        *(f"    {entry.name:{width}}  {entry.schedule!r}  {entry.task}" for entry in entries[:SHOWN]),
        *([f"    and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []),
    ]
    return "\n".join(lines)
