"""Deliveries out of the stream, and the usual message read at once: the same as the long way, cut anywhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec
from pika.spec import BasicProperties

from tests.amqp.test_envelope import HEAD, SAMPLES, kombu_s, parcel, with_headers, with_properties
from umbel.adapters.amqp import envelope
from umbel.adapters.amqp.envelope import opened, packed
from umbel.adapters.amqp.fields import Lazy, Read
from umbel.adapters.amqp.incoming import MOST, taken
from umbel.adapters.amqp.usual import usual


def delivery(number=1, body=b"body", properties=None, consumer="c", piece=100):
    """As a server sends it."""
    method = spec.Basic.Deliver(consumer, number, False, "x", "key")
    properties = BasicProperties(content_type="t") if properties is None else properties
    frames = [frame.Method(1, method), frame.Header(1, len(body), properties)]
    frames += [frame.Body(1, body[at : at + piece]) for at in range(0, len(body), piece)]
    return b"".join(one.marshal() for one in frames)


class Taker:
    """Notes what it was given."""

    def __init__(self, *known):
        self.known = known or ("c",)
        self.found = []

    def __call__(self, channel, consumer, number, again, exchange, key, properties, body):
        if consumer not in self.known:
            return False
        self.found.append((channel, number, again, exchange, key, Read().decode(properties).content_type, body))
        return True


def test_deliveries_are_taken_whole():
    take = Taker()
    data = delivery(1, b"one") + delivery(2, b"") + delivery(3, b"x" * 250)
    assert taken(data, take) == (len(data), False)
    assert take.found == [
        (1, 1, False, b"x", b"key", "t", b"one"),
        (1, 2, False, b"x", b"key", "t", b""),
        (1, 3, False, b"x", b"key", "t", b"x" * 250),
    ]


def test_one_that_is_not_whole_is_waited_for():
    whole, half = delivery(1), delivery(2, b"x" * 250)
    for end in range(len(half)):
        take = Taker()
        done, other = taken(whole + half[:end], take)
        assert done == len(whole)
        assert len(take.found) == 1
        assert not other or end < 12  # of a few bytes nobody knows what they are; pika waits for the rest too


@pytest.mark.parametrize(
    "other",
    [
        frame.Heartbeat().marshal(),
        frame.Method(1, spec.Basic.Ack(5, True)).marshal(),
        frame.Method(1, spec.Basic.GetEmpty()).marshal(),
        delivery(9, consumer="stranger"),
        delivery(9, b"x" * (MOST + 1), piece=131_000),
    ],
)
def test_anything_else_is_left_to_pika(other):
    take = Taker()
    first = delivery(1)
    assert taken(first + other + delivery(2), take) == (len(first), True)
    assert len(take.found) == 1


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.case)
def test_the_short_way_says_what_the_long_way_says(sample):
    data = kombu_s(sample)
    assert opened("e", "k", Lazy(data), b"b") == opened("e", "k", Read().decode(data), b"b")


def test_the_usual_message_is_the_one_that_most_are():
    assert usual(packed(parcel())) is not None
    assert usual(packed(parcel(with_headers(ignore_result=None, parent_id="p", retries=3)))) is not None
    assert usual(kombu_s(SAMPLES[0])) is not None


@pytest.mark.parametrize(
    "head",
    [
        with_headers(mine=1),
        with_headers(eta="2030-01-01T00:00:00+00:00"),
        with_headers(group="g", group_index=1),
        with_headers(timelimit=[2.5, 1]),
        with_headers(stamps={"a": 1}, stamped_headers=["a"]),
        with_headers(lang="go"),
        with_properties(message_id="m"),
        {**HEAD, "content-type": "application/x-yaml"},
    ],
)
def test_any_other_message_is_read_the_long_way(head):
    data = packed(parcel(head))
    assert usual(data) is None
    assert opened("e", "k", Lazy(data), b"b") == opened("e", "k", Read().decode(data), b"b")


def test_a_mark_of_ours_is_never_overlooked():
    data = packed(parcel(), {envelope.AGAIN: True})
    assert usual(data) is None
    assert opened("", "q", Lazy(data), b"").marks == {envelope.AGAIN: True}


@given(
    st.text(), st.text(max_size=60), st.integers(-(2**31), 2**31 - 1), st.none() | st.text(), st.none() | st.booleans()
)
def test_texts_that_look_like_headers_are_texts(text, ident, retries, parent, ignored):
    strange = f"\x06originS{text}\x0akwargsreprS"
    head = with_headers(
        argsrepr=strange, task=text, id=ident, retries=retries, parent_id=parent, ignore_result=ignored, root_id=ident
    )
    data = packed(parcel({**head, "properties": {**HEAD["properties"], "correlation_id": ident}}))
    assert json.loads(opened("", "q", Lazy(data), b"").head)["headers"] == head["headers"]


@given(st.binary(max_size=40), st.integers(0, 200))
def test_bytes_that_are_no_message_are_none(junk, at):
    data = packed(parcel())
    broken = data[:at] + junk + data[at + len(junk) :]
    found = usual(broken)
    if found is not None:
        long = opened("", "q", Read().decode(broken), b"")
        assert json.loads(found.head("", "q"))["headers"] == json.loads(long.head)["headers"]


def test_fields_of_a_delivery_are_read_when_they_are_asked_for():
    found = Lazy(packed(parcel(with_properties(message_id="m"), priority=4)))
    assert "headers" not in vars(found)
    assert (found.message_id, found.priority, found.expiration) == ("m", 4, None)
    assert found.headers["task"] == HEAD["headers"]["task"]
    with pytest.raises(AttributeError):
        _ = found.nobody
