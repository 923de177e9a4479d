"""Producers' part: parcels to RabbitMQ, each of them confirmed.

A message is the server's when it has confirmed it: a quorum queue has it on a majority of its nodes, a classic one on
the disk. Messages go out in windows, so that a thousand of them wait for their confirms together. Each is `mandatory`:
one that no queue takes comes back, and is an error.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence, Sized
from typing import Any, Final

from pika.spec import Basic, BasicProperties

from ... import clock
from ...exceptions import OperationalError, QueueFull, StoreUnavailable
from ...message import Parcel
from .envelope import AGAIN, DUE, packed
from .faults import Refused, Unanswered, blocked, overfull, unanswered, unroutable
from .frames import addressed
from .link import Link
from .plan import server_name
from .topology import Topology

WINDOW: Final = 1000
"""Messages that wait for their confirms at a time."""

_BYTES: Final = 4 << 20  # of bodies in a window, or the buffers of both sides would grow with them


class Batch:
    """The messages of one call, and what became of each.

    Attributes:
        parcels: as given.
        left: places of those that are not confirmed.
        refused: places of those that a queue refused.
        sent: place -> the link's life in which it was sent last.
    """

    __slots__ = ("left", "parcels", "refused", "sent")

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self.parcels = list(parcels)
        self.left = dict.fromkeys(range(len(parcels)))
        self.refused: list[int] = []
        self.sent: dict[int, int] = {}

    def inherit(self, other: Batch) -> dict[int, int]:
        """Take over what became of those parcels that were in another batch; returns their places there and here."""
        places: defaultdict[int, deque[int]] = defaultdict(deque)
        for there, parcel in enumerate(other.parcels):
            places[id(parcel)].append(there)
        same = {places[id(parcel)].popleft(): here for here, parcel in enumerate(self.parcels) if places[id(parcel)]}
        for there, here in same.items():
            if there not in other.left:
                del self.left[here]
            elif there in other.sent:
                self.sent[here] = other.sent[there]
        return same

    def again(self, places: Iterable[int]) -> None:
        """These are to be sent as if they never had been: the server has said that it does not have them."""
        for place in places:
            self.left[place] = None
            self.sent.pop(place, None)


class AmqpPublisher:
    """See `umbel.broker.Publisher`.

    AMQP has no step over several messages: what was confirmed before an error stays. But the last call is remembered,
    and when its parcels are published again (the caller repeats what failed, alone or with others), only those that
    were not confirmed go out, with the header ``umbel-again``, if it is not known whether the server has them.

    Args:
        link: nobody else's.
        topology: on that link.
        patient: whether a call waits until its deadline for a server that takes no messages at the moment.
    """

    def __init__(self, link: Link, topology: Topology, *, patient: bool = True) -> None:
        self._link = link
        self._patient = patient
        self._topology = topology
        self._life = self._tag = self._low = 0
        self._pending: dict[int, tuple[Batch, int]] = {}
        self._returned: list[tuple[str, str, str]] = []
        self._unsure: Batch | None = None

    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        """Store all parcels or raise; see the class for what an error leaves behind.

        Raises:
            QueueFull: a limit would be exceeded, and nothing was sent; or a queue refused a message.
            Unroutable: no queue takes a message.
            Blocked: the server is short of memory or disk.
            Unanswered: it did not confirm in time.
            OperationalError: it cannot be reached, or does not let us.
        """
        if not parcels:
            return
        until = self._link.until(deadline)
        batch = Batch(parcels)
        again = self._remembered(batch)
        try:
            with self._link:
                if limits and not again:
                    self._check(parcels, limits, until)
                self._publish(batch, until)
        except OperationalError:
            self._unsure = batch
            raise

    def close(self) -> None:
        """Give the connection back; safe to repeat."""
        self._pending.clear()
        self._link.close()

    def _remembered(self, batch: Batch) -> bool:
        """Have a batch know what became of its parcels in the last call; False when none of them was in it."""
        last, self._unsure = self._unsure, None
        if last is None:
            return False
        same = batch.inherit(last)
        for tag, (owner, place) in self._pending.items():
            if owner is last and place in same:
                self._pending[tag] = (batch, same[place])
        return bool(same)

    def _publish(self, batch: Batch, until: float) -> None:
        self._ready(until)
        self._send(batch, until)
        self._confirmed(batch, until)
        if self._took_back(batch):  # the queue was there once; perhaps somebody deleted it meanwhile
            self._send(batch, until)
            self._confirmed(batch, until)
            exchange, key, _ = self._returned[0] if self._returned else ("", "", "")
            if self._took_back(batch):
                raise unroutable(self._link.address, exchange, key)
        if batch.refused:
            refused, batch.refused = batch.refused, []
            batch.again(refused)
            raise overfull(self._link.address, batch.parcels[refused[0]].queue)

    def _ready(self, until: float) -> None:
        """Have the channel in confirm mode, on a server that takes messages."""
        self._link.channel(until)
        while self._life != self._link.life:
            self._pending.clear()
            self._returned.clear()
            self._tag = self._low = 0
            self._life = self._link.confirming(self._on_confirm, self._on_return, until)
            self._link.channel(until)
        if self._link.blocked and self._patient:
            self._link.drive(lambda: not self._link.blocked, until)
        if self._link.blocked:
            raise blocked(self._link.address, self._link.blocked)

    def _send(self, batch: Batch, until: float) -> None:
        """Send what was not sent in this life of the link; one that was is only waited for."""
        letters = self._letters(batch, until)
        while self._life != self._link.life:  # a question on the way has opened another connection
            self._ready(until)
            letters = self._letters(batch, until)
        life, sent, waiting = self._life, batch.sent, 0
        try:
            for place, exchange, key, properties in letters:
                body = batch.parcels[place].body
                self._link.post(addressed(exchange, key), properties, body)
                self._tag += 1
                self._pending[self._tag] = (batch, place)
                sent[place] = life
                waiting += len(body)
                if len(self._pending) >= WINDOW or waiting >= _BYTES:
                    self._wait(self._pending, WINDOW // 2 if waiting < _BYTES else 0, until)
                    waiting = 0
        except Unanswered:
            raise
        except StoreUnavailable as error:
            raise unanswered(self._link.address, error) from error

    def _letters(self, batch: Batch, until: float) -> list[tuple[int, str, str, bytes]]:
        """Place and letter of what was not sent in this life."""
        life, sent = self._life, batch.sent
        return [(place, *self._letter(batch, place, until)) for place in batch.left if sent.get(place) != life]

    def _letter(self, batch: Batch, place: int, until: float) -> tuple[str, str, bytes]:
        """Where one message goes, and its properties."""
        parcel = batch.parcels[place]
        marks: dict[str, Any] = {AGAIN: True} if place in batch.sent else {}
        seconds = 0
        if parcel.due:
            left = parcel.due - clock.wall()
            if left > 0:
                marks[DUE] = parcel.due
                seconds = int(left)
        if parcel.exchange:  # whoever gets it out of a queue waits until it is due
            self._topology.reach(parcel.exchange, until)
            return parcel.exchange, parcel.routing_key, packed(parcel, marks)
        way = self._topology.delayed(parcel.queue, seconds, until) if seconds else None
        if way is None:
            self._topology.ensure(parcel.queue, until)
            way = "", server_name(parcel.queue)
        return way[0], way[1], packed(parcel, marks)

    def _confirmed(self, batch: Batch, until: float) -> None:
        """Wait until the server has said something about each message of a batch."""
        self._wait(batch.left, 0, until)

    def _wait(self, what: Sized, most: int, until: float) -> None:
        """Wait until only so many messages are unconfirmed."""
        try:
            self._link.drive(lambda: len(what) <= most or (bool(self._link.blocked) and not self._patient), until)
        except Refused:
            raise
        except StoreUnavailable as error:
            raise unanswered(self._link.address, error) from error
        if len(what) > most:
            raise self._late()

    def _late(self) -> Unanswered:
        address = self._link.address
        if self._link.blocked:
            return blocked(address, self._link.blocked)
        return unanswered(address, f"{len(self._pending)} messages had no answer before the deadline")

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        tag = method.delivery_tag
        tags: Iterable[int] = range(self._low + 1, tag + 1) if method.multiple else (tag,)
        if method.multiple:
            self._low = tag
        positive = isinstance(method, Basic.Ack)
        for one in tags:
            found = self._pending.pop(one, None)
            if found is not None:
                batch, place = found
                batch.left.pop(place, None)
                if not positive:
                    batch.refused.append(place)

    def _on_return(self, _: Any, method: Any, properties: BasicProperties, __: bytes) -> None:
        ident = str((properties.headers or {}).get("id") or "")
        self._returned.append((method.exchange or "", method.routing_key or "", ident))

    def _took_back(self, batch: Batch) -> bool:
        """Whether messages came back. Though confirmed they are stored nowhere, so they are left to be sent."""
        if not self._returned:
            return False
        back = Counter((key, ident) for _, key, ident in self._returned)
        self._returned.clear()
        places = []
        for place, parcel in enumerate(batch.parcels):
            name = parcel.routing_key if parcel.exchange else server_name(parcel.queue), parcel.id
            if back[name] > 0:
                back[name] -= 1
                places.append(place)
                self._topology.forget(parcel.queue)
        batch.again(places)
        return True

    def _check(self, parcels: Sequence[Parcel], limits: dict[str, int], until: float) -> None:
        now = clock.wall()
        coming = Counter(parcel.queue for parcel in parcels if parcel.due <= now)
        for queue, more in coming.items():
            most = limits.get(queue)
            if most is None:
                continue
            size = self._topology.size(server_name(queue), until)
            waiting = size[0] if size else 0
            if waiting + more > most:
                raise QueueFull(
                    f"The queue {queue!r} holds {waiting} messages and may hold {most}, so {more} more were refused: "
                    f"start more workers, or raise task_queue_max_length for it."
                )
