"""A store that is locked, full, read-only, damaged, foreign or too new: one typed error, and nothing has happened."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

import apsw
import pytest

from tests.sqlite.store import Store, done, parcel
from umbel.exceptions import (
    OperationalError,
    QueueFull,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreUnavailable,
    StoreUnsuitable,
)


def limit_pages(part, spare):
    """Let the file of this part's connection grow by so many pages and no more."""
    pages = part._link.read("PRAGMA page_count")[0][0]
    part._link.read(f"PRAGMA max_page_count = {pages + spare}")


def fill(publisher):
    """Publish until the store is full; how many went in."""
    for number in range(10_000):
        try:
            publisher.publish([parcel(body=b"x" * 2000)])
        except StoreFull:
            return number
    raise AssertionError("the store never became full")


@pytest.fixture
def hold(store):
    """Somebody else's connection that has the write lock."""
    store.publish(parcel("first"))
    connection = apsw.Connection(str(store.path))
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_a_locked_store_is_given_up_at_the_deadline(store, hold):
    publisher = store.publisher()
    before = time.monotonic()
    with pytest.raises(StoreLocked, match=re.escape(str(store.path))):
        publisher.publish([parcel("second")], deadline=0.2)
    assert 0.15 < time.monotonic() - before < 2
    hold.execute("ROLLBACK")
    assert store.sizes() == (1, 0, 0, 0)
    publisher.publish([parcel("third")], deadline=0.2)
    assert store.sizes() == (2, 0, 0, 0)


def test_a_turn_on_a_locked_store_can_be_repeated(tmp_path):
    store = Store(tmp_path, "?timeout=0.1")
    store.publish(parcel("a"), parcel("b"))
    worker = store.worker()
    (first,) = worker.claim(1)
    holder = apsw.Connection(str(store.path))
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked):
        worker.turn(done(first))
    holder.execute("ROLLBACK")
    holder.close()
    turn = worker.turn(done(first))
    assert (len(turn.deliveries), turn.fenced) == (1, [])
    assert store.faults() == []
    store.close()


def test_a_full_store_raises_and_goes_on_when_there_is_room(store):
    publisher = store.publisher()
    publisher.publish([parcel()])
    limit_pages(publisher, 20)
    stored = 1 + fill(publisher)
    with pytest.raises(StoreFull, match="Free space"):
        publisher.publish([parcel(body=b"x" * 2000) for _ in range(50)])
    assert store.sizes() == (stored, 0, 0, 0)
    limit_pages(publisher, 1000)
    publisher.publish([parcel(body=b"x" * 2000) for _ in range(50)])
    assert store.sizes() == (stored + 50, 0, 0, 0)


def test_a_store_that_is_full_at_a_settle_keeps_the_claim(store):
    store.publish(*[parcel() for _ in range(20)])
    worker = store.worker()
    deliveries = worker.claim()
    limit_pages(worker.consumer, 2)
    large = [done(delivery) for delivery in deliveries]
    for outcome in large:
        outcome.record.document = b"y" * 5000
    with pytest.raises(StoreFull):
        worker.settle(*large)
    assert store.sizes() == (0, 0, 20, 0)
    limit_pages(worker.consumer, 1000)
    assert worker.settle(*large) == []
    assert len(store.backend().fetch([f"of-{delivery.tag}" for delivery in deliveries])) == 20


def test_a_file_that_may_not_grow_is_full(processes, tmp_path):
    script = tmp_path / "grow.py"
    script.write_text(
        f"""
import resource
from umbel.adapters.sqlite import open_broker
from umbel.exceptions import StoreFull
from umbel.message import Parcel
publisher = open_broker("sqlite:///{tmp_path}/a.db", {{}}).publisher()
publisher.publish([Parcel("q", "x", "t", b"{{}}", b"")])
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
sent = 1
try:
    while True:
        publisher.publish([Parcel("q", "x", "t", b"{{}}", b"z" * 1000)] * 10)
        sent += 10
except StoreFull as error:
    print("full", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
publisher.publish([Parcel("q", "x", "t", b"{{}}", b"")])
shelf = open_broker("sqlite:///{tmp_path}/a.db", {{}}).shelf()
assert shelf.counts()[0].ready == sent + 1, (shelf.counts(), sent)
print("went on")
"""
    )
    process = processes.python(script)
    assert process.wait(30) == 0, process.output()
    assert "full There is no room" in process.output()
    assert "went on" in process.output()


def test_the_bound_of_a_queue_is_kept_exactly(store):
    publisher = store.publisher()
    publisher.publish([parcel() for _ in range(3)], limits={"q": 5})
    with pytest.raises(QueueFull, match=r"q \(5\)"):
        publisher.publish([parcel() for _ in range(3)], limits={"q": 5})
    assert store.sizes() == (3, 0, 0, 0)
    publisher.publish([parcel() for _ in range(2)], limits={"q": 5, "other": 0})
    with pytest.raises(QueueFull):
        publisher.publish([parcel(queue="other")], limits={"q": 5, "other": 0})
    assert store.sizes() == (5, 0, 0, 0)


UNPRIVILEGED = """
import os, sys
from umbel.adapters.sqlite import open_backend, open_broker
from umbel.exceptions import OperationalError
from umbel.message import Parcel
# Everything is loaded before the rights are given up: the folder of a clone may be closed to others.
warm = open_broker(f"sqlite:///{os.path.dirname(sys.argv[0])}/warm.db", {})
warm.publisher().publish([Parcel("q", "x", "t", b"{}", b"")])
warm.shelf().counts()
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
url = sys.argv[1]
try:
    open_broker(url, {}).publisher().publish([Parcel("q", "x", "t", b"{}", b"")])
except OperationalError as error:
    print(type(error).__name__, error)
print("read", open_broker(url, {}).shelf().counts()[0].ready if len(sys.argv) > 2 else "")
"""


@pytest.fixture
def open_folder():
    """A folder that another user can reach: not pytest's, which every start of pytest closes to others again."""
    with tempfile.TemporaryDirectory(prefix="umbel-open-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_file_that_may_only_be_read_says_so_and_can_be_read(processes, open_folder, tmp_path):
    store = Store(open_folder)
    store.publish(parcel())
    open_folder.chmod(0o777)
    keeper = store.shelf()
    keeper.counts()  # keeps the write-ahead log and its index there, as a worker does
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (open_folder / name).chmod(0o444 if name == "store.db" else 0o666)
    (tmp_path / "script.py").write_text(UNPRIVILEGED)
    process = processes.python(tmp_path / "script.py", store.url, "read")
    assert process.wait() == 0, process.output()
    assert "StoreReadOnly" in process.output()
    assert "read 1" in process.output()
    store.close()


def test_a_file_that_may_not_be_read_says_so(processes, open_folder, tmp_path):
    store = Store(open_folder)
    store.publish(parcel())
    store.close()
    store.path.chmod(0o200 if os.geteuid() else 0o600)
    (tmp_path / "script.py").write_text(UNPRIVILEGED)
    process = processes.python(tmp_path / "script.py", store.url)
    assert process.wait() == 0, process.output()
    assert "StoreUnavailable" in process.output()
    assert "cannot be read" in process.output()


def test_a_truncated_file_is_damaged(store):
    store.publish(*[parcel(body=b"x" * 500) for _ in range(500)])
    os.truncate(store.path, store.path.stat().st_size // 2)
    with pytest.raises(StoreDamaged, match="damaged"):
        store.publish(parcel())
    with pytest.raises(StoreDamaged):
        store.backend().fetch(["x"])
    store.path.unlink()


def test_a_store_of_another_program_is_not_touched(store):
    store.path.parent.mkdir()
    foreign = apsw.Connection(str(store.path))
    foreign.execute("CREATE TABLE message (a); INSERT INTO message VALUES (1)")
    foreign.close()
    before = store.path.read_bytes()
    with pytest.raises(StoreDamaged, match="another program"):
        store.publish(parcel())
    assert store.path.read_bytes() == before
    store.path.unlink()


def test_a_table_that_is_missing_is_damage(store):
    store.publish(parcel())
    connection = apsw.Connection(str(store.path))
    connection.execute("DROP TABLE result")
    connection.close()
    with pytest.raises(StoreDamaged, match="umbel's tables"):
        store.backend().fetch(["x"])
    store.close()
    store.path.unlink()


def test_a_newer_layout_is_refused_and_a_newer_addition_is_not(store):
    store.publish(parcel())
    connection = apsw.Connection(str(store.path))
    connection.execute("PRAGMA user_version = 2000")
    with pytest.raises(StoreUnsuitable, match="Update umbel"):
        store.publish(parcel())
    connection.execute("PRAGMA user_version = 1999")
    connection.close()
    store.publish(parcel())
    assert store.sizes() == (2, 0, 0, 0)


def test_a_message_of_more_than_a_gigabyte_is_refused(store):
    publisher = store.publisher()
    publisher.publish([parcel()])
    publisher._link._connection.limit(apsw.SQLITE_LIMIT_LENGTH, 10_000)
    with pytest.raises(OperationalError, match="larger than 1 GB"):
        publisher.publish([parcel(body=bytes(20_000))])
    assert store.sizes() == (1, 0, 0, 0)


def test_what_is_not_text_is_an_error_of_ours(store):
    with pytest.raises(OperationalError):
        store.publish(parcel(b"bytes"))
    assert store.sizes() == (0, 0, 0, 0)


def test_a_store_that_was_removed_is_made_anew(store):
    publisher = store.publisher()
    publisher.publish([parcel("old")])
    store.path.unlink()
    publisher._link._look = 0.0  # the second in which nobody looks is over
    publisher.publish([parcel("new")])
    assert [item.parcel.id for item in store.shelf().items("ready")] == ["new"]


def test_unavailable_is_what_cannot_be_opened(tmp_path):
    store = Store(tmp_path)
    store.publish(parcel())
    store.path.with_name("store.db-wal").mkdir()
    with pytest.raises(StoreUnavailable):
        store.publish(parcel())
