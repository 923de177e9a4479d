"""What an owner's channel brings and takes: messages in, acknowledgements out; copies go over another connection.

Messages come in two ways. An idle child, and one whose tasks are short, has **consumers**: the server pushes, at most
as many as the consumer's own prefetch allows. Otherwise they are **fetched** one by one (`basic.get`), so that a child
holds no message that waits behind a long task. A fetch also says for sure that a queue is empty: whatever the server
had pushed by then has come before that answer.

All of it runs under the link's lock, in whichever thread uses the owner's parts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from pika import spec
from pika.channel import Channel
from pika.spec import BasicProperties

from ... import clock
from .acks import Open
from .arrived import Arrived, arrived
from .faults import unanswered
from .link import Link
from .outbox import Copy, Outbox
from .plan import server_name


class Feed:
    """One owner's channel.

    Args:
        link: a connection that no other part uses.
        outbox: copies go out over it.

    Attributes:
        life: number of the channel that what is open belongs to.
        inbox: what came and nobody has looked at yet.
    """

    def __init__(self, link: Link, outbox: Outbox) -> None:
        self.link = link
        self.life = 0
        self.inbox: deque[Arrived] = deque()
        self.flows: dict[str, int] = {}
        self._tags: dict[str, str] = {}
        self._open = Open()
        self._channel: Channel | None = None
        self._empty = 0
        self._outbox = outbox
        self._gone: set[str] = set()

    def ready(self, until: float) -> bool:
        """Have a channel; True when it is a new one, and everything that was open on the last is void.

        Raises:
            OperationalError: there is no connection.
        """
        channel = self.link.channel(until)
        if self.link.life == self.life:
            return False
        self._channel, self.life = channel, self.link.life
        self.inbox.clear()
        self.flows.clear()
        self._tags.clear()
        self._gone.clear()
        self._open = Open()
        channel.add_callback(self._on_empty, [spec.Basic.GetEmpty], one_shot=False)
        channel.add_on_cancel_callback(self._on_cancel)
        return True

    @property
    def lost(self) -> bool:
        """Whether the channel is gone, as far as one knows without asking."""
        return self._channel is None or not self._channel.is_open

    @property
    def blocked(self) -> bool:
        """Whether the server takes no copies, as far as one has heard without asking."""
        return self._outbox.blocked

    def peek(self) -> None:
        """Read what has come, without waiting."""
        self.link.drive(lambda: False, clock.monotonic())

    def gone(self) -> set[str]:
        """Queues whose consumer the server has ended, since the last call: they were deleted."""
        gone, self._gone = self._gone, set()
        return gone

    def flow(self, queue: str, prefetch: int, until: float) -> None:
        """Have the server push from a queue, so many at a time."""
        if self.flows.get(queue) == prefetch:
            return
        self.dry(queue)
        tag = f"{queue[:80]}.{self.life}.{clock.monotonic():.6f}"
        self.link.ask(lambda own, reply: own.basic_qos(prefetch_count=prefetch, callback=reply), until)
        self.link.ask(
            lambda own, reply: own.basic_consume(
                server_name(queue), lambda _, method, properties, body: self._arrive(queue, method, properties, body),
                consumer_tag=tag, callback=reply,
            ), until,
        )  # fmt: skip
        self.flows[queue], self._tags[queue] = prefetch, tag

    def dry(self, queue: str) -> None:
        """Have it push nothing more. What is on its way still arrives, until the answer to a later request."""
        tag = self._tags.pop(queue, None)
        self.flows.pop(queue, None)
        if tag is not None and self._channel is not None:
            # pika's own method would give back what arrives after it, and that counts as lost.
            cancel: Any = spec.Basic.Cancel
            channel: Any = self._channel
            channel._send_method(cancel(consumer_tag=tag, nowait=True))  # noqa: SLF001

    def fetch(self, queue: str, until: float) -> bool:
        """Ask for one message, which goes to the inbox; False when the queue is empty."""
        channel, before, empty = self._channel, len(self.inbox), self._empty
        assert channel is not None
        answered: list[bool] = []

        def found(_: Channel, method: Any, properties: BasicProperties, body: bytes) -> None:
            answered.append(True)
            self._arrive(queue, method, properties, body)

        channel.basic_get(server_name(queue), found)
        if not self.link.drive(lambda: bool(answered) or self._empty != empty, until):
            self.link.drop("a request was not answered")
            raise unanswered(self.link.address, "no answer before the deadline")
        return bool(answered) or len(self.inbox) > before

    def acknowledge(self, messages: Iterable[Arrived]) -> None:
        """The server may forget these; those of an earlier channel it has back already."""
        channel = self._channel
        assert channel is not None
        for tag, multiple in self._open.close([each.number for each in messages if each.life == self.life]):
            channel.basic_ack(tag, multiple)
        self.peek()

    def send(self, copies: Sequence[Copy], until: float) -> None:
        """Publish and wait until the server has taken responsibility for each; errors as in `Outbox.send`."""
        self._outbox.send(copies, until)

    def _arrive(self, queue: str, method: Any, properties: BasicProperties, body: bytes) -> None:
        self._open.add(method.delivery_tag)
        self.inbox.append(arrived(queue, self.life, method, properties, body, clock.monotonic()))

    def _on_empty(self, _: Any) -> None:
        self._empty += 1

    def _on_cancel(self, frame: Any) -> None:
        for queue, tag in list(self._tags.items()):
            if tag == frame.method.consumer_tag:
                del self._tags[queue], self.flows[queue]
                self._gone.add(queue)
