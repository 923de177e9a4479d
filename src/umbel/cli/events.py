"""``umbel events``."""

from __future__ import annotations

from typing import Any

import click

from ..events.dumper import evdump
from ..exceptions import ImproperlyConfigured
from .session import Session, app_option


@click.command()
@app_option
@click.option("-d", "--dump", is_flag=True, help="Write each event as a line.")
@click.option("-c", "--camera", metavar="CLASS", hidden=True)
@click.option("--detach", is_flag=True, hidden=True)
@click.option("-F", "--frequency", "--freq", type=float, default=1.0, hidden=True)
@click.option("-r", "--maxrate", hidden=True)
@click.option("-l", "--loglevel", default="WARNING", hidden=True)
@click.pass_obj
def events(session: Session, /, app_name: str | None, dump: bool, camera: str | None, **_: Any) -> None:
    """Watch what workers say of themselves and their tasks, until interrupted.

    \b
    umbel -A proj events --dump
    """
    if camera:
        raise ImproperlyConfigured("-c/--camera: there are no cameras here; use app.events.Receiver with a State")
    evdump(session.app(app_name))
