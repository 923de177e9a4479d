"""Where to connect: to the server of an address, to the primary that its sentinels name, to the node of its cluster.

A failover takes seconds, so within the caller's deadline the question is asked again and again.
"""

from __future__ import annotations

import time
from typing import Final

from ... import clock
from .address import Address
from .cluster import serving
from .faults import Unreachable
from .sentinel import primary
from .wire import Wire

PAUSE: Final = 0.1
"""Seconds before those who know are asked again."""


def opened(address: Address, until: float) -> Wire:
    """A connection to whoever keeps the keys of an address now.

    Args:
        address: of the server, of its sentinels, or of nodes of its cluster.
        until: monotonic moment at which it is given up.

    Raises:
        OperationalError: there is none that can be reached, or it does not let us in.
    """
    if not (address.sentinels or address.nodes):
        return Wire(address, until)
    find = primary if address.sentinels else serving
    before: Unreachable | None = None
    while True:
        try:
            return find(address, until)
        except Unreachable as error:
            if clock.monotonic() + PAUSE >= until:
                if before is not None:  # the last try may have had no time to learn the reason
                    raise before from error
                raise
            before = error
            time.sleep(PAUSE)
