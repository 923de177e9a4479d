from __future__ import annotations

import pickle

import pytest

from umbel.exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured
from umbel.serialization import codec, dumps, loads, register
from umbel.serialization.codecs import _by_name, _by_type

JSON = frozenset({"json"})


@pytest.fixture
def registry():
    """The registry as it was, after the test."""
    names, kinds = dict(_by_name), dict(_by_type)
    yield
    for table, before in ((_by_name, names), (_by_type, kinds)):
        table.clear()
        table.update(before)


def test_json_is_the_default():
    assert dumps([1, "å"]) == ("application/json", "utf-8", '[1,"å"]'.encode())
    assert loads(b"[1]", "application/json", "utf-8", JSON) == [1]


@pytest.mark.parametrize("accept", [frozenset({"json"}), frozenset({"application/json"})])
def test_a_type_is_accepted_by_its_name_or_content_type(accept):
    assert loads(b"[1]", "application/json", "utf-8", accept) == [1]


def test_an_encoding_other_than_utf_8_and_parameters_are_understood():
    assert loads('["å"]'.encode("latin-1"), "application/json", "latin-1", JSON) == ["å"]
    assert loads(b"[1]", "application/json; charset=utf-8", "UTF-8", JSON) == [1]
    assert loads(b"[1]", "application/json", None, JSON) == [1]


class Trap:
    sprung = False

    def __reduce__(self):
        return _spring, ()


def _spring():
    Trap.sprung = True


def test_pickle_is_not_even_looked_at_unless_it_is_accepted():
    kind, encoding, data = dumps(Trap(), "pickle")
    assert (kind, encoding) == ("application/x-python-serialize", "binary")
    with pytest.raises(ContentDisallowed, match="accept_content"):
        loads(data, kind, encoding, JSON)
    assert not Trap.sprung
    loads(data, kind, encoding, frozenset({"pickle"}))
    assert Trap.sprung


def test_a_broken_pickle_is_a_decode_error():
    with pytest.raises(DecodeError):
        loads(b"\x80garbage", "application/x-python-serialize", "binary", frozenset({"pickle"}))


def test_pickle_is_written_as_celery_writes_it():
    assert dumps((1, 2), "pickle")[2] == pickle.dumps((1, 2), 4)


def test_raw_content_is_always_taken():
    assert dumps(b"\xff", "raw") == ("application/data", "binary", b"\xff")
    assert dumps("å", "raw") == ("application/data", "utf-8", "å".encode())
    assert loads(b"\xff", "application/data", "binary", frozenset()) == b"\xff"
    assert loads("å".encode(), "application/data", "utf-8", frozenset()) == "å"
    assert loads(b"abc", None, None, frozenset()) == "abc"
    assert loads(b"abc", "application/text", "utf-8", frozenset()) == "abc"
    with pytest.raises(EncodeError, match="bytes or str, not int"):
        dumps(5, "raw")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-zz", "application/x-yaml", "application/x-msgpack"])
def test_any_other_type_is_refused(kind):
    with pytest.raises(ContentDisallowed, match=kind):
        loads(b"{}", kind, "utf-8", JSON)


def test_an_accepted_type_that_nobody_reads_says_so():
    with pytest.raises(DecodeError, match="Nothing here can read"):
        loads(b"{}", "application/x-zz", "utf-8", frozenset({"application/x-zz"}))


@pytest.mark.parametrize(("data", "encoding"), [(b"\xff", "utf-8"), (b"[1", "utf-8"), (b"[1]", "no-such-encoding")])
def test_bytes_that_are_not_what_they_claim(data, encoding):
    with pytest.raises(DecodeError):
        loads(data, "application/json", encoding, JSON)


def test_an_unknown_serializer_names_the_known_ones():
    with pytest.raises(ImproperlyConfigured, match=r"json, msgpack, pickle, raw, .*yaml"):
        dumps(1, "jsn")


@pytest.mark.usefixtures("registry")
def test_a_serializer_of_ones_own():
    register("shout", lambda value: str(value).upper(), str.lower, "text/x-shout")
    register("blob", lambda value: bytes([value]), lambda data: data[0], "application/x-blob", "binary")
    assert dumps("abc", "shout") == ("text/x-shout", "utf-8", b"ABC")
    assert loads(b"ABC", "text/x-shout", "utf-8", frozenset({"shout"})) == "abc"
    assert loads(dumps(7, "blob")[2], "application/x-blob", "binary", frozenset({"blob"})) == 7
    assert codec("text/x-shout") is codec("shout")


@pytest.mark.usefixtures("registry")
def test_json_may_be_replaced():
    register("json", lambda value: f"<{value}>", lambda text: text.strip("<>"), "application/json")
    assert dumps("a") == ("application/json", "utf-8", b"<a>")
    assert loads(b"<a>", "application/json", "utf-8", JSON) == "a"


@pytest.mark.usefixtures("registry")
def test_what_a_users_codec_raises_is_an_encode_or_decode_error():
    def fail(value):
        raise KeyError("oops")

    register("bad", fail, fail, "text/x-bad")
    with pytest.raises(EncodeError, match="'bad'"):
        dumps(1, "bad")
    with pytest.raises(DecodeError, match="text/x-bad"):
        loads(b"1", "text/x-bad", "utf-8", frozenset({"bad"}))
