"""A connection that breaks behind a command: it was done, and nobody was told."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.redis.lab import RedisLab
from umbel import clock, ids
from umbel.adapters.redis.consumer import RedisConsumer
from umbel.adapters.redis.ear import Ear
from umbel.adapters.redis.faults import Unanswered, unanswered
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.publisher import RedisPublisher
from umbel.adapters.redis.scripts import script
from umbel.broker import Owner, Want
from umbel.exceptions import OperationalError
from umbel.message import Parcel
from umbel.outcome import Done
from umbel.testing.network import Network

EARLY = (
    b'{"headers":{"eta":"2200-01-01T00:00:00+00:00","task":"task","id":"early"},"properties":{},'
    b'"content-type":"application/json","content-encoding":"utf-8"}'
)


class Cut(Link):
    """A link that loses answers while `cutting`, after `spared` others; with `late` commands are under way."""

    cutting = False
    spared = 0
    late = None

    def script(self, *args, **options):
        if self.cutting and not self.spared and self.late is not None:
            self.late.append((args, options))
            raise unanswered(self.address, "cut")
        reply = super().script(*args, **options)
        if self.cutting and not self.spared:
            raise unanswered(self.address, "cut")
        self.spared = max(0, self.spared - 1)
        return reply

    def arrive(self):
        """What was under way arrives."""
        late, self.late = self.late, None
        return [self.script(*args, **options) for args, options in late]


class Place:
    def __init__(self, lab):
        self.lab = lab
        self.owner = Owner(ids.nonce(), "worker@test", 1, "child", clock.wall())
        lab.enlist(self.owner)
        self.link = Cut(lab.address)
        self.consumer = RedisConsumer(self.link, Ear(Link(lab.address)), lab.layout, self.owner)
        self.publisher = RedisPublisher(self.link, lab.layout)
        self.shelf = lab.broker().shelf()

    def publish(self, *names):
        self.publisher.publish([parcel(name) for name in names])

    def turn(self, outcomes=(), limit=2):
        return self.consumer.turn(list(outcomes), Want(("q",), limit))

    def close(self):
        for part in (self.consumer, self.publisher, self.shelf, self.lab):
            part.close()


def parcel(name):
    return Parcel("q", name, "task", b'{"headers":{}}', name.encode())


def bodies(turn):
    return [delivery.body.decode() for delivery in turn.deliveries]


@pytest.fixture
def place(url):
    with closing(Place(RedisLab(url))) as place:
        yield place


def test_a_claim_whose_answer_was_lost_is_claimed_again(place):
    """The owner lives, so nobody would ever take back what it does not know that it has."""
    place.publish(*"abcde")
    known = place.turn()
    place.link.cutting = True
    for _ in range(2):
        with pytest.raises(OperationalError):
            place.turn()
    place.link.cutting = False
    assert bodies(known) == ["a", "b"]
    assert bodies(place.turn(limit=10)) == ["c", "d", "e"]
    assert [count.leased for count in place.shelf.counts()] == [5]


def test_an_outcome_whose_answer_was_lost_is_not_called_dropped(place):
    place.publish(*"abc")
    first = [Done(delivery) for delivery in place.turn().deliveries]
    place.link.cutting = True
    with pytest.raises(OperationalError):
        place.turn(first)
    place.link.cutting = False
    again = place.turn(first)
    assert again.fenced == []
    assert bodies(again) == ["c"]
    assert place.turn(first).fenced == first


def test_parcels_that_are_sent_again_are_stored_once(place):
    place.link.cutting = True
    parcels = [parcel("a"), parcel("b")]
    for _ in range(3):
        with pytest.raises(OperationalError):
            place.publisher.publish(parcels)
    place.link.cutting = False
    place.publisher.publish(parcels)
    place.publish("a")
    assert bodies(place.turn(limit=10)) == ["a", "b", "a"]


def test_a_claim_that_arrives_after_it_was_given_up_takes_nothing(place):
    """A network may deliver what was sent on a connection that its sender has closed long ago."""
    place.publish(*"abc")
    place.link.cutting, place.link.late = True, []
    with pytest.raises(OperationalError):
        place.turn()
    place.link.cutting = False
    assert bodies(place.turn(limit=1)) == ["a"]
    place.link.arrive()
    assert [(count.ready, count.leased) for count in place.shelf.counts()] == [(2, 1)]
    assert bodies(place.turn(limit=10)) == ["b", "c"]


def test_a_claim_with_early_messages_whose_second_step_was_lost(place):
    """A message of Celery's whose time has not come is parked by a second step, others come by the first."""
    place.publisher.publish([Parcel("q", "early", "task", EARLY, b"early")])
    place.publish("a", "b")
    place.link.cutting, place.link.spared = True, 1
    with pytest.raises(OperationalError):
        place.turn(limit=10)
    place.link.cutting = False
    assert bodies(place.turn(limit=10)) == ["a", "b"]
    assert [(count.delayed, count.leased) for count in place.shelf.counts()] == [(1, 2)]


def test_outcomes_before_a_second_step_that_was_lost_are_not_called_dropped(place):
    place.publish("a")
    done = [Done(delivery) for delivery in place.turn().deliveries]
    place.publisher.publish([Parcel("q", "early", "task", EARLY, b"early")])
    place.link.cutting, place.link.spared = True, 1
    with pytest.raises(OperationalError):
        place.turn(done)
    place.link.cutting = False
    assert place.turn(done).fenced == []


def test_a_call_is_stored_once_when_nobody_can_be_reached_behind_its_lost_answer(redis_server, url):
    """The connection is cut, and the next one too: nothing was sent on that, but the first may have been done."""
    with Network(redis_server.port) as network:
        lab = RedisLab(network.url(url))
        with closing(lab), closing(lab.broker().publisher()) as publisher, closing(lab.broker().shelf()) as shelf:
            publisher.publish([parcel("first")])
            network.cut(containing=script("publish").digest)
            network.cut(containing=b"SELECT")
            parcels = [parcel("second")]
            with pytest.raises(Unanswered):
                publisher.publish(parcels)
            publisher.publish(parcels)
            assert [count.ready for count in shelf.counts()] == [2]


class Disturbed(Link):
    """Somebody asks about what was claimed before it is read: its batch is a hash by then."""

    __slots__ = ("asked",)

    def script(self, name, keys, args, timeout=None, *, idempotent=False, then=()):
        reply = super().script(name, keys, args, timeout, idempotent=idempotent)
        if not then:
            return reply
        if not self.asked:
            self.asked = True
            super().script("check", keys, (args[1], reply[4], "0"))
        return [*reply, super().call(*then)]


def test_a_batch_that_somebody_looked_into_meanwhile_is_claimed_again(url):
    with closing(Place(RedisLab(url))) as place:
        place.publish(*"abc")
        link = Disturbed(place.lab.address)
        link.asked = False
        with closing(RedisConsumer(link, Ear(Link(place.lab.address)), place.lab.layout, place.owner)) as consumer:
            want = Want(("q",), 10)
            assert consumer.turn([], want).deliveries == []
            assert bodies(consumer.turn([], want)) == ["a", "b", "c"]
    assert link.asked
