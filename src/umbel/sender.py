"""What tasks, signatures and results see of their app: no more than this.

The arrow goes from the app to the task; a task that sends itself does it through these protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .backend import Backend, Watch
from .broker import Broker
from .client import Client
from .context import Context
from .current import get_app
from .exceptions import ImproperlyConfigured
from .message import Parcel
from .template import Template


class Conf(Protocol):
    """Settings by attribute."""

    def __getattr__(self, name: str) -> Any: ...


class Sender(Protocol):
    """What sends messages."""

    @property
    def conf(self) -> Conf: ...

    @property
    def tasks(self) -> Mapping[str, Any]: ...

    def template(self, name: str, task: Any, options: Mapping[str, Any], call: tuple[Any, Any] | None) -> Template:
        """The message of a call of ``name`` under these options, with blanks for the call itself; None: not known."""
        ...

    def fill(self, template: Template, args: Any, kwargs: Any, task_id: str, parent: Context | None) -> Parcel:
        """The template with its blanks filled in."""
        ...

    def publish(self, parcels: Sequence[Parcel], retry_policy: Mapping[str, Any] | None = None) -> None:
        """Hand messages to the broker, within the deadline of `task_publish_deadline`."""
        ...

    def send_task(self, name: str, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Send a task that may not be known here; returns the handle on its result."""
        ...


class ResultSource(Protocol):
    """What knows results."""

    @property
    def conf(self) -> Conf: ...

    @property
    def broker(self) -> Broker: ...

    @property
    def settles_results(self) -> bool:
        """Whether its results are in the store that has its messages."""
        ...

    def backend(self) -> Backend | None:
        """This thread's own connection to the results, None when none are kept."""
        ...

    def watch(self) -> Watch:
        """This thread's own subscription to results."""
        ...

    def client(self) -> Client:
        """The thread that does the waiting of coroutines."""
        ...


class Workflows(Protocol):
    """What workflows and running tasks ask beside that."""

    @property
    def events(self) -> Any:
        """What sends and receives events."""
        ...

    def AsyncResult(self, id: str, **kwargs: Any) -> Any:  # noqa: N802 - Celery's name
        """The handle on a task by id."""
        ...

    def tell_published(self, parcels: Sequence[Parcel]) -> None:
        """Send the signals that follow a message's sending, of those that leave with the end of the running task."""
        ...

    @property
    def keeps_results(self) -> bool:
        """Whether results are kept by their ids: neither sent to whoever called, nor dropped."""
        ...

    def assert_joins(self) -> None:
        """Refuse a chord where the results of its members cannot be gathered."""
        ...


class App(Sender, ResultSource, Workflows, Protocol):
    """All of it: what a task has as its ``app``."""


def current_sender() -> App:
    """The current app.

    Raises:
        ImproperlyConfigured: there is none.
    """
    app: App | None = get_app()
    if app is None:
        raise ImproperlyConfigured("There is no app yet: create one with Umbel(name) before you send tasks by name.")
    return app
