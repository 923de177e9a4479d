"""Which server is the primary now: asked of the sentinels before each connection, and of the server itself.

A failover takes seconds, so the question is asked again and again (`route`): until the sentinels agree on another
server, and that one says by itself that it takes writes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ... import clock
from ...exceptions import OperationalError
from .address import NO_DATABASE, Address
from .faults import unreachable
from .wire import Wire

_EACH: Final = 1.0
"""Seconds for a sentinel, or for a primary that may be gone, while there is another one to ask."""


def primary(address: Address, until: float) -> Wire:
    """A connection to the server that the sentinels of an address call the primary.

    Raises:
        Unreachable: none of them names one that can be reached and takes writes; soon one may.
        OperationalError: it does not let us in.
    """
    place = _place(address, until)
    wire = Wire(place, min(until, clock.monotonic() + _EACH))
    try:
        role = wire.ask(("ROLE",), until)
    except BaseException:
        wire.close()
        raise
    if isinstance(role, list) and role[0] != b"master":
        wire.close()
        raise unreachable(address, f"{place} is no primary any more")
    return wire  # a user who may not ask for the role finds out by the first write


def _place(address: Address, until: float) -> Address:
    """Where the first sentinel that answers says that the primary is."""
    reason: object = "none of them answers"
    name, password = address.guard
    for host, port in address.sentinels:
        sentinel = msgspec.structs.replace(
            address, host=host, port=port, db=NO_DATABASE, username=name, password=password, sentinels=()
        )
        moment = min(until, clock.monotonic() + _EACH)
        try:
            wire = Wire(sentinel, moment)
            try:
                found = wire.ask(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.master), moment)
            finally:
                wire.close()
        except OperationalError as error:  # refused or silent: the next one may know
            reason = error
            continue
        if isinstance(found, list):
            where, number = found
            return msgspec.structs.replace(address, host=where.decode(), port=int(number), sentinels=())
        reason = f"{sentinel} knows no primary called {address.master!r}"
    raise unreachable(address, reason)
