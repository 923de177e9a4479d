"""Whatever lies in the queue, written by a stranger or damaged in the file: no worker stops, each message ends as a
failure or a dead letter, and good messages among them run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import pytest

from tests.chaos.conftest import Run, children_of
from tests.support.scale import count, limit
from tests.support.until import until
from umbel.ids import new_id
from umbel.message import Parcel

pytestmark = [pytest.mark.chaos, limit(120)]

BATCH = 20
"""Rounds that lie in the store at once: 400 MB."""

GOOD = json.dumps([[0.0], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()


def head(**changes: Any) -> bytes:
    """A correct head of `work` with some of it changed."""
    headers = {"lang": "py", "task": "chaotic.work", "id": new_id(), "retries": 0, "timelimit": [None, None]}
    top = {"properties": {"delivery_info": {}}, "content-type": "application/json", "content-encoding": "utf-8"}
    top |= {name: changes.pop(name) for name in list(changes) if name in ("properties", "content-type")}
    if "content_encoding" in changes:
        top["content-encoding"] = changes.pop("content_encoding")
    whole: dict[str, Any] = {"headers": headers | changes, **top}
    return json.dumps(whole).encode()


def bodies(rng: random.Random) -> Iterator[bytes]:
    """Bodies of every bad kind."""
    yield b""
    yield b"\0" * 100
    yield rng.randbytes(rng.randrange(1, 500))
    yield GOOD[: rng.randrange(len(GOOD))]
    yield b"[" * 100_000
    yield b'{"a":' * 50_000
    yield b"[" * 900 + b"]" * 900
    yield json.dumps([[0.0], {"x\0y": "\0"}, {}]).encode()
    yield b'[["\\ud800"],{},{}]'
    yield b"[[1e999],{},{}]"
    yield b"[[NaN],{},{}]"
    yield b"[[" + b"9" * 5000 + b"],{},{}]"
    yield json.dumps([[{"__type__": "datetime", "__value__": "never"}], {}, {}]).encode()
    yield json.dumps([[{"__type__": "bytes", "__value__": 5}], {}, {}]).encode()
    for wrong in (None, 5, "text", {}, [], [1], [1, 2, 3], [[], [], []], [{}, {}, {}], [[], {}, 7], [[], {}, "x"]):
        yield json.dumps(wrong).encode()
    for embed in (
        {"callbacks": 5}, {"callbacks": "abc"}, {"callbacks": [None]}, {"callbacks": [{}]}, {"callbacks": {"task": 5}},
        {"callbacks": [{"task": 5, "args": "x", "kwargs": [], "options": 7}]}, {"errbacks": 5}, {"errbacks": [[]]},
        {"chain": 5}, {"chord": "x"},
    ):  # fmt: skip
        yield json.dumps([[0.0], {}, embed]).encode()
        yield json.dumps([["no number"], {}, embed]).encode()


def heads(rng: random.Random) -> Iterator[bytes]:
    """Heads of every bad kind."""
    good = head()
    yield b""
    yield b"\0" * 50
    yield rng.randbytes(rng.randrange(1, 500))
    yield good[: rng.randrange(len(good))]
    yield b"[" * 100_000
    yield b"null"
    yield b'{"headers":5}'
    for name, wrong in (
        ("task", 5), ("task", None), ("task", ""), ("task", "a\0b"), ("task", "x" * 100_000), ("task", "nobody.knows"),
        ("id", 7), ("id", None), ("id", ""), ("id", "a\0b"), ("id", "\ud800"), ("id", "i" * 10_000),
        ("retries", "x"), ("retries", -5), ("retries", 10**30), ("timelimit", "x"), ("timelimit", [1]),
        ("timelimit", ["a", "b"]), ("timelimit", [-1, -1]), ("timelimit", [1e308, 1e308]), ("expires", "never"),
        ("expires", 5), ("expires", "0001-01-01T00:00:00+23:59"), ("expires", "9999-12-31T23:59:59-23:59"),
        ("eta", "x"), ("group", 5), ("parent_id", []), ("ignore_result", "yes"), ("stamps", 5), ("lang", "php"),
        ("argsrepr", None), ("shadow", 5), ("stamped_headers", "x"), ("headers", {"a": 1}),
        ("content-type", "application/x-python-serialize"), ("content-type", "application/x-yaml"),
        ("content-type", "text/nonsense"), ("content-type", 5), ("content_encoding", "no-such-encoding"),
        ("content_encoding", "utf-16"), ("properties", 5), ("properties", None), ("properties", {"priority": "x"}),
    ):  # fmt: skip
        yield head(**{name: wrong})


def strange(rng: random.Random, rounds: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(rounds):
        yield from ((one, GOOD) for one in heads(rng))
        yield from ((head(), one) for one in bodies(rng))
        yield (rng.randbytes(200), rng.randbytes(200))
        yield (head(), json.dumps([["x" * 10_000_000], {}, {}]).encode())
        yield (rng.randbytes(10_000_000), GOOD)


def by_parcel(chaos: Run, items: list[tuple[bytes, bytes]]) -> None:
    """As another producer's messages."""
    publisher = chaos.tasks.app.broker.publisher()
    for top, body in items:
        publisher.publish([Parcel("celery", new_id(), "chaotic.work", top, body)])
    publisher.close()


def by_update(chaos: Run, items: list[tuple[bytes, bytes]]) -> None:
    """As rows that something damaged in the file, numbers and names among them; before a worker may have them."""
    results = list(chaos.tasks.work.apply_async_many((((0.0,), {}) for _ in items), countdown=3600))
    connection = apsw.Connection("queue.db")
    connection.set_busy_timeout(10_000)
    for result, (top, body) in zip(results, items, strict=True):
        connection.execute("UPDATE message SET head = ?, body = ? WHERE id = ?", (top, body, result.id))
        column, value = chaos.rng.choice((
            ("priority", 10**12), ("priority", -7), ("name", "\0"), ("due", 1e300), ("stored", -1.0), ("deaths", -3),
            ("verdict", "nonsense"), ("verdict", "TimeLimitExceeded:x"), ("verdict", "Terminated:"), ("parked", 1e300),
            ("redelivered", 77), ("name", ""),
        ))  # fmt: skip
        connection.execute(f"UPDATE message SET {column} = ? WHERE id = ?", (value, result.id))
    for result in results:
        connection.execute(
            "UPDATE delayed SET due = 1.0 WHERE seq = (SELECT seq FROM message WHERE id = ?)", (result.id,)
        )
    connection.close()


@pytest.mark.parametrize("way", [by_parcel, by_update])
@pytest.mark.parametrize("pool", ["process", "thread"])
def test_no_row_stops_a_worker(chaos: Run, pool: str, way: Callable[[Run, list[tuple[bytes, bytes]]], None]) -> None:
    rounds = count(full=20, small=1)
    worker, family = None, set[int]()
    while rounds > 0:
        items = list(strange(chaos.rng, min(rounds, BATCH)))
        print(f"{len(items)} strange rows")
        way(chaos, items)
        good = chaos.send(20, "work")
        if worker is None:  # it finds the first of them when it starts
            worker = chaos.worker("-c", "2", "-P", pool)
            family = set(children_of(worker))
        chaos.settle()
        assert disturbed(chaos, worker, family, good) == []
        more = chaos.send(5, "work")
        chaos.settle()
        assert disturbed(chaos, worker, family, more) == []
        clear(chaos)
        rounds -= BATCH


def clear(chaos: Run) -> None:
    """Remove the dead letters, which all have a reason."""
    shelf = chaos.tasks.app.broker.shelf()
    dead = shelf.items("dead", limit=10_000)
    assert dead
    assert all(item.reason for item in dead)
    assert shelf.delete("dead", [item.tag for item in dead]) == len(dead)


def disturbed(chaos: Run, worker: Any, family: set[int], good: list[str]) -> list[str]:
    """What strange rows did to a worker, its children and the good messages beside them."""
    found = [fault for fault in chaos.faults() if any(one in fault for one in good) or "still in the store" in fault]
    found += [f"{one} is {state}" for one, state in zip(good, chaos.states(good), strict=True) if state != "SUCCESS"]
    found += [f"child {pid} is gone" for pid in family - set(children_of(worker))]
    return found + [line for line in worker.output().splitlines() if "ended by an error of its own" in line]


def test_a_worker_that_trusts_what_it_reads_is_stopped_by_it(chaos: Run) -> None:
    """The guarantee of the test above turned off: the same judge finds it."""
    worker = chaos.worker("-c", "2", sabotage=["trust-messages"])
    family = set(children_of(worker))
    by_parcel(chaos, list(strange(chaos.rng, 1)))
    good = chaos.send(20, "work")
    until(lambda: not family & set(children_of(worker)), "the death of the first children", timeout=20)
    until(lambda: chaos.waited(3), timeout=20)
    faults = disturbed(chaos, worker, family, good)
    assert any("is gone" in fault for fault in faults)
    assert any("ended by an error of its own" in fault for fault in faults)
    assert any("still in the store" in fault for fault in faults)
