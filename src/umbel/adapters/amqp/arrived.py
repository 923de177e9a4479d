"""One message as the server handed it over, what its headers say of its past, and the copies that are made of it.

AMQP cannot change a message that is in a queue. What becomes of one is therefore a copy with other headers, confirmed
by the server before the message itself is acknowledged; a crash between the two leaves both, never none.

    umbel-deliveries  how often its delivery ended without an outcome
    umbel-parked      unix time at which it was parked for the first time
    umbel-mark        the message's own number, given with the first copy; a copy keeps it, a replay gives another
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from pika.spec import BasicProperties

from ...message import Delivery
from .envelope import DELIVERIES, Content, Sealed, opened, resealed
from .ledger import INNOCENT, Past

PARKED: Final = "umbel-parked"
MARK: Final = "umbel-mark"

_TRACES: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")
"""Headers that servers add. A copy must not carry them: with its trace in them a server takes a message for one that
goes round in a circle, and drops it.
"""


@dataclass(slots=True, eq=False)
class Arrived:
    """See the module.

    Attributes:
        queue: where it came from.
        number: delivery tag of its channel.
        life: number of that channel (`Link.life`).
        redelivered: what the server says.
        properties, body: as they came.
        tag: the message's own number, the same for all its copies.
        lost: how often it was lost before this delivery.
        content: decoded.
        past: what to think of it when it was lost.
        claim: number under which it is held; 0 while nobody has claimed it.
        held: its task was announced under early acknowledgement.
        kept: its delivery is gone, and this process still works on it.
        since: monotonic time of its arrival.
    """

    queue: str
    number: int
    life: int
    redelivered: bool
    properties: BasicProperties
    body: bytes
    tag: int
    lost: int
    content: Content
    since: float
    past: Past = INNOCENT
    claim: int = 0
    held: bool = False
    kept: bool = False

    @property
    def priority(self) -> int:
        return self.content.priority

    @property
    def alone(self) -> bool:
        return self.past.alone

    def delivery(self) -> Delivery:
        """What a worker gets."""
        return Delivery(
            self.tag, self.claim, self.queue, self.content.head, self.content.body, self.content.priority,
            self.past.deaths, self.past.alone, self.past.verdict, self.lost > 0,
            _seconds(self.content.marks.get(PARKED)),
        )  # fmt: skip


def arrived(queue: str, life: int, method: Any, properties: BasicProperties, body: bytes, now: float) -> Arrived:
    """Read what the server handed over; whatever a stranger wrote into it, this does not fail.

    Args:
        queue: where it came from.
        life: number of the channel.
        method: pika's, with the delivery tag.
        properties, body: as they came.
        now: monotonic time.
    """
    plain = getattr(properties, "plain", None)  # it has no header of ours
    lost = 0 if plain is not None else headers_of(properties).get(DELIVERIES)
    return Arrived(
        queue, method.delivery_tag, life, method.redelivered, properties, body, tag_of(queue, properties, body),
        lost if isinstance(lost, int) and 0 <= lost < 1 << 31 else 0,
        opened(method.exchange, method.routing_key, properties, body), now,
    )  # fmt: skip


def tag_of(queue: str, properties: BasicProperties, body: bytes) -> int:
    """The number of a message that every process gives it, whoever sent it.

    A copy carries it. Of the others two with the same id, attempt and content are one; they are told apart where both
    are held at once.
    """
    plain = getattr(properties, "plain", None)
    if plain is not None:
        facts = (queue, None, plain.correlation_id, plain.headers.id, plain.headers.retries)
    else:
        headers = headers_of(properties)
        mark = headers.get(MARK)
        if isinstance(mark, int) and 0 < mark < 1 << 62:
            return mark
        facts = (queue, properties.message_id, properties.correlation_id, headers.get("id"), headers.get("retries"))
    digest = hashlib.blake2b(repr(facts).encode() + body, digest_size=8).digest()
    return (int.from_bytes(digest) >> 2) or 1


def copied(message: Arrived, without: Any = "", **changes: Any) -> Sealed:
    """The properties of a copy.

    Args:
        message: what is copied.
        without: a header of the sender's that is left out.
        changes: headers to set, by their names with _ for -; None removes one.
    """
    headers = without_traces(headers_of(message.properties))
    headers[MARK] = message.tag
    headers.pop(without, None)
    for name, value in changes.items():
        if value is None:
            headers.pop(name.replace("_", "-"), None)
        else:
            headers[name.replace("_", "-")] = value
    return resealed(message.properties, headers)


def without_traces(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers without those that servers add."""
    return {name: value for name, value in headers.items() if not name.startswith(_TRACES)}


def headers_of(properties: BasicProperties) -> dict[str, Any]:
    """The headers, as `fields` reads them."""
    found: Any = properties.headers
    return found or {}


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
