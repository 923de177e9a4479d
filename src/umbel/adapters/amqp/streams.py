"""Reading a stream: a queue that keeps its messages, however often they are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from datetime import datetime
from functools import partial
from typing import Final

from ... import clock
from ...exceptions import StoreUnavailable, StoreUnsuitable
from .faults import NOT_FOUND, OTHERWISE_DECLARED, Blocked, Refused
from .link import Link
from .plan import Queue
from .topology import Topology

AHEAD: Final = 500
"""Messages on their way to us that we have not confirmed."""

_AGAIN: Final = 0.05  # seconds between two attempts at a stream that somebody is making at this moment

_NOT_QUITE_THERE: Final = frozenset({NOT_FOUND, OTHERWISE_DECLARED})

_FIRST: Final = 1.0  # seconds in which the server begins to push


def follow(
    link: Link, topology: Topology, stream: Queue, offset: int | str | datetime, hear: Callable[..., None], tag: str,
    until: float,
) -> None:  # fmt: skip
    """Have the server push a stream's messages, from an offset on, over the link's channel.

    Args:
        link: its lock is held; without the rights of a new channel to what was set up on the last one.
        topology: on that link.
        stream: declared when it is missing.
        offset: number of a message, "first", or a time.
        hear: called with (channel, method, properties, body); it has to acknowledge.
        tag: name of the consumer.
        until: monotonic moment at which it is given up.

    Raises:
        StoreUnsuitable: this server has no streams.
        OperationalError: it cannot be read now.
    """

    def consume() -> None:
        link.ask(lambda own, reply: own.basic_qos(prefetch_count=AHEAD, callback=reply), until)
        link.ask(
            lambda own, reply: own.basic_consume(
                stream.name, hear, consumer_tag=tag, arguments={"x-stream-offset": offset}, callback=reply
            ), until,
        )  # fmt: skip

    _declare(link, topology, stream, until)
    steadily(consume, until)


def calm(link: Link, heard: Callable[[], int], until: float) -> None:
    """Read on until the server has nothing more to push: the whole stream, at a time when nobody can write to it.

    Otherwise whoever wants to know that he has read everything reads back an entry of his own. The server does what is
    asked on one channel in order, so what our acknowledgements made it push comes before the answer to a later request.

    Args:
        link: followed by `follow`.
        heard: how many messages have come.
        until: monotonic moment at which it is given up.
    """
    before = heard()
    link.drive(lambda: heard() != before, min(until, clock.monotonic() + _FIRST))
    while True:
        before = heard()
        link.ask(lambda own, reply: own.basic_qos(prefetch_count=AHEAD, callback=reply), until)
        if heard() == before:
            return


def steadily(step: Callable[[], None], until: float, codes: Container[int] = _NOT_QUITE_THERE) -> None:
    """Do a step that may be repeated, also with a stream that somebody is making at this moment: the server closes the
    channel, or the whole connection, over one that is not quite there.

    Args:
        step: what is done.
        until: monotonic moment at which it is given up.
        codes: of refusals that pass.
    """
    while True:
        try:
            step()
        except (Refused, StoreUnavailable) as error:
            passing = isinstance(error, StoreUnavailable) or error.code in codes
            if isinstance(error, Blocked) or not passing or clock.monotonic() + _AGAIN > until:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _declare(link: Link, topology: Topology, stream: Queue, until: float) -> None:
    """Have it, on a server that may have been started moments ago: then its streams are not quite there."""
    try:
        steadily(partial(topology.declare, stream, until), until, {NOT_FOUND})
    except Refused as error:
        if error.code == OTHERWISE_DECLARED:
            raise StoreUnsuitable(
                f"{link.address} cannot keep the stream {stream.name!r} ({error.text}); use RabbitMQ 3.9 or newer with "
                "the feature flag stream_queue enabled."
            ) from error
        raise StoreUnavailable(
            f"{link.address} is up but not ready yet ({error.text}); try again. If that lasts, delete the queue "
            f"{stream.name!r} on the server: it holds no tasks, and is made anew."
        ) from error
