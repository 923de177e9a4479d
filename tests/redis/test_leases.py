"""Who lives: leases of six seconds of the server's time, and what a server in trouble does to them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing

import msgspec
import pytest

from tests.support.until import until
from umbel import clock, ids
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.pulse import alive_here, prolonged
from umbel.broker import Death, Owner, Want
from umbel.exceptions import StoreFull
from umbel.message import Parcel
from umbel.outcome import Done, Release
from umbel.record import Record


def someone(role="child", node="worker@test", pid=None, since=None):
    return Owner(ids.nonce(), node, pid or os.getpid(), role, since or clock.wall())


def parcel(name, size=1):
    return Parcel("q", name, "task", b'{"headers":{}}', name.encode() * size)


@pytest.fixture
def broker(url):
    return open_broker(url, {})


def left(link, owner):
    """Milliseconds of an owner's lease that are left."""
    seconds, micro = link.call("TIME")
    return float(link.call("ZSCORE", "umbel:alive", owner.nonce) or 0) - (int(seconds) * 1000 + int(micro) / 1000)


def test_a_lease_is_renewed_by_the_process_itself(broker, link):
    owner = someone()
    with closing(broker.owners()) as owners:
        owners.enlist(owner)
        assert 5000 < left(link, owner) <= 6000
        link.call("ZADD", "umbel:alive", "XX", 1, owner.nonce)
        until(lambda: left(link, owner) > 5000, "the pulse")
        owners.retire(owner.nonce)
        assert owners.roll() == []


def test_a_supervisor_renews_the_children_of_its_node(broker, link):
    """A child that computes in C code for minutes cannot do it."""
    boss, child, stranger = someone("supervisor"), someone(), someone(node="other@test")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = someone(pid=ended.pid)
    with closing(broker.owners()) as owners, closing(broker.owners()) as others:
        for each in (child, stranger, gone):
            others.enlist(each)
        others._pulse.close()
        owners.enlist(boss)
        for each in (child, stranger, gone):
            link.call("ZADD", "umbel:alive", "XX", 1, each.nonce)
        owners.rescue()  # the first look after a while: behind a gap nobody is declared dead
        assert left(link, child) > 5000
        assert left(link, stranger) < 0
        assert left(link, gone) < 0
        link.call("SET", "umbel:calm", 0)
        owners.rescue()
        assert {each.nonce for each in owners.roll()} == {boss.nonce, child.nonce}


def test_a_process_renews_for_itself_only_what_its_supervisor_has_not(broker, link):
    """The supervisor is stopped, or has lost its connection, or there is none."""
    boss, child = someone("supervisor"), someone()
    with closing(broker.owners()) as owners, closing(broker.owners()) as others:
        owners.enlist(boss)
        owners._pulse.close()
        others.enlist(child)
        until(lambda: owners.rescue() or prolonged([child.nonce]), "the second look, which knows of the child")
        assert left(link, child) > 5000
        assert not prolonged([child.nonce, boss.nonce + 1])
        link.call("ZADD", "umbel:alive", "XX", 1, child.nonce)
        until(lambda: left(link, child) > 5000, "the pulse, when the supervisor's word is old")
        assert not prolonged([child.nonce])


def test_a_number_that_another_process_has_now_is_nobody():
    """The owner began long before the process that has its number."""
    assert alive_here([someone()], "worker@test") != []
    assert alive_here([someone(since=1.0)], "worker@test") == []


def test_the_dead_stay_dead(broker, link):
    owner = someone()
    with closing(broker.owners()) as owners, closing(broker.consumer(owner)) as consumer:
        owners.enlist(owner)
        owners.rescue([Death(owner.nonce, (), "stopped for 5 s")])
        beats = int(link.call("INFO", "commandstats").decode().split("cmdstat_evalsha:calls=")[1].split(",")[0])
        until(
            lambda: (
                int(link.call("INFO", "commandstats").decode().split("cmdstat_evalsha:calls=")[1].split(",")[0]) > beats
            ),
            "a beat of the pulse",
        )
        assert link.call("ZCARD", "umbel:alive") == 0
        assert consumer.turn([], Want(("q",), 1)).refused


def test_behind_a_gap_nobody_is_rescued_until_the_living_could_renew(broker, link):
    """The server was away: all leases are over, and nobody is dead."""
    owner = someone()
    with closing(broker.owners()) as owners, closing(broker.owners()) as others:
        others.enlist(owner)
        others._pulse.close()
        link.call("ZADD", "umbel:alive", "XX", 1, owner.nonce)
        link.call("SET", "umbel:sweep", 1)
        owners.rescue()
        assert [each.nonce for each in owners.roll()] == [owner.nonce]

        def given_up():
            owners.rescue()
            return owners.roll() == []

        started = clock.monotonic()
        until(given_up, "the end of the calm", timeout=10)
        assert clock.monotonic() - started > 2


def test_a_full_server_settles_and_claims_and_refuses_new_work(broker, url, link):
    owner = someone()
    publisher, consumer, owners = broker.publisher(), broker.consumer(owner), broker.owners()
    parts = (publisher, consumer, owners)
    try:
        owners.enlist(owner)
        publisher.publish([parcel(str(number), 100) for number in range(50)])
        first = consumer.turn([], Want(("q",), 10)).deliveries
        link.call("CONFIG", "SET", "maxmemory", "1mb")
        with pytest.raises(StoreFull, match="maxmemory"):
            publisher.publish([parcel("x")])
        documents = [Record(f"id{number}", "SUCCESS", b'{"status":"SUCCESS"}') for number in range(10)]
        outcomes = [Done(delivery, record) for delivery, record in zip(first, documents, strict=True)]
        turn = consumer.turn(outcomes, Want(("q",), 10))
        assert (turn.fenced, len(turn.deliveries)) == ([], 10)
        assert consumer.turn([Release(delivery) for delivery in turn.deliveries], None).fenced == []
        assert len(consumer.turn([], Want(("q",), 10)).deliveries) == 10
        assert owners.rescue([Death(owner.nonce, (), "gone")]) == 10
        assert link.call("LLEN", "q") == 40
        assert link.call("GET", "celery-task-meta-id9") == b'{"status":"SUCCESS"}'
    finally:
        link.call("CONFIG", "SET", "maxmemory", "0")
        for part in parts:
            part.close()


def test_scripts_that_the_server_forgot_are_given_again(broker, link):
    owner = someone()
    with (
        closing(broker.owners()) as owners,
        closing(broker.publisher()) as publisher,
        closing(broker.consumer(owner)) as consumer,
    ):
        owners.enlist(owner)
        for name in "abc":
            link.call("SCRIPT", "FLUSH")
            publisher.publish([parcel(name)])
            link.call("SCRIPT", "FLUSH")
            (delivery,) = consumer.turn([], Want(("q",), 1)).deliveries
            link.call("SCRIPT", "FLUSH")
            assert consumer.turn([Done(delivery)], None).fenced == []


def test_parts_are_opened_again_in_a_forked_child(broker, link):
    with closing(broker.publisher()) as publisher:
        publisher.publish([parcel("parent")])
        pid = os.fork()
        if pid == 0:
            try:
                publisher.publish([parcel("child")])
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        publisher.publish([parcel("parent")])
    assert link.call("LLEN", "q") == 3


def test_a_killed_connection_of_a_sleeper_is_replaced(broker, url):
    owner = someone()
    with (
        closing(broker.owners()) as owners,
        closing(broker.consumer(owner)) as consumer,
        closing(Link(Address.parse(url, {}))) as other,
    ):
        owners.enlist(owner)
        consumer.wait(("q",), 0.0, -1)
        other.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        consumer.wait(("q",), 0.05, -1)
        assert consumer.turn([], Want(("q",), 1)).deliveries == []


def test_facts_of_messages_that_others_took_are_forgotten(broker, link):
    """Given back to Celery's list and taken there: what is known about it is of no use to anybody."""
    seconds, _ = link.call("TIME")
    week_ago, yesterday = (int(seconds) - 8 * 86400) * 1000, (int(seconds) - 86400) * 1000
    facts = {
        "taken": {"p": 1, "t": week_ago}, "waiting": {"p": 2, "t": yesterday},
        "suspect": {"a": True, "t": week_ago}, "judged": {"v": "Terminated:SIGKILL", "t": week_ago},
    }  # fmt: skip
    for ref, fact in facts.items():
        link.call("HSET", "umbel:facts", ref, msgspec.msgpack.encode(fact))
    with closing(broker.owners()) as owners:
        assert owners.tidy({}) == 0
    assert sorted(link.call("HKEYS", "umbel:facts")) == [b"judged", b"suspect", b"waiting"]
