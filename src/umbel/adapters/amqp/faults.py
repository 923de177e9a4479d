"""Every error of a server or a connection becomes one of umbel's, with a sentence that says what to do. None leaks."""

from __future__ import annotations

import ssl
from typing import Final

from pika import exceptions as pika_errors
from pika.adapters.utils import connection_workflow as workflow

from ...exceptions import (
    OperationalError,
    PublishTimeout,
    QueueFull,
    StoreAway,
    StoreFull,
    StoreUnavailable,
    StoreUnsuitable,
)
from .address import PORT, TLS_PORT, Address, Server

NOT_ALLOWED: Final = 530
ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
LOCKED: Final = 405
OTHERWISE_DECLARED: Final = 406


class Unanswered(PublishTimeout, StoreAway):
    """Something was sent and its answer did not come: whether it was done is not known."""


class Blocked(Unanswered, StoreFull):
    """The server is short of memory or disk and takes nothing from publishers; what was sent last may still arrive."""


class Unroutable(OperationalError):
    """No queue takes a message of that exchange and key; nothing was stored."""


class Refused(OperationalError):
    """The server closed the channel over a request, and did nothing.

    Attributes:
        code: AMQP's reply code, for instance 404.
        text: the server's words.
    """

    def __init__(self, sentence: str, code: int, text: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.text = text


class Unfit(Refused, StoreUnsuitable):
    """As `Refused`: it would not work at a second attempt either."""


_REFUSALS: Final[dict[int, tuple[type[Refused], str]]] = {
    ACCESS_REFUSED: (
        Unfit,
        "{address} does not let this user do that; give it the rights with `rabbitmqctl set_permissions`",
    ),
    NOT_FOUND: (Refused, "{address} does not have what was asked for"),
    LOCKED: (Refused, "{address} has a queue of that name that belongs to another connection alone"),
    OTHERWISE_DECLARED: (
        Unfit,
        "{address} has it declared otherwise, or does not know the delivery; declare it as it is, or delete it there",
    ),
}

_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What OpenSSL calls an answer that is no TLS."""

_NOT_LET_IN: Final = (pika_errors.AuthenticationError, pika_errors.ProbableAuthenticationError)
_IN_THE_LOGIN: Final = (pika_errors.ProbableAuthenticationError, pika_errors.ProbableAccessDeniedError)
_BROKEN: Final = "StreamLostError"
"""In the text of what pika guesses when a connection ends in the login: nobody has refused anything, it broke."""


def refused(address: Address | Server, code: int, text: str) -> Refused:
    """The typed error for a channel that the server closed."""
    kind, sentence = _REFUSALS.get(code, (Refused, "{address} refused that"))
    return kind(f"{sentence.format(address=address)} ({code} {text}).", code, text)


def not_opened(
    server: Server, error: BaseException | None, *, heard: bool = True
) -> StoreUnavailable | StoreUnsuitable:  # fmt: skip
    """The typed error for a connection that could not be made; nothing was sent. ``heard``: whether it said a word."""
    cause = _cause(error)
    code = getattr(cause, "reply_code", 0)
    if isinstance(cause, _IN_THE_LOGIN) and _BROKEN in str(cause):
        return StoreAway(
            f"{server} closed the connection during the login. If that stays so, check user name, password and virtual "
            "host."
        )
    if isinstance(cause, _NOT_LET_IN) or code == ACCESS_REFUSED:
        return StoreUnavailable(
            f"{server} refused the user name or password; correct them in the URL, or in the server's users "
            "(the user guest may come from localhost only)."
        )
    if isinstance(cause, pika_errors.ProbableAccessDeniedError) or code in {NOT_ALLOWED, NOT_FOUND}:
        return StoreUnavailable(
            f"{server} has no virtual host {server.vhost!r} for this user; correct the end of the URL, or give "
            f"the user the rights with `rabbitmqctl set_permissions`."
        )
    if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        return StoreUnsuitable(
            f"What listens at {server} does not speak TLS; write amqp://, or name its port for TLS (often {TLS_PORT})."
        )
    if isinstance(cause, pika_errors.IncompatibleProtocolError | pika_errors.ProtocolSyntaxError):
        if not heard:  # pika guesses: a server that is just starting does it, too
            return StoreAway(
                f"{server} closed the connection before it said a word. If that stays so, check the port, and whether "
                "it wants TLS (amqps://)."
            )
        return StoreUnsuitable(
            f"What listens at {server} does not speak AMQP 0-9-1; check the port, and whether it wants TLS (amqps://)."
        )
    port = f", and that this is its port for AMQP (often {PORT}, with TLS {TLS_PORT})"
    return StoreAway(
        f"{server} cannot be reached ({worded(cause)}). Check that the server runs and that the URL names it"
        f"{port if isinstance(cause, TimeoutError) else ''}."
    )


def lost(address: Address | Server, error: object) -> StoreAway:
    """The connection broke while nothing was under way whose fate matters."""
    return StoreAway(f"{address} closed the connection ({worded(error)}); it is opened again at the next use.")


def unanswered(address: Address | Server, reason: object) -> Unanswered:
    """Something is on its way, and what became of it is unknown."""
    return Unanswered(f"{address} did not confirm ({worded(reason)}); whether it was done is not known.")


def blocked(address: Address | Server, reason: str) -> Blocked:
    """The server said `connection.blocked` and did not take it back before the deadline."""
    return Blocked(
        f"{address} takes no messages at the moment ({reason}); free its memory or disk, or raise its "
        f"`vm_memory_high_watermark` or lower `disk_free_limit`. Whether what was sent arrives later is not known."
    )


def unroutable(address: Address | Server, exchange: str, key: str) -> Unroutable:
    """The server returned a message that no queue takes."""
    if exchange:
        return Unroutable(
            f"No queue at {address} is bound to the exchange {exchange!r} so that the key {key!r} fits, so the message "
            "was not stored; bind one (in task_queues, or on the server), or start the worker whose queue it is."
        )
    return Unroutable(
        f"{address} has nobody who takes messages for the queue {key!r}; declare the queue, in task_queues or on the "
        "server."
    )


def nowhere(address: Address | Server, exchange: str) -> Unroutable:
    """An exchange is named that does not exist."""
    return Unroutable(
        f"{address} has no exchange {exchange!r}, so the message was not stored; check the name, or declare it with a "
        f"queue in task_queues: Queue(name, Exchange({exchange!r}), routing_key)."
    )


def overfull(address: Address | Server, queue: str) -> QueueFull:
    """The server refused a message (a negative confirm): the queue is as long as it may be."""
    return QueueFull(
        f"{address} refused messages for {queue!r}: the queue holds as many as its x-max-length allows, or cannot "
        "store them; start more workers, or raise the limit."
    )


def worded(error: object) -> str:
    """An error of pika in a few words; never with the URL's secrets, which its errors do not hold."""
    if isinstance(error, pika_errors.ConnectionClosed | pika_errors.ChannelClosed):
        return f"{error.reply_code} {error.reply_text}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, BaseException):
        return str(error) or type(error).__name__
    return str(error)


def _cause(error: BaseException | None) -> BaseException | None:
    """The innermost error: pika wraps what happened in the steps of making a connection."""
    for _ in range(10):
        inner: object = None
        if isinstance(error, workflow.AMQPConnectionWorkflowFailed):
            inner = error.exceptions[-1] if error.exceptions else None
        elif isinstance(error, workflow.AMQPConnectorPhaseErrorBase):
            inner = error.exception
        elif error is not None and type(error) is pika_errors.AMQPConnectionError and error.args:
            inner = error.args[0]
        if not isinstance(inner, BaseException):
            break
        error = inner
    return error
