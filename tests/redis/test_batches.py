"""Batches: what was claimed at once is a list that shrinks from its front, until somebody has to know one of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.redis.lab import RedisLab
from umbel import ids
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.envelope import claimed, opened, ref_of, sealed, tag_of
from umbel.broker import Death, Owner, Want
from umbel.message import Parcel
from umbel.outcome import Bury, Done, Fail, Park, Release, Retry
from umbel.record import Record


class Place:
    """One owner, and the keys as they are."""

    def __init__(self, lab):
        self.lab = lab
        self.owner = Owner(ids.nonce(), "node", os.getpid(), "child", time.time())
        lab.enlist(self.owner)
        broker = lab.broker()
        self.consumer, self.publisher, self.shelf = broker.consumer(self.owner), broker.publisher(), broker.shelf()
        self.owners = broker.owners()

    def publish(self, count=4):
        self.publisher.publish([parcel(number) for number in range(count)])

    def claim(self, limit=10):
        return self.consumer.turn([], Want(("q",), limit)).deliveries

    def settle(self, *outcomes):
        return self.consumer.turn(list(outcomes), None).fenced

    def kept(self, kind):
        """Names of keys of this kind, without their numbers."""
        return self.lab.link.call("KEYS", self.lab.layout.own(f"{kind}:{self.owner.nonce}*"))

    def result(self, delivery):
        stored = self.lab.link.call("GET", f"{self.lab.options['global_keyprefix']}celery-task-meta-{number(delivery)}")
        return stored and json.loads(stored)["status"]

    def close(self):
        for part in (self.consumer, self.publisher, self.shelf, self.owners, self.lab):
            part.close()


def parcel(number):
    return Parcel("q", str(number), "task", b'{"headers":{}}', b"%d" % number)


def number(delivery):
    return int(delivery.body)


def tags(outcomes):
    return [outcome.delivery.tag for outcome in outcomes]


def record(delivery, status="SUCCESS", seconds=3600.0):
    document = b'{"status":"%b","result":1}' % status.encode()
    return Record(str(number(delivery)), status, document, time.time() + seconds)


def done(delivery):
    return Done(delivery, record(delivery))


@pytest.fixture
def place(url):
    with closing(Place(RedisLab(url))) as place:
        yield place


def test_what_is_settled_in_order_never_becomes_a_hash(place):
    place.publish()
    first, *rest = place.claim()
    assert place.settle(done(first)) == []
    assert (len(place.kept("batch")), place.kept("lease")) == (1, [])
    assert place.settle(*map(done, rest)) == []
    assert [place.kept(kind) for kind in ("batch", "lease", "claims")] == [[], [], []]
    assert {place.result(delivery) for delivery in (first, *rest)} == {"SUCCESS"}


def test_outcomes_of_all_kinds_leave_a_batch_in_order(place):
    place.publish(5)
    one, two, three, four, five = place.claim()
    fenced = place.settle(
        done(one), Fail(two, record(two, "FAILURE")), Retry(three, record(three, "RETRY"), (parcel(30),)),
        Done(four, record(four, seconds=5.0)), Done(five),
    )  # fmt: skip
    assert fenced == []
    assert place.kept("lease") == place.kept("batch") == []
    assert [place.result(each) for each in (one, two, three, four, five)] == [
        "SUCCESS", "FAILURE", "RETRY", "SUCCESS", None,
    ]  # fmt: skip
    assert [number(delivery) for delivery in place.claim()] == [30]


def test_a_result_ends_when_it_should_or_within_the_next_second(place):
    place.publish()
    deliveries = place.claim()
    seconds = (3600.0, 5.0, 0.0, 3600.0)
    records = [record(delivery, seconds=each) for delivery, each in zip(deliveries, seconds, strict=True)]
    records[2].expires = 0.0
    place.settle(*(Done(delivery, each) for delivery, each in zip(deliveries, records, strict=True)))
    keys = [f"{place.lab.options['global_keyprefix']}celery-task-meta-{number(each)}" for each in deliveries]
    ends = [place.lab.link.call("PEXPIRETIME", key) / 1000 for key in keys]
    assert 0 <= ends[0] - records[0].expires <= 1
    assert 0 <= ends[1] - records[1].expires <= 0.001
    assert ends[2] < 0
    assert 0 <= ends[3] - records[3].expires <= 1


def test_a_success_that_is_stored_stands(place):
    key = f"{place.lab.options['global_keyprefix']}celery-task-meta-1"
    place.lab.link.call("SET", key, '{"status": "SUCCESS", "result": "first"}')
    place.publish()
    assert place.settle(*map(done, place.claim())) == []
    assert json.loads(place.lab.link.call("GET", key))["result"] == "first"


def test_one_out_of_turn_makes_a_hash_and_none_is_lost(place):
    place.publish()
    one, two, three, four = place.claim()
    assert place.settle(done(three)) == []
    assert (place.kept("batch"), len(place.kept("lease"))) == ([], 1)
    assert place.settle(done(one), done(two), done(four)) == []
    assert tags(place.settle(done(three))) == [three.tag]
    assert place.kept("lease") == place.kept("claims") == []


def test_outcomes_in_order_are_told_again_when_somebody_made_a_hash_of_the_batch(place):
    place.publish()
    one, two, three, four = place.claim()
    assert place.consumer.check([done(one)]) == [True]
    assert len(place.kept("lease")) == 1
    assert place.settle(done(one), done(two)) == []
    assert tags(place.settle(done(three), done(one), done(four))) == [one.tag]
    assert place.kept("lease") == place.kept("claims") == []


def test_a_consumer_that_is_wrong_about_a_batch_loses_nothing(place):
    """What it believes to be next has left the batch already."""
    place.publish()
    deliveries = place.claim()
    place.settle(done(deliveries[0]))
    place.consumer._batches.claimed(deliveries[0].claim, [delivery.tag for delivery in deliveries])
    assert tags(place.settle(Done(deliveries[0]))) == [deliveries[0].tag]
    assert [count.leased for count in place.shelf.counts()] == [3]
    assert place.settle(*map(done, deliveries[1:])) == []
    assert place.kept("lease") == place.kept("batch") == place.kept("claims") == []


@pytest.mark.parametrize("given_back", [0, 1])
@pytest.mark.parametrize("settled", [0, 2])
def test_what_is_given_back_or_rescued_goes_to_its_place(place, settled, given_back):
    place.publish(6)
    deliveries = place.claim(4)
    place.settle(*map(done, deliveries[:settled]))
    place.settle(*map(Release, deliveries[4 - given_back :]))
    place.owners.rescue([Death(place.owner.nonce, (deliveries[2].tag,), "killed")])
    with closing(Place(RedisLab(place.lab.url, place.lab.options))) as other:
        found = other.claim()
    assert [number(each) for each in found] == list(range(settled, 6))
    assert [each.deaths for each in found if number(each) == 2] == [1]


def test_a_batch_is_listed_and_its_messages_removed_by_hand(place):
    place.publish()
    deliveries = place.claim()
    place.settle(done(deliveries[0]))
    items = place.shelf.find("2")
    assert [(item.place, item.tag) for item in items] == [("leased", deliveries[2].tag)]
    assert [count.leased for count in place.shelf.counts()] == [3]
    assert place.shelf.delete("leased", [deliveries[2].tag]) == 1
    assert tags(place.settle(*map(done, deliveries[1:]))) == [deliveries[2].tag]
    assert [place.result(each) for each in deliveries] == ["SUCCESS", "SUCCESS", None, "SUCCESS"]


def test_the_same_bytes_twice_are_two_messages(place):
    item = json.dumps({"body": "MQ==", "properties": {"body_encoding": "base64"}, "headers": {"id": "x"}})
    place.lab.link.call("LPUSH", place.lab.layout.key("q"), item, item, item)
    deliveries = place.claim()
    assert len({delivery.tag for delivery in deliveries}) == 3
    assert place.settle(*map(Done, deliveries)) == []
    assert place.kept("lease") == place.kept("batch") == []


def test_a_delayed_and_a_buried_one_leave_the_others_where_they_are(place):
    place.publish()
    one, two, three, four = place.claim()
    assert place.settle(Park(two, due=time.time() + 600), Bury(three, reason="bad"), done(one), done(four)) == []
    (count,) = place.shelf.counts()
    assert (count.ready, count.delayed, count.leased, count.dead) == (0, 1, 0, 1)


@pytest.mark.parametrize("command", ["sort", "memory"])
def test_a_user_who_may_not_run_what_makes_a_batch_claims_message_by_message(place, command):
    """As on a server older than 7.0."""
    place.publish()
    place.lab.link.call("ACL", "SETUSER", "narrow", "reset", "on", ">secret", "~*", "&*", "+@all", f"-{command}")
    broker = open_broker(place.lab.url.replace("redis://", "redis://narrow:secret@"), place.lab.options)
    with closing(broker.consumer(place.owner)) as consumer:
        found = consumer.turn([], Want(("q",), 10)).deliveries
        assert [number(delivery) for delivery in found] == [0, 1, 2, 3]
        assert (place.kept("batch"), len(place.kept("lease"))) == ([], 1)
        assert consumer.turn([*map(done, found)], None).fenced == []
    assert [place.result(delivery) for delivery in found] == ["SUCCESS"] * 4


def test_large_messages_are_claimed_few_at_a_time(place):
    """What comes back in one answer is bounded by bytes; a batch is no way around it."""
    body = b"x" * (3 << 20)
    place.publisher.publish([Parcel("q", str(each), "task", b'{"headers":{}}', body) for each in range(6)])
    assert 1 <= len(place.claim()) <= 4


COMPRESSED = """
app.conf.update(result_compression="gzip", result_serializer="json")
for number in {numbers!r}:
    app.backend.store_result(str(number), "celery's" * 50, {state!r})
"""


def by_celery(place, numbers, state="SUCCESS"):
    """A real Celery stores compressed results for these tasks."""
    prelude = f"""
from celery import Celery
app = Celery("other", broker="memory://", backend={place.lab.url!r})
app.conf.result_backend_transport_options = {{"global_keyprefix": {place.lab.options["global_keyprefix"]!r}}}
"""
    code = prelude + COMPRESSED.format(numbers=numbers, state=state)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=40)


def states(place, numbers):
    backend = place.lab.backend()
    with closing(backend):
        return {task: found.status for task, found in backend.fetch([str(each) for each in numbers]).items()}


def document(place, number):
    return place.lab.link.call("GET", f"{place.lab.options['global_keyprefix']}celery-task-meta-{number}")


def test_a_success_that_celery_compressed_is_seen_by_whoever_runs_the_task_again(place):
    """In the middle of a batch, at its end, and told by itself."""
    place.publish(6)
    by_celery(place, [1, 3, 5])
    before = {each: document(place, each) for each in (1, 3, 5)}
    assert all(b"celery-compressed" in each for each in before.values())
    one, two, three, four, five, six = place.claim()
    assert place.settle(done(one), done(two), done(three), Fail(four, record(four, "FAILURE"))) == []
    assert place.settle(done(six), done(five)) == []
    assert {each: document(place, each) for each in (1, 3, 5)} == before
    assert states(place, range(6)) == dict.fromkeys("012345", "SUCCESS")
    assert place.kept("batch") == place.kept("lease") == place.kept("claims") == []


def test_a_state_that_celery_compressed_gives_way_to_what_may_replace_it(place):
    place.publish(3)
    by_celery(place, [0, 2], "RETRY")
    by_celery(place, [1], "FAILURE")
    first, second, third = place.claim()
    fenced = place.settle(Fail(first, record(first, "FAILURE")), done(second), Fail(third, record(third, "FAILURE")))
    assert fenced == []
    assert states(place, range(3)) == {"0": "FAILURE", "1": "SUCCESS", "2": "FAILURE"}


def test_follow_ups_of_a_task_whose_result_has_to_be_read_first_are_sent_once(place):
    place.publish(2)
    by_celery(place, [1])
    first, second = place.claim()
    assert place.settle(Done(first, record(first), (parcel(10),)), Done(second, record(second), (parcel(11),))) == []
    assert sorted(number(delivery) for delivery in place.claim()) == [10, 11]


HEADERS = {"lang": "py", "task": "t", "id": "i", "shadow": None, "eta": None, "expires": None}


def head(priority=0, content="application/json", **headers):
    properties = {"delivery_info": {"exchange": "", "routing_key": "q"}, "priority": priority}
    whole = {"headers": {**HEADERS, **headers}, "properties": properties}
    return json.dumps({**whole, "content-type": content, "content-encoding": "utf-8"}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "sent",
    [
        head(), head(9), head(12), head(eta="2030-01-01T00:00:00+00:00"), head(content="application/x-yaml"),
        head(content="application/yaml"),
        head(shadow='","shadow":null,"eta":null,"', eta="2030-01-01T00:00:00+00:00"), head(task={"eta": None}),
        b'{"headers":{}}', b"nothing",
    ],
)  # fmt: skip
def test_the_short_way_to_open_an_envelope_finds_what_the_long_one_finds(sent):
    body = b'[[1,"\xc3\xa4"],{},null]'
    item, foreign = sealed(Parcel("q", "i", "t", sent, body), time.time())
    content = opened(item)
    assert content.body == body
    assert foreign is (content.eta > 0)
    assert claimed(item) == (content.head, content.body, content.priority, content.eta)
    assert content.head == sent


@pytest.mark.parametrize(
    "tag",
    [
        "0b8f0c52-7f0e-4a3c-9d7e-1c2b3a4d5e6f",
        "0B8F0C52-7F0E-4A3C-9D7E-1C2B3A4D5E6F",
        "0" * 20 + "-" + "1_2" * 5,
        "f" * 36,
        " " * 36,
        "ä" * 18,
    ],
)
@pytest.mark.parametrize(
    "form", ['{"properties":{"delivery_tag":"%s"}}', '{"properties": {"delivery_tag": "%s"}}', "%s"]
)
def test_the_tag_is_the_ref_as_a_number(form, tag):
    item = (form % tag).encode()
    assert tag_of(item) == int(ref_of(item), 16)
