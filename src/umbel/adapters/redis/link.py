"""One connection of one part, and the rules that keep it safe.

1. One thread uses a link at a time. It is opened at its first use, and again after it was lost.
2. A deadline counts for a call as a whole: resolving the name, connecting, TLS, sending, the reply.
3. A connection that the server closed while nobody used it is replaced without a word, because nothing was sent on it.
   When it breaks after something was sent, the fate of the command is unknown: it is sent again only when the caller
   says that doing it twice is as good as once (`idempotent`); otherwise the error is `Unanswered`.
4. A connection whose reply did not come is closed: the reply of one command is never taken for that of another.
5. In a forked child the parent's connection is closed at once (which sends nothing) and never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ... import clock
from .address import Address
from .faults import Closed, refused, unanswered
from .scripts import script
from .wire import NOTHING, Wire, Word, packed


class Link:
    """A connection of one part.

    Args:
        address: of the server.

    Example:
        >>> link = Link(Address.parse("redis://localhost:6379/0", {}))
        >>> link.close()
    """

    __slots__ = ("_address", "_wire")

    def __init__(self, address: Address) -> None:
        self._address = address
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
        *, idempotent: bool = False,
    ) -> Any:  # fmt: skip
        """Run the script lua/<name>.lua; arguments, reply and errors as in `call`.

        A server that does not have it (a new one, one after SCRIPT FLUSH) is given its text with the same call.
        """
        until = self.until(timeout)
        held = script(name)
        tail = (len(keys), *keys, *args)
        reply = self._exchange(packed((b"EVALSHA", held.digest, *tail)), 1, until, idempotent=idempotent)[0]
        if isinstance(reply, Exception) and str(reply).startswith("NOSCRIPT"):
            reply = self._exchange(packed((b"EVAL", held.text, *tail)), 1, until, idempotent=idempotent)[0]
        if isinstance(reply, Exception):
            raise refused(reply, self._address) from reply
        return reply

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
        if self._wire is not None and not self._wire.fresh():
            self.close()
        if self._wire is None:
            self._wire = Wire(self._address, until)
        return self._wire

    def until(self, timeout: float | None) -> float:
        """The monotonic moment at which a call of that many seconds is given up."""
        return clock.monotonic() + (self._address.timeout if timeout is None else timeout)

    def close(self) -> None:
        """Close the connection; the next use opens another. Safe to repeat."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _exchange(self, data: bytes, count: int, until: float, *, idempotent: bool) -> list[Any]:
        again = True
        while True:
            try:
                return self._once(data, count, until)
            except Closed as error:
                if not again or (error.sent and not idempotent):
                    raise unanswered(self._address, error) from error
                again = False

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
        return replies
