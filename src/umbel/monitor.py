"""The monitor contract: how a store carries events (`event`) from whoever says them to whoever listens.

An event is told, not kept: who does not listen has missed it. A store that carries events gives its broker one more
part, which is found by looking whether it is there:

    Monitored.monitor()       Monitor     tells events, and listens to them

Nothing that can be lost may hang on an event. Part and thread go together as in `broker`: one thread, one connection,
never carried over a fork.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from .broker import Part


class News(msgspec.Struct, frozen=True, gc=False):
    """One message of one or more events.

    Attributes:
        key: routing key, words with dots between: ``task.multi``, ``worker.heartbeat``.
        node: who says it, ``name@host``.
        body: serialized: one object, or a list of them.
        content_type, content_encoding: of the body.
    """

    key: str
    node: str
    body: bytes
    content_type: str = "application/json"
    content_encoding: str = "utf-8"


class Monitor(Part, Protocol):
    """Tells and listens."""

    def tell(self, news: Sequence[News]) -> bool:
        """Hand events to whoever listens now.

        Returns:
            False when it is known that nobody listened to any of them.

        Raises:
            OperationalError: the store does not take them, or did not say so; whoever repeats may tell some twice.
        """
        ...

    def listen(self, pattern: str = "#") -> None:
        """From now on hear what is told under routing keys of this pattern (``*`` one word, ``#`` any number).

        Raises:
            OperationalError: the store cannot be asked.
        """
        ...

    def hear(self, timeout: float, wake: int = -1) -> list[News]:
        """What was told since the last call, oldest first; waits up to ``timeout`` seconds for the first.

        A connection that was lost is opened again by the next call; what was told meanwhile is missed.

        Args:
            timeout: seconds.
            wake: a file descriptor that ends the wait as soon as it is readable, -1 for none.

        Raises:
            OperationalError: the store cannot be asked.
        """
        ...


@runtime_checkable
class Monitored(Protocol):
    """A broker that carries events."""

    def monitor(self) -> Monitor: ...
