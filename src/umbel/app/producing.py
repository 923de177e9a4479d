"""The seam around sending that tracers replace, by Celery's name for it: ``kombu.Producer.publish``.

Nothing goes through it until somebody has replaced `Producer.publish`. Then each message does, in the context of its
sender; those that are sent together leave with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ..exceptions import ImproperlyConfigured
from ..message import Parcel
from .connections import Connection

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Producer:
    """Hands one message to the broker.

    Args:
        channel: the connection that it goes by.

    Attributes:
        connection: the same.
    """

    _send: Callable[[], None] | None = None

    def __init__(self, channel: Connection) -> None:
        self.connection = channel

    def publish(self, body: Any, routing_key: str | None = None, **properties: Any) -> None:
        """Send the message.

        Args:
            body, routing_key, properties: of the message, ``headers`` and ``exchange`` among them; for those who watch.

        Raises:
            ImproperlyConfigured: it was made by hand; the app sends messages.
        """
        if self._send is None:
            raise ImproperlyConfigured("A Producer sends what its app sends: call a task, or app.send_task().")
        self._send()


_PLAIN: Final = Producer.publish


def is_watched() -> bool:
    """Whether somebody has replaced `Producer.publish`."""
    return Producer.publish is not _PLAIN


def through(connection: Connection, parcels: Sequence[Parcel], send: Callable[[], None]) -> None:
    """Send messages with what tracers have put around it.

    Args:
        connection: that they go by.
        parcels: the messages.
        send: sends them all.
    """
    for position, parcel in enumerate(parcels, 1):
        head = _decode(parcel.head)
        info = head["properties"].get("delivery_info") or {}
        producer = Producer(connection)
        producer._send = send if position == len(parcels) else _later  # noqa: SLF001 - it is made here
        producer.publish(
            parcel.body, routing_key=info.get("routing_key", parcel.queue), exchange=info.get("exchange", ""),
            headers=head["headers"],
        )  # fmt: skip


def _later() -> None:
    """It leaves with the last one."""
