"""What events ask of their app: no more than this."""

from __future__ import annotations

from typing import Any, Protocol

from ..current import get_app
from ..exceptions import ImproperlyConfigured
from ..sender import Conf


class Source(Protocol):
    """An app, as its events see it."""

    @property
    def conf(self) -> Conf: ...

    @property
    def broker(self) -> Any: ...

    @property
    def events(self) -> Any: ...

    @property
    def shown_broker_url(self) -> str: ...


def current_events() -> Source:
    """The current app.

    Raises:
        ImproperlyConfigured: there is none.
    """
    app: Source | None = get_app()
    if app is None:
        raise ImproperlyConfigured("There is no app yet: create one with Umbel(name), or pass app=.")
    return app
