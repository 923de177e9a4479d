"""Commands that other packages add to Celery's command line, Flower's for instance.

A package names them in its entry point group ``celery.commands``. They were written for Celery, so umbel stands for it
from the moment that one is named, and they find what Celery gives them: ``ctx.obj`` with the application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .. import loading
from ..exceptions import ImproperlyConfigured
from ..integrations.celery import install_as_celery
from .session import Session

if TYPE_CHECKING:
    from ..app import Umbel

GROUP = "celery.commands"


class CLIContext:
    """What a command of another package gets as ``ctx.obj``.

    Args:
        app: the application.
        no_color: no colours are wanted.
        workdir: the folder of ``--workdir``.
        quiet: only what was asked for is to be printed.
    """

    def __init__(self, app: Umbel, no_color: bool, workdir: str | None, quiet: bool = False) -> None:
        self.app = app
        self.no_color = no_color
        self.workdir = workdir
        self.quiet = quiet

    def style(self, message: Any, **kwargs: Any) -> str:
        """A text in colour, unless none are wanted."""
        return str(message) if self.no_color else click.style(message, **kwargs)

    def echo(self, message: Any = None, **kwargs: Any) -> None:
        """Print a text."""
        click.echo(message, **{"color": False if self.no_color else None, **kwargs})

    def secho(self, message: Any = None, **kwargs: Any) -> None:
        """Print a text in colour."""
        click.secho(message, **{"color": False if self.no_color else None, **kwargs})

    def error(self, message: Any = None, **kwargs: Any) -> None:
        """Print a text to standard error."""
        self.secho(message, **{"err": True, **kwargs})


class CeleryCommand(click.Command):
    """Base class of commands that were written for Celery."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it with the application that the options before it name."""
        if isinstance(ctx.obj, Session):
            before = ctx.find_root().params
            app = ctx.obj.app_or_default()
            ctx.obj = CLIContext(app, bool(before["no_color"]), before["workdir"], ctx.obj.quiet)
        return super().invoke(ctx)


def offered() -> list[str]:
    """Names of the commands."""
    return sorted(loading.extensions(GROUP))


def find(name: str) -> click.Command | None:
    """The command of that name, None when no package offers one.

    Raises:
        ImproperlyConfigured: it cannot be imported.
    """
    load = loading.extensions(GROUP).get(name)
    if load is None:
        return None
    install_as_celery()
    try:
        command = load()
    except ImportError as error:
        raise ImproperlyConfigured(f"The command {name!r} of another package cannot be imported: {error}") from error
    assert isinstance(command, click.Command)
    return command
