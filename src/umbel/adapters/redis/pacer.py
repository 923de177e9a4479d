"""Rate limits over Redis: a step into a line is one script, in the server's time."""

from __future__ import annotations

from .layout import Layout
from .link import Link


class RedisPacer:
    """See `umbel.pacing.Pacer`."""

    def __init__(self, link: Link, layout: Layout) -> None:
        self._link = link
        self._layout = layout

    def reserve(self, name: str, seconds: float, *, again: bool = False) -> float:
        """Repeated when its answer was lost: a place in the line is lost by that, and no more."""
        words = (name, max(1, round(seconds * 1_000_000)), int(again))
        return int(self._link.script("pace", (self._layout.prefix,), words, idempotent=True)) / 1_000_000

    def reset(self, name: str) -> None:
        """Begin anew."""
        self._link.call("DEL", self._layout.own(f"pace:{name}"), idempotent=True)

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()
