"""The dead letters: copies in one queue, with headers that say why.

A queue can only be read from its head, and what is read is out of it until it is given back. So whoever lists takes
letters out, up to what is asked for, and gives those back that stay, to the places that they had. Two who list at the
same moment see half of them each; nothing is lost by it, also not when one of them dies meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from pika import spec
from pika.channel import Channel
from pika.spec import BasicProperties

from ...broker import Item
from ...message import Parcel
from . import places
from .arrived import MARK, PARKED, headers_of, tag_of, without_traces
from .envelope import DELIVERIES, Sealed, opened, resealed
from .faults import unanswered
from .leaving import DEATHS, DETAIL, DIED, QUEUE, REASON
from .link import Link
from .plan import Plan, server_name
from .topology import Topology

MOST: Final = 10_000
"""Letters that are looked at in one call."""

STEP: Final = 200
"""Letters that one step of tidying removes at most."""

WHY: Final = (REASON, DETAIL, DIED, QUEUE, DEATHS)


class Letter(NamedTuple):
    """One dead letter, out of its queue until it is given back or acknowledged."""

    number: int
    properties: BasicProperties
    body: bytes

    @property
    def headers(self) -> dict[str, Any]:
        return headers_of(self.properties)

    @property
    def queue(self) -> str:
        return str(self.headers.get(QUEUE) or "")

    @property
    def died(self) -> float:
        value = self.headers.get(DIED)
        return float(value) if isinstance(value, int | float) else 0.0

    @property
    def tag(self) -> int:
        return tag_of(self.queue, self.properties, self.body)

    def item(self) -> Item:
        """As the reading side sees it."""
        content = opened("", self.queue, self.properties, self.body)
        parcel = Parcel(self.queue, content.id, content.name, content.head, content.body, content.priority)
        deaths = self.headers.get(DEATHS)
        return Item(
            self.tag, "dead", parcel, deaths=deaths if isinstance(deaths, int) else 0,
            reason=str(self.headers.get(REASON) or ""), detail=str(self.headers.get(DETAIL) or ""), died=self.died,
        )  # fmt: skip

    def replayed(self) -> Sealed:
        """Its properties on the way back: nothing is known of its past any more."""
        headers = {
            name: value for name, value in without_traces(self.headers).items()
            if name not in WHY and name not in (DELIVERIES, PARKED, MARK)
        }  # fmt: skip
        return resealed(self.properties, headers)


class Letters:
    """The queue of dead letters, over a link of its own.

    Args:
        link: nobody else's.
        plan: how things are declared.
    """

    def __init__(self, link: Link, plan: Plan) -> None:
        self.link = link
        self.topology = Topology(link, plan)
        self._life = 0
        self._empty = 0

    def count(self) -> int:
        """How many there are."""
        found = self.topology.size(places.DEAD, self.link.until())
        return found[0] if found else 0

    @contextmanager
    def taken(self, most: int = MOST) -> Iterator[list[Letter]]:
        """The letters from the head of the queue; whatever is not acknowledged inside is given back at the end."""
        with self.link:
            until = self.link.until()
            letters = self._take(min(most, self.count()), until)
            try:
                yield letters
            finally:
                self._give_back()

    def items(self) -> list[Item]:
        """All of them, the newest last."""
        with self.taken() as letters:
            return [letter.item() for letter in letters]

    def remove(self, chosen: Callable[[Letter], bool]) -> int:
        """Remove those that are chosen; returns how many."""
        with self.taken() as letters:
            gone = [letter for letter in letters if chosen(letter)]
            self._forget(gone)
            return len(gone)

    def tidy(self, before: float, most: int) -> int:
        """One bounded step: those that died before a unix time, and the oldest ones above a number (0: any)."""
        surplus = max(0, self.count() - most) if most else 0
        if not surplus and not before:
            return 0
        with self.taken(STEP if surplus or self._is_old(before) else 0) as letters:
            gone = [letter for position, letter in enumerate(letters) if position < surplus or letter.died < before]
            self._forget(gone)
            return len(gone)

    def replay(self, chosen: dict[int, bytes | None]) -> int:
        """Send copies of those tags to their queues, with another body where one is given."""
        with self.taken() as letters:
            back = [letter for letter in letters if letter.tag in chosen]
            channel = self.link.channel(self.link.until())
            for letter in back:
                self.topology.ensure(letter.queue, self.link.until())
                body = chosen[letter.tag]
                channel.basic_publish(
                    "",
                    server_name(letter.queue),
                    letter.body if body is None else body,
                    letter.replayed(),
                    mandatory=True,
                )
            self._forget(back)
            return len(back)

    def close(self) -> None:
        """Give the connection back; safe to repeat."""
        self.link.close()

    def _is_old(self, before: float) -> bool:
        with self.taken(1) as letters:
            return any(letter.died < before for letter in letters)

    def _take(self, most: int, until: float) -> list[Letter]:
        channel = self._channel(until)
        letters: list[Letter] = []

        def found(_: Channel, method: Any, properties: BasicProperties, body: bytes) -> None:
            letters.append(Letter(method.delivery_tag, properties, body))

        empty = self._empty
        while len(letters) < most and self._empty == empty:
            channel.basic_get(places.DEAD, found)
            wanted = len(letters) + 1
            if not self.link.drive(partial(self._answered, letters, wanted, empty), until):
                self.link.drop("a request was not answered")
                raise unanswered(self.link.address, "no answer before the deadline")
        return letters

    def _answered(self, letters: list[Letter], wanted: int, empty: int) -> bool:
        return len(letters) >= wanted or self._empty > empty

    def _forget(self, letters: list[Letter]) -> None:
        """Acknowledge, in one transaction with what was published on this channel before it."""
        until = self.link.until()
        channel = self._channel(until)
        for letter in letters:
            channel.basic_ack(letter.number)
        self.link.ask(lambda own, reply: own.tx_commit(callback=reply), until)

    def _give_back(self) -> None:
        until = self.link.until()
        self.link.ask(lambda own, reply: own.basic_recover(requeue=True, callback=reply), until)
        self.link.ask(lambda own, reply: own.tx_commit(callback=reply), until)

    def _channel(self, until: float) -> Channel:
        channel = self.link.channel(until)
        if self.link.life != self._life:
            places.dead(self.topology, until)
            channel.add_callback(self._on_empty, [spec.Basic.GetEmpty], one_shot=False)
            self.link.ask(lambda own, reply: own.tx_select(callback=reply), until)
            self._life = self.link.life
        return channel

    def _on_empty(self, _: Any) -> None:
        self._empty += 1
