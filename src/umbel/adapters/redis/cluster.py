"""Which node of a cluster serves our slot: asked of one of the nodes before each connection.

    first connection, or one lost, or a command refused because another node serves the slot
      -> any node that is known: CLUSTER SLOTS -> the node of our slot -> connect there

A redirection (MOVED) is never followed by itself: it says that the question is to be asked again. Nor is ASK, which a
node answers for a key that it does not have while its slot is being moved. Where some keys are here and others there, a
script would find half a store, and whatever it wrote would stand in the way of what comes after. The first key that a
script names is the prefix, which is no key that exists: so from the beginning of a move to its end each script is
refused with ASK, which changes nothing, and waits.
"""

from __future__ import annotations

import random
import re
from typing import Any, Final

import msgspec

from ... import clock
from ...exceptions import OperationalError, StoreUnsuitable
from .address import Address
from .faults import NotNow, Unreachable, refused, unreachable
from .slots import slot
from .wire import Wire

_EACH: Final = 1.0
"""Seconds for a node that may be gone, while there is another one to ask."""

_HOST: Final = re.compile(r"(?=.{1,253}\Z)(?:\w(?:[\w.-]*[\w.])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+(?:%\w+)?)", re.ASCII)

_known: Final[dict[str, tuple[tuple[str, int], ...]]] = {}
"""Address as it is shown -> the nodes of the cluster as one of them named them last: those of the URL may be gone."""


def serving(address: Address, until: float) -> Wire:
    """A connection to the node that serves the keys of an address.

    The nodes are asked in a random order: one that was cut off and tells what was true once is not asked every time.

    Raises:
        Unreachable: nobody says who it is, or it cannot be reached; it may be soon.
        OperationalError: this is no cluster, or it does not let us in.
    """
    passing: OperationalError | None = None
    lasting: OperationalError | None = None
    places = list(dict.fromkeys((*address.nodes, *_known.get(str(address), ()))))
    for host, port in random.sample(places, len(places)):
        asked = _at(address, host, port)
        try:
            return _by(asked, address, until)
        except (Unreachable, NotNow) as error:  # the next one may know
            passing = error
        except OperationalError as error:
            lasting = error
    if lasting is not None and passing is None:
        raise lasting
    raise unreachable(address, lasting or passing or "it names no node") from (lasting or passing)


def _by(asked: Address, address: Address, until: float) -> Wire:
    """What one node's answer leads to."""
    moment = min(until, clock.monotonic() + _EACH)
    wire = Wire(asked, moment)
    try:
        place = _place(wire.ask(("CLUSTER", "SLOTS"), moment), asked, address)
        if place == asked:
            return wire
    except BaseException:
        wire.close()
        raise
    wire.close()
    return Wire(place, min(until, clock.monotonic() + _EACH))


def _place(told: Any, asked: Address, address: Address) -> Address:
    """The node of our slot, as the answer of a node says."""
    if isinstance(told, Exception):
        if "cluster support disabled" in str(told):
            raise StoreUnsuitable(
                f"{asked} is a single server and no node of a cluster; write redis:// in place of redis+cluster://."
            )
        raise refused(told, asked)
    number = slot(address.prefix)
    nodes = {}
    for first, last, *held in told:
        for place, (host, port, *_) in enumerate(held):
            nodes[_host(host, asked), _port(port, asked)] = place == 0 and first <= number <= last
    if nodes:
        _known[str(address)] = tuple(nodes)
    mine = [place for place, is_mine in nodes.items() if is_mine]
    if not mine:
        raise unreachable(address, f"{asked} knows no node that serves slot {number}; see CLUSTER INFO")
    return _at(address, *mine[0])


def _host(told: bytes | None, asked: Address) -> str:
    """A host that a node named; where it does not know its own, it is reached as it was."""
    host = (told or b"").decode(errors="replace") or asked.host
    if _HOST.fullmatch(host) is None:
        raise unreachable(asked, f"it named {host!r} as a node's host, which can be none; see `cluster-announce-ip`")
    return host


def _port(told: Any, asked: Address) -> int:
    if not (isinstance(told, int) and 0 < told < 65_536):
        raise unreachable(asked, f"it named {told!r} as a node's port, which can be none; see `cluster-announce-port`")
    return told


def _at(address: Address, host: str, port: int) -> Address:
    return msgspec.structs.replace(address, host=host, port=port, nodes=())
