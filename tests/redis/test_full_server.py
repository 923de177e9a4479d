"""A server at its `maxmemory`: all passes by which it becomes empty or tells of itself, and new work does not."""

from __future__ import annotations

from contextlib import closing

import pytest

from umbel import clock, ids
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link
from umbel.broker import Death, Owner, Revocation, Want
from umbel.exceptions import StoreFull
from umbel.message import Parcel
from umbel.outcome import Bury, Done, Park, Release
from umbel.withdraw import state_record


@pytest.fixture
def full(own_server):
    """A broker whose server is full, with ten messages."""
    broker = open_broker(own_server.url, {"queues": {"q": {"bindings": [({"name": "q"}, "q", None)]}}})
    with closing(broker.publisher()) as publisher, closing(Link(Address.parse(own_server.url, {}))) as link:
        publisher.publish([parcel(str(number)) for number in range(10)])
        link.call("CONFIG", "SET", "maxmemory", 1)
        yield broker
        with pytest.raises(StoreFull, match="maxmemory"):
            publisher.publish([parcel("more")])


def parcel(name):
    return Parcel("q", name, "task", b'{"headers":{}}', name.encode())


def owner(role="child"):
    return Owner(ids.nonce(), "worker@test", 1, role, clock.wall())


def test_workers_start_claim_settle_give_back_and_end(full):
    """Row 39 of tests/pains."""
    with closing(full.owners()) as owners, closing(full.shelf()) as shelf:
        one = owner("supervisor")
        owners.enlist(one)
        assert [each.nonce for each in owners.roll()] == [one.nonce]
        with closing(full.consumer(one)) as consumer:
            first, second, third, *rest = consumer.turn([], Want(("q",), 10)).deliveries
            record = state_record("0", "SUCCESS", 1, expires=60.0)
            settled = [Done(first, record), Park(second, due=clock.wall() + 60), Bury(third, reason="broken")]
            assert consumer.turn([*settled, *map(Release, rest)], None).fenced == []
            assert len(consumer.turn([], Want(("q",), 3)).deliveries) == 3
        assert owners.rescue([Death(one.nonce, (), "killed")]) == 3
        owners.retire(one.nonce)
        owners.tidy({})
        (count,) = shelf.counts()
        assert (count.ready, count.delayed, count.leased, count.dead) == (7, 1, 0, 1)


def test_an_operator_can_look_and_revoke(full):
    with closing(full.control()) as control:
        control.revoke([Revocation("5", expires=clock.wall() + 60)], [])
        ticket = control.broadcast(b"ping", expires=clock.wall() + 60)
        (asked,) = control.broadcasts(0, 1.0)
        assert asked.payload == b"ping"
        assert ticket is None or ticket
