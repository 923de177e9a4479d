"""Schedulers over Redis: each call that changes something is one script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ... import clock
from ...coordinator import KEPT, Candidate, Lease, Mark, Moment, Standing, Tick, What
from .exchanges import NO_EXCHANGES, Exchanges
from .layout import Layout
from .link import Link
from .publisher import grouped
from .wire import Word

_FIELDS = ("term", "renewals", "leader", "node", "entries")
_line = msgspec.json.Decoder(tuple[int, int, str, str]).decode
_said = msgspec.json.Decoder(tuple[str, int, What, float, str]).decode


class RedisCoordinator:
    """See `umbel.coordinator.Coordinator`."""

    def __init__(self, link: Link, layout: Layout, scope: str, exchanges: Exchanges = NO_EXCHANGES) -> None:
        self._link = link
        self._layout = layout
        self._scope = scope
        self._exchanges = exchanges
        self._keys = (layout.prefix,)

    def lead(self, candidate: Candidate, seen: Lease | None, at: float) -> Lease:
        """Repeated when its answer was lost: then it is a renewal."""
        stood = (seen.term, seen.renewals) if seen is not None else ("", "")
        said = saying("", 0, "led", at, "")
        words = (self._scope, candidate.nonce, candidate.node, candidate.entries, *stood, KEPT, said)
        return _lease(self._link.script("lead", self._keys, words, idempotent=True))

    def resign(self, nonce: int) -> None:
        """Nothing when it does not lead."""
        self._link.script("resign", self._keys, (self._scope, nonce), idempotent=True)

    def fire(self, term: int, ticks: Sequence[Tick], *, deadline: float = 5.0) -> bool:
        """Never repeated by itself: the second one would be refused, as if somebody else led."""
        words: list[Word] = [self._layout.separator, self._scope, term, KEPT, len(ticks)]
        for tick in ticks:
            said = saying(tick.entry, tick.nominal, tick.what, tick.at, tick.detail)
            words += (tick.entry, tick.before, tick.nominal, tick.what, tick.shape, said)
        parcels = [parcel for tick in ticks for parcel in tick.parcels]
        words += grouped(parcels, self._layout, clock.wall())
        done = self._link.script("fire", self._keys, words, deadline, copies=self._link.address.replicas)
        if done and parcels and self._exchanges.fanouts:
            self._exchanges.tell(self._link, self._layout, parcels)
        return bool(done)

    def look(self) -> Standing:
        """The lease first: marks that are newer than it do no harm, a step under an old term is refused."""
        own = self._layout.own
        lease, marks = self._link.many(
            [("HMGET", own(f"schedule:{self._scope}"), *_FIELDS), ("HGETALL", own(f"marks:{self._scope}"))],
            idempotent=True,
        )
        found = pairs(marks)
        held = None if lease[0] is None else _lease(lease)
        return Standing(held, {name.decode(): _mark(mark) for name, mark in found.items()})

    def history(self, entry: str | None = None, limit: int = KEPT) -> list[Moment]:
        """Newest first."""
        own = self._layout.own
        entries = [entry]
        if entry is None:
            names = self._link.call("HKEYS", own(f"marks:{self._scope}"), idempotent=True)
            entries = ["", *(name.decode() for name in names)]
        asked = [("LRANGE", own(f"moments:{self._scope}|{name}"), 0, limit - 1) for name in entries]
        lines = self._link.many(asked, idempotent=True)
        found = sorted((_line(packed) for line in lines for packed in line), key=lambda one: -one[0])
        return [_told(*one) for one in found[:limit]]

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()


def _lease(fields: Sequence[Any]) -> Lease:
    term, renewals, leader, node, entries = fields
    return Lease(int(term), int(renewals), int(leader), node.decode(), entries.decode())


def _mark(packed: bytes) -> Mark:
    nominal, sent, shape = packed.decode().split("|", 2)
    return Mark(int(nominal), int(sent), shape)


def saying(entry: str, nominal: int, what: What, at: float, detail: str) -> bytes:
    """What a line of the history keeps beside who wrote it."""
    return msgspec.json.encode((entry, nominal, what, at, detail))


def _told(_number: int, term: int, node: str, said: str) -> Moment:
    return Moment(*_said(said), node, term)


def pairs(hashed: Any) -> dict[bytes, bytes]:
    """A hash as a server of either protocol sends it."""
    return hashed if isinstance(hashed, dict) else dict(zip(hashed[::2], hashed[1::2], strict=True))
