"""What kombu 5.7 writes is read here and the reverse, in each serializer; where the order is fixed, byte for byte."""

from __future__ import annotations

import json
import math
import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import serialization as kombu
from kombu.exceptions import EncodeError as KombuEncodeError

from umbel.exceptions import EncodeError
from umbel.serialization import codec, dumps, encode_json, loads

ALL = ["json", "msgpack", "yaml", "pickle"]
TYPES = {name: codec(name).content_type for name in ALL}

# A space in front of each text: a dict of the keys `__type__` and `__value__` is a form of kombu's, not itself.
keys = st.text(max_size=5).map(" ".__add__)
small = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8)
plain = small | st.floats(allow_nan=False)
zones = st.none() | st.timezones() | st.builds(timezone, st.timedeltas(timedelta(hours=-20), timedelta(hours=20)))
forms = st.dates() | st.times() | st.decimals(allow_nan=False) | st.uuids() | st.binary(max_size=8)
kept = {
    "json": plain | forms | st.datetimes(timezones=zones) | st.sampled_from(["\ud800", math.inf, 10**40]),
    "msgpack": plain | st.floats(allow_nan=False) | st.binary(max_size=8),
    "yaml": small | st.floats(allow_nan=False) | st.binary(max_size=8) | st.dates() | st.datetimes(),
    "pickle": plain | forms | st.frozensets(st.integers()) | st.datetimes() | st.complex_numbers(allow_nan=False),
}


def nested(leaves):
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


named = st.sampled_from(ALL).flatmap(lambda name: st.tuples(st.just(name), nested(kept[name])))


def kombu_reads(name, data):
    return kombu.loads(data, TYPES[name], codec(name).content_encoding, accept={TYPES[name]})


def umbel_reads(name, data):
    data = data.encode() if isinstance(data, str) else data
    return loads(data, TYPES[name], codec(name).content_encoding, frozenset({name}))


@given(named)
def test_what_kombu_writes_is_read_as_kombu_reads_it(case):
    name, value = case
    kind, encoding, data = kombu.dumps(value, name)
    assert (kind, encoding) == (codec(name).content_type, codec(name).content_encoding)
    assert repr(umbel_reads(name, data)) == repr(kombu_reads(name, data))


@given(named)
def test_kombu_reads_what_is_written_here(case):
    name, value = case
    data, theirs = dumps(value, name)[2], kombu.dumps(value, name)[2]
    assert repr(kombu_reads(name, data)) == repr(umbel_reads(name, data)) == repr(kombu_reads(name, theirs))


@given(named)
def test_the_bytes_are_kombus(case):
    """In JSON kombu writes spaces and ``\\u`` where we write neither: compared when written anew."""
    name, value = case
    ours, theirs = dumps(value, name)[2], kombu.dumps(value, name)[2]
    if name == "json":
        assert json.dumps(json.loads(ours)) == theirs
    else:
        assert ours == (theirs.encode() if isinstance(theirs, str) else theirs)


@pytest.mark.parametrize("name", ["json", "msgpack", "yaml"])
@pytest.mark.parametrize("value", [1j, object(), range(3), ValueError("x"), int, timedelta(1), (x for x in ())])
@pytest.mark.parametrize("around", [lambda value: value, lambda value: [{"a": value}]])
def test_what_kombu_refuses_is_refused_in_one_sentence(name, value, around):
    with pytest.raises(KombuEncodeError):
        kombu.dumps(around(value), name)
    with pytest.raises(EncodeError, match=f"type '?{type(value).__name__}'? .*form") as caught:
        dumps(around(value), name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [datetime.now(UTC), date(2030, 1, 2), time(1), Decimal(1), UUID(int=1), {1}])
def test_messagepack_carries_no_more_than_celery_reads(value):
    with pytest.raises(KombuEncodeError):
        kombu.dumps([value], "msgpack")
    with pytest.raises(EncodeError, match="no MessagePack form"):
        dumps([value], "msgpack")


@pytest.mark.parametrize("name", ["msgpack", "yaml", "pickle"])
def test_subclasses_and_sequences_are_written_as_kombu_writes_them(name):
    value = [(1, (2, 3)), {"a": (), "b": b""}, True, -1, 2**63, 1.5, "å☃𝄞", ""]
    assert dumps(value, name)[2] == _bytes(kombu.dumps(value, name)[2])


def _bytes(data):
    return data.encode() if isinstance(data, str) else data


def test_binary_views_go_by_messagepack():
    for value in (bytearray(b"ab"), memoryview(b"ab")):
        assert dumps([value], "msgpack")[2] == kombu.dumps([value], "msgpack")[2] == b"\x91\xc4\x02ab"


def test_a_whole_message_of_each_serializer_has_the_bytes_of_celerys():
    body = ((2, 3), {"y": None}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None})
    for name in ALL[1:]:
        assert dumps(body, name)[2] == _bytes(kombu.dumps(body, name)[2])
    assert pickle.loads(dumps(body, "pickle")[2]) == body
    assert json.dumps(json.loads(encode_json(body))) == kombu.dumps(body, "json")[2]
