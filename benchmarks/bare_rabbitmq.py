"""The bare pika loop: what a competent person writes in an afternoon with the same library and messages as umbel.

One thread a process, pika's SelectConnection, publisher confirms in windows of 1,000, a prefetch of 1,000, batches of
at most 500 acknowledged at once, Celery's result document in Redis in one round trip a batch. No limits, no
revocations, no retries, no delays, no crash counting, nobody is told of a result.

    python -m benchmarks.bare_rabbitmq PROCESSES      work until ended, on the servers that the environment names
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pika
from pika.adapters.select_connection import SelectConnection

from benchmarks import bare_redis, work
from benchmarks.bare import BATCH, Document, decode_body, encode, parts, serve
from benchmarks.bare_redis import KEPT, RESULT

QUEUE = "bare"
WINDOW = 1_000


def message(name: str, args: tuple[Any, ...], origin: str) -> tuple[str, pika.BasicProperties, bytes]:
    """Task id, properties and body as Celery sends them."""
    task_id, head, body = parts(name, args, origin)
    given = head["properties"]
    headers = {**head["headers"], "timelimit": list(head["headers"]["timelimit"])}
    properties = pika.BasicProperties(
        content_type=head["content-type"], content_encoding=head["content-encoding"], headers=headers,
        delivery_mode=given["delivery_mode"], priority=given["priority"], correlation_id=given["correlation_id"],
        reply_to=given["reply_to"],
    )  # fmt: skip
    return task_id, properties, body


def connected(on_channel: Any) -> SelectConnection:
    """A connection that calls back with its channel, on which the queue exists."""
    url = urlsplit(os.environ["BENCH_RABBITMQ"])

    def opened(channel: Any) -> None:
        channel.queue_declare(QUEUE, durable=True, callback=lambda _: on_channel(channel))

    return SelectConnection(
        pika.ConnectionParameters(url.hostname, url.port, heartbeat=60),
        on_open_callback=lambda connection: connection.channel(on_open_callback=opened),
    )


class Sender:
    """The client's side: confirms in windows."""

    def __init__(self) -> None:
        self.sent = self.confirmed = 0
        self.left: list[Any] = []
        self.channel: Any = None
        self.connection = connected(self._ready)
        self.connection.ioloop.start()

    def send(self, messages: Sequence[tuple[str, pika.BasicProperties, bytes]]) -> None:
        """Send, and wait for all confirms."""
        self.left = list(reversed(messages))
        self._fill()
        self.connection.ioloop.start()

    def _ready(self, channel: Any) -> None:
        self.channel = channel
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self.connection.ioloop.stop())

    def _on_confirm(self, frame: Any) -> None:
        self.confirmed = frame.method.delivery_tag if frame.method.multiple else self.confirmed + 1
        self._fill()
        if not self.left and self.confirmed >= self.sent:
            self.connection.ioloop.stop()

    def _fill(self) -> None:
        while self.left and self.sent - self.confirmed < WINDOW:
            _, properties, body = self.left.pop()
            self.channel.basic_publish("", QUEUE, body, properties, mandatory=True)
            self.sent += 1


class Loop:
    """One process's loop."""

    def __init__(self) -> None:
        self.results = bare_redis.Connection()
        self.batch: list[Any] = []
        self.functions = {f"benchmarks.work.{function.__name__}": function for function in work.FUNCTIONS}
        self.connection = connected(self._ready)

    def _ready(self, channel: Any) -> None:
        channel.basic_qos(prefetch_count=WINDOW, callback=lambda _: channel.basic_consume(QUEUE, self._take))

    def _take(self, channel: Any, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        if not self.batch:  # whatever has come by the loop's next turn is one batch
            self.connection.ioloop.call_later(0, lambda: self._run(channel))
        self.batch.append((method.delivery_tag, properties, body))
        if len(self.batch) >= BATCH:
            self._run(channel)

    def _run(self, channel: Any) -> None:
        batch, self.batch = self.batch, []
        if not batch:
            return
        commands = []
        for _, properties, body in batch:
            headers = properties.headers or {}
            args, kwargs, _ = decode_body(body)
            value = self.functions[str(headers["task"])](*args, **kwargs)
            task_id = str(headers["id"])
            document = Document("SUCCESS", value, None, [], datetime.now(UTC).isoformat(), task_id)
            commands.append(("SET", RESULT + task_id, encode(document), "EX", KEPT))
        self.results.call(*commands)
        channel.basic_ack(batch[-1][0], multiple=True)

    def forever(self) -> None:
        self.connection.ioloop.start()


if __name__ == "__main__":
    serve(lambda: Loop().forever(), int(sys.argv[1]))
