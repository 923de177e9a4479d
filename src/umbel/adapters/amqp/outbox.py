"""Messages of this room's own, published with confirms: copies of tasks, words about the living, answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pika import spec
from pika.channel import Channel
from pika.spec import BasicProperties

from .faults import blocked, overfull, unanswered, unroutable
from .link import Link

LATE: Final = "no confirmation before the deadline"


class Copy(NamedTuple):
    """One message to publish."""

    exchange: str
    key: str
    properties: BasicProperties
    body: bytes


class Outbox:
    """Confirms of one channel.

    Args:
        link: of the part; used with its lock held.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: Channel | None = None
        self._sent = 0
        self._waiting: set[int] = set()
        self._refused = False
        self._returned: list[tuple[str, str]] = []

    def attach(self, channel: Channel, until: float) -> None:
        """Use a channel that is new."""
        self._channel = channel
        self._sent, self._waiting = 0, set()
        channel.add_on_return_callback(self._on_return)
        self._link.ask(lambda own, reply: own.confirm_delivery(self._on_confirm, callback=reply), until)

    def send(self, copies: Sequence[Copy], until: float, *, mandatory: bool = True) -> None:
        """Publish and wait until the server has taken responsibility for each.

        Args:
            copies: what to publish.
            until: monotonic moment at which waiting is given up.
            mandatory: a message that no queue takes is an error.

        Raises:
            OperationalError: for at least one it has not, or nobody knows.
        """
        channel = self._channel
        assert channel is not None
        self._returned, self._refused = [], False
        for each in copies:
            channel.basic_publish(each.exchange, each.key, each.body, each.properties, mandatory=mandatory)
            self._sent += 1
            self._waiting.add(self._sent)
        if not self._link.drive(lambda: not self._waiting, until):
            reason = self._link.blocked
            self._link.drop(LATE)  # a late confirmation would be taken for another's
            raise blocked(self._link.address, reason) if reason else unanswered(self._link.address, LATE)
        if self._returned:
            raise unroutable(self._link.address, *self._returned[0])
        if self._refused:
            raise overfull(self._link.address, copies[0].key)

    def _on_return(self, _: Any, method: Any, _properties: BasicProperties, _body: bytes) -> None:
        self._returned.append((method.exchange, method.routing_key))

    def _on_confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        done = {each for each in self._waiting if each <= tag} if frame.method.multiple else {tag}
        self._waiting -= done
        self._refused = self._refused or isinstance(frame.method, spec.Basic.Nack)
