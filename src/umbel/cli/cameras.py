"""``umbel events --camera CLASS``: pictures of what workers say, taken by a class like `events.snapshot.Polaroid`."""

from __future__ import annotations

import signal
from typing import Any

import click

from ..app import app_or_default
from ..exceptions import ImproperlyConfigured
from ..loading import instantiate
from ..places import node_name
from . import daemon


def evcam(
    camera: Any, freq: float = 1.0, maxrate: str | None = None, loglevel: Any = 0, logfile: str | None = None,
    pidfile: str | None = None, timer: Any = None, app: Any = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Take pictures until interrupted; then take the last one.

    Args:
        camera: a class like `Polaroid`, or its path.
        freq: seconds between two pictures.
        maxrate: most pictures in a time, as ``"10/m"``.
        timer: calls it.
        app: the application; the current one unless given.
        pidfile: holds the process id meanwhile.
        loglevel, logfile, kwargs: accepted, Celery's; the command line sets up the log.

    Raises:
        ImproperlyConfigured: the camera cannot be imported, or takes other arguments.
    """
    app = app_or_default(app)
    state = app.events.State()
    try:
        taking = instantiate(camera, state, app=app, freq=freq, maxrate=maxrate, timer=timer)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"The camera {camera} cannot be used: {error}") from error
    click.echo(f"-> evcam: Taking snapshots with {camera} (every {freq} secs.)")
    with daemon.written(pidfile), taking:
        try:
            app.events.Receiver(handlers={"*": state.event}).capture()
        except KeyboardInterrupt:
            return


def start(app: Any, camera: str, options: dict[str, Any]) -> int:
    """The command; SIGTERM ends it as an interruption does."""
    node = node_name("camera@%h")
    daemon.become(options["uid"], options["gid"], options["umask"])
    pidfile, log = daemon.prepared(options, node, app.conf)
    app.import_modules()
    if daemon.left_behind(options, node, log):
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    evcam(camera, options["frequency"], options["maxrate"], pidfile=pidfile, app=app)
    return 0
