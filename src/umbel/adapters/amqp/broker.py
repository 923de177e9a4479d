"""RabbitMQ as a broker: hands out the parts."""

from __future__ import annotations

import threading
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from ...broker import Abilities, Owner
from ...exceptions import ImproperlyConfigured
from .address import Address
from .consumer import AmqpConsumer, session_of
from .control import AmqpControl
from .link import Link
from .monitor import AmqpMonitor
from .owners import AmqpOwners
from .plan import EVENTS, Plan
from .publisher import AmqpPublisher
from .rules import LONG, PAUSE, Rules
from .scribe import Scribe
from .session import Session
from .shelf import AmqpShelf
from .topology import Topology

ABILITIES: Final = Abilities(
    results=False,
    shared=True,
    fence="store",
    process_death="nothing",
    server_death="nothing in durable queues: a message is confirmed when it is stored",
    power_loss="nothing in quorum queues; of a classic one what its node had not written, at most a moment",
    notice=10.0,
    listed=("dead",),
    order="queue",
    rescue="server",
    delays="server",
    notices="heard",
    atomic=False,
    exchanges="server",
)


class AmqpBroker:
    """See `umbel.broker.Broker`.

    Args:
        address: of the server.
        rules: what the options say.
    """

    def __init__(self, address: Address, rules: Rules) -> None:
        self._address = address
        self._rules = rules
        self._guard = threading.Lock()
        self._ledger: Scribe | None = None

    @property
    def abilities(self) -> Abilities:
        return ABILITIES

    def publisher(self) -> AmqpPublisher:
        link = self._link("umbel sends")
        return AmqpPublisher(link, Topology(link, self._rules.plan))

    def consumer(self, owner: Owner) -> AmqpConsumer:
        return AmqpConsumer(session_of(owner, lambda: Session(self._address, self._scribe(), owner, self._rules)))

    def owners(self) -> AmqpOwners:
        return AmqpOwners(self._address, self._scribe(), self._rules)

    def control(self) -> AmqpControl:
        return AmqpControl(self._link("umbel control"), self._scribe(), self._rules)

    def monitor(self) -> AmqpMonitor:
        return AmqpMonitor(self._link("umbel events"), self._link("umbel events heard"), self._rules.events)

    def shelf(self) -> AmqpShelf:
        return AmqpShelf(self._link("umbel shelf"), self._rules)

    def _link(self, name: str) -> Link:
        return Link(self._address, name)

    def _scribe(self) -> Scribe:
        """One ledger for all parts of this broker in this process."""
        with self._guard:
            if self._ledger is None:
                self._ledger = Scribe(self._address)
            return self._ledger


def open_broker(url: str, options: dict[str, Any]) -> AmqpBroker:
    """Open a virtual host as a broker; nothing is connected before a part is used.

    Args:
        url: see `Address`.
        options: those of `Address.parse` and `Plan.of`; ``poison_limit``; ``event_exchange``; ``redelivery_pause``,
            seconds for which a message stays aside that was lost (2); ``consumer_timeout``, seconds after which the
            server closes the channel of an open delivery (1800).

    Raises:
        ImproperlyConfigured: the URL or an option cannot work.
    """
    given = {**dict(parse_qsl(urlsplit(url.split(";", maxsplit=1)[0]).query)), **options}
    rules = Rules(
        Plan.of(options),
        max(1, int(options.get("poison_limit", 3))),
        _seconds(given, "redelivery_pause", PAUSE),
        _seconds(given, "consumer_timeout", LONG) * 2 / 3,
        str(options.get("event_exchange") or EVENTS.name),
    )
    return AmqpBroker(Address.parse(url, options), rules)


def _seconds(given: dict[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0.01 <= seconds < 1e8:
        raise ImproperlyConfigured(f"{name} is {value!r}; write seconds, for instance {default:g}.")
    return seconds
