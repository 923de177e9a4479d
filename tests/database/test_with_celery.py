"""A real Celery on the other end of the table: each side reads what the other wrote."""

from __future__ import annotations

import json
import pickle
import textwrap

import pytest
import sqlalchemy as sa

from umbel import Umbel, clock
from umbel.adapters.database import open_backend
from umbel.record import Record

PICKLE = {"result_serializer": "pickle", "accept_content": ["pickle", "json"]}
WRITTEN = [{}, {"result_serializer": "msgpack", "accept_content": ["msgpack", "json"]}, PICKLE]
"""Settings that decide how a result is written; both sides have them."""


def document(task_id, status, result=None, **fields):
    body = {"status": status, "result": result, "traceback": None, "children": [], "date_done": None, **fields}
    return json.dumps({**body, "task_id": task_id}, separators=(",", ":")).encode()


def record(task_id, status, result=None, **fields):
    return Record(task_id, status, document(task_id, status, result, **fields), float(int(clock.wall()) + 600))


@pytest.fixture
def backend(url):
    backend = open_backend(url, {})
    yield backend
    backend.close()


@pytest.fixture
def celery(url, project):
    """Runs lines with a Celery ``app`` on the same database and gives back what they print."""

    def run(code, **settings):
        prelude = f"""
            from celery import Celery
            app = Celery("other", broker="memory://", backend={url!r})
            app.conf.update({settings!r})
        """
        done = project.client(textwrap.dedent(prelude) + textwrap.dedent(code), of="celery", timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def app(url):
    """An umbel app that keeps its results there."""
    with Umbel("shop", broker="memory://database", backend=url) as app:
        yield app


@pytest.fixture
def rows(url):
    """What is in the table."""

    def read():
        engine = sa.create_engine(url.removeprefix("db+"), poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT * FROM celery_taskmeta")).mappings().all()
        return {row["task_id"]: dict(row) for row in found}

    return read


def test_celery_reads_every_state_that_umbel_stored(backend, celery):
    error = {"exc_type": "ValueError", "exc_message": ["bad", 42], "exc_module": "builtins"}
    backend.store([
        record("ok", "SUCCESS", {"a": [1, None]}, date_done="2030-01-02T03:04:05.678901+00:00"),
        record("bad", "FAILURE", error, traceback="Traceback ..."),
        record("started", "STARTED", {"pid": 7, "hostname": "w1@host"}),
        record("half", "PROGRESS", {"done": 50}),
    ])  # fmt: skip
    said = celery("""
        print(app.AsyncResult("ok").get(timeout=10), app.AsyncResult("ok").state, app.AsyncResult("ok").date_done)
        print(repr(app.AsyncResult("bad").result), app.AsyncResult("bad").traceback)
        print(app.AsyncResult("started").state, app.AsyncResult("started").info["pid"])
        print(app.AsyncResult("half").state, app.AsyncResult("half").info)
        try:
            app.AsyncResult("bad").get(timeout=10)
        except ValueError as error:
            print("raised", error.args)
    """)
    assert said.splitlines() == [
        "{'a': [1, None]} SUCCESS 2030-01-02 03:04:05.678901",
        "ValueError('bad', 42) Traceback ...",
        "STARTED 7",
        "PROGRESS {'done': 50}",
        "raised ('bad', 42)",
    ]


@pytest.mark.parametrize("settings", WRITTEN)
def test_umbel_reads_every_state_that_celery_stored(app, celery, settings):
    app.conf.update(settings)
    celery(
        """
        app.backend.store_result("ok", {"a": [1, None]}, "SUCCESS")
        app.backend.store_result("bad", ValueError("x", 5), "FAILURE", traceback="tb")
        app.backend.store_result("started", {"pid": 1}, "STARTED")
        app.backend.store_result("half", {"done": 1}, "PROGRESS")
        """,
        **settings,
    )
    assert app.AsyncResult("ok").get(timeout=10) == {"a": [1, None]}
    assert abs(app.AsyncResult("ok").date_done.timestamp() - clock.wall()) < 60
    with pytest.raises(ValueError, match="x") as caught:
        app.AsyncResult("bad").get(timeout=10)
    assert caught.value.args == ("x", 5)
    assert app.AsyncResult("bad").traceback == "tb"
    assert (app.AsyncResult("started").state, app.AsyncResult("started").info) == ("STARTED", {"pid": 1})
    assert (app.AsyncResult("half").state, app.AsyncResult("half").info) == ("PROGRESS", {"done": 1})
    assert app.AsyncResult("nobody").state == "PENDING"


@pytest.mark.parametrize("settings", WRITTEN)
def test_extended_results_in_both_directions(url, celery, rows, settings):
    """Each by a real run of the other's worker code."""
    with Umbel("shop", broker="memory://extended", backend=url) as app:
        app.conf.update(settings, result_extended=True)

        @app.task(name="shop.add")
        def add(a, b):
            return a + b

        sent = run_here(app, add, (2,), {"b": 3})
        said = celery(
            f"""
            result = app.AsyncResult({sent.id!r})
            print(result.get(timeout=10), result.name, result.args, result.kwargs, result.retries, result.queue)
            print(result.worker)
            @app.task(name="shop.add")
            def add(a, b):
                return a + b
            from celery.app.trace import build_tracer
            request = {{"id": "theirs", "task": "shop.add", "args": [4], "kwargs": {{"b": 5}}, "retries": 2,
                       "hostname": "w1@host", "delivery_info": {{"routing_key": "slow"}}, "is_eager": False}}
            build_tracer("shop.add", add, app=app, hostname="w1@host")("theirs", [4], {{"b": 5}}, request)
            """,
            **settings,
            result_extended=True,
        )
        first, worker = said.splitlines()
        assert first == "5 shop.add [2] {'b': 3} 0 celery"
        assert worker == rows()[sent.id]["worker"]
        theirs = app.AsyncResult("theirs")
        assert theirs.get(timeout=10) == 9
        assert (theirs.name, theirs.args, theirs.kwargs) == ("shop.add", [4], {"b": 5})
        assert (theirs.retries, theirs.queue, theirs.worker) == (2, "slow", "w1@host")


def run_here(app, task, args, kwargs):
    from umbel.testing.worker import InProcessWorker

    with InProcessWorker(app) as worker:
        sent = task.apply_async(args, kwargs)
        worker.drain()
    return sent


def test_the_columns_are_those_that_celery_writes(backend, celery, rows):
    """The same result by both: all columns agree but the id and the moment."""
    settings = {"result_extended": True}
    celery("""app.backend.store_result("theirs", {"a": 5}, "SUCCESS")""", **settings)
    backend.store([record("ours", "SUCCESS", {"a": 5}, date_done="2030-01-02T03:04:05+00:00")])
    ours, theirs = rows()["ours"], rows()["theirs"]
    skipped = {"id", "task_id", "date_done", "umbel_expires", "result"}
    assert {name: ours[name] for name in ours.keys() - skipped} == {
        name: theirs[name] for name in theirs.keys() - skipped
    }
    assert json.loads(bytes(ours["result"])) == json.loads(bytes(theirs["result"])) == {"a": 5}
    assert type(ours["date_done"]) is type(theirs["date_done"])


@pytest.mark.parametrize("first", ["umbel", "celery"])
def test_either_side_makes_the_table_for_both(backend, celery, first):
    store = """app.backend.store_result("theirs", 6, "SUCCESS")"""
    if first == "celery":
        celery(store)
        backend.store([record("ours", "SUCCESS", 5)])
    else:
        backend.store([record("ours", "SUCCESS", 5)])
        celery(store)
    assert celery("""print(app.AsyncResult("ours").get(timeout=10))""") == "5"
    found = backend.fetch(["ours", "theirs"])
    assert {task_id: one.status for task_id, one in found.items()} == {"ours": "SUCCESS", "theirs": "SUCCESS"}
    assert found["ours"].expires > clock.wall()


def test_a_table_of_an_older_celery_is_completed(url, backend, celery):
    """Before 5.7 there were no children and stamps, and without extended results no name, args and so on."""
    engine = sa.create_engine(url.removeprefix("db+"), poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        number = "id INTEGER PRIMARY KEY AUTOINCREMENT" if engine.name == "sqlite" else "id INTEGER PRIMARY KEY"
        binary = "BLOB" if engine.name == "sqlite" else "BYTEA"
        if engine.name != "sqlite":
            connection.execute(sa.text("CREATE SEQUENCE task_id_sequence"))
        connection.execute(sa.text(
            f"CREATE TABLE celery_taskmeta ({number}, task_id VARCHAR(155) UNIQUE, status VARCHAR(50), "
            f"result {binary}, date_done TIMESTAMP, traceback TEXT)"
        ))  # fmt: skip
    backend.store([record("ours", "SUCCESS", 5)])
    assert celery("""print(app.AsyncResult("ours").get(timeout=10))""", result_extended=True) == "5"
    celery("""app.backend.store_result("theirs", 6, "SUCCESS")""", result_extended=True)
    assert sorted(backend.fetch(["ours", "theirs"])) == ["ours", "theirs"]


def test_a_success_stands_whoever_wrote_it(backend, celery):
    backend.store([record("ours", "SUCCESS", 5), record("running", "STARTED")])
    celery("""
        app.backend.store_result("ours", ValueError("late"), "FAILURE")
        app.backend.store_result("running", 7, "SUCCESS")
        app.backend.store_result("theirs", 6, "SUCCESS")
    """)
    backend.store([record("theirs", "FAILURE"), record("running", "FAILURE")])
    found = backend.fetch(["ours", "theirs", "running"])
    assert {one.status for one in found.values()} == {"SUCCESS"}
    assert json.loads(found["ours"].document)["result"] == 5
    assert json.loads(found["running"].document)["result"] == 7


def test_celery_forgets_what_umbel_stored_and_the_other_way_round(backend, celery):
    backend.store([record("a", "SUCCESS", 5)])
    celery("""app.AsyncResult("a").forget(); app.backend.store_result("b", 6, "SUCCESS")""")
    assert sorted(backend.fetch(["a", "b"])) == ["b"]
    backend.forget(["b"])
    assert celery("""print(app.AsyncResult("b").state)""") == "PENDING"


@pytest.mark.parametrize("settings", WRITTEN)
def test_either_side_restores_a_group_that_the_other_one_saved(app, celery, rows, settings):
    from umbel.result import GroupResult

    app.conf.update(settings)
    GroupResult("ours", [app.AsyncResult("a"), app.AsyncResult("b")], app=app).save()
    said = celery(
        """
        print([one.id for one in app.GroupResult.restore("ours")])
        app.GroupResult("theirs", [app.AsyncResult("c"), app.AsyncResult("d")]).save()
        """,
        **settings,
    )
    assert said == "['a', 'b']"
    assert [one.id for one in GroupResult.restore("theirs", app=app)] == ["c", "d"]
    GroupResult("ours", [app.AsyncResult("e")], app=app).save()
    assert [one.id for one in GroupResult.restore("ours", app=app)] == ["e"]
    GroupResult("theirs", app=app).delete()
    assert GroupResult.restore("theirs", app=app) is None
    assert celery("""print(app.GroupResult.restore("theirs"))""", **settings) == "None"


def test_a_watch_is_woken_by_celery(backend, celery):
    watch = backend.watch()
    watch.add(["a"])
    assert backend.fetch(["a"]) == {}
    celery("""app.backend.store_result("a", 5, "SUCCESS")""")
    assert watch.wait(5)
    watch.close()


def pickled(backend, url, task_id, value):
    """A row as Celery before 5.7 wrote it."""
    backend.store([record(task_id, "SUCCESS", None)])
    engine = sa.create_engine(url.removeprefix("db+"), poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        update = sa.text("UPDATE celery_taskmeta SET result = :data WHERE task_id = :id")
        connection.execute(update, {"data": pickle.dumps(value), "id": task_id})


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('the pickle was run')",)


def test_plain_data_that_an_older_celery_pickled_is_read(url, backend, app, celery):
    value = {"a": [1, 2.5, None, True, "é"]}
    pickled(backend, url, "a", value)
    assert app.AsyncResult("a").get(timeout=10) == value
    assert celery("""print(app.AsyncResult("a").get(timeout=10))""") == repr(value)


def test_a_pickle_that_would_run_code_is_refused(url, backend, app):
    pickled(backend, url, "a", Trap())
    from umbel.exceptions import DecodeError

    assert backend.fetch(["a"])["a"].status == "SUCCESS"
    with pytest.raises(DecodeError):
        app.AsyncResult("a").get(timeout=10)


def test_results_of_the_serializer_pickle_need_its_name(url, app, celery):
    from umbel.exceptions import ContentDisallowed

    celery("""app.backend.store_result("a", {1, 2}, "SUCCESS")""", **PICKLE)
    app.conf.update(result_serializer="pickle")
    with pytest.raises(ContentDisallowed, match="accept_content"):
        app.AsyncResult("a").get(timeout=10)
    with Umbel("other", broker="memory://trusting", backend=url) as trusting:
        trusting.conf.update(PICKLE)
        assert trusting.AsyncResult("a").get(timeout=10) == {1, 2}
