"""The session: what the options before the command asked for, and the application that they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import loading
from ..exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from ..app import Umbel


app_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-A", "--app", "app_name", metavar="APP", help="The application, also accepted here."
)
"""``-A`` after the command."""


def names(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """A comma-separated list."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if value else ()


class Session:
    """Options of the group; the application is imported when a command needs it."""

    def __init__(
        self, app: str | None, broker: str | None, backend: str | None, config: str | None, *, color: bool,
        quiet: bool, given: Umbel | None = None,
    ) -> None:  # fmt: skip
        self.name = app
        self.broker = broker
        self.backend = backend
        self.config = config
        self.color = color and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.quiet = quiet
        self._given = given
        self._app: Umbel | None = None
        self._loaded = app

    def app(self, name: str | None = None) -> Umbel:
        """The application.

        Args:
            name: ``-A`` given after the command.

        Raises:
            ImproperlyConfigured: no application was named, or it cannot be imported.
        """
        if self._app is None or (name and name != self._loaded):
            wanted = name or self.name
            if not wanted and self._given is not None:
                self._app = self._changed(self._given)
                return self._app
            if not wanted:
                raise ImproperlyConfigured("no application was named: add -A MODULE, as in: umbel -A proj worker")
            here = str(Path.cwd())
            if here not in sys.path:
                sys.path.insert(0, here)
            self._app, self._loaded = self._changed(loading.load_app(wanted)), wanted
        return self._app

    def app_or_default(self) -> Umbel:
        """The application that was named, else one with nothing but the settings of the environment and the options."""
        if self.names_app:
            return self.app()
        from ..app.sharing import make_default  # noqa: PLC0415 - every other command waits until the app is imported

        return self._changed(make_default())

    @property
    def names_app(self) -> bool:
        """Whether the application is known before the command's own options are read."""
        return bool(self.name or self._given)

    def _changed(self, app: Umbel) -> Umbel:
        """The app with what the command line overrides: before the settings' variables, and in every child."""
        if self.config:
            app.config_from_object(self.config)
        brokers = [(name, self.broker) for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL")]
        for name, value in (*brokers, ("RESULT_BACKEND", self.backend)):
            if value is not None:
                os.environ[f"CELERY_{name}"] = os.environ[f"UMBEL_{name}"] = value
        return app
