"""The message: what travels from `delay()` to a worker, in Celery's protocol 2.

A task call becomes a **parcel**: a few fields that a broker must act on, and two opaque byte strings, ``head`` and
``body``. The broker never looks into them.

    head   JSON object {"headers": {...19 keys...}, "properties": {...}, "content-type": str, "content-encoding": str}
    body   serialized triple [args, kwargs, embed], in the content type that the head names, compressed when the
           headers name a 20th: "compression"

A worker gets the same bytes back in a **delivery**, with what the broker knows about their past.
Source: Celery protocol 2; the header names and their order are those of Celery 5.7.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEADER_NAMES = (
    "lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit", "root_id",
    "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting", "stamped_headers",
    "stamps",
)  # fmt: skip

CHORD_HEADER = "umbel_chord"
"""Header of a message that belongs to a chord: what its body says of it, for whoever cannot read the body."""

AGAIN_HEADER = "umbel_again"
"""Header of a message that may be a second one: whoever sent it had its parent's message after somebody else."""

ONCE_HEADER = "umbel-once"
"""Header of a message that runs once although its broker may hold it twice: its id is claimed first (`claims`)."""

_triple = msgspec.json.Decoder(tuple[msgspec.Raw, msgspec.Raw, dict[str, Any]]).decode


def has_followers(body: bytes) -> bool:
    """Whether others wait for the end of this message: the next of its chain, or its chord. JSON bodies only.

    Example:
        >>> has_followers(b'[[], {}, {"chord": null, "chain": []}]'), has_followers(b'[[], {}, {"chain": [{}]}]')
        (False, True)
    """
    try:
        embed = _triple(body)[2]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return bool(embed.get("chord") or embed.get("chain"))


class Join(msgspec.Struct, gc=False):
    """A join (`outcome.Member`) that begins with a message: a store of `broker.Abilities.opens` notes its size with it.

    Attributes:
        id: of the join.
        size: how many members it has.
        expires: unix time until which its size is remembered when no member says anything; 0.0: for ever.
    """

    id: str
    size: int
    expires: float = 0.0


class Parcel(msgspec.Struct, gc=False):
    """One message on its way into a broker.

    Attributes:
        queue: name of the queue that the message goes to.
        id: task id; for listing and revoking, not a key (a retry has the id of its first attempt).
        name: task name; for listing only.
        head: the envelope without the body, JSON (see the module).
        body: serialized ``[args, kwargs, embed]``.
        priority: 0-9 as the store orders it; 9 is urgent on SQLite and memory.
        due: unix time before which nobody may claim it; 0.0 means at once.
        opens: joins that begin with it; most stores need not know of them.
        exchange, routing_key: where it goes in the place of a queue, which is "" then; only for a store whose
            `broker.Abilities.exchanges` say so. A store that has no queue for it there refuses it.
    """

    queue: str
    id: str
    name: str
    head: bytes
    body: bytes
    priority: int = 0
    due: float = 0.0
    opens: tuple[Join, ...] = ()
    exchange: str = ""
    routing_key: str = ""


class Delivery(msgspec.Struct, gc=False):
    """One claimed message: held by one owner under one claim number until it is settled or its owner dies.

    Attributes:
        tag: the store's own reference to the message, unique among its live messages.
        claim: the claim number under which it is held; an outcome with another number is refused.
        queue: the queue it came from.
        head: as sent.
        body: as sent.
        priority: as sent.
        deaths: how many owners died while running this very message.
        alone: True when it was claimed alone because an earlier owner died and nobody could say what it ran.
        verdict: set when the message must not run but be settled as this failure ("" when it may run), for instance
            "TimeLimitExceeded:5.0" (`broker.Death`).
        redelivered: True when an earlier delivery of it was not settled.
        parked: unix time at which it was parked for the first time (`outcome.Park`), 0.0 when it never was.
    """

    tag: int
    claim: int
    queue: str
    head: bytes
    body: bytes
    priority: int = 0
    deaths: int = 0
    alone: bool = False
    verdict: str = ""
    redelivered: bool = False
    parked: float = 0.0


class Headers(msgspec.Struct, gc=False):
    """The headers that the path of a task acts on. Minimal foreign producers send only ``task`` and ``id``."""

    task: str
    id: str
    lang: str = "py"
    shadow: str | None = None
    eta: str | None = None
    expires: str | None = None
    group: str | None = None
    group_index: int | None = None
    retries: int = 0
    timelimit: tuple[float | None, float | None] | None = None
    root_id: str | None = None
    parent_id: str | None = None
    argsrepr: str = ""
    kwargsrepr: str = ""
    origin: str = ""
    ignore_result: bool | None = None
    replaced_task_nesting: int = 0
    stamped_headers: list[str] | None = None
    stamps: dict[str, Any] | None = None
    compression: str | msgspec.UnsetType | None = msgspec.UNSET
    """Content type of the method by which the body is compressed; it is there only when it is."""


class Envelope(msgspec.Struct, gc=False):
    """The head, decoded as far as the path needs it. Custom headers are read from the raw head when somebody asks."""

    headers: Headers
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    content_type: str = msgspec.field(name="content-type", default="application/json")
    content_encoding: str = msgspec.field(name="content-encoding", default="utf-8")
