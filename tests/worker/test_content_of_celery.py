"""Whole messages and results between Celery 5.7 and umbel, in every serializer and compression, in both directions.

Celery's side is Celery itself: its producer over kombu's in-memory transport, a consumer's message, its Redis backend's
encoding and decoding (which needs no server until it stores).
"""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from celery import Celery
from kombu.message import Message

from umbel import Umbel, ids
from umbel.message import Parcel
from umbel.testing.worker import InProcessWorker

SERIALIZERS = ["json", "msgpack", "yaml", "pickle"]
METHODS = [None, "gzip", "bzip2", "lzma", "zstd"]
FIXED = [name for name in SERIALIZERS if name != "json"]
each = pytest.mark.parametrize("method", METHODS)
every = pytest.mark.parametrize("serializer", SERIALIZERS)


@pytest.fixture
def umbel():
    app = Umbel("content", broker=f"memory://{ids.new_id()}", set_as_current=False)
    app.conf.accept_content = SERIALIZERS

    @app.task(name="content.join")
    def join(parts, times=1):
        return "".join(parts) * times

    return app


@pytest.fixture
def celery():
    app = Celery("content", broker="memory://", backend="redis://127.0.0.1:1/0", set_as_current=False)
    app.conf.accept_content = SERIALIZERS
    yield app
    app.close()


def celerys_message(app, **options):
    """What Celery's producer puts into a queue."""
    queue = ids.new_id()
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        message = app.amqp.create_task_message(ids.new_id(), "content.join", (["å", "b" * 300],), {"times": 2})
        app.amqp.send_task_message(producer, "content.join", message, queue=queue, retry=False, **options)
        return connection.default_channel._get(queue)


def umbels_message(app):
    """Head and body of the one message that waits."""
    shelf = app.broker.shelf()
    [item] = shelf.items("ready", queue=None, after=0, limit=2)
    shelf.close()
    return json.loads(item.parcel.head), item.parcel.body


def drain(app):
    with InProcessWorker(app) as worker:
        worker.drain()


@every
@each
def test_a_message_of_celery_is_run(umbel, celery, serializer, method):
    sent = celerys_message(celery, serializer=serializer, compression=method)
    assert bool(method) is ("compression" in sent["headers"])
    head = {name: sent[name] for name in ("headers", "properties", "content-type", "content-encoding")}
    task_id, body = head["headers"]["id"], base64.b64decode(sent["body"])
    publisher = umbel.broker.publisher()
    publisher.publish([Parcel("celery", task_id, "content.join", msgspec.json.encode(head), body)])
    publisher.close()
    drain(umbel)
    assert umbel.AsyncResult(task_id).get(timeout=0) == ("å" + "b" * 300) * 2


@every
@each
def test_a_message_of_umbel_is_read_by_celery(umbel, serializer, method):
    umbel.tasks["content.join"].apply_async((["å"],), {"times": 2}, serializer=serializer, compression=method)
    head, body = umbels_message(umbel)
    message = Message(
        body=body, content_type=head["content-type"], content_encoding=head["content-encoding"],
        headers=head["headers"], properties=head["properties"], accept={head["content-type"]},
    )  # fmt: skip
    args, kwargs, embed = message.payload
    assert (list(args), kwargs, set(embed.values())) == ([["å"]], {"times": 2}, {None})


@each
@pytest.mark.parametrize("serializer", FIXED)
def test_both_write_the_same_body(umbel, celery, serializer, method):
    celerys = celerys_message(celery, serializer=serializer, compression=method)
    umbel.tasks["content.join"].apply_async(
        (["å", "b" * 300],), {"times": 2}, serializer=serializer, compression=method
    )  # fmt: skip
    head, body = umbels_message(umbel)
    assert body == base64.b64decode(celerys["body"])
    assert list(head["headers"]) == list(celerys["headers"])
    assert head["headers"].get("compression") == celerys["headers"].get("compression")


@every
@each
def test_a_result_of_umbel_is_read_by_celery(umbel, celery, serializer, method):
    umbel.conf.update(result_serializer=serializer, result_compression=method)
    celery.conf.update(result_serializer=serializer)
    result = umbel.tasks["content.join"].delay(["å" * 300])
    failed = umbel.tasks["content.join"].delay([1])
    drain(umbel)
    records = umbel.backend().fetch([result.id, failed.id])
    read = celery.backend.decode_result(records[result.id].document)
    assert (read["status"], read["result"], read["task_id"]) == ("SUCCESS", "å" * 300, result.id)
    read = celery.backend.decode_result(records[failed.id].document)
    assert read["status"] == "FAILURE"
    assert isinstance(celery.backend.exception_to_python(read["result"]), TypeError)


@every
@each
def test_states_from_outside_of_a_run_are_read_by_celery_and_umbel(umbel, celery, serializer, method):
    umbel.conf.update(
        result_serializer=serializer, result_compression=method, result_accept_content=[serializer],
        task_store_eager_result=True,
    )  # fmt: skip
    celery.conf.update(result_serializer=serializer, result_accept_content=[serializer])
    join = umbel.tasks["content.join"]
    revoked, eager, moving = join.delay(["a"]), join.apply((["b"],)), umbel.AsyncResult("moving")
    revoked.revoke()
    join.update_state("moving", "HALF", {"done": 1})
    stored = umbel.backend().fetch([revoked.id, eager.id, "moving"])
    states = {}
    for result in (revoked, umbel.AsyncResult(eager.id), moving):
        document = stored[result.id].document
        assert document.startswith(b"\x00celery-compressed") is bool(method)
        states[result.state] = celery.backend.decode_result(document)["result"]
    assert states.keys() == {"REVOKED", "SUCCESS", "HALF"}
    assert (states["SUCCESS"], states["HALF"]) == ("b", {"done": 1})


@every
@each
def test_a_result_of_celery_is_read_by_umbel(umbel, celery, serializer, method):
    celery.conf.update(result_serializer=serializer, result_compression=method)
    umbel.conf.update(result_serializer=serializer)
    umbel.tasks["content.join"].delay(["x"])
    drain(umbel)
    meta = celery.backend._get_result_meta("ä" * 300, "SUCCESS", None, None)
    result = umbel.AsyncResult("an-id")
    stored = celery.backend.encode({**meta, "task_id": "an-id"})
    read = result._decode(stored if isinstance(stored, bytes) else stored.encode())
    assert (read["status"], read["result"]) == ("SUCCESS", "ä" * 300)


@each
def test_a_pickled_exception_of_celery_is_raised(umbel, celery, method):
    celery.conf.update(result_serializer="pickle", result_compression=method)
    umbel.conf.update(result_serializer="pickle")
    meta = celery.backend._get_result_meta(ValueError("bad", 42), "FAILURE", None, None)
    result = umbel.AsyncResult("an-id")
    result._cache = result._decode(celery.backend.encode({**meta, "task_id": "an-id"}))
    with pytest.raises(ValueError, match="bad"):
        result.get(timeout=0)
