"""Back to Celery: what waits in umbel's own sorted sets becomes plain messages in Celery's lists.

delayed    Celery's ETA message, the earliest at the end that is taken first
suspects   an ordinary message, the oldest is the next to be taken: Celery does not count who died of it
judged     a dead letter: it must not run again, and Celery would run it

A message that no Celery process could read or run (`envelope`) stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from ... import clock
from ...broker import Item
from ...message import Parcel
from .envelope import is_own, is_wrapped, opened, ref_of, stored_at, with_eta
from .layout import Layout
from .link import Link
from .search import PAGE, Search
from .wire import Word

Kind = Literal["delayed", "suspect", "judged"]

_told = msgspec.msgpack.Decoder(dict[str, Any]).decode


class Waiting(msgspec.Struct, gc=False):
    """One message of a sorted set.

    Attributes:
        kind: what becomes of it.
        key: the set, without prefix.
        member: as it stands there.
        queue, step: where it belongs.
        line: the list of Celery's, without prefix.
        item: the envelope as Celery is to have it.
        verdict: of a judged one.
    """

    kind: Kind
    key: str
    member: bytes
    queue: str
    step: int
    line: str
    item: bytes
    verdict: str = ""

    def words(self) -> tuple[Word, ...]:
        """As plain.lua takes it."""
        return (self.kind, self.key, self.member, self.queue, self.step, self.line, self.item, self.verdict)

    def shown(self, now: float) -> Item:
        """Where it is when it was moved."""
        content = opened(self.item)
        parcel = Parcel(self.queue, content.id, content.name, content.head, content.body, content.priority, content.eta)
        dead = self.kind == "judged"
        return Item(
            int(ref_of(self.item), 16), "dead" if dead else "ready", parcel, stored_at(self.item),
            reason=self.verdict, died=now if dead else 0.0,
        )  # fmt: skip


def made_plain(link: Link, layout: Layout, limit: int) -> list[Item]:
    """See `umbel.transfer.PlainShelf`."""
    now = clock.wall()
    found = list(islice(_waiting(link, layout, now), limit))
    if not found:
        return []
    words: list[Word] = [now]
    for each in found:
        words += each.words()
    return [found[number].shown(now) for number in link.script("plain", (layout.prefix,), words)]


def _waiting(link: Link, layout: Layout, now: float) -> Iterator[Waiting]:
    """Everything that can be moved, in the order in which it must be: suspects from the youngest, delayed by time."""
    queues = Search(link, layout).queues()
    for queue in queues:
        for step in layout.steps:
            line = layout.line(queue, step)
            key = f"umbel:first:{layout.key(line)}"
            for member, _ in _members(link, layout, "ZREVRANGE", key):
                item = member.split(b"|", 1)[1]
                if not (is_wrapped(item) or is_own(item)):
                    verdict = str(_facts(link, layout, item).get("v", ""))
                    yield Waiting("judged" if verdict else "suspect", key, member, queue, step, line, item, verdict)
    for queue in queues:
        key = f"umbel:delayed:{queue}"
        for member, due in _members(link, layout, "ZRANGE", key):
            number, _, item = member.split(b"|", 2)
            if not (is_wrapped(item) or is_own(item)):
                told = _with_time(link, layout, item, due, now)
                yield Waiting("delayed", key, member, queue, int(number), layout.line(queue, int(number)), told)


def _with_time(link: Link, layout: Layout, item: bytes, due: float, now: float) -> bytes:
    """With the moment in its headers, if they name another one. A parked task is for whoever knows it: at once."""
    if due <= now or abs(opened(item).eta - due) < 1 or "k" in _facts(link, layout, item):
        return item
    return with_eta(item, datetime.fromtimestamp(due, UTC).isoformat())


def _members(link: Link, layout: Layout, command: str, key: str) -> Iterator[tuple[bytes, float]]:
    start = 0
    while True:
        words = (command, layout.key(key), start, start + PAGE - 1, "WITHSCORES")
        page: Sequence[bytes] = link.call(*words, idempotent=True)
        yield from ((member, float(score)) for member, score in zip(page[::2], page[1::2], strict=True))
        start += PAGE
        if len(page) < 2 * PAGE:
            return


def _facts(link: Link, layout: Layout, item: bytes) -> dict[str, Any]:
    packed = link.call("HGET", layout.own("facts"), ref_of(item), idempotent=True)
    return _told(packed) if packed else {}
