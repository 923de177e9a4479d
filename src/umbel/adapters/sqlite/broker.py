"""The store as a broker: hands out parts, each with a connection of its own."""

from __future__ import annotations

from typing import Final

from ...broker import Abilities, Owner
from .address import Address
from .claims import SqliteClaims
from .consumer import SqliteConsumer
from .control import SqliteControl
from .coordinator import SqliteCoordinator
from .monitor import SqliteMonitor
from .overrides import SqliteOverrides
from .owners import SqliteOwners
from .pacer import SqlitePacer
from .publisher import SqlitePublisher
from .shelf import SqliteShelf

_POWER: Final = {
    "normal": "what was written since the last checkpoint, seconds to minutes; never damage. ?durability=full: nothing",
    "full": "nothing",
}


class SqliteBroker:
    """See `umbel.broker.Broker`."""

    __slots__ = ("_address",)

    def __init__(self, address: Address) -> None:
        self._address = address

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            results=True, shared=True, fence="store", process_death="nothing", server_death="nothing",
            power_loss=_POWER[self._address.durability], joins=True,
        )  # fmt: skip

    def publisher(self) -> SqlitePublisher:
        return SqlitePublisher(self._address)

    def consumer(self, owner: Owner) -> SqliteConsumer:
        return SqliteConsumer(self._address, owner)

    def owners(self) -> SqliteOwners:
        return SqliteOwners(self._address)

    def control(self) -> SqliteControl:
        return SqliteControl(self._address)

    def monitor(self) -> SqliteMonitor:
        return SqliteMonitor(self._address)

    def coordinator(self, scope: str) -> SqliteCoordinator:
        return SqliteCoordinator(self._address, scope)

    def overrides(self, scope: str) -> SqliteOverrides:
        return SqliteOverrides(self._address, scope)

    def pacer(self) -> SqlitePacer:
        return SqlitePacer(self._address)

    def claims(self) -> SqliteClaims:
        return SqliteClaims(self._address)

    def shelf(self) -> SqliteShelf:
        return SqliteShelf(self._address)
