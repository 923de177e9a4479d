"""Housekeeping: the file stays small, and one step of it holds nobody up."""

from __future__ import annotations

import os
import time

import apsw

from tests.sqlite.store import done, parcel, record
from tests.sqlite.test_results import ERA, spread_over_eras
from umbel.adapters.sqlite import tidy
from umbel.adapters.sqlite.liveness import owners_file


def tidied(owners, **limits):
    """Tidy to the end; sizes of the steps."""
    steps = []
    while step := owners.tidy(limits):
        steps.append(step)
    return steps


def test_a_step_is_bounded(store):
    backend, owners = store.backend(), store.owners()
    backend.store([record(str(number), expires=1.0) for number in range(1800)])
    steps = tidied(owners)
    assert sum(steps) == 1800
    assert max(steps) <= 500


def test_pages_are_given_back(store):
    publisher, shelf, owners = store.publisher(), store.shelf(), store.owners()
    publisher.publish([parcel(body=b"x" * 1500) for _ in range(6000)])
    shelf._link.read("PRAGMA wal_checkpoint(TRUNCATE)")
    large = store.path.stat().st_size
    shelf.purge("q")
    for _ in range(10):
        owners.tidy({})
    shelf._link.read("PRAGMA wal_checkpoint(TRUNCATE)")
    assert large > 10_000_000
    assert store.path.stat().st_size < 6_000_000


def test_the_log_does_not_grow_without_end(store):
    publisher, worker = store.publisher(), store.worker()
    sent = [parcel(body=b"x" * 1000) for _ in range(500)]
    for _ in range(40):
        publisher.publish(sent)
        while held := worker.claim(500):
            worker.settle(*[done(each) for each in held])
    log = store.path.with_name("store.db-wal").stat().st_size
    assert log < 40_000_000
    assert store.path.stat().st_size < 60_000_000


def test_a_sweep_brings_a_long_log_into_the_file_and_leaves_a_short_one(store):
    publisher, owners = store.publisher(), store.owners()
    publisher.publish([parcel()])
    link = owners._link
    link.read("SELECT 1")
    lengths = []
    for _ in range(3):
        before = link._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        owners.rescue()
        lengths.append((before, link._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)))
        publisher.publish([parcel(body=b"x" * 3000) for _ in range(1200)])
    (short, kept), *rest = lengths
    assert kept == short
    assert 0 < short[0] < 1000
    assert all(before[0] - before[1] > 1000 and after[0] == after[1] for before, after in rest)


def test_results_over_the_count_go_oldest_first_whatever_their_numbers(store):
    backend, owners = store.backend(), store.owners()
    spread_over_eras(backend, "a", ["SUCCESS"])
    backend.store([record(str(number)) for number in range(1200)])
    backend.forget(["600"])
    assert sum(tidied(owners, result_count=100)) == 1101  # 600 was gone, but its pack counts it
    assert tidied(owners, result_count=100) == []
    assert backend.fetch(["a", "1098", "1099", "1100", "1101", "1199"]).keys() == {"1100", "1101", "1199"}
    assert tidied(owners, result_count=ERA) == []


def test_what_is_removed_is_what_was_seen(store, monkeypatch):
    """A number of a removed row may be given to a new result between the look and the removal."""
    backend, owners = store.backend(), store.owners()
    backend.store([record("old", expires=1.0)])
    original = owners._tidier._link.read

    def read(sql, *arguments):
        found = original(sql, *arguments)
        if found and "count, meta FROM result" in sql:
            backend.forget(["old"])
            backend.store([record("new")])
        return found

    monkeypatch.setattr(tidy.Link, "read", lambda _link, *arguments: read(*arguments))
    assert owners.tidy({}) == 0
    monkeypatch.undo()
    assert backend.fetch(["new"]).keys() == {"new"}


def test_notes_of_misses_do_not_stay(store):
    owners = store.owners()
    owners._link.write("INSERT INTO missed VALUES (1, 1, ?)", (time.time() - 100,))
    owners._link.write("INSERT INTO missed VALUES (2, 1, ?)", (time.time(),))
    owners.tidy({})
    assert owners._link.read("SELECT token FROM missed") == [(2,)]


def test_readers_that_are_gone_are_forgotten(store):
    backend, owners = store.backend(), store.owners()
    alive, gone = store.open(backend.watch()), backend.watch()
    alive.add(["a"])
    gone.add(["a", "b"])
    gone._bell._sleeper.close()
    owners.tidy({})
    assert owners._link.read("SELECT bell FROM waiter") == [(alive._bell._number,)]
    gone._bell._names.clear()


def test_pipes_that_nobody_reads_are_removed_after_a_minute(store):
    watch, owners = store.open(store.backend().watch()), store.owners()
    watch.add(["a"])
    folder = store.path.with_name("store.db.wake")
    for name, age in (("w-1", 100), ("w-2", 0)):
        os.mkfifo(folder / name)
        os.utime(folder / name, (time.time() - age,) * 2)
    owners.tidy({})
    assert (folder / "w-1").exists(), "it looks once a minute"
    owners._tidier._swept -= 61
    owners.tidy({})
    assert not (folder / "w-1").exists()
    assert (folder / "w-2").exists()
    assert len(list(folder.glob("w-*"))) == 2


def test_the_file_of_locks_is_never_closed_while_somebody_here_lives(store):
    worker = store.worker()
    store.close()
    file = owners_file(str(store.path))
    os.fstat(file._fd)
    assert worker.owner.nonce in file.mine
    assert store.owners().rescue() == 0
