"""What one broker object was told to do; see `broker.open_broker` for the options."""

from __future__ import annotations

from typing import Final

import msgspec

from .plan import EVENTS, Plan

PAUSE: Final = 2.0
"""Seconds for which a message stays aside that was lost."""

LONG: Final = 1800.0
"""Seconds after which RabbitMQ closes the channel of a delivery that is open, unless it was told otherwise."""


class Rules(msgspec.Struct, frozen=True):
    """Attributes:
    plan: how queues are declared.
    poison_limit: deaths after which a message is not run any more.
    pause: seconds for which a message stays aside that was lost.
    long: seconds after which a delivery is given up for a word in the ledger, long before the server closes its
        channel.
    events: exchange of events.
    """

    plan: Plan = Plan()
    poison_limit: int = 3
    pause: float = PAUSE
    long: float = LONG * 2 / 3
    events: str = EVENTS.name
