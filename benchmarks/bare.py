"""The bare loop: what a competent person writes in an afternoon with the same library, pragmas and messages as umbel.

One thread a process, one table of messages, one of results by task id, batches of 500, claim and settle as two calls,
leases kept. Each task's envelope and body are decoded, the function is called, Celery's result document is encoded and
stored. No limits, no revocations, no retries, no delays, no priorities, no wake-up, no crash counting.

    python -m benchmarks.bare PATH PROCESSES      work until ended
"""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import apsw
import msgspec

from benchmarks import pragmas, work

BATCH = 500
LEASE = 60.0
REPLY_TO = str(uuid.uuid4())

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB NOT NULL, owner INTEGER, leased_until REAL);
CREATE INDEX IF NOT EXISTS ready ON message (seq) WHERE owner IS NULL;
CREATE TABLE IF NOT EXISTS result (id TEXT PRIMARY KEY, document BLOB NOT NULL);
"""
SEND = "INSERT INTO message (head, body) VALUES (?, ?)"
CLAIM = """
UPDATE message SET owner = ?, leased_until = ?
WHERE seq IN (SELECT seq FROM message WHERE owner IS NULL ORDER BY seq LIMIT ?) RETURNING seq, head, body
"""
STORE = "INSERT OR REPLACE INTO result (id, document) VALUES (?, ?)"
REMOVE = "DELETE FROM message WHERE seq = ? AND owner = ?"


class Headers(msgspec.Struct, gc=False):
    """The headers that a loop without features needs."""

    task: str
    id: str


class Head(msgspec.Struct, gc=False):
    headers: Headers


class Document(msgspec.Struct, gc=False):
    """Celery's result document."""

    status: str
    result: Any
    traceback: str | None
    children: list[Any]
    date_done: str
    task_id: str


encode = msgspec.json.Encoder().encode
decode_head = msgspec.json.Decoder(Head).decode
decode_body = msgspec.json.Decoder(tuple[list[Any], dict[str, Any], Any]).decode


def parts(name: str, args: tuple[Any, ...], origin: str) -> tuple[str, dict[str, Any], bytes]:
    """One call as Celery's protocol 2: task id, head and serialized body."""
    task_id = str(uuid.uuid4())
    headers = {
        "lang": "py", "task": name, "id": task_id, "shadow": None, "eta": None, "expires": None, "group": None,
        "group_index": None, "retries": 0, "timelimit": (None, None), "root_id": task_id, "parent_id": None,
        "argsrepr": repr(args), "kwargsrepr": "{}", "origin": origin, "ignore_result": False,
        "replaced_task_nesting": 0, "stamped_headers": None, "stamps": {},
    }  # fmt: skip
    properties = {
        "correlation_id": task_id, "reply_to": REPLY_TO, "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "celery"}, "priority": 0,
    }  # fmt: skip
    head = {
        "headers": headers, "properties": properties,
        "content-type": "application/json", "content-encoding": "utf-8",
    }  # fmt: skip
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return task_id, head, encode((args, {}, embed))


def message(name: str, args: tuple[Any, ...], origin: str) -> tuple[str, bytes, bytes]:
    """Task id, head and body as umbel writes them (a test compares the two)."""
    task_id, head, body = parts(name, args, origin)
    return task_id, encode(head), body


def connect(path: str) -> apsw.Connection:
    """Open the file as umbel opens its own, and make the two tables."""
    connection = apsw.Connection(path)
    pragmas.apply(connection)
    connection.execute(SCHEMA)
    return connection


class Loop:
    """One process's loop."""

    def __init__(self, path: str) -> None:
        self.connection = connect(path)
        self.owner = os.getpid()
        self.functions = {f"benchmarks.work.{function.__name__}": function for function in work.FUNCTIONS}

    def claim(self) -> list[Any]:
        with self.connection:
            return self.connection.execute(CLAIM, (self.owner, time.time() + LEASE, BATCH)).fetchall()

    def settle(self, results: list[tuple[str, bytes]], claimed: list[tuple[int, int]]) -> None:
        with self.connection:
            self.connection.executemany(STORE, results)
            self.connection.executemany(REMOVE, claimed)

    def run(self, rows: list[Any]) -> tuple[list[tuple[str, bytes]], list[tuple[int, int]]]:
        """Decode, call and encode a batch."""
        functions, owner, results, claimed = self.functions, self.owner, [], []
        for seq, head, body in rows:
            headers = decode_head(head).headers
            args, kwargs, _ = decode_body(body)
            value = functions[headers.task](*args, **kwargs)
            now = datetime.now(UTC).isoformat()
            results.append((headers.id, encode(Document("SUCCESS", value, None, [], now, headers.id))))
            claimed.append((seq, owner))
        return results, claimed

    def forever(self) -> None:
        while True:
            rows = self.claim()
            if not rows:
                time.sleep(0.005)
                continue
            self.settle(*self.run(rows))


def serve(loop: Callable[[], None], processes: int) -> None:
    """Fork the loops and wait to be ended."""
    children = []
    for _ in range(processes):
        pid = os.fork()
        if not pid:
            loop()
        children.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        signal.pause()
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


def main(path: str, processes: int) -> None:
    """Work on a file until ended."""
    serve(lambda: Loop(path).forever(), processes)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
