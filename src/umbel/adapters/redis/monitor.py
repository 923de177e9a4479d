"""Events over kombu's fanout channels: told to those who are connected, kept for nobody.

/<db>.celeryev/<routing key>    PUBLISH   one message in kombu's envelope
/<db>.celeryev/*                PSUBSCRIBE   what a listener hears; `*` stands for any text
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ... import clock
from ...monitor import News
from .ear import Ear
from .envelope import opened
from .layout import Layout
from .link import Link
from .pidbox import message

SILENCE: Final = 15.0
"""Seconds without a word after which the server is asked whether it is there."""

TRANSIENT: Final = 1


class _Headers(msgspec.Struct):
    hostname: str = ""


class _Head(msgspec.Struct):
    headers: _Headers = msgspec.field(default_factory=_Headers)
    content_type: str = msgspec.field(name="content-type", default="application/json")
    content_encoding: str = msgspec.field(name="content-encoding", default="utf-8")


_head = msgspec.json.Decoder(_Head).decode


class RedisMonitor:
    """See `umbel.monitor.Monitor`.

    Args:
        link: for what is told.
        ear: for what is heard.
        layout: names of channels.
        exchange: Celery's ``event_exchange``.
    """

    def __init__(self, link: Link, ear: Ear, layout: Layout, exchange: str) -> None:
        self._link = link
        self._ear = ear
        self._exchange = exchange
        self._channel = layout.channel(exchange) + "/"
        self._listening = False
        self._heard = 0.0

    def tell(self, news: Sequence[News]) -> bool:
        """Publish; a node of a cluster knows only its own subscribers."""
        commands = [("PUBLISH", self._channel + one.key, self._sealed(one)) for one in news]
        return any(self._link.many(commands)) or bool(self._link.address.nodes)

    def listen(self, pattern: str = "#") -> None:
        """Subscribe; it is confirmed when this returns."""
        self._ear.listen((), (self._channel + pattern.replace("#", "*"),))
        self._listening = True
        self._ask()

    def hear(self, timeout: float, wake: int = -1) -> list[News]:
        """What has come."""
        if not self._listening:
            self.listen()
        if self._ear.lost() or clock.monotonic() - self._heard > SILENCE:
            self._ask()
        self._ear.sleep(timeout, wake)
        told = self._ear.told()
        while told and self._ear.quiet():
            self._ear.sleep(0.0)
            more = self._ear.told()
            if not more:
                break
            told += more
        if told:
            self._heard = clock.monotonic()
        return [news for channel, data in told if (news := self._opened(channel, data)) is not None]

    def close(self) -> None:
        """Give the connections back; safe to repeat."""
        self._link.close()
        self._ear.close()

    def _ask(self) -> None:
        self._ear.read(("EXISTS", self._channel))  # a node of a cluster that was taken out of it refuses this
        self._heard = clock.monotonic()

    def _sealed(self, news: News) -> bytes:
        headers = {"hostname": news.node}
        kind = (news.content_type, news.content_encoding)
        return message(news.body, headers, self._exchange, news.key, TRANSIENT, kind)

    def _opened(self, channel: str, data: bytes) -> News | None:
        content = opened(data)
        try:
            head = _head(content.head)
        except msgspec.MsgspecError:
            return None
        key = channel.removeprefix(self._channel)
        return News(key, head.headers.hostname, content.body, head.content_type, head.content_encoding)
