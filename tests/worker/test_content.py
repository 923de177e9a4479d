"""Serializers and compression from `delay()` to the result, and what cannot be read: a dead letter with the reason."""

from __future__ import annotations

import json
import sys
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from umbel import Umbel, ids
from umbel.cli.worker import check
from umbel.exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured, MissingExtra
from umbel.inspector import Inspector
from umbel.message import Parcel
from umbel.serialization import codecs, compress, dumps, loads, register
from umbel.testing.worker import InProcessWorker

SERIALIZERS = ["json", "msgpack", "yaml", "pickle"]
METHODS = {
    "gzip": "application/x-gzip", "bzip2": "application/x-bz2", "lzma": "application/x-lzma", "zstd": "application/zstd"
}  # fmt: skip


@pytest.fixture
def app():
    app = Umbel("content", broker=f"memory://{ids.new_id()}", set_as_current=False)
    app.conf.accept_content = SERIALIZERS

    @app.task(name="content.add")
    def add(x, y):
        return x + y

    @app.task(name="content.again", bind=True, default_retry_delay=0, max_retries=2)
    def again(self, value):
        if self.request.retries < 2:
            raise self.retry()
        return [self.request.retries, sorted(value), self.request.headers]

    return app


@pytest.fixture
def registry(monkeypatch):
    """The serializers as they were, after the test."""
    for name in ("_by_name", "_by_type"):
        monkeypatch.setattr(codecs, name, dict(getattr(codecs, name)))


def waiting(app):
    """Head and body of the one message that waits."""
    shelf = app.broker.shelf()
    [item] = shelf.items("ready", queue=None, after=0, limit=10)
    shelf.close()
    return json.loads(item.parcel.head), item.parcel.body


def drain(app):
    with InProcessWorker(app) as worker:
        worker.drain()


def dead(app):
    """The one dead letter."""
    with Inspector(app) as inspector:
        [letter] = inspector.entries("dead")
    return letter


def stored(app, result):
    return app.backend().fetch([result.id])[result.id].document


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("method", [None, *METHODS])
def test_every_serializer_in_every_compression_reaches_the_wire_and_the_function(app, serializer, method):
    result = app.tasks["content.add"].apply_async((["å" * 500], [2]), serializer=serializer, compression=method)
    head, body = waiting(app)
    kind, encoding, plain = dumps([(["å" * 500], [2]), {}, dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))])
    assert head["headers"].get("compression") == METHODS.get(method)
    assert (head["content-type"], head["content-encoding"]) == dumps(1, serializer)[:2]
    assert len(body) < len(plain) / 3 if method else len(body) > 500
    drain(app)
    assert result.get(timeout=0) == ["å" * 500, 2]
    assert (kind, encoding) == ("application/json", "utf-8")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_results_in_every_serializer_and_compression(app, serializer, method):
    app.conf.update(result_serializer=serializer, result_compression=method)
    result = app.tasks["content.add"].delay("å" * 500, "b")
    drain(app)
    document = stored(app, result)
    assert document.startswith(b"\x00celery-compressed\x00%b\x00" % METHODS[method].encode())
    assert len(document) < 500
    assert result.get(timeout=0) == "å" * 500 + "b"


def test_a_compressed_failure_is_raised(app):
    app.conf.result_compression = "gzip"
    result = app.tasks["content.add"].delay(1, "b")
    drain(app)
    assert stored(app, result).startswith(b"\x00celery")
    with pytest.raises(TypeError, match="unsupported operand"):
        result.get(timeout=0)


def test_the_settings_choose_and_the_task_and_the_call_win(app):
    add = app.tasks["content.add"]
    app.conf.update(task_serializer="msgpack", task_compression="bzip2")

    def sent(send):
        send()
        head, _ = waiting(app)
        drain(app)
        return head["content-type"].rpartition("-")[2], head["headers"].get("compression")

    assert sent(lambda: add.delay(1, 2)) == ("msgpack", "application/x-bz2")
    assert sent(lambda: app.send_task("content.add", (1, 2))) == ("msgpack", "application/x-bz2")
    assert sent(lambda: add.apply_async((1, 2), compression="")) == ("msgpack", None)
    assert sent(lambda: add.apply_async((1, 2), serializer="yaml", compression="gzip")) == (
        "yaml",
        "application/x-gzip",
    )
    assert sent(lambda: add.signature((1, 2), serializer="yaml").delay()) == ("yaml", "application/x-bz2")

    @app.task(name="content.own", serializer="yaml", compression="zstd")
    def own(x, y):
        return x - y

    assert sent(lambda: own.delay(1, 2)) == ("yaml", "application/zstd")
    assert sent(lambda: app.send_task("content.own", (1, 2))) == ("yaml", "application/zstd")
    assert sent(lambda: own.apply_async((1, 2), serializer="json")) == ("application/json", "application/zstd")


def test_a_retry_is_written_as_its_first_attempt_was(app):
    result = app.tasks["content.again"].apply_async(({3, 1},), serializer="pickle", compression="zstd")
    drain(app)
    assert result.get(timeout=0) == [2, [1, 3], None]


def test_what_cannot_travel_fails_in_delay_in_one_sentence(app):
    add = app.tasks["content.add"]
    for serializer in ("json", "msgpack", "yaml"):
        with pytest.raises(EncodeError, match=r"type '?object'? .*form") as caught:
            add.apply_async((object(), [{1: date(2030, 1, 2), "a": Decimal(1)}]), serializer=serializer)
        assert "\n" not in str(caught.value)
    with pytest.raises(EncodeError, match="'pickle'"):
        add.apply_async((lambda: 1, 2), serializer="pickle")
    with pytest.raises(ImproperlyConfigured, match="no compression 'zap'"):
        add.apply_async((1, 2), compression="zap")


def test_a_missing_package_is_said_in_delay(app, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match=r'type: pip install "umbel\[yaml\]"'):
        app.tasks["content.add"].apply_async((1, 2), serializer="yaml")
    with pytest.raises(MissingExtra, match=r'type: pip install "umbel\[yaml\]"'):
        check(app)


def put(app, body, kind="application/json", encoding="utf-8", **headers):
    """A message from elsewhere."""
    head = {
        "headers": {"task": "content.add", "id": "an-id", **headers}, "properties": {}, "content-type": kind,
        "content-encoding": encoding,
    }  # fmt: skip
    publisher = app.broker.publisher()
    publisher.publish([Parcel("celery", "an-id", "content.add", msgspec.json.encode(head), body)])
    publisher.close()


BODY = [[1, 2], {}, {}]


def bomb():
    """Made by the one test that needs it, and not whenever tests are collected."""
    return compress(b"[[1, 2], {}, {}" + b" " * 140_000_000 + b"]", "gzip")[0]


@pytest.mark.parametrize(
    ("serializer", "reason"),
    [(name, f"Content of type '{dumps(1, name)[0]}' is refused; add it to accept_content") for name in SERIALIZERS[1:]],
)
def test_a_content_type_that_is_not_accepted_is_a_dead_letter(app, serializer, reason):
    app.conf.accept_content = ["json"]
    kind, encoding, body = dumps(BODY, serializer)
    put(app, body, kind, encoding)
    drain(app)
    assert reason in dead(app).reason
    with pytest.raises(ContentDisallowed):
        app.AsyncResult("an-id").get(timeout=0)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"body": b"[1"}, "The JSON cannot be read"),
        ({"body": b"\x93\x01", "kind": "application/x-msgpack", "encoding": "binary"}, "x-msgpack' cannot be read"),
        ({"body": b"a: [", "kind": "application/x-yaml"}, "x-yaml' cannot be read"),
        ({"body": b"\x80garbage", "kind": "application/x-python-serialize", "encoding": "binary"}, "cannot be read"),
        ({"body": b"[]", "kind": "text/x-strange"}, "'text/x-strange' is refused"),
        ({"body": b"[]", "encoding": "no-such"}, "unknown encoding"),
        ({"body": b"nonsense", "compression": "application/x-gzip"}, "as 'application/x-gzip' cannot be read"),
        ({"body": b"nonsense", "compression": "application/x-bz2"}, "compressed as 'application/x-bz2' cannot be read"),
        ({"body": b"nonsense", "compression": "application/zstd"}, "compressed as 'application/zstd' cannot be read"),
        ({"body": b"[]", "compression": "application/x-zap"}, "Nothing here can decompress 'application/x-zap'"),
        ({"body": compress(b"[[], {}, {}]", "zstd")[0][:-2], "compression": "zstd"}, "cut short"),
        ({"body": bomb, "compression": "application/x-gzip"}, "grows past 134,217,728 bytes; raise"),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_a_dead_letter_with_the_reason(app, message, reason):
    body = message["body"]
    put(app, **message | {"body": body() if callable(body) else body})
    drain(app)
    assert reason in dead(app).reason
    with pytest.raises((DecodeError, ContentDisallowed)):
        app.AsyncResult("an-id").get(timeout=0)


def test_a_missing_package_is_the_reason_of_a_dead_letter(app, monkeypatch):
    monkeypatch.setitem(sys.modules, "compression" if sys.version_info >= (3, 14) else "backports", None)
    put(app, b"\x28\xb5\x2f\xfd", compression="application/zstd")
    drain(app)
    assert 'type: pip install "umbel[zstd]"' in dead(app).reason


def test_the_limit_is_the_settings(app):
    body, _ = compress(json.dumps(BODY).encode(), "gzip")
    app.conf.decompressed_max_size = 5
    put(app, body, compression="gzip")
    drain(app)
    assert "grows past 5 bytes" in dead(app).reason
    app.conf.decompressed_max_size = 1000
    result = app.tasks["content.add"].apply_async((1, 2), compression="gzip")
    drain(app)
    assert result.get(timeout=0) == 3


def test_a_result_that_would_grow_without_end_is_refused(app):
    app.conf.result_compression = "gzip"
    result = app.tasks["content.add"].delay("a" * 10_000, "b")
    drain(app)
    app.conf.decompressed_max_size = 100
    with pytest.raises(DecodeError, match="grows past 100 bytes"):
        result.get(timeout=0)


def test_a_name_to_accept_that_nobody_knows_stops_the_worker(app):
    app.conf.accept_content = ["jsn"]
    with pytest.raises(ImproperlyConfigured, match="no serializer 'jsn'"):
        check(app)
    app.conf.update(accept_content=["json"], result_serializer="jsn")
    with pytest.raises(ImproperlyConfigured, match=r"no serializer 'jsn'.* result_serializer names it"):
        check(app)
    app.conf.update(result_serializer="json", result_compression="zap")
    with pytest.raises(ImproperlyConfigured, match="no compression 'zap'"):
        check(app)


def test_results_that_are_not_accepted_are_refused(app):
    app.conf.update(result_serializer="pickle", accept_content=["json"])
    result = app.tasks["content.add"].delay(1, 2)
    drain(app)
    with pytest.raises(ContentDisallowed, match="application/x-python-serialize"):
        result.get(timeout=0)
    app.conf.result_accept_content = ["pickle"]
    assert result.get(timeout=0) == 3


def test_extended_results_show_arguments_that_json_cannot_carry(app):
    app.conf.result_extended = True
    result = app.tasks["content.again"].apply_async(({3},), serializer="pickle")
    drain(app)
    assert (result.get(timeout=0)[:2], result.args, result.kwargs) == ([2, [3]], "[{3}]", {})


@pytest.mark.parametrize("serializer", ["json", "msgpack", "yaml"])
@pytest.mark.parametrize("method", ["", "bzip2"])
def test_a_dead_letter_is_edited_in_its_own_serializer_and_compression(app, serializer, method):
    app.conf.update(accept_content=["text/none"], result_accept_content=["json"])
    result = app.tasks["content.add"].apply_async((1, "b"), serializer=serializer, compression=method)
    drain(app)
    with Inspector(app) as inspector:
        assert inspector.replay(inspector.dead([result.id]), arguments=([4, 5], {})) == 1
    head, body = waiting(app)
    assert head["headers"].get("compression") == METHODS.get(method)
    app.conf.accept_content = [serializer]
    drain(app)
    assert app.AsyncResult(result.id).get(timeout=0) == 9
    assert body != b""


def test_a_pickled_dead_letter_is_not_read_to_be_edited(app):
    app.conf.accept_content = ["json"]
    result = app.tasks["content.add"].apply_async((1, 2), serializer="pickle")
    drain(app)
    with Inspector(app) as inspector, pytest.raises(ContentDisallowed):
        inspector.replay(inspector.dead([result.id]), arguments=([4, 5], {}))


@pytest.mark.usefixtures("registry")
def test_a_serializer_of_ones_own_on_the_whole_way(app):
    register("shout", lambda value: json.dumps(value).upper(), lambda text: json.loads(text.lower()), "text/x-shout")
    app.conf.update(accept_content=["shout"], task_serializer="shout", result_serializer="shout")
    result = app.tasks["content.add"].delay("a", "b")
    assert b'"A", "B"' in waiting(app)[1]
    drain(app)
    assert b'"STATUS"' in stored(app, result)
    assert result.get(timeout=0) == "ab"


@pytest.mark.usefixtures("registry")
def test_another_json_writes_and_reads_messages_and_results(app):
    def read(text):
        return json.loads(text, object_hook=lambda found: found.get("mine", found))

    register("json", lambda value: json.dumps(value, default=lambda _: {"mine": 5}), read, "application/json")
    result = app.tasks["content.add"].delay(object(), 2)
    assert b"mine" in waiting(app)[1]
    drain(app)
    assert result.get(timeout=0) == 7
    assert loads(b'{"mine": 1}', "application/json", "utf-8", frozenset({"json"})) == 1
