"""The result store beyond its contract: what stands in the table, sizes, databases in need, forks, secrets."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import traceback

import pytest
import sqlalchemy as sa

from tests.support.postgresql import PASSWORD
from umbel import Umbel, clock
from umbel.adapters.database import open_backend
from umbel.adapters.database.link import Link
from umbel.exceptions import (
    ImproperlyConfigured,
    MissingExtra,
    OperationalError,
    StoreLocked,
    StoreUnavailable,
    StoreUnsuitable,
)
from umbel.record import Record


def record(task_id, status="SUCCESS", expires=0.0, **fields):
    body = {"status": status, "result": None, "traceback": None, "children": [], "date_done": None, **fields}
    return Record(task_id, status, json.dumps({**body, "task_id": task_id}, separators=(",", ":")).encode(), expires)


@pytest.fixture
def backend(url):
    backend = open_backend(url, {})
    yield backend
    backend.close()


@pytest.fixture
def sql(url):
    """Runs a statement beside the store."""
    engine = sa.create_engine(url.removeprefix("db+"), poolclass=sa.pool.NullPool)

    def run(statement):
        with engine.begin() as connection:
            done = connection.execute(sa.text(statement))
            return done.all() if done.returns_rows else []

    return run


def test_a_document_comes_back_byte_for_byte(backend):
    whole = record(
        "a", result={"a": [1, "é"]}, children=[[["b", None], None]], date_done="2030-01-02T03:04:05.600000+00:00",
        name="shop.add", args=[1], kwargs={"b": None}, worker="w1@host", retries=2, queue="celery",
    )  # fmt: skip
    backend.store([whole, record("b", "STARTED")])
    assert backend.fetch(["a", "b"]) == {"a": whole, "b": record("b", "STARTED")}


def test_thousands_in_one_call(backend):
    ids = [str(number) for number in range(5000)]
    backend.store([record(task_id) for task_id in ids])
    assert len(backend.fetch(ids)) == 5000
    backend.forget(ids)
    assert backend.fetch(ids) == {}


def test_a_big_result(backend):
    big = record("a", result="x" * (20 << 20))
    backend.store([record("before"), big, record("after")])
    assert backend.fetch(["before", "a", "after"])["a"] == big


def test_thousands_of_ids_in_one_watch(backend):
    watch = backend.watch()
    ids = [str(number) for number in range(3000)]
    watch.add(ids)
    assert not watch.wait(0.0)
    backend.store([record("2999")])
    assert watch.wait(10)
    watch.discard(ids[1000:])
    assert not watch.wait(0.0)
    watch.close()


def test_what_a_database_has_no_room_for_is_made_to_fit(backend):
    odd = record("a", "FAILURE", traceback="before\0after", worker="w" * 500, name="n" * 500, queue="q" * 500)
    backend.store([odd])
    found = json.loads(backend.fetch(["a"])["a"].document)
    assert found["traceback"] == "before\ufffdafter" or found["traceback"] == "before\0after"
    assert (found["worker"], found["name"], found["queue"]) == ("w" * 155, "n" * 155, "q" * 155)


def test_an_id_without_room_is_one_sentence(postgresql):
    backend = open_backend(f"db+{postgresql.database()}", {})
    with pytest.raises(OperationalError, match="no room for a task id of more than 155 characters"):
        backend.store([record("x" * 156)])
    backend.store([record("x" * 155)])
    backend.close()


def test_an_expired_result_does_not_stand_in_the_way_of_a_new_run(backend):
    backend.store([record("a", "SUCCESS", clock.wall() - 5)])
    backend.store([record("a", "STARTED", clock.wall() + 60)])
    assert backend.fetch(["a"])["a"].status == "STARTED"


def test_what_has_expired_is_removed_by_those_who_store(backend, sql):
    backend.store([record(f"old {number}", expires=clock.wall() - 5) for number in range(700)])
    backend.store([record("young", expires=clock.wall() + 60), record("for ever")])
    for _ in range(2):
        backend._tidy_at = 0.0
        backend.store([record("young", expires=clock.wall() + 60)])
    assert sorted(row.task_id for row in sql("SELECT task_id FROM celery_taskmeta")) == ["for ever", "young"]


def test_known_is_true_or_not_to_be_told(backend):
    assert backend.known("a") is None
    backend.store([record("a", "STARTED")])
    assert backend.known("a") is True


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_watch_and_a_backend_in_a_forked_child(backend):
    watch = backend.watch()
    watch.add(["a"])
    backend.store([record("b")])
    pid = os.fork()
    if not pid:
        code = 1
        try:
            assert sorted(backend.fetch(["a", "b"])) == ["b"]
            backend.store([record("a")])
            assert watch.wait(5)
            backend.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert watch.wait(5), "the parent's own connection goes on"
    assert backend.fetch(["a"])["a"].status == "SUCCESS"


def test_settings_that_say_where_and_how(url, sql):
    if url.startswith("db+postgresql"):
        sql("CREATE SCHEMA shop")
    settings = {
        "database_table_names": {"task": "shop_results", "group": "shop_groups"},
        "database_table_schemas": {"task": "shop"} if url.startswith("db+postgresql") else None,
        "database_engine_options": {"pool_size": 5, "echo": False},
    }
    with Umbel("shop", broker="memory://settings", backend=url) as app:
        app.conf.update(settings)
        app.backend().store([record("a")])
        assert app.AsyncResult("a").state == "SUCCESS"
    where = "shop.shop_results" if url.startswith("db+postgresql") else "shop_results"
    assert len(sql(f"SELECT * FROM {where}")) == 1


# Databases in need


def test_a_locked_file_costs_its_deadline(tmp_path):
    backend = open_backend(f"db+sqlite:///{tmp_path}/results.db", {"timeout": 0.2})
    backend.store([record("a", "STARTED")])
    other = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked, match="Somebody else holds"):
        backend.store([record("a")])
    other.execute("ROLLBACK")
    backend.store([record("a")])
    assert backend.fetch(["a"])["a"].status == "SUCCESS"
    other.close()
    backend.close()


def test_a_connection_that_was_cut_is_replaced_without_a_word(postgresql):
    url = postgresql.database()
    backend = open_backend(f"db+{url}", {})
    backend.store([record("a")])
    postgresql.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'psql'")
    assert sorted(backend.fetch(["a"])) == ["a"]
    backend.close()


@pytest.mark.chaos
def test_a_silent_server_costs_the_deadline_and_is_used_again(own_postgresql):
    backend = open_backend(f"db+{own_postgresql.url()}", {"timeout": 1})
    backend.store([record("a")])
    own_postgresql.freeze()
    began = clock.monotonic()
    with pytest.raises(StoreUnavailable, match="did not answer"):
        backend.fetch(["a"])
    assert clock.monotonic() - began < 10
    own_postgresql.freeze(False)
    assert sorted(backend.fetch(["a"])) == ["a"]
    own_postgresql.kill()
    with pytest.raises(StoreUnavailable):
        backend.fetch(["a"])
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        backend.fetch(["a"])
    watch = backend.watch()
    watch.add(["a"])
    assert not watch.wait(0.1)
    own_postgresql.start()
    assert sorted(backend.fetch(["a"])) == ["a"]
    backend.close()


def test_a_user_without_the_right_to_change_the_table(postgresql, caplog):
    """Results are kept; their lifetime is Celery's business."""
    url = postgresql.database()
    name = url.rpartition("/")[2]
    postgresql.sql("CREATE TABLE celery_taskmeta (id INTEGER PRIMARY KEY, task_id VARCHAR(155) UNIQUE,"
                   " status VARCHAR(50), result BYTEA, date_done TIMESTAMP, traceback TEXT)", name)  # fmt: skip
    postgresql.sql("CREATE SEQUENCE task_id_sequence", name)
    postgresql.sql(f"CREATE ROLE guest_of_{name} LOGIN PASSWORD '{PASSWORD}'", name)
    guest = f"db+{url.replace('svc:', f'guest_of_{name}:')}"
    backend = open_backend(guest, {})
    with pytest.raises(StoreUnsuitable, match="does not let this user"):
        backend.store([record("a")])
    postgresql.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON celery_taskmeta TO guest_of_{name}", name)
    postgresql.sql(f"GRANT USAGE ON SEQUENCE task_id_sequence TO guest_of_{name}", name)
    with caplog.at_level(logging.WARNING, "umbel.database"):
        backend.store([record("a", "STARTED", clock.wall() + 60), record("a", result=5, expires=clock.wall() + 60)])
    assert "has no column umbel_expires and gets none" in caplog.text
    found = backend.fetch(["a"])["a"]
    assert (found.status, found.expires, json.loads(found.document)["result"]) == ("SUCCESS", 0.0, 5)
    backend.store([record("a", "FAILURE")])
    assert backend.fetch(["a"])["a"].status == "SUCCESS"
    backend.close()


# What cannot work


def test_no_password_in_any_error(postgresql):
    wrong = postgresql.url().replace(PASSWORD, "hunter2")
    backend = open_backend(f"db+{wrong}", {})
    with pytest.raises(StoreUnavailable, match="refused the user name or password") as caught:
        backend.store([record("a")])
    told = "".join(traceback.format_exception(caught.value)) + repr(backend._link.address)
    assert "hunter2" not in told
    backend.close()


def test_no_result_in_any_error(postgresql):
    backend = open_backend(f"db+{postgresql.database()}", {})
    hidden = record("x" * 156, result="bargain".upper())
    with pytest.raises(OperationalError) as caught:
        backend.store([hidden])
    assert "BARGAIN" not in "".join(traceback.format_exception(caught.value))
    backend.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("db+nothing://host/name", "SQLAlchemy knows no database 'nothing'"),
        ("db+postgresql://user:hunter2@host:port/name", "cannot be read as a URL; write for instance db"),
    ],
)
def test_a_url_that_cannot_work_is_one_sentence(url, sentence):
    with pytest.raises(ImproperlyConfigured, match=sentence) as caught:
        open_backend(url, {}).store([record("a")])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "package"),
    [("mysql+pymysql", "pymysql"), ("mysql", "mysqlclient"), ("postgresql+psycopg2", "psycopg2-binary")],
)
def test_a_driver_that_is_not_installed_names_the_command(kind, package):
    with pytest.raises(MissingExtra, match=f'needs the driver .*type: pip install "{package}"') as caught:
        open_backend(f"db+{kind}://user:hunter2@host/name", {})
    assert "hunter2" not in str(caught.value)


def test_storing_nothing_tells_whether_results_can_be_stored(postgresql):
    """A worker asks at its start."""
    for url, word in (
        (f"db+{postgresql.url()}-none", "is not there; create the database"),
        (f"db+{postgresql.url()}".replace("s3cret", "hunter2"), "refused the user name or password"),
        ("db+sqlite:////nowhere/at/all/results.db", "is not there; create the database"),
    ):
        with pytest.raises(StoreUnavailable, match=word) as caught:
            open_backend(url, {}).store(())
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, "soon"])
def test_a_timeout_that_cannot_work_is_one_sentence(timeout):
    with pytest.raises(ImproperlyConfigured, match="write seconds"):
        open_backend("db+sqlite:///x.db", {"timeout": timeout})


def test_an_option_of_the_engine_that_cannot_work_is_one_sentence():
    with pytest.raises(ImproperlyConfigured, match="SQLAlchemy refuses the options"):
        open_backend("db+sqlite:///x.db", {"engine_options": {"no_such_option": 1}})


def test_a_victim_of_a_deadlock_is_repeated(postgresql):
    """Two transactions that lock the same rows in the other order: the database undoes one of them."""
    import threading

    url = postgresql.database()
    backend = open_backend(f"db+{url}", {"timeout": 20})
    backend.store([record("a", "STARTED"), record("b", "STARTED")])
    locked, go = threading.Event(), threading.Event()
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    def other():
        with engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL deadlock_timeout = '10s'"))  # so that the store is the victim
            connection.execute(sa.text("UPDATE celery_taskmeta SET queue = 'x' WHERE task_id = 'b'"))
            locked.set()
            go.wait(20)
            connection.execute(sa.text("UPDATE celery_taskmeta SET queue = 'x' WHERE task_id = 'a'"))

    thread = threading.Thread(target=other)
    thread.start()
    assert locked.wait(20)
    runs = []

    def work(connection):
        runs.append(1)
        connection.execute(sa.text("UPDATE celery_taskmeta SET status = 'SUCCESS' WHERE task_id = 'a'"))
        go.set()
        connection.execute(sa.text("UPDATE celery_taskmeta SET status = 'SUCCESS' WHERE task_id = 'b'"))

    link = Link(backend._link.address, backend._link.table)
    link.run(work)
    thread.join(20)
    assert len(runs) > 1, "nothing was undone"
    assert {one.status for one in backend.fetch(["a", "b"]).values()} == {"SUCCESS"}
    link.close()
    backend.close()
