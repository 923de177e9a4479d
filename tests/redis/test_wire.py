"""What real Celery 5.7 put into Redis is claimed, listed and settled; what umbel puts there is what Celery did."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from tests.redis.lab import RedisLab
from tests.wire.samples import CELERY, load
from umbel import clock, ids
from umbel.adapters.redis.envelope import opened, ref_of, sealed, stored_at
from umbel.broker import Owner, Want
from umbel.message import Parcel
from umbel.outcome import Bury, Done, Release
from umbel.testing.clock import moved_clock

OF_THE_TRANSPORT = {"body_encoding", "delivery_tag"}


def captures(folder):
    """(case, list, message as the list held it) of each capture."""
    found = []
    for path in sorted((CELERY / folder).glob("*.json")):
        for number, message in enumerate(json.loads(path.read_text(encoding="utf-8"))["messages"]):
            found.append((f"{path.stem}-{number}", message["redis_list_key"], message["raw"]))
    return found


CAPTURES = captures("redis-v2")
OLD = captures("redis-v1")
SAMPLES = {sample.case: sample for sample in load("redis-v2")}
NAMES = [case for case, _, _ in CAPTURES]


class Place:
    """A store, and one living owner's way into it."""

    def __init__(self, lab):
        self.lab = lab
        self.owner = Owner(ids.nonce(), "worker@test", 1, "child", clock.wall())
        lab.enlist(self.owner)
        self.consumer = lab.broker().consumer(self.owner)
        self.publisher = lab.broker().publisher()
        self.shelf = lab.broker().shelf()

    def push(self, name, item):
        """As kombu does."""
        self.lab.link.call("LPUSH", self.lab.layout.key(name), item)
        self.lab.link.call("SADD", self.lab.layout.key(f"_kombu.binding.{queue_of(name)}"), binding(queue_of(name)))

    def raw(self, name):
        return self.lab.link.call("LRANGE", self.lab.layout.key(name), 0, -1)

    def claim(self, queue="celery", limit=10):
        return self.consumer.turn([], Want((queue,), limit)).deliveries

    def close(self):
        for part in (self.consumer, self.publisher, self.shelf, self.lab):
            part.close()


def queue_of(name):
    return name.split("\x06\x16")[0]


def binding(queue):
    return f"{queue}\x06\x16\x06\x16{queue}"


@pytest.fixture
def place(url):
    with closing(Place(RedisLab(url))) as place:
        yield place


@pytest.mark.parametrize(("case", "name", "raw"), CAPTURES, ids=NAMES)
def test_a_message_of_celery_is_listed_claimed_and_settled(place, case, name, raw):
    place.push(name, json.dumps(raw))
    queue = queue_of(name)
    with moved_clock() as hands:
        hands.set_wall(1_990_000_000)  # no eta of the captures is still to come
        (listed,) = place.shelf.items("ready", queue=queue)
        (delivery,) = place.claim(queue)
        head = json.loads(delivery.head)
        assert (listed.tag, listed.parcel.id, listed.parcel.name) == (
            delivery.tag, raw["headers"]["id"], raw["headers"]["task"],
        )  # fmt: skip
        assert head["headers"] == raw["headers"]
        assert head["properties"] == {k: v for k, v in raw["properties"].items() if k not in OF_THE_TRANSPORT}
        assert (head["content-type"], head["content-encoding"]) == (raw["content-type"], raw["content-encoding"])
        assert (delivery.body, delivery.priority) == (SAMPLES[case].body, raw["properties"]["priority"])
        assert place.shelf.find(raw["headers"]["id"])[0].place == "leased"
        assert place.consumer.turn([Done(delivery)], None).fenced == []
        assert place.shelf.counts() == []


@pytest.mark.parametrize(("case", "name", "raw"), CAPTURES, ids=NAMES)
def test_a_message_of_ours_is_celerys_field_for_field(place, case, name, raw):
    sample = SAMPLES[case]
    properties = {key: value for key, value in sample.properties.items() if key not in OF_THE_TRANSPORT}
    head = {
        "headers": sample.headers, "properties": properties,
        "content-type": sample.content_type, "content-encoding": sample.content_encoding,
    }  # fmt: skip
    parcel = Parcel(
        queue_of(name), raw["headers"]["id"], raw["headers"]["task"], json.dumps(head).encode(), sample.body,
        raw["properties"]["priority"],
    )  # fmt: skip
    place.publisher.publish([parcel])
    (stored,) = place.raw(name)
    written = json.loads(stored)
    assert list(written["properties"])[-1] == "delivery_tag", "there the scripts look for it"
    tag = written["properties"].pop("delivery_tag")
    expected = json.loads(json.dumps(raw))
    assert len(tag) == len(expected["properties"].pop("delivery_tag"))
    assert written == expected
    assert list(written) == list(raw)
    assert list(written["properties"]) == list(raw["properties"])[:-1]


@pytest.mark.parametrize(("case", "name", "raw"), OLD, ids=[case for case, _, _ in OLD])
def test_a_message_of_protocol_1_is_claimed(place, case, name, raw):
    place.push(name, json.dumps(raw))
    (delivery,) = place.claim()
    assert json.loads(delivery.body)["task"].startswith("capapp.")
    assert place.consumer.turn([Done(delivery)], None).fenced == []


def test_the_order_of_a_list_is_celerys(place):
    raws = [raw for case, name, raw in CAPTURES if name == "celery" and not raw["headers"]["eta"]][:5]
    for raw in raws:
        place.push("celery", json.dumps(raw))
    claimed = [json.loads(delivery.head)["headers"]["id"] for delivery in place.claim()]
    assert claimed == [raw["headers"]["id"] for raw in raws]
    for raw in raws:
        place.push("celery", json.dumps(raw))
    before = place.raw("celery")
    held = place.claim(limit=3)
    place.consumer.turn([Release(delivery) for delivery in held], None)
    assert place.raw("celery") == before


def test_an_eta_message_of_celery_waits_with_the_delayed_ones(place):
    raw = next(raw for case, _, raw in CAPTURES if case.startswith("04-eta"))
    plain = next(raw for case, _, raw in CAPTURES if case.startswith("01-"))
    place.push("celery", json.dumps(raw))
    place.push("celery", json.dumps(plain))
    with moved_clock() as hands:
        (delivery,) = place.claim()
        assert json.loads(delivery.head)["headers"]["id"] == plain["headers"]["id"]
        (item,) = place.shelf.items("delayed")
        assert item.parcel.id == raw["headers"]["id"]
        hands.advance(item.parcel.due - clock.wall() + 1)
        (delivery,) = place.claim()
        assert json.loads(delivery.head)["headers"]["id"] == raw["headers"]["id"]


def test_a_delayed_message_for_celerys_workers_is_an_eta_message(place):
    """No umbel consumer has asked for this queue: Celery's workers hold it themselves, as ever."""
    sample = SAMPLES["04-eta-aware-0"]
    due = clock.wall() + 3600
    parcel = Parcel("celery", sample.headers["id"], "capapp.add", sample.head(), sample.body, due=due)
    place.publisher.publish([parcel])
    assert [json.loads(item)["headers"]["id"] for item in place.raw("celery")] == [sample.headers["id"]]
    place.claim("mine")
    place.publisher.publish([Parcel("mine", "x", "capapp.add", sample.head(), sample.body, due=due)])
    assert place.raw("mine") == []
    assert [item.parcel.queue for item in place.shelf.items("delayed", queue="mine")] == ["mine"]


def test_a_message_without_a_tag_is_handled_too(place):
    """A producer in another language: the same bytes twice are two messages."""
    item = '{"headers": {"task": "t", "id": "same"}, "body": "[[], {}, {}]", "properties": {}}'
    for _ in range(3):
        place.push("celery", item)
    assert len(place.shelf.items("ready", queue="celery")) == 3
    deliveries = place.claim()
    assert len({delivery.tag for delivery in deliveries}) == 3
    assert [delivery.body for delivery in deliveries] == [b"[[], {}, {}]"] * 3
    assert place.consumer.turn([Done(delivery) for delivery in deliveries], None).fenced == []
    assert place.shelf.counts() == []


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"", b"[]", b"{}", b'{"body": 5}', b'{"body": "%", "properties": 3}'])
def test_what_nobody_can_read_is_claimed_and_buried(place, junk):
    place.push("celery", junk)
    (delivery,) = place.claim()
    assert place.consumer.turn([Bury(delivery, reason="unreadable")], None).fenced == []
    (item,) = place.shelf.items("dead")
    assert item.reason == "unreadable"
    assert place.shelf.replay([item.tag]) == 1
    assert place.raw("celery") == [junk]


def test_an_envelope_comes_back_as_it_was_sealed():
    sample = SAMPLES["01-simple-delay-0"]
    properties = {key: value for key, value in sample.properties.items() if key not in OF_THE_TRANSPORT}
    head = json.dumps({
        "headers": sample.headers, "properties": properties,
        "content-type": sample.content_type, "content-encoding": sample.content_encoding,
    })  # fmt: skip
    item, foreign = sealed(Parcel("celery", "i", "t", head.encode(), b"\x00\xff", 3), 1234.5678)
    content = opened(item)
    assert json.loads(content.head) == json.loads(head)
    assert (content.body, foreign) == (b"\x00\xff", False)
    assert abs(stored_at(item) - 1234.5678) < 1e-6
    again, _ = sealed(Parcel("celery", "i", "t", content.head, content.body, 3), 1234.5678)
    assert ref_of(again) != ref_of(item)
