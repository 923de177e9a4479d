"""``umbel events``: as lines, as pictures, or on a terminal."""

from __future__ import annotations

import sys
from typing import Any

import click

from ..events.dumper import evdump
from ..exceptions import ImproperlyConfigured
from ..loading import exists, symbol
from .session import Session, app_option
from .worker import LEVELS


@click.command()
@app_option
@click.option("-d", "--dump", is_flag=True, help="Write each event as a line.")
@click.option("-c", "--camera", metavar="CLASS", help="Take pictures of the state with this class.")
@click.option("-F", "--frequency", "--freq", type=click.FloatRange(min=0.01), default=1.0, show_default=True,
              metavar="SECONDS", help="Camera: between two pictures.")  # fmt: skip
@click.option("-r", "--maxrate", metavar="RATE", help="Camera: most pictures in a time, as in 10/m.")
@click.option("--detach", is_flag=True, help="Camera: go on in the background; logs go to a file.")
@click.option("-l", "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="WARNING", show_default=True)
@click.option("-f", "--logfile", metavar="PATH", help="Log to a file instead of standard error.")
@click.option("--pidfile", metavar="PATH", help="Keep the process id there; refuse when that one runs.")
@click.option("--uid", metavar="USER", help="Run as this user.")
@click.option("--gid", metavar="GROUP", help="Run as this group.")
@click.option("--umask", metavar="OCTAL", help="Mode mask of new files.")
@click.option("--executable", metavar="PATH", hidden=True)
@click.pass_obj
def events(session: Session, /, app_name: str | None, dump: bool, camera: str | None, **options: Any) -> int:
    """Watch what workers say of themselves and their tasks, until interrupted: on the terminal, unless asked otherwise.

    \b
    umbel -A proj events                                     j and k move, i shows a task, ^C ends
    umbel -A proj events --dump
    umbel -A proj events -c proj.cameras.Rows -F 10
    """
    app = session.app(app_name)
    if camera:
        return int(symbol("umbel.cli.cameras:start")(app, camera, options))
    if dump:
        evdump(app)
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ImproperlyConfigured("umbel events draws on a terminal, and there is none here: add --dump for lines")
    if not exists("_curses"):
        raise ImproperlyConfigured("This Python has no curses, by which umbel events draws: add --dump for lines")
    symbol("umbel.events.cursesmon:evtop")(app)
    return 0
