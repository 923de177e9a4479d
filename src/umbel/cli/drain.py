"""``umbel drain``: work leaves the store, back to Celery's workers or into another store."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing

import click

from .. import loading
from ..drain import Drain, Drained
from ..exceptions import ImproperlyConfigured
from ..urls import mask_url
from ..withdraw import lifetime
from . import codes, show
from .session import Session, app_option

_EVERY = 5.0
"""Seconds between two lines of progress where nobody watches a terminal."""


@click.command()
@app_option
@click.option("--to", "target", metavar="URL", help="Move to this store; without it: to Celery's workers, in place.")
@click.option("-f", "--force", is_flag=True, help="Also while workers live: they keep what they hold.")
@show.json_option
@click.pass_obj
def drain(session: Session, /, app_name: str | None, target: str | None, force: bool, as_json: bool) -> None:
    """Move work out of the store: back to Celery, or to another store.

    Stop the workers first. It may be killed and repeated: nothing is lost. Exit code 1: something stayed.

    \b
    umbel -A proj drain                        all of it is Celery's again, in the same Redis
    umbel -A proj drain --to redis://host/0    what waits and is delayed moves there
    """
    app = session.app(app_name)
    with ExitStack() as stack:
        progress = Progress(quiet=session.quiet)
        work = Drain(app.broker, progress.tell, results=app.backend(), expires=lifetime(app.conf.result_expires))
        stack.enter_context(closing(work))
        if target is None:
            done = work.to_celery(force=force)
        else:
            if target == app.broker_url:
                raise ImproperlyConfigured(f"{mask_url(target)} is the store that is to be emptied; name another one.")
            done = work.elsewhere(loading.open_broker(target, dict(app.conf.broker_transport_options)), force=force)
        progress.end()
    report(done, as_json)
    if done.leased or done.delayed:
        click.get_current_context().exit(codes.NO)


def report(done: Drained, as_json: bool) -> None:
    """Print what came of it."""
    if as_json:
        show.dump(done)
        return
    queues = sorted(done.moved | done.set_aside)
    rows = [(queue, done.moved[queue], done.set_aside[queue]) for queue in queues]
    show.table(("queue", "moved", "set aside"), rows, nothing="Nothing to move.")
    for count, sentence in (
        (done.leased, "held by live workers: they finish it, or give it back when they stop"),
        (done.delayed, "delayed and stayed: no message that Celery could read (umbel messages list --place delayed)"),
        (done.dead, "dead letters stayed: umbel dead list shows them, umbel dead replay puts them back"),
    ):
        if count:
            click.echo(f"{count} {sentence}", err=True)


class Progress:
    """Says on standard error how far it has come: on a terminal in one line, else now and then."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn = sys.stderr.isatty()
        self._next = time.monotonic() + _EVERY
        self._open = False

    def tell(self, done: Drained) -> None:
        """The counts so far."""
        if self._quiet or not (self._drawn or time.monotonic() >= self._next):
            return
        self._next = time.monotonic() + _EVERY
        self._open = self._drawn
        start = "\r" if self._drawn else ""
        click.echo(f"{start}{done.moved.total()} moved", nl=not self._drawn, err=True)

    def end(self) -> None:
        """The line is whole."""
        if self._open:
            click.echo(err=True)
        self._open = False
