"""The app's part in watching: its events, and those that say that a task was sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec

from ..event import made, routing_key
from ..events import Events
from ..identity import origin
from ..message import Envelope, Parcel

_SENT = "task-sent"


class _Info(msgspec.Struct):
    exchange: str = ""
    routing_key: str = ""


class _Properties(msgspec.Struct):
    delivery_info: _Info = msgspec.field(default_factory=_Info)


_envelope = msgspec.json.Decoder(Envelope).decode
_properties = msgspec.json.Decoder(_Properties).decode


class Watching:
    """What an app has for whoever watches.

    Attributes:
        events_cls: class of `events`.
        tells_sent: the setting `task_send_sent_event`, as of the last message.
    """

    events_cls: type[Events] = Events
    tells_sent = False

    @cached_property
    def events(self) -> Events:
        """Send, receive and keep events: ``Dispatcher``, ``Receiver``, ``State``."""
        app: Any = self
        return self.events_cls(app)

    def tell_sent(self, parcels: Sequence[Parcel]) -> None:
        """Say of messages that the broker has taken that they were sent; of copies for several queues once."""
        pid = int(origin().partition("@")[0].removeprefix("gen"))
        for parcel in {parcel.id: parcel for parcel in reversed(parcels)}.values():
            try:
                event = made(_SENT, origin(), pid, self.events.clock, _sent(parcel))
            except msgspec.MsgspecError:  # it was changed by a signal's receiver into what nobody can read
                continue
            self.events.herald.post(routing_key(_SENT), origin(), event)


def _sent(parcel: Parcel) -> dict[str, Any]:
    envelope = _envelope(parcel.head)
    headers, info = envelope.headers, _properties(envelope.properties).delivery_info
    return {
        "uuid": parcel.id, "root_id": headers.root_id, "parent_id": headers.parent_id, "name": parcel.name,
        "args": headers.argsrepr, "kwargs": headers.kwargsrepr, "retries": headers.retries, "eta": headers.eta,
        "expires": headers.expires, "queue": parcel.queue, "exchange": info.exchange,
        "routing_key": info.routing_key or parcel.queue,
    }  # fmt: skip
