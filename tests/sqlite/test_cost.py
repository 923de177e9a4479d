"""What a step costs does not grow with what the store holds. Counted in steps of SQLite's machine, not in time."""

from __future__ import annotations

import apsw
import pytest

from tests.sqlite.store import done, parcel, record
from umbel.adapters.sqlite.statements import named


def steps(part, action):
    """How many of the machine's steps an action of this part takes, to the nearest ten."""
    part._link.read("SELECT 1")
    connection = part._link._connection
    count = 0

    def tick():
        nonlocal count
        count += 10
        return False

    connection.set_progress_handler(tick, 10)
    try:
        action()
    finally:
        connection.set_progress_handler(None)
    return count


def crowd(store, number):
    """So many of everything: ready and delayed, of other queues too, dead letters, results, and waiting readers."""
    store.publish(*[parcel(queue="crowd", priority=each % 3) for each in range(number)])
    store.publish(*[parcel(queue=queue, due=4e9) for queue in ("q", "crowd") for _ in range(number)])
    store.publish(*[parcel(priority=5) for _ in range(number)])
    backend = store.backend()
    backend.store([record(f"crowd-{each}") for each in range(number)])
    watch = store.open(backend.watch())
    watch.add([f"nobody-{each}" for each in range(number)])


def measured(store):
    """Steps of each thing that happens on the path of a task."""
    publisher, worker, backend = store.publisher(), store.worker(), store.backend()
    consumer = worker.consumer
    publisher.publish([parcel(priority=5) for _ in range(100)])
    worker.claim(1)
    found = {"publish": steps(publisher, lambda: publisher.publish([parcel(priority=5)]))}
    held = []
    found["claim"] = steps(consumer, lambda: held.extend(worker.claim(20)))
    found["settle one"] = steps(consumer, lambda: worker.settle(done(held.pop(0), "alone")))
    found["settle"] = steps(consumer, lambda: worker.settle(*[done(each, f"r-{each.tag}") for each in held[:10]]))
    found["settle and claim"] = steps(consumer, lambda: worker.turn(*[done(each, "x") for each in held[10:]], limit=20))
    found["look"] = steps(consumer, lambda: consumer.wait(("q",), 0.0, -1))
    found["fetch"] = steps(backend, lambda: backend.fetch([f"r-{held[0].tag}", "x", "unknown"]))
    found["check"] = steps(consumer, lambda: consumer.check([done(each) for each in held]))
    worker.owners.retire(worker.owner.nonce)
    return found


def test_a_full_store_is_as_quick_as_an_empty_one(store):
    small = measured(store)
    crowd(store, 3000)
    large = measured(store)
    assert large.keys() == small.keys()
    slower = {name: (small[name], large[name]) for name in small if large[name] > small[name] * 1.6 + 200}
    assert slower == {}


PATH = {
    "turn.sql": ["claimed", "status", "turned", "look", "held"],
    "result.sql": ["entries", "waiters", "unwait", "unbell"],
    "owner.sql": ["owned"],
    "control.sql": ["revoked", "broadcasts", "replies", "take_replies"],
    "tidy.sql": ["window", "metas", "bells"],
}
LARGE = ("message", "ready", "delayed", "lease", "result", "result_key", "dead")


@pytest.mark.parametrize(("file", "name"), [(file, name) for file, names in PATH.items() for name in names])
def test_no_statement_of_the_path_scans_a_large_table(store, file, name):
    store.publish(parcel())
    link = store.shelf()._link
    link.read("SELECT 1")
    plan = link._connection.execute(
        "EXPLAIN QUERY PLAN " + named(file)[name], {str(number): None for number in range(1, 7)}
    )
    aliases = {
        "message": "m",
        "ready": "r",
        "delayed": "d",
        "lease": "l",
        "result": "r",
        "result_key": "k",
        "dead": "d",
    }
    for *_, detail in plan.fetchall():
        for table in LARGE:
            assert not detail.startswith((f"SCAN {table}", f"SCAN {aliases[table]} ")) or "VIRTUAL" in detail, detail


def test_compiled_statements_are_used_again(store):
    """A bound value must not make SQLite compile anew (stable plans), and texts must fit into the library's cache."""
    publisher, worker = store.publisher(), store.worker()
    held = []
    for _ in range(50):
        publisher.publish([parcel() for _ in range(3)])
        held = worker.turn(*map(done, held), limit=3).deliveries
    for part in (publisher, worker.consumer):
        stats = part._link._connection.cache_stats()
        assert stats["too_big"] == 0
        assert stats["misses"] < 20
    connection = worker.consumer._link._connection
    assert connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1
