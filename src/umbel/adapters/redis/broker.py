"""A Redis server as a broker: hands out the parts."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ...broker import Abilities, Owner
from .address import Address
from .claims import RedisClaims
from .consumer import RedisConsumer
from .control import RedisControl
from .coordinator import RedisCoordinator
from .ear import Ear
from .exchanges import NO_EXCHANGES, Exchanges
from .layout import Layout
from .link import Link
from .monitor import RedisMonitor
from .overrides import RedisOverrides
from .owners import RedisOwners
from .pacer import RedisPacer
from .publisher import RedisPublisher
from .pulse import Pulse
from .shelf import RedisShelf

ABILITIES: Final = Abilities(
    results=True,
    shared=True,
    fence="store",
    process_death="nothing",
    server_death="what the server's persistence had not written: with `appendfsync everysec` about a second",
    power_loss="the same, unless the server has `appendfsync always`",
    priorities=(0, 3, 6, 9),
    expiry="server",
    notice=10.0,
    idle=10.0,
    joins=True,
    opens=True,
    exchanges="fanout",
)

CLUSTERED: Final = msgspec.structs.replace(
    ABILITIES,
    server_death="what its replica had not received yet, moments; with `wait_replicas` no message that was confirmed. "
    "Without a replica as with one server",
    power_loss="what no node of the slot had written: as with one server, on each of them",
    opens=False,
    exchanges="sender",
)
"""In a cluster a replica takes the place of the node that died."""


class RedisBroker:
    """See `umbel.broker.Broker`.

    Args:
        address: of the server.
        layout: names of keys.
        poison_limit: deaths after which a message is not run any more.
        exchanges: what the project's queues are bound to.
        events: exchange of events.
    """

    def __init__(
        self, address: Address, layout: Layout, poison_limit: int = 3, exchanges: Exchanges = NO_EXCHANGES,
        events: str = "celeryev",
    ) -> None:  # fmt: skip
        self._address = address
        self._layout = layout
        self._poison_limit = poison_limit
        self._exchanges = exchanges
        self._events = events

    @property
    def abilities(self) -> Abilities:
        return CLUSTERED if self._address.nodes else ABILITIES

    def publisher(self) -> RedisPublisher:
        return RedisPublisher(self._link(), self._layout, self._exchanges)

    def consumer(self, owner: Owner) -> RedisConsumer:
        return RedisConsumer(self._link(), Ear(self._link()), self._layout, owner)

    def owners(self) -> RedisOwners:
        pulse = Pulse(self._link(), self._layout)
        return RedisOwners(self._link(), pulse, self._layout, self._poison_limit, self._exchanges)

    def control(self) -> RedisControl:
        return RedisControl(self._link(), Ear(self._link()), self._layout, self._exchanges)

    def monitor(self) -> RedisMonitor:
        return RedisMonitor(self._link(), Ear(self._link()), self._layout, self._events)

    def coordinator(self, scope: str) -> RedisCoordinator:
        return RedisCoordinator(self._link(), self._layout, scope, self._exchanges)

    def overrides(self, scope: str) -> RedisOverrides:
        return RedisOverrides(self._link(), self._layout, scope)

    def pacer(self) -> RedisPacer:
        return RedisPacer(self._link(), self._layout)

    def claims(self) -> RedisClaims:
        return RedisClaims(self._link(), self._layout)

    def shelf(self) -> RedisShelf:
        return RedisShelf(self._link(), self._layout)

    def _link(self) -> Link:
        return Link(self._address)


def open_broker(url: str, options: dict[str, Any]) -> RedisBroker:
    """Open a server as a broker.

    Options: those of `Address.parse`, `Layout.of` and `Exchanges.of`, ``poison_limit`` and ``event_exchange``.
    """
    address, limit = Address.parse(url, options), max(1, int(options.get("poison_limit", 3)))
    events = str(options.get("event_exchange") or "celeryev")
    return RedisBroker(address, Layout.of(address, options), limit, Exchanges.of(options), events)
