"""A connection that breaks behind a command: it was done, and nobody was told."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.redis.lab import RedisLab
from umbel import clock, ids
from umbel.adapters.redis.consumer import RedisConsumer
from umbel.adapters.redis.ear import Ear
from umbel.adapters.redis.faults import unanswered
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.publisher import RedisPublisher
from umbel.broker import Owner, Want
from umbel.exceptions import OperationalError
from umbel.message import Parcel
from umbel.outcome import Done


class Cut(Link):
    """A link that loses answers while `cutting`; each loss counts."""

    cutting = False

    def script(self, *args, **options):
        reply = super().script(*args, **options)
        if self.cutting:
            raise unanswered(self.address, "cut")
        return reply


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
