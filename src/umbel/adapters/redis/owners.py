"""Liveness: who holds a lease, and what becomes of the work of those whose lease is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ... import clock
from ...broker import Death, Owner
from .checks import look_over
from .consumer import tag_ref
from .exchanges import NO_EXCHANGES, Exchanges
from .layout import Layout
from .link import Link
from .pulse import LEASE, Pulse, alive_here
from .wire import Word

UNREPORTED: Final = "the worker's process died and nobody saw how"

CALM: Final = 3000
"""Milliseconds: two sweeps that are further apart are a gap (the server was away), behind which nobody is declared dead
for as long, so that the living can renew first.
"""

APART: Final = 1.8
"""Seconds behind a supervisor's last look for which the next one is left out, unless that one found a reason. A death
is looked for every second from three seconds before its lease ends, so this costs its recovery nothing.
"""

_owner = msgspec.json.Decoder(Owner).decode


class RedisOwners:
    """See `umbel.broker.Owners`."""

    def __init__(
        self, link: Link, pulse: Pulse, layout: Layout, poison_limit: int = 3, exchanges: Exchanges = NO_EXCHANGES
    ) -> None:
        self._link = link
        self._pulse = pulse
        self._layout = layout
        self._poison_limit = poison_limit
        self._exchanges = exchanges
        self._node = ""
        self._roll: tuple[bytes, list[Owner]] = b"", []  # number of the roll, and who was on it
        self._looked = -APART
        self._soon = True

    def enlist(self, owner: Owner) -> None:
        """From now on it lives as long as this process, if the server can serve at all."""
        if owner.role == "supervisor":  # its children need not say the same again
            look_over(self._link, "messages")
        words = (owner.nonce, msgspec.json.encode(owner), LEASE)
        self._link.script("enlist", (self._layout.prefix,), words, idempotent=True)
        self._pulse.add(owner.nonce)
        if owner.role == "supervisor":
            self._node = owner.node
            self._roll, self._soon = (b"", self.roll()), True
            self._exchanges.declare(self._link, self._layout)
            named = owner.info.get("queues")
            self._exchanges.mine.update(named if isinstance(named, list) else ())

    def retire(self, nonce: int) -> None:
        """Its clean end."""
        self._pulse.drop(nonce)
        self._link.script("retire", (self._layout.prefix,), (self._layout.separator, nonce), idempotent=True)
        if self._node:
            for queue in self._exchanges.alone():
                words: list[Word] = [self._layout.separator, queue, *self._layout.steps]
                self._link.script("purge", (self._layout.prefix,), words, idempotent=True)

    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        """Take back the work of the reported dead, then of those whose lease is over; a supervisor first renews."""
        began = clock.monotonic()
        if self._node and not deaths and not self._soon and began - self._looked < APART:
            return 0
        dead = {death.owner for death in deaths}
        living = [nonce for nonce in alive_here(self._roll[1], self._node) if nonce not in dead] if self._node else []
        words: list[Word] = [self._layout.separator, self._poison_limit, CALM, UNREPORTED, clock.wall()]
        words += (self._roll[0], LEASE, len(living), *living)
        for death in deaths:
            words += (death.owner, death.cause, int(death.counts))
            words += (len(death.started), *map(tag_ref, death.started), len(death.verdicts))
            words += (word for tag, verdict in death.verdicts.items() for word in (tag_ref(tag), verdict))
        rescued, soon, number, *owners = self._link.script("rescue", (self._layout.prefix,), words, idempotent=True)
        self._looked, self._soon = began, bool(soon) or bool(owners)  # who came is renewed with the next look
        if owners:
            self._roll = number, [_owner(each) for each in owners[0]]
        if self._node:
            self._pulse.renewed(living, began)
        return int(rescued)

    def roll(self) -> list[Owner]:
        """Everybody who is alive now; a supervisor has them from its last look, if that was moments ago."""
        if self._node and clock.monotonic() - self._looked < APART:
            return list(self._roll[1])
        return [_owner(each) for each in self._link.call("HVALS", self._layout.own("owners"), idempotent=True)]

    def tidy(self, limits: dict[str, float]) -> int:
        """Remove what has expired or is too much, at most a thousand of each kind."""
        now, age = clock.wall(), limits.get("dead_age", 0)
        words = (now, now - age if age else "", int(limits.get("dead_count", 0)))
        return int(self._link.script("tidy", (self._layout.prefix,), words, idempotent=True))

    def close(self) -> None:
        """Give the connections back; safe to repeat. Owners that were enlisted here live until their lease ends."""
        self._pulse.close()
        self._link.close()
