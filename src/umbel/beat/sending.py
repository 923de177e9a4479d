"""An entry and a nominal time become messages, by the app; and what became of the task of an earlier tick."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Literal, Protocol

from ..app.periodic import composed
from ..coordinator import Coordinated
from ..message import Parcel
from ..schedules import Entry
from .times import SECOND
from .unlisted import Unlisted

if TYPE_CHECKING:
    from ..app import Umbel

Doing = Literal["", "waits", "runs"]


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
        self._unlisted = Unlisted(app)

    def compose(self, entry: Entry, task_id: str, nominal: int) -> Sequence[Parcel]:
        """As `composed` says; where a tick and its mark are not one step, it may be sent twice, and is to run once."""
        once = not isinstance(self._app.broker, Coordinated)
        return composed(self._app, entry, task_id, nominal / SECOND, once=once).parcels

    def doing(self, task_id: str) -> Doing:
        """As the store lists it; by claims and results where it does not."""
        if "leased" not in self._app.broker.abilities.listed:
            return self._unlisted.doing(task_id)
        with closing(self._app.broker.shelf()) as shelf:
            places = {item.place for item in shelf.find(task_id)} - {"dead"}
        return "runs" if "leased" in places else "waits" if places else ""

    def cancel(self, task_id: str) -> None:
        """By `revoke`."""
        self._app.control.revoke(task_id, terminate=True)

    def sent(self, parcels: Sequence[Parcel]) -> None:
        """Signals and events of sending."""
        self._unlisted.sent(parcels)
        self._app.told(parcels)
