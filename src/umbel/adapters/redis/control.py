"""Revocations (a log with a revision), and what workers and operators say to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ... import clock
from ...broker import Broadcast, Leave, Revocation
from ...record import Record
from .consumer import recorded
from .ear import Ear, left, readable
from .exchanges import NO_EXCHANGES, Exchanges
from .keys import Keys
from .layout import Layout
from .link import Link
from .pidbox import Pidbox
from .search import Search
from .wire import Word

TRUST: Final = 10.0
"""Seconds for which nothing is read while the ear hears that nothing has changed. The server says every change; a
connection that died silently says nothing.
"""

MARGIN: Final = 60
"""Seconds for which an answer outlives its expiry in the server, at most, when nobody tidies."""

_revocation = msgspec.msgpack.Decoder(tuple[str, bool, str, float]).decode


class RedisControl:
    """See `umbel.broker.Control`."""

    def __init__(self, link: Link, ear: Ear, layout: Layout, exchanges: Exchanges = NO_EXCHANGES) -> None:
        self._link = link
        self._ear = ear
        self._layout = layout
        self._keys = Keys(layout.prefix)
        self._pidbox = Pidbox(link, layout)
        self._exchanges = exchanges
        self._read_at = 0.0
        self._known = -1  # the number above which nothing was at that time

    def revoke(
        self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
    ) -> list[str]:
        """Look for messages that wait, page by page; then log, remove and store in one step."""
        if not revocations:
            return []
        found = Search(self._link, self._layout).waiting([revocation.id for revocation in revocations])
        found = [place for place in found if leave is None or not leave(place.content.body)]
        words: list[Word] = [len(revocations)]
        for each in revocations:
            packed = msgspec.msgpack.encode((each.id, each.terminate, each.signal, each.expires))
            words += (packed, each.expires or "")
        words.append(len(found))
        for place in found:
            words += (place.content.id, place.line, place.key, place.member, place.item)
        words.append(len(records))
        for record in records:
            words += (record.id, *recorded(record, self._keys))
        _, removed = self._link.script("revoke", (self._layout.prefix,), words)
        self._pidbox.tell(list(revocations))
        return [task_id.decode() for task_id in removed]

    def revoked(self, since: int) -> tuple[int, list[Revocation]]:
        """The log after a revision."""
        own = self._layout.own
        log, revision = self._link.many(
            [("ZRANGEBYSCORE", own("revocations"), f"({since}", "+inf"), ("GET", own("revision"))], idempotent=True
        )
        entries = []
        for member in log:
            number, _, packed = member.partition(b"|")
            task_id, terminate, signal, expires = _revocation(packed)
            entries.append(Revocation(task_id, int(number), terminate, signal, expires))
        return max(int(revision or 0), entries[-1].revision if entries else 0), entries

    def broadcast(self, payload: bytes, expires: float) -> int | None:
        """Offer a request to every worker, and tell Celery's; all supervisors listen where those do."""
        self._link.script("notice", (self._layout.prefix,), ("", expires, payload, 0))
        return self._pidbox.ask(payload, expires)

    def broadcasts(self, after: int, timeout: float, wake: int = -1) -> list[Broadcast]:
        """Requests above a number, and what Celery's processes ask for meanwhile; waits for the first."""
        channels, patterns = self._exchanges.channels(self._layout)
        self._ear.listen((self._pidbox.channel, *channels), patterns)
        look = ("ZRANGEBYSCORE", self._layout.own("broadcasts"), f"({after}", "+inf")
        now = clock.monotonic()
        deadline = now + timeout
        if after == self._known and now - self._read_at < TRUST and self._ear.quiet():
            self._ear.sleep(timeout, wake)
            if self._ear.quiet():
                return []
        while True:
            stored = _heard(self._read(look, timeout))
            if timeout > 0:
                self._known, self._read_at = after, clock.monotonic()
            heard = [*self._asked_by_celery(after), *stored]
            if heard or not left(deadline) or readable(wake):
                return heard
            self._ear.sleep(left(deadline), wake)
            if self._ear.quiet():
                return []

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        """Answer a request, whoever asked."""
        if self._pidbox.answer(ticket, payload):
            return
        seconds = max(1, int(expires - clock.wall())) + MARGIN
        self._link.script("notice", (self._layout.prefix,), (ticket, expires, payload, seconds))

    def replies(self, ticket: str, timeout: float) -> list[bytes]:
        """Take the answers that are there; waits for the first."""
        own, deadline = self._layout.own, clock.monotonic() + timeout
        inbox = self._layout.key(self._pidbox.inbox)
        self._known = -1  # the ear is the same, and what it has heard of requests is over with this reading
        while True:
            if self._read(("EXISTS", own(f"reply:{ticket}"), inbox), timeout):
                taken, _ = self._link.many(
                    [("LPOP", own(f"reply:{ticket}"), 1_000_000), ("ZREM", own("tickets"), ticket)]
                )
                answers = [answer for stored in taken or () if (answer := _valid(stored)) is not None]
                answers += self._pidbox.answers(ticket)
                if answers:
                    return answers
            if not left(deadline):
                return []
            self._ear.sleep(left(deadline))

    def close(self) -> None:
        """Give the connections back; safe to repeat."""
        self._pidbox.forget()
        self._link.close()
        self._ear.close()

    def _asked_by_celery(self, number: int) -> list[Broadcast]:
        """They have no number of their own: with that of the last one they are never asked for again.

        What came by the channel of a fanout exchange is a task, and goes into its queues.
        """
        requests = []
        for channel, data in self._ear.told():
            if channel == self._pidbox.channel:
                requests.append(self._pidbox.request(data))
            else:
                self._exchanges.hear(self._link, self._layout, channel, data)
        return [Broadcast(number, request) for request in requests if request is not None]

    def _read(self, command: tuple[Word, ...], timeout: float) -> Any:
        """By the ear when somebody is going to wait, and by the ordinary connection when not."""
        return self._ear.read(command)[0] if timeout > 0 else self._link.call(*command, idempotent=True)


def _heard(members: list[bytes]) -> list[Broadcast]:
    heard = []
    for member in members:
        number, _, rest = member.partition(b"|")
        payload = _valid(rest)
        if payload is not None:
            heard.append(Broadcast(int(number), payload))
    return heard


def _valid(stored: bytes) -> bytes | None:
    """The payload of something that has an expiry before it, None when that is over."""
    expires, _, payload = stored.partition(b"|")
    return payload if float(expires) > clock.wall() else None
