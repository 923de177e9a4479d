"""The serializers beside JSON: models, what cannot be written or read, names of ones own, missing packages."""

from __future__ import annotations

import math
import sys
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.kinds import Colour, Level, Name
from umbel.exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured, MissingExtra
from umbel.serialization import (
    acceptable,
    codec,
    codecs,
    decode_json,
    dumps,
    encode_json,
    is_own_json,
    json_form,
    loads,
    register,
    register_type,
    unregister,
)

KINDS = {name: codec(name).content_type for name in ("json", "msgpack", "yaml", "pickle", "raw")}
HARMLESS = ["json", "msgpack", "yaml"]


@pytest.fixture
def registry(monkeypatch):
    """The registries as they were, after the test."""
    for where, name in ((codecs, "_by_name"), (codecs, "_by_type"), (json_form, "_FORMS"), (json_form, "_REVIVERS")):
        monkeypatch.setattr(where, name, dict(getattr(where, name)))


@pytest.fixture
def no_yaml(monkeypatch):
    """A Python without PyYAML."""
    monkeypatch.setitem(sys.modules, "yaml", None)


def back(value, name):
    kind, encoding, data = dumps(value, name)
    return loads(data, kind, encoding, frozenset({name}))


class Own:
    def __json__(self):
        return {"pair": (1, 2)}


@dataclass
class Order:
    number: int
    price: Decimal


class Account(msgspec.Struct):
    since: datetime


class Page(pydantic.BaseModel):
    url: str


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - the untyped kind is what is tested

NEW_YEAR = datetime(2020, 1, 1)  # noqa: DTZ001 - without a zone, as users write it
MODELS = [
    (Colour.RED, "red"), (Colour.MANY, [1, 2]), (Level.LOW, 1), (Name("n"), "n"), (Pair(1, (2,)), [1, [2]]),
    (Own(), {"pair": [1, 2]}), (Order(1, Decimal("1.10")), {"number": 1, "price": "1.10"}),
    (Account(NEW_YEAR), {"since": "2020-01-01T00:00:00"}), (Page(url="u"), {"url": "u"}),
    ({Name("k"): [Colour.RED, Own()]}, {"k": ["red", {"pair": [1, 2]}]}),
]  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize(("value", "read"), MODELS)
def test_models_become_plain_values_in_each(name, value, read):
    assert back([value], name) == [read]


@pytest.mark.parametrize("name", ["msgpack", "yaml"])
def test_a_value_that_contains_itself_is_a_sentence(name):
    inside: list[object] = []
    inside.append({"a": inside})
    with pytest.raises(EncodeError, match="contains itself"):
        dumps(inside, name)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_value_that_is_too_deep_is_a_sentence(name):
    deep: object = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(EncodeError, match="nested too deeply"):
        dumps(deep, name)


def test_a_value_that_is_named_twice_arrives_twice_by_yaml():
    twice = [1, 2]
    assert b"&id001" in dumps([twice, twice], "yaml")[2]
    assert back([twice, twice], "yaml") == [[1, 2], [1, 2]]


def bomb(first, further):
    """Eleven lines, each of ten aliases of the line before."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{n}: &a{n} " + further.format(", ".join([f"*a{n - 1}"] * 10)) for n in range(1, 11)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [bomb("[x]", "[{}]"), bomb("{k: 1}", "{{<<: [{}]}}"), "&a [*a]", "&a {k: {l: *a}}", "? &a [1, *a]\n: 2"],
)
def test_yaml_that_stands_for_too_much_is_refused_before_it_is_built(text):
    with pytest.raises(DecodeError, match="too many values"):
        loads(text.encode(), "application/x-yaml", "utf-8", frozenset({"yaml"}))


@pytest.mark.parametrize(
    "text",
    ["!!python/object/apply:os.system [true]", "!!python/name:os.system", "!x 1", "a: [", "\x00", "--- 1\n--- 2"],
)
def test_yaml_builds_plain_values_only(text):
    with pytest.raises(DecodeError, match="application/x-yaml"):
        loads(text.encode(), "application/x-yaml", "utf-8", frozenset({"yaml"}))


def test_an_empty_yaml_is_nothing():
    assert loads(b"", "application/x-yaml", "utf-8", frozenset({"yaml"})) is None


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "half \ud800"])
def test_what_messagepack_has_no_room_for_is_refused(value):
    with pytest.raises(EncodeError, match="'msgpack'"):
        dumps([value], "msgpack")


def test_timestamps_of_other_programs_are_read():
    assert loads(b"\xd6\xff\x00\x00\x00\x00", KINDS["msgpack"], "binary", frozenset({"msgpack"})).year == 1970


EVERYTHING = frozenset(HARMLESS) | {"raw"}
ENCODINGS = [None, "utf-8", "binary", "UTF-8", "latin-1", "utf-16", "idna", "zlib", "rot13", "\x00", "x" * 100]
TYPED = (DecodeError, ContentDisallowed)


@settings(max_examples=400)
@given(st.binary(max_size=300), st.sampled_from([*KINDS.values(), "text/plain", "", None]), st.sampled_from(ENCODINGS))
def test_whatever_bytes_arrive_only_the_typed_error_comes_out(data, kind, encoding):
    accept = EVERYTHING - {"pickle"}
    try:
        made = loads(data, kind, encoding, accept)
    except TYPED as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert kind != KINDS["pickle"]
        assert repr(made)


yaml_words = st.lists(
    st.sampled_from(
        ["&a ", "*a", "- ", "? ", ": ", "<<", "[", "]", "{", "}", ", ", "\n", "  ", "!!", "int", "set", "omap", "pairs",
         "binary", "timestamp", "2030-13-45", "1:60", ".nan", "|", ">", "%YAML 1.1\n", "---", "'", '"', "\\x", "x", "~",
         "0x", "1_", "!!float ", "\t", "&a"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=400)
@given(yaml_words)
def test_whatever_yaml_arrives_only_the_typed_error_comes_out(text):
    try:
        made = loads(text.encode(), "application/x-yaml", "utf-8", frozenset({"yaml"}))
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert repr(made)


@given(st.binary(max_size=100))
def test_whatever_pickle_arrives_where_it_is_accepted_only_the_typed_error_comes_out(data):
    """Opcodes that call something are left out: they may do anything, which is why pickle has to be named."""
    harmless = data.translate(None, b"cRibo\x81\x92\x93\x82\x83\x84PQ")
    try:
        made = loads(harmless, KINDS["pickle"], "binary", frozenset({"pickle"}))
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert repr(made)


def test_lengths_that_lie_take_no_memory():
    import tracemalloc

    tracemalloc.start()
    try:
        for start in (b"\xdd", b"\xdf", b"\xc6", b"\xdb"):
            for data in (start + b"\x7f\xff\xff\xff", (start + b"\x00\x0f\xff\xff") * 300):
                with pytest.raises(DecodeError):
                    loads(data, KINDS["msgpack"], "binary", frozenset({"msgpack"}))
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_pickle_is_accepted_by_nobody_who_does_not_name_it():
    from umbel.conf import SETTINGS

    assert SETTINGS["accept_content"].default == ("json",)
    with pytest.raises(ContentDisallowed, match="application/x-python-serialize"):
        loads(dumps(1, "pickle")[2], KINDS["pickle"], "binary", EVERYTHING)


@pytest.mark.usefixtures("no_yaml")
def test_a_missing_package_names_the_command():
    sentence = r'^The serializer "yaml" needs a package; type: pip install "umbel\[yaml\]"$'
    for call in (
        lambda: dumps([1], "yaml"),
        lambda: loads(b"[1]", "application/x-yaml", "utf-8", frozenset({"yaml"})),
        lambda: acceptable(["json", "yaml"]),
        lambda: acceptable(["application/x-yaml"]),
    ):
        with pytest.raises(MissingExtra, match=sentence):
            call()
    assert acceptable(["json", "msgpack"]) == {"application/json", "application/x-msgpack"}


def test_an_unknown_name_among_those_to_accept_is_found():
    with pytest.raises(
        ImproperlyConfigured, match=r"no serializer 'jsn'; choose one of: json, .* accept_content names it"
    ):
        acceptable(["jsn"])
    assert acceptable(["text/x-strange"]) == {"text/x-strange"}


@pytest.mark.usefixtures("registry")
def test_a_serializer_may_be_read_only_written_only_or_removed():
    register("in", None, str.lower, "text/x-in")
    register("out", str.upper, None, "text/x-out")
    with pytest.raises(EncodeError, match="'in' can only be read"):
        dumps("a", "in")
    assert loads(b"A", "text/x-in", "utf-8", frozenset({"in"})) == "a"
    with pytest.raises(DecodeError, match="Nothing here can read"):
        loads(b"A", "text/x-out", "utf-8", frozenset({"out"}))
    unregister("out")
    with pytest.raises(ImproperlyConfigured, match="no serializer 'out'"):
        dumps("a", "out")
    with pytest.raises(ImproperlyConfigured, match="no serializer 'out'"):
        unregister("out")
    with pytest.raises(ContentDisallowed):
        loads(b"A", "text/x-out", "utf-8", frozenset({"out"}))


@pytest.mark.usefixtures("registry")
def test_another_json_is_noticed():
    assert is_own_json("json")
    assert is_own_json("application/json")
    assert not is_own_json("pickle")
    register("json", str, str, "application/json")
    assert not is_own_json("json")
    assert not is_own_json("application/json")


@pytest.mark.usefixtures("registry")
def test_a_type_of_ones_own_in_json():
    register_type(complex, "complex", lambda value: [value.real, value.imag], lambda pair: complex(*pair))
    register_type(set, "set", sorted, set)
    register_type(range, None, list)
    register_type(Colour, "colour", lambda value: value.name)
    value = [1 + 2j, {"a": {3, 1}}, range(2), Colour.RED, date(2030, 1, 2)]
    assert decode_json(encode_json(value)) == [1 + 2j, {"a": {1, 3}}, [0, 1], "RED", date(2030, 1, 2)]


@pytest.mark.usefixtures("registry")
def test_what_a_type_of_ones_own_raises_is_the_typed_error():
    def fail(value):
        raise LookupError("oops")

    register_type(complex, "complex", fail, fail)
    with pytest.raises(EncodeError, match="oops"):
        encode_json([1j])
    with pytest.raises(DecodeError, match="oops"):
        decode_json(b'{"__type__": "complex", "__value__": 1}')


def test_not_a_number_arrives():
    for name in HARMLESS:
        assert math.isnan(back([math.nan], name)[0])
