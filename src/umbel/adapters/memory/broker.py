"""The memory store as a broker: hands out the parts."""

from __future__ import annotations

from ...broker import Abilities, Owner
from .claims import MemoryClaims
from .consumer import MemoryConsumer
from .control import MemoryControl
from .coordinator import MemoryCoordinator
from .monitor import MemoryMonitor
from .overrides import MemoryOverrides
from .owners import MemoryOwners
from .pacer import MemoryPacer
from .publisher import MemoryPublisher
from .shelf import MemoryShelf
from .store import MemoryStore

ABILITIES = Abilities(
    results=True,
    shared=False,
    fence="store",
    process_death="everything, it lives in the memory of this one process",
    server_death="nothing, there is no server",
    power_loss="everything, it lives in memory",
    joins=True,
)


class MemoryBroker:
    """See `umbel.broker.Broker`.

    Args:
        store: shared with others; public, because tests want `store.kill(nonce)` and `store.nudge()`.
        poison_limit: deaths after which a message is not run any more.
    """

    def __init__(self, store: MemoryStore, poison_limit: int = 3) -> None:
        self.store = store
        self._poison_limit = poison_limit

    @property
    def abilities(self) -> Abilities:
        return ABILITIES

    def publisher(self) -> MemoryPublisher:
        return MemoryPublisher(self.store)

    def consumer(self, owner: Owner) -> MemoryConsumer:
        return MemoryConsumer(self.store, owner)

    def owners(self) -> MemoryOwners:
        return MemoryOwners(self.store, self._poison_limit)

    def control(self) -> MemoryControl:
        return MemoryControl(self.store)

    def monitor(self) -> MemoryMonitor:
        return MemoryMonitor(self.store)

    def coordinator(self, scope: str) -> MemoryCoordinator:
        return MemoryCoordinator(self.store, scope)

    def overrides(self, scope: str) -> MemoryOverrides:
        return MemoryOverrides(self.store, scope)

    def pacer(self) -> MemoryPacer:
        return MemoryPacer(self.store)

    def claims(self) -> MemoryClaims:
        return MemoryClaims(self.store)

    def shelf(self) -> MemoryShelf:
        return MemoryShelf(self.store)
