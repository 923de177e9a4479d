"""The bare Redis loop: what a competent person writes in an afternoon with the same library and messages as umbel.

One thread a process, one list of messages, one key a result by task id, batches of 500, claim and settle as two calls,
leases kept: a claim moves messages into a list of this process, whose deadline stands in a sorted set. Each envelope
and body is decoded, the function is called, Celery's result document is encoded and stored with its expiry. No limits,
no revocations, no retries, no delays, no priorities, no wake-up, no crash counting, nobody is told of a result.

    python -m benchmarks.bare_redis PROCESSES      work until ended, on the server that BENCH_REDIS names
"""

from __future__ import annotations

import os
import socket
import sys
import time
import uuid
from base64 import b64encode
from binascii import a2b_base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import hiredis
import msgspec

from benchmarks import work
from benchmarks.bare import BATCH, LEASE, Document, Headers, decode_body, encode, parts, serve

QUEUE = "bare"
RESULT = "result-"
KEPT = "86400"
"""Seconds that a result is kept, as umbel's and Celery's are."""

CLAIM = b"""
local items = redis.call('RPOP', KEYS[1], ARGV[1])
if not items then return {} end
redis.call('RPUSH', KEYS[2], unpack(items))
redis.call('ZADD', 'leases', ARGV[2], KEYS[2])
return items
"""


class Envelope(msgspec.Struct, gc=False):
    """What a loop without features needs of an envelope."""

    headers: Headers
    body: str


decode_envelope = msgspec.json.Decoder(Envelope).decode


def envelope(name: str, args: tuple[Any, ...], origin: str) -> tuple[str, bytes]:
    """Task id and message as they stand in Celery's list (a test compares them with umbel's)."""
    task_id, head, body = parts(name, args, origin)
    properties = {**head["properties"], "body_encoding": "base64", "delivery_tag": str(uuid.uuid4())}
    return task_id, encode({"body": b64encode(body).decode(), **head, "properties": properties})


class Connection:
    """A socket and hiredis; commands go out in one piece, replies are read in order."""

    def __init__(self) -> None:
        url = urlsplit(os.environ["BENCH_REDIS"])
        self.socket = socket.create_connection((url.hostname, url.port or 6379))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = hiredis.Reader()

    def call(self, *commands: tuple[Any, ...]) -> Any:
        """Run commands; returns the last reply.

        Raises:
            ConnectionError: the server went away.
            hiredis.ReplyError: it refused the last one.
        """
        self.socket.sendall(b"".join(map(hiredis.pack_command, commands)))
        reply = None
        for _ in commands:
            while (reply := self.reader.gets()) is False:
                data = self.socket.recv(1 << 18)
                if not data:
                    raise ConnectionError("the server closed the connection")
                self.reader.feed(data)
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def send(self, *messages: bytes) -> None:
        self.call(("LPUSH", QUEUE, *messages))


class Loop:
    """One process's loop."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.lease = f"lease-{os.getpid()}"
        self.script = self.connection.call(("SCRIPT", "LOAD", CLAIM))
        self.functions = {f"benchmarks.work.{function.__name__}": function for function in work.FUNCTIONS}

    def claim(self) -> list[bytes]:
        return self.connection.call(("EVALSHA", self.script, 2, QUEUE, self.lease, BATCH, time.time() + LEASE))

    def settle(self, results: list[tuple[str, bytes]]) -> None:
        self.connection.call(
            ("MULTI",),
            *[("SET", RESULT + task_id, document, "EX", KEPT) for task_id, document in results],
            ("DEL", self.lease),
            ("ZREM", "leases", self.lease),
            ("EXEC",),
        )

    def run(self, items: list[bytes]) -> list[tuple[str, bytes]]:
        """Decode, call and encode a batch."""
        functions, results = self.functions, []
        for item in items:
            found = decode_envelope(item)
            headers = found.headers
            args, kwargs, _ = decode_body(a2b_base64(found.body))
            value = functions[headers.task](*args, **kwargs)
            now = datetime.now(UTC).isoformat()
            results.append((headers.id, encode(Document("SUCCESS", value, None, [], now, headers.id))))
        return results

    def forever(self) -> None:
        while True:
            items = self.claim()
            if not items:
                time.sleep(0.005)
                continue
            self.settle(self.run(items))


if __name__ == "__main__":
    serve(lambda: Loop().forever(), int(sys.argv[1]))
