"""Messages of this room's own, published with confirms: copies of tasks, words about the living, answers.

They go over a connection on which nothing is consumed. A server that is short of memory or disk stops reading from a
connection as soon as something is published on it, until the alarm is over: acknowledgements behind it would wait too.
It says so at once (`connection.blocked`), and whoever sends hears it without waiting for his deadline.

What was sent into an alarm is not lost: the server reads it when the alarm is over. For a copy of a task that would be
one too many, since the task itself stays where it was. So a message to nobody goes before, which tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pika import spec
from pika.channel import Channel
from pika.spec import BasicProperties

from ... import clock
from .faults import blocked, overfull, unanswered, unroutable
from .fields import properties
from .link import Link

LATE: Final = "no confirmation before the deadline"

_MOMENT: Final = 0.5
"""Seconds for a confirmation that was under way when the alarm began."""


class Copy(NamedTuple):
    """One message to publish."""

    exchange: str
    key: str
    properties: BasicProperties
    body: bytes


_NOBODY: Final = Copy("", "umbel.nobody", properties(), b"-")
"""Without a body it would not wait for the end of an alarm."""


class Outbox:
    """Sends, and waits for confirms.

    Args:
        link: on which nobody consumes.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._life = 0
        self._sent = 0
        self._waiting: set[int] = set()
        self._refused = False
        self._returned: list[tuple[str, str]] = []

    @property
    def blocked(self) -> bool:
        """Whether the server takes no messages, as far as one has heard without asking."""
        return bool(self._link.blocked)

    def send(self, copies: Sequence[Copy], until: float, *, mandatory: bool = True, repeatable: bool = False) -> None:
        """Publish and wait until the server has taken responsibility for each.

        Args:
            copies: what to publish.
            until: monotonic moment at which waiting is given up.
            mandatory: a message that no queue takes is an error.
            repeatable: it does not matter when one is there twice.

        Raises:
            Blocked: the server takes no messages at the moment.
            OperationalError: for at least one it has not, or nobody knows.
        """
        with self._link:
            channel = self._channel(until)
            if self._link.blocked:
                raise blocked(self._link.address, self._link.blocked)
            self._returned, self._refused = [], False
            if not repeatable:
                self._publish(channel, [_NOBODY], until, mandatory=False)
            self._publish(channel, copies, until, mandatory=mandatory)
            if self._returned:
                raise unroutable(self._link.address, *self._returned[0])
            if self._refused:
                raise overfull(self._link.address, copies[0].key)

    def close(self) -> None:
        """Give the connection back; the next use opens another. Safe to repeat."""
        self._link.close()

    def _channel(self, until: float) -> Channel:
        channel = self._link.channel(until)
        while self._life != self._link.life:
            self._sent = 0
            self._life = self._link.confirming(self._on_confirm, self._on_return, until)
            channel = self._link.channel(until)
        return channel

    def _publish(self, channel: Channel, copies: Sequence[Copy], until: float, *, mandatory: bool) -> None:
        waiting = self._waiting = set(range(self._sent + 1, self._sent + len(copies) + 1))
        self._sent += len(copies)
        for each in copies:
            channel.basic_publish(each.exchange, each.key, each.body, each.properties, mandatory=mandatory)
        link = self._link
        link.drive(lambda: not waiting or link.blocked != "", until)
        if waiting and link.blocked:
            link.drive(lambda: not waiting, min(until, clock.monotonic() + _MOMENT))
        if not waiting:
            return
        if link.blocked:  # what was sent is with the server, and the end of the alarm is heard on this connection
            raise blocked(link.address, link.blocked)
        link.drop(LATE)
        raise unanswered(link.address, LATE)

    def _on_return(self, _: Any, method: Any, _properties: BasicProperties, _body: bytes) -> None:
        self._returned.append((method.exchange, method.routing_key))

    def _on_confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        waiting = self._waiting
        done = {each for each in waiting if each <= tag} if frame.method.multiple else waiting & {tag}
        self._waiting -= done  # an answer to an earlier batch, sent into an alarm, says nothing of this one
        self._refused = self._refused or (bool(done) and isinstance(frame.method, spec.Basic.Nack))
