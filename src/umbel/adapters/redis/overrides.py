"""What was changed of a schedule at run time, in Redis: a hash of names, and a number that counts."""

from __future__ import annotations

import msgspec

from ...coordinator import KEPT, Moment, Override
from .coordinator import pairs, saying
from .layout import Layout
from .link import Link

_read = msgspec.json.Decoder(tuple[int, float, str, str]).decode


class RedisOverrides:
    """See `umbel.coordinator.Overrides`."""

    def __init__(self, link: Link, layout: Layout, scope: str) -> None:
        self._link = link
        self._layout = layout
        self._scope = scope
        self._keys = (layout.prefix,)

    def edition(self) -> int:
        """One field."""
        found = self._link.call("HGET", self._layout.own(f"schedule:{self._scope}"), "edition", idempotent=True)
        return int(found or 0)

    def read(self) -> list[Override]:
        """All of them, by name."""
        key = self._layout.own(f"overrides:{self._scope}")
        found = pairs(self._link.call("HGETALL", key, idempotent=True))
        return sorted((_override(*pair) for pair in found.items()), key=lambda one: one.name)

    def change(self, name: str, text: str | None, seen: int, said: Moment, *, forget: bool = False) -> bool:
        """Never repeated by itself: the second one would be refused, as if somebody else had been faster."""
        line = (said.entry, saying(said.entry, 0, said.what, said.at, said.detail))
        override = ("", "") if text is None else (repr(said.at), text)
        words = (self._scope, KEPT, name, seen, int(forget), said.node, *line, int(text is not None), *override)
        return bool(self._link.script("change", self._keys, words))

    def note(self, said: Moment) -> None:
        """Write a line of the history; its term is 0."""
        line = saying(said.entry, said.nominal, said.what, said.at, said.detail)
        self._link.script("note", self._keys, (self._scope, KEPT, said.entry, said.term, said.node, line))

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()


def _override(name: bytes, packed: bytes) -> Override:
    edition, at, by, text = _read(packed)
    return Override(name.decode(), text, edition, at, by)
