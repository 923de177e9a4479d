"""A real Celery on the other end of the result store: each side reads what the other wrote, and is woken by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from umbel import Umbel, clock
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.record import Record
from umbel.result import GroupResult

WRITTEN = [
    {},
    {"result_serializer": "pickle", "accept_content": ["pickle"]},
    {"result_serializer": "msgpack", "accept_content": ["msgpack"]},
    {"result_compression": "gzip"},
    {"result_compression": "bzip2"},
]
"""Settings of Celery that decide how it writes a result."""


def document(task_id, status, result=None, **fields):
    body = {"status": status, "result": result, "traceback": None, "children": [], "date_done": None, **fields}
    return json.dumps({**body, "task_id": task_id}, separators=(",", ":")).encode()


def record(task_id, status, result=None, **fields):
    return Record(task_id, status, document(task_id, status, result, **fields), float(int(clock.wall()) + 600))


@pytest.fixture
def backend(url):
    backend = RedisBackend(Address.parse(url, {}))
    yield backend
    backend.close()


@pytest.fixture
def celery(url, tmp_path, interpreters):
    """Runs lines with a Celery ``app`` on the same database and gives back what they print."""
    started = []

    def lines(code, settings):
        prelude = f"""
            from celery import Celery
            app = Celery("other", broker="memory://", backend={url!r})
            app.conf.update({settings!r})
        """
        return textwrap.dedent(prelude) + textwrap.dedent(code)

    def start(code, **settings):
        command = [sys.executable, "-c", lines(code, settings)]
        popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(popen)
        return popen

    def run(code, **settings):
        done = interpreters["celery"].run(lines(code, settings), tmp_path, os.environ, timeout=40)
        return (done.stdout + done.stderr).strip()

    run.start = start
    yield run
    for popen in started:
        popen.kill()
        popen.wait()
        popen.stdout.close()


def test_celery_reads_every_state_that_umbel_stored(backend, celery):
    error = {"exc_type": "ValueError", "exc_message": ["bad", 42], "exc_module": "builtins"}
    backend.store([
        record("ok", "SUCCESS", {"a": [1, None]}),
        record("bad", "FAILURE", error, traceback="Traceback ..."),
        record("started", "STARTED", {"pid": 7, "hostname": "w1@host"}),
        record("half", "PROGRESS", {"done": 50}),
    ])  # fmt: skip
    said = celery("""
        print(app.AsyncResult("ok").get(timeout=10), app.AsyncResult("ok").state)
        print(repr(app.AsyncResult("bad").result), app.AsyncResult("bad").traceback)
        print(app.AsyncResult("started").state, app.AsyncResult("started").info["pid"])
        print(app.AsyncResult("half").state, app.AsyncResult("half").info)
        try:
            app.AsyncResult("bad").get(timeout=10)
        except ValueError as error:
            print("raised", error.args)
    """)
    assert said.splitlines() == [
        "{'a': [1, None]} SUCCESS",
        "ValueError('bad', 42) Traceback ...",
        "STARTED 7",
        "PROGRESS {'done': 50}",
        "raised ('bad', 42)",
    ]


@pytest.mark.parametrize("settings", WRITTEN)
def test_umbel_knows_every_state_that_celery_stored(backend, celery, settings):
    celery(
        """
        app.backend.store_result("ok", 5, "SUCCESS")
        app.backend.store_result("bad", ValueError("x"), "FAILURE", traceback="tb")
        app.backend.store_result("started", {"pid": 1}, "STARTED")
        app.backend.store_result("half", {"done": 1}, "PROGRESS")
        """,
        **settings,
    )
    found = backend.fetch(["ok", "bad", "started", "half", "nobody"])
    assert {task_id: one.status for task_id, one in found.items()} == {
        "ok": "SUCCESS", "bad": "FAILURE", "started": "STARTED", "half": "PROGRESS",
    }  # fmt: skip
    assert all(clock.wall() < one.expires < clock.wall() + 86_401 for one in found.values())


@pytest.mark.parametrize("settings", WRITTEN)
def test_what_celery_stored_last_stands(backend, celery, settings):
    celery("""app.backend.store_result("a", 5, "SUCCESS")""", **settings)
    backend.store([record("b", "STARTED"), record("a", "FAILURE")])
    assert {task_id: one.status for task_id, one in backend.fetch(["a", "b"]).items()} == {
        "a": "SUCCESS", "b": "STARTED",
    }  # fmt: skip


@pytest.mark.parametrize("settings", WRITTEN)
def test_what_celery_left_running_is_written_over(backend, celery, settings):
    celery("""app.backend.store_result("a", {"pid": 1}, "STARTED")""", **settings)
    backend.store([record("a", "SUCCESS", 5)])
    assert backend.fetch(["a"])["a"].document == document("a", "SUCCESS", 5)


def test_a_success_of_umbel_stands_before_celery(backend, celery):
    backend.store([record("a", "SUCCESS", 5)])
    celery("""app.backend.store_result("a", ValueError("late"), "FAILURE")""")
    assert backend.fetch(["a"])["a"].document == document("a", "SUCCESS", 5)


def test_a_waiting_celery_client_is_woken(backend, celery, link):
    """Celery looks once when it begins to wait, so only the word on the channel ends it."""
    waiting = celery.start("""
        result = app.AsyncResult("a")
        app.backend.add_pending_result(result)
        print(result.get(timeout=30))
    """)
    while not link.call("PUBSUB", "NUMSUB", "celery-task-meta-a")[1]:
        assert waiting.poll() is None, waiting.stdout.read()
    backend.store([record("a", "SUCCESS", 5)])
    assert waiting.communicate(timeout=20)[0].strip() == "5"


def test_a_watch_is_woken_by_celery(backend, celery):
    watch = backend.watch()
    watch.add(["a"])
    assert backend.fetch(["a"]) == {}
    celery("""app.backend.store_result("a", 5, "SUCCESS")""")
    assert watch.wait(5)
    watch.close()


@pytest.mark.parametrize("prefix", ["shop", "shop:"])
def test_the_prefix_is_celery_s(url, celery, prefix):
    backend = RedisBackend(Address.parse(url, {"global_keyprefix": prefix}))
    settings = {"result_backend_transport_options": {"global_keyprefix": prefix}}
    backend.store([record("a", "SUCCESS", 5)])
    assert celery("""print(app.AsyncResult("a").get(timeout=10))""", **settings) == "5"
    celery("""app.backend.store_result("b", 6, "SUCCESS")""", **settings)
    assert backend.fetch(["b"])["b"].status == "SUCCESS"
    backend.close()


@pytest.mark.parametrize("prefix", ["", "shop"])
def test_a_saved_group_is_found_by_the_other_side(url, celery, prefix):
    """And what one has deleted is gone for the other."""
    options = {"result_backend_transport_options": {"global_keyprefix": prefix}} if prefix else {}
    with Umbel("groups", broker=url, backend=url, **options) as app:
        GroupResult("of-umbel", [app.AsyncResult("a"), app.AsyncResult("b")], app=app).save()
        said = celery(
            """
            from celery.result import GroupResult
            print([one.id for one in GroupResult.restore("of-umbel", app=app)])
            GroupResult("of-celery", [app.AsyncResult("c")], app=app).save()
            app.backend.delete_group("of-umbel")
            """,
            **options,
        )
        assert said.splitlines()[0] == "['a', 'b']", said
        assert [one.id for one in GroupResult.restore("of-celery", app=app)] == ["c"]
        assert GroupResult.restore("of-umbel", app=app) is None
        GroupResult("of-celery", [], app=app).delete()
    assert celery("""print(app.GroupResult.restore("of-celery"))""", **options) == "None"


def test_celery_forgets_what_umbel_stored_and_the_other_way_round(backend, celery):
    backend.store([record("a", "SUCCESS", 5)])
    celery("""app.AsyncResult("a").forget(); app.backend.store_result("b", 6, "SUCCESS")""")
    assert sorted(backend.fetch(["a", "b"])) == ["b"]
    backend.forget(["b"])
    assert celery("""print(app.AsyncResult("b").state)""") == "PENDING"
