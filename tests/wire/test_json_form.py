"""Our JSON says what kombu's says; the reference here is Python's json module with kombu's forms written out."""

from __future__ import annotations

import base64
import json
import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.kinds import Colour, Level, Name
from umbel.exceptions import DecodeError, EncodeError
from umbel.serialization import decode_json, encode_json


def reference(value):
    """kombu's forms, one by one."""
    if isinstance(value, datetime):
        return {"__type__": "datetime", "__value__": value.isoformat()}
    if isinstance(value, date):
        return {"__type__": "date", "__value__": value.isoformat()}
    if isinstance(value, time):
        return {"__type__": "time", "__value__": value.isoformat()}
    if isinstance(value, Decimal):
        return {"__type__": "decimal", "__value__": str(value)}
    if isinstance(value, UUID):
        return {"__type__": "uuid", "__value__": {"hex": value.hex}}
    try:
        return {"__type__": "bytes", "__value__": value.decode()}
    except UnicodeDecodeError:
        return {"__type__": "base64", "__value__": base64.b64encode(value).decode()}


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
zones = st.none() | st.timezones() | st.builds(timezone, st.timedeltas(timedelta(hours=-20), timedelta(hours=20)))
special = (
    st.datetimes(timezones=zones)
    | st.dates()
    | st.times()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.binary()
    | st.sampled_from(["half \ud800", "\udfff", 10**40, -(2**64), math.inf, -math.inf])
)
values = st.recursive(
    plain | special,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def fixed_offsets(value):
    """A zone arrives as the offset that it had: compare the moments and the wall clocks."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [fixed_offsets(item) for item in value]
    if isinstance(value, dict):
        return {key: fixed_offsets(item) for key, item in value.items()}
    return value


def is_form(value):
    """A dict that reads as one of kombu's forms; nobody can tell it from one."""
    if isinstance(value, dict):
        return value.keys() == {"__type__", "__value__"} or any(map(is_form, value.values()))
    return isinstance(value, list) and any(map(is_form, value))


@given(values)
def test_what_is_sent_arrives(value):
    if not is_form(value):
        assert fixed_offsets(decode_json(encode_json(value))) == fixed_offsets(value)


@given(values)
def test_the_bytes_say_what_kombu_says(value):
    assert json.loads(encode_json(value)) == json.loads(json.dumps(value, default=reference))


@given(values)
def test_what_kombu_writes_is_read(value):
    if not is_form(value):
        written = json.dumps(value, default=reference)
        assert fixed_offsets(decode_json(written.encode())) == fixed_offsets(value)
        assert fixed_offsets(decode_json(written)) == fixed_offsets(value)


def test_nan_and_the_infinities_are_written_as_python_writes_them():
    assert encode_json([math.nan, math.inf, -math.inf]) == b"[NaN,Infinity,-Infinity]"
    assert math.isnan(decode_json(b"NaN"))
    assert decode_json(b"[Infinity, -Infinity]") == [math.inf, -math.inf]


def test_half_a_character_may_have_been_written_raw():
    assert decode_json(b'["\xed\xa0\x80"]') == ["\ud800"]


@pytest.mark.parametrize("text", ["half \ud800", "\udfff", "\x00\x1f\u2028", "å☃𝄞"])
def test_every_text_arrives(text):
    assert decode_json(encode_json(text)) == text
    assert decode_json(encode_json({text: [text]})) == {text: [text]}


def test_keys_are_written_as_python_writes_them():
    written = json.loads(encode_json({1: "a", 1.5: "b", None: "c", False: "d", "e": "e"}))
    assert written == {"1": "a", "1.5": "b", "null": "c", "false": "d", "e": "e"}


@pytest.mark.parametrize("key", [(1, 2), b"k", date(2020, 1, 1), UUID(int=1)])
def test_other_keys_are_refused_as_kombu_refuses_them(key):
    with pytest.raises(EncodeError, match="keys must be str"):
        encode_json({key: 1})


@pytest.mark.parametrize(
    "value", [{1, 2}, frozenset(), 1j, object(), bytearray(b"x"), timedelta(1), range(3), ValueError("x"), int]
)
@pytest.mark.parametrize("around", [lambda value: value, lambda value: {"a": [value]}])
def test_what_has_no_form_is_refused_by_its_type(value, around):
    with pytest.raises(EncodeError, match=f"type {type(value).__name__!r} has no JSON form"):
        encode_json(around(value))


def test_a_set_says_what_to_do():
    with pytest.raises(EncodeError, match="make it a list"):
        encode_json({1})


def test_recursion_is_a_sentence():
    inside: list[object] = []
    inside.append(inside)
    deep: object = []
    for _ in range(50_000):
        deep = [deep]
    for value in (inside, deep, [date(2020, 1, 1), inside], {"a": {"b": inside}}):
        with pytest.raises(EncodeError, match="nested too deeply, or contains itself"):
            encode_json(value)
    for data in (b"[" * 50_000, b'{"__type__":' * 50_000):
        with pytest.raises(DecodeError):
            decode_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"nul", b"[1]x", b"\xff\xfe\x00", b'"\xff"', b"1" * 5000, b'{"a"', b"\x00",
        b'{"__type__": "zzz", "__value__": 1}', b'{"__type__": ["x"], "__value__": 1}',
        b'{"__type__": "uuid", "__value__": "no"}', b'{"__type__": "uuid", "__value__": {"zz": 1}}',
        b'{"__type__": "decimal", "__value__": "x"}', b'{"__type__": "bytes", "__value__": 5}',
        b'{"__type__": "datetime", "__value__": "soon"}', b'{"__type__": "base64", "__value__": "a"}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_error(data):
    with pytest.raises(DecodeError):
        decode_json(data)


@given(st.binary(max_size=200))
def test_random_bytes_are_json_or_one_error(data):
    try:
        made = decode_json(data)
    except DecodeError:
        made = None
    assert made is None or repr(json.loads(data)) == repr(made)


def test_a_dict_with_a_third_key_is_no_form():
    data = b'{"__type__": "datetime", "__value__": "2020-01-01T00:00:00Z", "x": 1}'
    assert decode_json(data) == json.loads(data)


def test_a_form_may_have_been_written_with_its_offset_as_z():
    data = b'{"__type__": "datetime", "__value__": "2020-01-01T00:00:00Z"}'
    assert decode_json(data) == datetime(2020, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - as users write it


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - the untyped kind is what is tested


class Stamp(datetime):
    pass


class Blob(bytes):
    pass


class Own:
    def __json__(self):
        return {"when": date(2020, 1, 2), "pair": (1, 2)}


class Account(msgspec.Struct, rename="camel"):
    full_name: str
    since: datetime
    tags: set[str] = set()
    colour: Colour | None = None


@dataclass
class Order:
    number: int
    price: Decimal
    account: Account | None = None
    extra: object = None


class Page(pydantic.BaseModel):
    url: str
    at: datetime
    size: int = pydantic.Field(default=0, alias="SIZE")


SINCE = datetime(2020, 1, 2, 3, 4, 5, tzinfo=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Colour.RED, "red"),
        (Colour.MANY, [1, 2]),
        (Level.LOW, 1),
        (Name("n"), "n"),
        ({Colour.RED: 1, Name("k"): 2}, {"red": 1, "k": 2}),
        (Pair(1, (2, 3)), [1, [2, 3]]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        ([Stamp(2020, 1, 2), Blob(b"b")],
         [{"__type__": "datetime", "__value__": "2020-01-02T00:00:00"}, {"__type__": "bytes", "__value__": "b"}]),
        (Own(), {"when": {"__type__": "date", "__value__": "2020-01-02"}, "pair": [1, 2]}),
        (Account("A", SINCE, {"t"}), {"fullName": "A", "since": "2020-01-02T03:04:05Z", "tags": ["t"], "colour": None}),
        (
            [Order(1, Decimal("1.10"), Account("B", SINCE, colour=Colour.RED))],
            [{"number": 1, "price": "1.10", "extra": None,
              "account": {"fullName": "B", "since": "2020-01-02T03:04:05Z", "tags": [], "colour": "red"}}],
        ),
        (Order(1, Decimal(2), extra=Page(url="u", at=SINCE)),
         {"number": 1, "price": "2", "account": None, "extra": {"url": "u", "at": "2020-01-02T03:04:05Z", "size": 0}}),
        (Order(1, Decimal(2), extra=[Own(), Name("n")]),
         {"number": 1, "price": "2", "account": None,
          "extra": [{"when": {"__type__": "date", "__value__": "2020-01-02"}, "pair": [1, 2]}, "n"]}),
        ({"page": Page(url="u", at=SINCE, SIZE=3)}, {"page": {"url": "u", "at": "2020-01-02T03:04:05Z", "size": 3}}),
    ],
)  # fmt: skip
def test_models_become_plain_json(value, written):
    assert json.loads(encode_json(value)) == written


@pytest.mark.parametrize("value", [Account, Order, Page, Own, Colour])
def test_a_class_is_no_value(value):
    for around in (value, [value], Order(1, Decimal(1), extra=value)):
        with pytest.raises(EncodeError, match="has no JSON form"):
            encode_json(around)


def test_pydantic_is_not_imported_for_those_who_do_not_use_it():
    import subprocess
    import sys

    code = (
        "import sys; from umbel.serialization import *; from uuid import UUID; encode_json([UUID(int=1)]);"
        "converter(list[UUID]); print('pydantic' in sys.modules, 'pickle' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split()[0] == "False"
