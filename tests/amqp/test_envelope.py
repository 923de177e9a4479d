"""A message on AMQP: what Celery would have written, and what comes back of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from amqp.basic_message import Message
from pika.spec import BasicProperties

from tests.wire import samples
from umbel.adapters.amqp import envelope
from umbel.adapters.amqp.envelope import opened, packed, sealed
from umbel.exceptions import EncodeError
from umbel.message import Parcel

SAMPLES = samples.load("rabbitmq")
HEAD = {
    "headers": SAMPLES[0].headers,
    "properties": {
        "correlation_id": "c",
        "reply_to": "r",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "q"},
        "priority": 0,
    },
    "content-type": "application/json",
    "content-encoding": "utf-8",
}


def parcel(head=HEAD, **fields):
    data = head if isinstance(head, bytes) else json.dumps(head).encode()
    return Parcel(**{"queue": "q", "id": "i", "name": "n", "head": data, "body": b"[]", **fields})


def with_headers(**headers):
    return {**HEAD, "headers": {**HEAD["headers"], **headers}}


def with_properties(**properties):
    return {**HEAD, "properties": {**HEAD["properties"], **properties}}


def read(data):
    """As py-amqp, which is Celery's, reads it."""
    message = Message()
    message._load_properties(60, data, 0)
    return message


def kombu_s(sample):
    """As py-amqp writes it."""
    properties = {name: value for name, value in sample.properties.items() if name != "expiration"}
    return Message(b"", application_headers=sample.headers, **properties)._serialize_properties()


def received(data):
    """Properties as a consumer gets them."""
    fields = {**read(data).properties}
    return BasicProperties(headers=fields.pop("application_headers", None), **fields)


def back(data, exchange="", key="q", body=b"[]"):
    return opened(exchange, key, received(data), body)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.case)
def test_a_message_is_celery_s_byte_by_byte(sample):
    found = packed(Parcel("q", sample.headers["id"], "n", sample.head(), sample.body, sample.properties["priority"]))
    assert found == kombu_s(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.case)
def test_a_head_of_our_own_calls_is_the_same_message(sample):
    """The delivery info, which our heads have, is not sent: the exchange and key of the delivery say it."""
    properties = {**sample.properties, "delivery_info": {"exchange": "", "routing_key": "q"}}
    head = {
        "headers": sample.headers,
        "properties": {name: properties[name] for name in properties if not name.startswith("content_")},
        "content-type": sample.content_type,
        "content-encoding": sample.content_encoding,
    }
    assert packed(parcel(head, priority=sample.properties["priority"])) == kombu_s(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.case)
def test_what_celery_sent_is_read_whole(sample):
    found = opened("", "celery", received(kombu_s(sample)), sample.body)
    head = json.loads(found.head)
    assert head["headers"] == sample.headers
    assert list(head["headers"]) == list(sample.headers)
    assert (head["content-type"], head["content-encoding"]) == (sample.content_type, sample.content_encoding)
    assert head["properties"] == {
        "correlation_id": sample.properties["correlation_id"],
        "reply_to": sample.properties["reply_to"],
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "priority": sample.properties["priority"],
    }
    assert (found.body, found.id, found.name) == (sample.body, sample.headers["id"], sample.headers["task"])


def test_a_head_comes_back_as_it_was():
    head = msgspec.json.encode(HEAD)
    assert back(packed(parcel(head))).head == head


def test_expiry_travels_in_the_header_alone():
    head = {
        **with_properties(expiration="60000"),
        "headers": {**HEAD["headers"], "expires": "2030-01-01T00:00:00+00:00"},
    }
    found = read(packed(parcel(head)))
    assert "expiration" not in found.properties
    assert found.headers["expires"] == "2030-01-01T00:00:00+00:00"


def test_an_exchange_that_the_sender_named_is_told_to_the_worker():
    head = with_properties(delivery_info={"exchange": "media", "routing_key": "video.x"})
    data = packed(parcel(head))
    assert read(data).headers[envelope.WAY] == ["media", "video.x"]
    found = json.loads(back(data).head)
    assert found["properties"]["delivery_info"] == {"exchange": "media", "routing_key": "video.x"}
    assert envelope.WAY not in found["headers"]


@pytest.mark.parametrize(
    "head",
    [
        bytes(range(256)),
        b"{}",
        b"[]",
        b"",
        json.dumps({"headers": 1, "properties": 2}).encode(),
        json.dumps({"headers": {}, "properties": {}}).encode(),
    ],
)
def test_a_head_that_is_none_travels_whole(head):
    found = back(packed(parcel(head, id="the-id", name="the.name", priority=7)))
    assert (found.head, found.id, found.name, found.priority) == (head, "the-id", "the.name", 7)


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, 2**31, -(2**63), 1.5, "ü🐝", "x" * 70_000, [1, ["a", None]], {"a": {"b": [1.25]}}, [], {}],
)
def test_a_header_of_the_sender_s_comes_back(value):
    data = packed(parcel(with_headers(mine=value)))
    assert read(data).headers["mine"] == value
    assert json.loads(back(data).head)["headers"]["mine"] == value


def test_properties_of_the_sender_s_are_sent():
    names = {"message_id": "m", "type": "t", "app_id": "a", "cluster_id": "c", "timestamp": 1_700_000_000}
    data = packed(parcel(with_properties(**names)))
    found = read(data).properties
    assert {name: found[name] for name in names} == names
    assert {name: json.loads(back(data).head)["properties"][name] for name in names} == names


def test_marks_are_ours_and_not_the_sender_s():
    due = 1_900_000_000.25
    data = packed(parcel(), {envelope.DUE: due, envelope.AGAIN: True})
    found = back(data)
    assert found.marks == {envelope.DUE: due, envelope.AGAIN: True}
    assert found.due == due
    assert json.loads(found.head)["headers"] == HEAD["headers"]
    assert back(packed(parcel(with_headers(mine=1)), {envelope.AGAIN: True})).marks == {envelope.AGAIN: True}


def test_the_server_s_own_headers_are_not_the_sender_s():
    """A message that carries the trace of earlier queues would be dropped as one that goes round in a circle."""
    traces = {"x-death": [{"count": 1}], "x-first-death-queue": "celery_delayed_1", "x-delivery-count": 3}
    found = opened("", "q", BasicProperties(headers={**HEAD["headers"], **traces, "x-tenant": "t"}), b"")
    assert found.marks == traces
    assert json.loads(found.head)["headers"] == {**HEAD["headers"], "x-tenant": "t"}


@pytest.mark.parametrize(
    ("eta", "moment"),
    [
        ("2030-01-02T03:04:05.678901+00:00", datetime(2030, 1, 2, 3, 4, 5, 678901, UTC).timestamp()),
        ("2030-01-02T03:04:05", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()),
        ("soon", 0.0),
        (None, 0.0),
    ],
)
def test_an_eta_of_celery_s_is_a_due_time(eta, moment):
    found = back(packed(parcel(with_headers(eta=eta))))
    assert (found.eta, found.due) == (moment, moment)


def test_a_message_of_a_foreign_producer_has_only_what_it_has():
    found = opened("", "q", BasicProperties(headers={"task": "t", "id": "i"}), b"[[], {}, {}]")
    assert json.loads(found.head) == {
        "headers": {"task": "t", "id": "i"},
        "properties": {"delivery_info": {"exchange": "", "routing_key": "q"}, "priority": 0},
        "content-type": "application/json",
        "content-encoding": "utf-8",
    }
    assert opened("", "q", BasicProperties(), b"").name == ""


@pytest.mark.parametrize(
    "head",
    [
        with_properties(correlation_id="x" * 256),
        with_properties(reply_to="ü" * 128),
        with_headers(**{"n" * 256: 1}),
        with_headers(mine=2**63),
        with_headers(retries=2**63),
        {**HEAD, "content-type": "t" * 256},
    ],
)
def test_what_amqp_cannot_carry_is_an_error_of_the_sender(head):
    with pytest.raises(EncodeError, match="AMQP cannot carry"):
        packed(parcel(head))


def test_pika_sends_what_was_packed():
    assert b"".join(sealed(parcel()).encode()) == packed(parcel())
