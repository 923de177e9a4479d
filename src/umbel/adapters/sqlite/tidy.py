"""Housekeeping in bounded steps."""

from __future__ import annotations

from .address import Address
from .link import Link


class Tidier:
    """One bounded step at a time; remembers where it stands between steps."""

    def __init__(self, address: Address, link: Link) -> None:
        self._address = address
        self._link = link

    def step(self, limits: dict[str, float]) -> int:
        return 0
