"""Every error of a server or a connection becomes one of umbel's, with a sentence that says what to do. None leaks."""

from __future__ import annotations

from typing import Final

from ...exceptions import (
    OperationalError,
    PublishTimeout,
    StoreAway,
    StoreDamaged,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnsuitable,
)
from .address import Address


class Unanswered(PublishTimeout, StoreAway):
    """A command was sent and its answer did not come: whether it was done is not known."""


class Unreachable(StoreAway):
    """There is no connection, so nothing was sent; ``brief`` says where and why in a few words."""

    def __init__(self, sentence: str, brief: str = "") -> None:
        super().__init__(sentence)
        self.brief = brief or sentence


class NotNow(StoreAway):
    """A server that is up refused a command, which changed nothing: it is not ready, or another one is in its place."""


class Closed(StoreAway):
    """Within this room only: the server closed the connection; ``sent`` says whether it may have seen a command."""

    def __init__(self, sentence: str, *, sent: bool) -> None:
        super().__init__(sentence)
        self.sent = sent


class Foreign(Closed):
    """What answers is no Redis."""


_REPLIES: Final[tuple[tuple[tuple[str, ...], type[OperationalError], str], ...]] = (
    (
        ("ERR AUTH <password> called without", "ERR Client sent AUTH, but no password"),
        StoreUnavailable,
        "{address} has no password, and the URL has one; leave it out, or set `requirepass` on the server",
    ),
    (
        ("NOAUTH", "WRONGPASS", "ERR invalid password", "ERR Client sent AUTH", "ERR AUTH"),
        StoreUnavailable,
        "{address} refused the user name or password; correct them in the URL, or in the server's `requirepass` or ACL",
    ),
    (
        ("NOPERM",),
        StoreUnsuitable,
        "{address} does not let this user run what umbel needs; give it the rights with ACL SETUSER",
    ),
    (
        ("READONLY",),
        StoreReadOnly,
        "{address} is a read-only replica; name the primary in the URL",
    ),
    (
        ("OOM",),
        StoreFull,
        "{address} has reached its `maxmemory`; raise it, or remove what is not needed",
    ),
    (
        ("MISCONF", "NOREPLICAS"),
        StoreReadOnly,
        "{address} takes no writes at the moment; see its log, it cannot save or reach its replicas",
    ),
    (
        ("LOADING", "BUSY ", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"),
        NotNow,
        "{address} is up but not ready yet; try again",
    ),
    (
        ("ERR max number of clients",),
        StoreAway,
        "{address} has no connection left; raise `maxclients`, or run fewer processes",
    ),
    (
        ("MOVED", "ASK ", "CROSSSLOT", "ERR Script attempted to access"),
        StoreUnsuitable,
        "{address} is a node of a cluster, and a redis:// URL means a single server; write redis+cluster:// instead",
    ),
    (
        ("ERR DB index", "ERR invalid DB index", "ERR SELECT is not allowed"),
        StoreUnsuitable,
        "{address} does not have that database; write a lower number at the end of the URL, or raise `databases`",
    ),
    (
        ("ERR unknown command", "ERR unknown subcommand", "ERR Unknown subcommand"),
        StoreUnsuitable,
        "{address} does not know a command that umbel needs; use Redis 6.2 or newer, with that command enabled",
    ),
    (
        ("WRONGTYPE",),
        StoreDamaged,
        "A key at {address} has another type than umbel and Celery give it; use another database or `global_keyprefix`",
    ),
)


_AWAY: Final = ("READONLY", "MOVED", "ASK ", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "LOADING")
"""How a node of a cluster refuses what another one is to do, or what nobody can do at the moment. Where sentinels know
the primary, only the first: the others have nothing to do with them.
"""


def is_elsewhere(reply: object, address: Address) -> bool:
    """Whether a reply says that the command was not done here, and that another server is in charge or soon will be."""
    if not isinstance(reply, Exception):
        return False
    return str(reply).startswith(_AWAY if address.nodes else _AWAY[:1] if address.sentinels else ())


def refused(reply: Exception, address: Address) -> OperationalError:
    """The typed error for an error reply of the server.

    Args:
        reply: the error as the server worded it.
        address: of the server, for the sentence.

    Returns:
        an error to raise; the refused command changed nothing.
    """
    text = str(reply)
    if address.nodes and is_elsewhere(reply, address):
        return NotNow(
            f"The keys of {address} are being moved to another node, or no node serves them now; try again, and see "
            f"CLUSTER INFO if it stays so ({text})."
        )
    for starts, kind, sentence in _REPLIES:
        if text.startswith(starts):
            return kind(f"{sentence.format(address=address)} ({text}).")
    return OperationalError(f"{address} answered: {text}")


def unreachable(address: Address, reason: object) -> Unreachable:
    """Nothing was sent, because there is no connection."""
    why = reason.brief if isinstance(reason, Unreachable) else reason
    sentence = f"{address} cannot be reached ({why}). Check that the server runs and that the URL names it."
    return Unreachable(sentence, f"{address}: {why}")


def foreign(address: Address) -> StoreUnsuitable:
    """The server that was reached is another one."""
    return StoreUnsuitable(
        f"What listens at {address} does not speak Redis's protocol; check the port (Redis has 6379 mostly, RabbitMQ "
        "5672) and the beginning of the URL."
    )


def unanswered(address: Address, reason: object) -> Unanswered:
    """A command is on its way, and what became of it is unknown."""
    return Unanswered(f"{address} did not confirm ({reason}); whether it was done is not known.")
