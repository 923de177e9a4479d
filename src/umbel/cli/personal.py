"""Options that an application adds to the command line, as in Celery.

    app.user_options["preload"].add(click.Option(["--template"]))    of every command; told by `user_preload_options`
    app.user_options["worker"].add(click.Option(["--tenant"]))       of the worker; among the options of `celeryd_init`,
                                                                     and what its bootsteps are made with
    app.user_options["beat"].add(click.Option(["--tenant"]))         of the program that runs schedules

The application has to be known before a command's options are read: by ``-A`` before the command, or UMBEL_APP.
"""

from __future__ import annotations

from typing import Any

import click

from .. import signals
from ..exceptions import UmbelError
from .session import Session

_OWN = ("worker", "beat")
"""Commands with options of their own; the preloaded ones are of all."""


class Personal(click.Command):
    """A command with the application's own options."""

    verb: str

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's options and the application's."""
        known = super().get_params(ctx)
        return [*known, *_own(ctx, "preload"), *(_own(ctx, self.verb) if self.verb in _OWN else ())]

    def invoke(self, ctx: click.Context) -> Any:
        """Tell `user_preload_options`, and run the command."""
        session, named = ctx.obj, ctx.params.get("app_name")
        if isinstance(session, Session) and (named or session.names_app):
            app = session.app(named)
            preload = {}
            for option in app.user_options["preload"]:
                name = str(option.name)  # unread where -A stands behind the command
                preload[name] = ctx.params.pop(name) if name in ctx.params else option.get_default(ctx)
            signals.user_preload_options.send(sender=self, app=app, options=preload)
        return super().invoke(ctx)


def _own(ctx: click.Context, kind: str) -> list[click.Option]:
    """The application's options of one kind; none when there is no application: the command will say why."""
    session = ctx.obj
    if not isinstance(session, Session) or not session.names_app:
        return []
    try:
        options = session.app().user_options[kind]
    except UmbelError:
        return []
    return sorted(options, key=lambda option: str(option.name))


def personal(command: click.Command, verb: str) -> click.Command:
    """The command with the application's options; a group of commands stays as it is."""
    if type(command) is not click.Command:
        return command
    made = Personal.__new__(Personal)
    made.__dict__.update(command.__dict__)
    made.verb = verb
    return made
