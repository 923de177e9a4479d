"""One connection of one part, and the rules that keep it safe.

1. One thread uses a link at a time. It is opened at its first use, and again after it was lost.
2. A deadline counts for a call as a whole: resolving the name, connecting, TLS, sending, the reply.
3. A connection that the server closed while nobody used it is replaced without a word, because nothing was sent on it.
   When it breaks after something was sent, the fate of the command is unknown: it is sent again only when the caller
   says that doing it twice is as good as once (`idempotent`); otherwise the error is `Unanswered`.
4. A connection whose reply did not come is closed: the reply of one command is never taken for that of another.
5. What a server refused because it is no primary any more was not done: with sentinels it is sent to the next one. So
   is what a node of a cluster refused because another node serves the keys, or soon will.
6. A connection that said nothing for a while may be half open: it is asked for a sign of life before it is used, and
   replaced when half of the deadline has passed without one.
7. In a forked child the parent's connection is closed at once (which sends nothing) and never used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ... import clock
from ...exceptions import OperationalError, StoreUnavailable
from .address import Address
from .faults import Closed, is_elsewhere, refused, unanswered
from .route import PAUSE, opened
from .scripts import script
from .wire import NOTHING, Wire, Word, packed

DOUBT: Final = 15.0
"""Seconds without a word after which a connection is asked whether the server is still there. Gateways forget idle
connections without telling anybody.
"""


class Link:
    """A connection of one part.

    Args:
        address: of the server.

    Example:
        >>> link = Link(Address.parse("redis://localhost:6379/0", {}))
        >>> link.close()
    """

    __slots__ = ("_address", "_heard", "_wire")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._heard = 0.0
        self._wire: Wire | None = None

    @property
    def address(self) -> Address:
        """Of the server."""
        return self._address

    def call(self, *args: Word, timeout: float | None = None, idempotent: bool = False) -> Any:
        """Run one command.

        Args:
            args: its name and arguments.
            timeout: seconds for all of it, the address's own unless given.
            idempotent: whether it may be sent twice when the connection breaks.

        Returns:
            the reply: bytes, int, list or None.

        Raises:
            OperationalError: it was not done; `Unanswered` when that is not known.
        """
        reply = self._exchange(packed(args), 1, self.until(timeout), idempotent=idempotent)[0]
        if isinstance(reply, Exception):
            raise refused(reply, self._address) from reply
        return reply

    def script(
        self, name: str, keys: Sequence[Word], args: Sequence[Word], timeout: float | None = None,
        *, idempotent: bool = False, copies: int = 0, then: tuple[Word, ...] = (),
    ) -> Any:  # fmt: skip
        """Run the script lua/<name>.lua; arguments, reply and errors as in `call`.

        A server that does not have it (a new one, one after SCRIPT FLUSH) is given its text with the same call. With
        ``copies`` the call returns when so many replicas have what it wrote, and is `Unanswered` when they do not.

        Args:
            then: a command that follows it in the same round trip; its reply is appended to that of the script.
        """
        until = self.until(timeout)
        held = script(name)
        tail = (len(keys), *keys, *args)
        rest = packed(then) if then else b""
        rest += packed(("WAIT", copies, self._left(until))) if copies else b""
        count = 1 + bool(then) + bool(copies)
        by_name, in_full = (b"EVALSHA", held.digest, *tail), (b"EVAL", held.text, *tail)
        # Waiting for replicas behind a refusal would cost the time that the second try needs.
        first = in_full if copies and self._wire is None else by_name
        data, full = packed(first) + rest, lambda: packed(in_full) + rest
        replies = self._exchange(data, count, until, idempotent=idempotent, in_full=full)
        reply = replies[0]
        if isinstance(reply, Exception):
            raise refused(reply, self._address) from reply
        if copies and (isinstance(replies[-1], Exception) or replies[-1] < copies):
            raise unanswered(self._address, f"only {replies[-1]} of {copies} replicas have it")
        if then and isinstance(replies[1], Exception):
            raise unanswered(self._address, replies[1]) from replies[1]
        return [*reply, replies[1]] if then else reply

    def many(
        self, commands: Iterable[tuple[Word, ...]], timeout: float | None = None, *, idempotent: bool = False
    ) -> list[Any]:
        """Run several commands in one round trip; they are no transaction.

        Returns:
            their replies, in order.

        Raises:
            OperationalError: one of them was refused (the others were done), or none is known to be done.
        """
        data = [packed(command) for command in commands]
        if not data:
            return []
        replies = self._exchange(b"".join(data), len(data), self.until(timeout), idempotent=idempotent)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refused(reply, self._address) from reply
        return replies

    def wire(self, until: float) -> Wire:
        """The open connection, for a part that waits on it by itself; errors as when connecting.

        Such a part closes the link when a wait ends in the middle of a reply.
        """
        if self._wire is not None and not (self._wire.fresh() and self._lives(self._wire, until)):
            self.close()
        if self._wire is None:
            self._wire = opened(self._address, until)
            self._heard = clock.monotonic()
        return self._wire

    def until(self, timeout: float | None) -> float:
        """The monotonic moment at which a call of that many seconds is given up."""
        return clock.monotonic() + (self._address.timeout if timeout is None else timeout)

    def close(self) -> None:
        """Close the connection; the next use opens another. Safe to repeat."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _lives(self, wire: Wire, until: float) -> bool:
        """Whether somebody is at the other end; a question only after a long silence."""
        now = clock.monotonic()
        if now - self._heard < DOUBT:
            return True
        try:
            half = now + max(0.0, until - now) / 2
            wire.send(packed((b"PING",)), half)
            return wire.receive(half) is not NOTHING
        except StoreUnavailable:
            return False

    def _left(self, until: float) -> int:
        """Milliseconds in which replicas may answer, so that the reply comes before the moment."""
        return max(1, int((until - clock.monotonic()) * 900))

    def _exchange(
        self, data: bytes, count: int, until: float, *, idempotent: bool, in_full: Callable[[], bytes] | None = None
    ) -> list[Any]:
        """Send commands until they are answered; ``in_full`` gives what a server is sent that has not their script."""
        lost: Closed | None = None
        while True:
            try:
                replies = self._once(data, count, until)
                if in_full is not None and isinstance(replies[0], Exception) and _lacks_it(replies[0]):
                    data, in_full = in_full(), None
                    continue
                refusal = self._refusal(replies, idempotent=idempotent)
                if refusal is None:
                    return replies
                if clock.monotonic() + PAUSE >= until:
                    raise refused(refusal, self._address)
                self.close()
                time.sleep(PAUSE)
            except Closed as error:
                if lost is not None or (error.sent and not idempotent):
                    raise unanswered(self._address, error) from error
                lost = error
            except OperationalError as error:
                if lost is None or not lost.sent:
                    raise
                raise unanswered(self._address, error) from error  # the first time it may have been done

    def _refusal(self, replies: list[Any], *, idempotent: bool) -> Exception | None:
        """The reply that says that another server is to be asked, where nothing was done or may be done again."""
        if not (self._address.nodes or self._address.sentinels):
            return None
        seen = replies if idempotent else replies[:1]
        return next((reply for reply in seen if is_elsewhere(reply, self._address)), None)

    def _once(self, data: bytes, count: int, until: float) -> list[Any]:
        wire = self.wire(until)
        try:
            wire.send(data, until)
            replies = [wire.receive(until) for _ in range(count)]
        except BaseException:  # an interruption of the caller's thread among them: the reply is still to come
            self.close()
            raise
        if NOTHING in replies:
            self.close()
            raise unanswered(self._address, "no answer before the deadline")
        self._heard = clock.monotonic()
        return replies


def _lacks_it(reply: Exception) -> bool:
    """Whether a server has not the script, as after its restart."""
    return str(reply).startswith("NOSCRIPT")
