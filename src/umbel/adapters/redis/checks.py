"""What a server must be, and what its operator should know: looked at once in a process, before the first write;
a worker's supervisor is the one that tells.

refused    older than 6.2 (no PXAT, no LMOVE), a read-only replica, a node of a cluster that was not meant as one; for
           messages a server that may drop any key, and whole queues with it, unless the user takes that risk
warned     keys may be evicted, nothing is kept over a restart, its clock is far from ours, a cluster's node that has no
           replica

What a server does not tell (CONFIG is often forbidden on rented ones) is not held against it.
"""

from __future__ import annotations

import logging
from typing import Final, Literal

import msgspec

from ... import clock
from ...exceptions import OperationalError, StoreReadOnly, StoreUnsuitable
from .address import Address
from .link import Link

logger = logging.getLogger("umbel.redis")

Keeps = Literal["messages", "results"]

OLDEST: Final = (6, 2)

_DRIFT: Final = 30.0
"""Seconds between the server's clock and ours that are worth a word: expiries and due times are compared with both."""

_seen: Final[set[tuple[str, Keeps]]] = set()


class Facts(msgspec.Struct, frozen=True):
    """What a server says about itself.

    Attributes:
        info: the fields of INFO.
        save: what CONFIG says about snapshots, None when it may not be asked.
        drift: seconds by which its clock is ahead of ours.
    """

    info: dict[str, str]
    save: str | None = None
    drift: float = 0.0


def look_over(link: Link, keeps: Keeps) -> None:
    """Refuse a server that cannot serve, and log what its operator should know; the second call costs nothing.

    Args:
        link: to the server.
        keeps: what is about to be kept there.

    Raises:
        OperationalError: it cannot serve, or cannot be reached.
    """
    server = str(link.address)
    if (server, keeps) in _seen:
        return
    facts = gathered(link)
    error = refusal(facts, link.address, keeps)
    if error is not None:
        raise error
    known = any(seen == server for seen, _ in _seen)
    _seen.add((server, keeps))
    if known:
        return
    for sentence in warnings(facts, link.address, keeps):
        logger.warning("%s", sentence, extra={"about_the_store": True})  # a worker's children do not say it again


def gathered(link: Link) -> Facts:
    """Ask a server about itself.

    Raises:
        OperationalError: it does not answer, or does not let us in.
    """
    seconds, micro = link.call("TIME", idempotent=True)
    drift = int(seconds) + int(micro) / 1e6 - clock.wall()
    try:
        info = link.call("INFO", idempotent=True).decode(errors="replace")
    except StoreUnsuitable:  # a user without the right to ask
        info = ""
    try:
        save = dict(_pairs(link.call("CONFIG", "GET", "save", idempotent=True))).get("save")
    except OperationalError:  # forbidden, or renamed
        save = None
    lines = (line.partition(":") for line in info.splitlines() if not line.startswith("#"))
    return Facts({name: value for name, colon, value in lines if colon}, save, drift)


def refusal(facts: Facts, address: Address, keeps: Keeps = "messages") -> OperationalError | None:
    """Why umbel cannot use a server, None when it can."""
    info = facts.info
    version = info.get("redis_version", "")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers and numbers < OLDEST:
        return StoreUnsuitable(f"{address} is Redis {version}, and umbel needs 6.2 or newer; upgrade it.")
    policy = info.get("maxmemory_policy", "")
    if policy.startswith("allkeys") and keeps == "messages" and not address.evicting:
        return StoreUnsuitable(
            f"{address} drops any key when its memory is full (maxmemory-policy {policy}), whole queues with it; set "
            "maxmemory-policy to noeviction, or allow_eviction in broker_transport_options to take that risk."
        )
    if address.nodes:  # whose node was asked for; what it refuses is sent to another one
        return None
    if info.get("redis_mode") == "cluster":
        return StoreUnsuitable(
            f"{address} is a node of a cluster, and a redis:// URL means a single server; write redis+cluster:// "
            "instead."
        )
    if info.get("role") == "slave" and info.get("slave_read_only", "1") == "1":
        primary = f"{info.get('master_host', 'its primary')}:{info.get('master_port', '')}".rstrip(":")
        return StoreReadOnly(f"{address} is a read-only replica of {primary}; name the primary in the URL.")
    return None


def warnings(facts: Facts, address: Address, keeps: Keeps) -> list[str]:
    """What may go wrong later, as sentences for the operator."""
    info, found = facts.info, []
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        found.append(
            f"{address} may drop keys when its memory is full (maxmemory-policy {policy}), so {keeps} can be lost; set "
            "maxmemory-policy to noeviction."
        )
    if info.get("aof_enabled") == "0" and facts.save == "":
        found.append(
            f"{address} writes nothing to disk, so its {keeps} are gone when it restarts; set appendonly to yes."
        )
    if address.nodes and info.get("connected_slaves") == "0":
        found.append(
            f"The node of {address} that has our {keeps} has no replica, so they are away for as long as it is; add "
            "one by CLUSTER REPLICATE."
        )
    if abs(facts.drift) > _DRIFT:
        found.append(
            f"The clock of {address} is {abs(facts.drift):.0f} s {'ahead of' if facts.drift > 0 else 'behind'} this "
            "machine's, so what expires or waits does so too early or too late; set both by a time server."
        )
    return found


def _pairs(flat: list[bytes]) -> list[tuple[str, str]]:
    words = [word.decode(errors="replace") for word in flat]
    return list(zip(words[::2], words[1::2], strict=False))
