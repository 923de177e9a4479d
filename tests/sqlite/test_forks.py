"""Parts across a fork: no connection is alive at it, and both sides go on."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import apsw
import pytest

from tests.sqlite.store import parcel, record
from tests.support.until import until
from umbel.adapters.sqlite import forks

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(action):
    """Run ``action`` in a forked child; its exit code, 0 when nothing was raised."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def locked_ranges(path):
    """(pid, kind) of every lock that the system knows for the file."""
    inode = f":{path.stat().st_ino} "
    with Path("/proc/locks").open() as table:
        return [(int(line.split()[4]), line.split()[3]) for line in table if inode in line]


def test_parent_and_child_both_go_on(store):
    publisher, backend = store.publisher(), store.backend()
    publisher.publish([parcel("before")])

    def child():
        publisher.publish([parcel("child")])
        assert backend.known("child")

    assert in_child(child) == 0
    publisher.publish([parcel("after")])
    assert {item.parcel.id for item in store.shelf().items("ready")} == {"before", "child", "after"}


def test_no_connection_is_open_at_the_fork(store):
    publisher = store.publisher()
    publisher.publish([parcel()])
    assert publisher._link._connection is not None

    def child():
        assert publisher._link._connection is None

    assert in_child(child) == 0
    assert publisher._link._connection is None


def test_a_child_really_locks_the_file(store):
    """With a connection alive at the fork SQLite in the child would believe that it has the parent's locks."""
    publisher = store.publisher()
    publisher.publish([parcel()])

    def child():
        publisher.publish([parcel()])
        assert (os.getpid(), "READ") in locked_ranges(store.path)

    assert in_child(child) == 0


def test_the_log_of_a_child_is_not_ended_by_the_parent(store):
    """The parent's last close must leave the write-ahead log alone while a child uses it."""
    publisher = store.publisher()
    publisher.publish([parcel("parent")])
    ready, gone = os.pipe(), os.pipe()

    def child():
        publisher.publish([parcel("one")])
        os.write(ready[1], b"!")
        os.read(gone[0], 1)
        publisher.publish([parcel("two")])

    pid = os.fork()
    if not pid:
        try:
            child()
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    publisher.publish([parcel("again")])
    publisher.close()
    apsw.Connection(str(store.path)).close()
    os.write(gone[1], b"!")
    os.waitpid(pid, 0)
    for fd in (*ready, *gone):
        os.close(fd)
    assert {item.parcel.id for item in store.shelf().items("ready")} == {"parent", "one", "again", "two"}


def test_a_fork_waits_for_a_call_that_is_under_way(store):
    publisher, other = store.publisher(), store.publisher()
    publisher.publish([parcel()])
    stop = threading.Event()
    sent = []

    def publish():
        while not stop.is_set():
            other.publish([parcel() for _ in range(20)])
            sent.append(20)

    thread = threading.Thread(target=publish)
    thread.start()
    until(lambda: sent)
    for _ in range(20):
        assert in_child(lambda: publisher.publish([parcel(queue="child")])) == 0
    stop.set()
    thread.join()
    assert store.sizes()[0] == 1 + sum(sent)
    assert store.sizes("child")[0] == 20


def test_a_waiting_reader_has_its_own_pipe_after_a_fork(store):
    backend = store.backend()
    watch = store.open(backend.watch())
    watch.add(["a"])
    pipe = watch._bell._number

    def child():
        watch.wait(0.0)
        assert watch._bell._number != pipe
        watch.close()

    assert in_child(child) == 0
    backend.store([record("a")])
    assert watch.wait(5.0)


def test_a_consumer_does_not_sleep_on_its_parents_pipes(store):
    worker = store.worker()
    worker.consumer.wait(["q"], 0.0, -1)

    def child():
        worker.consumer.wait(["q"], 0.0, -1)
        assert worker.consumer._sleeper.pid == os.getpid()

    assert in_child(child) == 0


def test_a_connection_that_is_busy_for_too_long_is_left_to_the_parent(store, monkeypatch):
    """For instance when a signal handler forks in the middle of a call."""
    monkeypatch.setattr(forks, "_PATIENCE", 0.01)
    publisher = store.publisher()
    publisher.publish([parcel("parent")])
    with publisher._link.lock:
        assert in_child(lambda: publisher.publish([parcel("child")])) == 0
    publisher.publish([parcel("after")])
    assert store.sizes()[0] == 3
