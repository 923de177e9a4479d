"""Which server is the primary now: asked of the sentinels before each connection, and of the server itself.

A failover takes seconds, so within the caller's deadline the question is asked again and again: until the sentinels
agree on another server, and that one says by itself that it takes writes.
"""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from ... import clock
from ...exceptions import OperationalError
from .address import NO_DATABASE, Address
from .faults import Unreachable, unreachable
from .wire import NOTHING, Wire, Word, packed

_EACH: Final = 1.0
"""Seconds for a sentinel, or for a primary that may be gone, while there is another one to ask."""

_PAUSE: Final = 0.1
"""Seconds between two rounds."""


def opened(address: Address, until: float) -> Wire:
    """A connection to an address; with sentinels, to their primary.

    Args:
        address: of the server, or of the sentinels.
        until: monotonic moment at which it is given up.

    Raises:
        StoreUnavailable: there is none that can be reached, or it does not let us in.
    """
    if not address.sentinels:
        return Wire(address, until)
    while True:
        try:
            return _primary(address, until)
        except Unreachable:
            if clock.monotonic() + _PAUSE >= until:
                raise
            time.sleep(_PAUSE)


def _primary(address: Address, until: float) -> Wire:
    place = _place(address, until)
    wire = Wire(place, min(until, clock.monotonic() + _EACH))
    try:
        role = _answer(wire, place, ("ROLE",), until)
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
                found = _answer(wire, sentinel, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.master), moment)
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


def _answer(wire: Wire, address: Address, command: tuple[Word, ...], until: float) -> Any:
    wire.send(packed(command), until)
    reply = wire.receive(until)
    if reply is NOTHING:
        raise unreachable(address, "no answer before the deadline")
    return reply
