"""What Celery 5.7 really sent, read by our codecs and envelope."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timezone
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from tests.wire.samples import CELERY, load
from umbel.exceptions import ContentDisallowed
from umbel.message import HEADER_NAMES, Envelope
from umbel.serialization import (
    compress,
    compress_document,
    decode_json,
    decompress,
    decompress_document,
    dumps,
    encode_json,
    loads,
)

REDIS = load("redis-v2")
RABBITMQ = load("rabbitmq")
OLD = load("redis-v1")
JSON = [sample for sample in REDIS if sample.content_type == "application/json" and not sample.compressed]
EVERYTHING = frozenset({"json", "pickle", "msgpack", "yaml"})


def ids(samples):
    return [sample.case for sample in samples]


def test_the_captures_are_all_there():
    assert (len(REDIS), len(RABBITMQ), len(OLD)) == (43, 10, 3)


@pytest.mark.parametrize("sample", JSON, ids=ids(JSON))
def test_a_body_is_read_and_written_back_unchanged(sample):
    body = loads(sample.body, sample.content_type, sample.content_encoding, frozenset({"json"}))
    args, kwargs, embed = body
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    assert set(embed) == {"callbacks", "errbacks", "chain", "chord"}
    assert json.loads(encode_json(body)) == json.loads(sample.body) == sample.expected


@pytest.mark.parametrize("sample", REDIS + RABBITMQ, ids=ids(REDIS + RABBITMQ))
def test_headers_are_those_that_we_know(sample):
    envelope = msgspec.json.decode(sample.head(), type=Envelope)
    assert (envelope.content_type, envelope.content_encoding) == (sample.content_type, sample.content_encoding)
    read = json.loads(msgspec.json.encode(envelope.headers))
    assert read == {name: sample.headers[name] for name in (*HEADER_NAMES, "compression") if name in sample.headers}
    assert list(sample.headers)[: len(HEADER_NAMES)] == list(HEADER_NAMES)


@pytest.mark.parametrize("sample", OLD, ids=ids(OLD))
def test_a_message_of_protocol_1_is_read(sample):
    body = loads(sample.body, sample.content_type, sample.content_encoding, frozenset({"json"}))
    assert body == sample.expected
    assert {"task", "id", "args", "kwargs", "retries", "eta"} <= set(body)


def test_every_json_body_of_rabbitmq_is_read():
    read = 0
    for sample in RABBITMQ:
        if sample.content_type == "application/json" and not sample.compressed:
            assert decode_json(sample.body) == sample.expected
            read += 1
    assert read == 8


def test_types_that_json_does_not_have_arrive_as_themselves():
    [sample] = [sample for sample in REDIS if sample.case.startswith("29-")]
    [value] = decode_json(sample.body)[0]
    assert value == {
        "dt": datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc),  # noqa: UP017 - as users write it
        "d": date(2030, 1, 2),
        "t": time(3, 4, 5, 678901),
        "dec": Decimal("1.10"),
        "uuid": UUID(int=5),
        "bytes": b"abc",
        "bin": b"\xff\xfe",
    }
    assert [type(item) for item in value.values()] == [datetime, date, time, Decimal, UUID, bytes, bytes]


def test_pickle_is_read_when_it_is_accepted_and_only_then():
    [sample] = [sample for sample in REDIS if sample.case.startswith("18-")]
    with pytest.raises(ContentDisallowed):
        loads(sample.body, sample.content_type, sample.content_encoding, frozenset({"json"}))
    body = loads(sample.body, sample.content_type, sample.content_encoding, EVERYTHING)
    assert body == ((2, 3), {}, dict.fromkeys(("callbacks", "errbacks", "chain", "chord")))


@pytest.mark.parametrize("start", ["18-pickle", "19-msgpack", "20-yaml"])
def test_other_serializers_are_read_and_written_back_byte_for_byte(start):
    [sample] = [sample for sample in REDIS if sample.case.startswith(start)]
    body = loads(sample.body, sample.content_type, sample.content_encoding, EVERYTHING)
    assert [list(body[0]), *body[1:]] == [[2, 3], {}, dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))]
    assert dumps(body, sample.content_type) == (sample.content_type, sample.content_encoding, sample.body)


def test_a_compressed_body_is_read_and_written_back_byte_for_byte():
    [sample] = [sample for sample in REDIS if sample.compressed]
    plain = decompress(sample.body, sample.headers["compression"], 1000)
    assert decode_json(plain) == sample.expected
    assert compress(plain, "gzip") == (sample.body, "application/x-gzip")


def test_a_compressed_result_is_read_and_written_back_byte_for_byte():
    [stored] = [text.encode("latin-1") for text in json.loads((CELERY / "result-compressed.json").read_text())]
    document = decompress_document(stored, 1000)
    assert decode_json(document)["status"] == "SUCCESS"
    assert compress_document(document, "zlib") == stored
