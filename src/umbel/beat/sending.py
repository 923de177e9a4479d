"""An entry and a nominal time become messages, by the app; and what became of the task of an earlier tick."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from ..canvas.outgoing import collecting
from ..message import Parcel
from ..schedules import Entry, evaluated
from .times import moment

if TYPE_CHECKING:
    from ..app import Umbel

Doing = Literal["", "waits", "runs"]

HEADER: Final = "celery_beat_task"
"""Of every message that a scheduler sends, as in Celery."""


class Sender(Protocol):
    """What a scheduler needs of an app."""

    def compose(self, entry: Entry, task_id: str, nominal: int) -> Sequence[Parcel]:
        """The messages of one tick; nothing is sent."""
        ...

    def doing(self, task_id: str) -> Doing:
        """Whether the task of an earlier tick waits or runs; "" when it has ended, or nobody can tell."""
        ...

    def cancel(self, task_id: str) -> None:
        """Revoke it, and interrupt it when it runs."""
        ...

    def sent(self, parcels: Sequence[Parcel]) -> None:
        """They are in the store: tell those who want to know."""
        ...


class AppSender:
    """See `Sender`.

    Args:
        app: whose tasks and settings hold.
    """

    def __init__(self, app: Umbel) -> None:
        self._app = app

    def compose(self, entry: Entry, task_id: str, nominal: int) -> Sequence[Parcel]:
        """By the task's own `apply_async` when it is known here, as in Celery, so that who overrides it has his say."""
        options = dict(entry.options)
        options.pop("task_id", None)
        options["headers"] = {**(options.get("headers") or {}), HEADER: True}
        if entry.policy.expires is not None:
            options["expires"] = moment(nominal) + timedelta(seconds=entry.policy.expires)
        task: Any = self._app.tasks.get(entry.task)
        args, kwargs = evaluated(entry.args, entry.kwargs)
        with collecting() as outbox:
            if task is not None:
                task.apply_async(args, kwargs, task_id=task_id, **options)
            else:
                self._app.send_task(entry.task, args, kwargs, task_id=task_id, **options)
        return outbox.parcels

    def doing(self, task_id: str) -> Doing:
        """As far as the store lists messages."""
        with closing(self._app.broker.shelf()) as shelf:
            places = {item.place for item in shelf.find(task_id)} - {"dead"}
        return "runs" if "leased" in places else "waits" if places else ""

    def cancel(self, task_id: str) -> None:
        """By `revoke`."""
        self._app.control.revoke(task_id, terminate=True)

    def sent(self, parcels: Sequence[Parcel]) -> None:
        """Signals and events of sending."""
        self._app.told(parcels)
