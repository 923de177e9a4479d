"""Rate limits over the file: a step is reckoned here, and written if nobody else was faster."""

from __future__ import annotations

from typing import Final

from ... import clock
from ...pacing import stepped
from .address import Address
from .link import Link
from .statements import named

_SQL: Final = named("pacer.sql")


class SqlitePacer:
    """See `umbel.pacing.Pacer`. The file is on one machine, so its clock is that of everybody."""

    __slots__ = ("_link",)

    def __init__(self, address: Address) -> None:
        self._link = Link(address)

    def reserve(self, name: str, seconds: float, *, again: bool = False) -> float:
        """Look, reckon, write what was reckoned from what still stands; again where it does not."""
        while True:
            found = self._link.read(_SQL["pace"], (name,))
            line, start = found[0] if found else (0.0, 0.0)
            new_line, new_start, wait = stepped(line, start, clock.wall(), seconds, again=again)
            if self._link.write(_SQL["step"], (name, new_line, new_start, line, start)):
                return wait

    def reset(self, name: str) -> None:
        """Begin anew."""
        self._link.write(_SQL["reset"], (name,))

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()
