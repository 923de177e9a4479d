"""Layouts: made once, whoever comes first; every layout that was released is served by every later umbel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import apsw
import pytest

from tests.sqlite.store import Store, done, parcel
from umbel.adapters.sqlite import migrate

GOLDEN = Path(__file__).parent / "golden"
"""layout-VERSION.sql of every release: never changed, never removed."""


def layout(path):
    """The layout of a file as text."""
    connection = apsw.Connection(str(path))
    rows = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    ).fetchall()
    connection.close()
    return ";\n\n".join(sql for (sql,) in rows) + ";\n"


def from_golden(store, version):
    store.path.parent.mkdir(parents=True, exist_ok=True)
    connection = apsw.Connection(str(store.path))
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute((GOLDEN / f"layout-{version}.sql").read_text())
    connection.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_the_layout_is_the_newest_golden_one(store):
    """A changed layout is a new version: a step in `migrate.STEPS` and a new golden file."""
    store.publish(parcel())
    assert layout(store.path) == (GOLDEN / f"layout-{migrate.CURRENT}.sql").read_text()


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("layout-*.sql")), ids=lambda path: path.stem)
def test_every_released_layout_works(store, golden):
    from_golden(store, int(golden.stem.removeprefix("layout-")))
    store.publish(parcel("a"), parcel("b"))
    worker = store.worker()
    first, second = worker.claim()
    assert worker.settle(done(first)) == []
    assert store.backend().fetch([f"of-{first.tag}"])
    assert store.owners().rescue() == 0
    worker.owners.retire(worker.owner.nonce)
    assert store.sizes() == (1, 0, 0, 0)
    assert store.worker().claim()[0].tag == second.tag


def test_steps_are_taken_in_order_and_once(store, monkeypatch):
    store.publish(parcel())
    texts = {
        "one.sql": "CREATE TABLE extra (a INTEGER) STRICT",
        "two.sql": "ALTER TABLE extra ADD COLUMN b INTEGER NOT NULL DEFAULT 7; INSERT INTO extra (a) VALUES (1)",
    }
    monkeypatch.setattr(migrate, "script", texts.__getitem__)
    monkeypatch.setattr(migrate, "STEPS", ((migrate.MINOR + 1, "one.sql"), (migrate.MINOR + 2, "two.sql")))
    monkeypatch.setattr(migrate, "CURRENT", migrate.CURRENT + 2)
    store.close()
    for _ in range(2):
        shelf = store.shelf()
        assert shelf.counts()[0].ready == 1
        assert shelf._link.read("SELECT a, b FROM extra") == [(1, 7)]
        assert shelf._link.read("PRAGMA user_version") == [(migrate.CURRENT,)]
        store.close()


def test_a_step_that_fails_changes_nothing(store, monkeypatch):
    store.publish(parcel())
    before = layout(store.path)
    monkeypatch.setattr(migrate, "script", {"one.sql": "CREATE TABLE extra (a); CREATE TABLE result (a)"}.__getitem__)
    monkeypatch.setattr(migrate, "STEPS", ((migrate.MINOR + 1, "one.sql"),))
    monkeypatch.setattr(migrate, "CURRENT", migrate.CURRENT + 1)
    with pytest.raises(Exception, match="already exists"):
        store.publish(parcel())
    monkeypatch.undo()
    assert layout(store.path) == before
    store.publish(parcel())
    assert store.sizes() == (2, 0, 0, 0)


def test_many_processes_may_make_the_store_at_once(store, processes):
    code = (
        "import sys; from umbel.adapters.sqlite import open_broker; from umbel.message import Parcel; sys.stdin.read();"
        "open_broker('sqlite:///' + sys.argv[1], {}).publisher().publish([Parcel('q', 'x', 't', b'{}', b'')])"
    )
    started = [processes.python("-c", code, store.path, stdin=subprocess.PIPE) for _ in range(8)]
    for process in started:
        process.stdin.close()
    assert [process.wait() for process in started] == [0] * 8, processes.report()
    assert store.sizes() == (8, 0, 0, 0)


def test_a_store_keeps_its_pragmas(store):
    store.publish(parcel())
    link = store.shelf()._link
    found = {
        name: link.read(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "auto_vacuum", "synchronous", "mmap_size", "page_size")
    }
    assert found == {"journal_mode": "wal", "auto_vacuum": 2, "synchronous": 1, "mmap_size": 0, "page_size": 4096}
    full = Store(store.path.parent, "?durability=full")
    assert full.shelf()._link.read("PRAGMA synchronous") == [(2,)]
    full.close()
