"""Publishing over a bad network: nothing that was confirmed is missing, and what may be there twice says so."""

from __future__ import annotations

import pytest
from kombu import Connection

from tests.amqp.test_publisher import idents, opened, parcel, taken
from tests.support import scale
from umbel import clock
from umbel.adapters.amqp import envelope
from umbel.exceptions import OperationalError, StoreUnavailable
from umbel.testing.network import Network

PUBLISH = b"\x00\x3c\x00\x28"  # the method's number: a message on its way


@pytest.fixture
def network(rabbitmq):
    with Network(rabbitmq.port, seed=scale.seed()) as network:
        yield network


@pytest.fixture
def sender(url, network):
    sender = opened(network.url(url), heartbeat=1)
    yield sender
    sender.close()


@pytest.fixture
def channel(url):
    with Connection(url) as connection:
        yield connection.channel()


def send(sender, parcels):
    """As a caller who does not give up; returns how often it failed."""
    failed = 0
    while True:
        try:
            sender.publish(parcels)
        except StoreUnavailable:
            failed += 1
        else:
            return failed


@pytest.mark.chaos
@scale.limit(240)
def test_a_thousand_cuts_lose_nothing(sender, network, channel):
    """Row 6 of tests/pains."""
    cuts = scale.count(full=1_000, small=60)
    send(sender, [parcel("before")])
    network.cut(containing=PUBLISH, times=None, chance=0.3)
    network.cut(containing=PUBLISH, times=None, chance=0.1, when="request")
    sent, failed = ["before"], 0
    while network.cuts < cuts:
        parcels = [parcel(f"{len(sent)}.{number}") for number in range(3)]
        failed += send(sender, parcels)
        sent += [each.id for each in parcels]
    network.heal()
    found = taken(channel)
    print(f"{network.cuts} cuts, {failed} failures, {len(sent)} messages, {len(found)} stored")
    assert failed > 0
    assert set(idents(found)) == set(sent)
    first = [message for message in found if envelope.AGAIN not in message.headers]
    assert len(idents(first)) == len(set(idents(first)))  # a second copy always has the mark


def test_a_half_open_connection_is_given_up_at_the_deadline(sender, network, channel):
    send(sender, [parcel("before")])
    network.stall()
    parcels = [parcel("a")]
    before = clock.monotonic()
    with pytest.raises(OperationalError):
        sender.publish(parcels, deadline=0.4)
    assert clock.monotonic() - before < 3
    network.heal()
    send(sender, parcels)
    assert idents(taken(channel)) == ["before", "a"]


def test_a_server_that_drips_is_given_up_at_the_deadline(sender, network):
    """A time-out of each single step would never end: the handshake comes byte by byte."""
    network.slow(byte_every=0.02)
    before = clock.monotonic()
    with pytest.raises(StoreUnavailable, match="deadline"):
        sender.publish([parcel("a")], deadline=0.7)
    assert 0.6 < clock.monotonic() - before < 4


def test_nobody_there_is_told_and_the_next_call_works(sender, network, channel):
    send(sender, [parcel("before")])
    network.refuse()
    with pytest.raises(StoreUnavailable):
        sender.publish([parcel("lost")], deadline=2)
    network.heal()
    send(sender, [parcel("after")])
    assert idents(taken(channel)) == ["before", "after"]
