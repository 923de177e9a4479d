"""A server that is short of memory takes no messages, and goes on delivering: what works meanwhile, and afterwards."""

from __future__ import annotations

import signal
import time

import pytest
from pika.frame import Method
from pika.spec import Basic

from tests.amqp.hello import HELLO, lines
from tests.support.until import until
from umbel.adapters.amqp.address import Address
from umbel.adapters.amqp.faults import Blocked
from umbel.adapters.amqp.link import Link
from umbel.adapters.amqp.outbox import Outbox
from umbel.broker import Owner, Want
from umbel.ids import nonce
from umbel.message import Parcel
from umbel.outcome import Done, Release, Retry


def test_a_worker_that_starts_in_an_alarm_runs_what_is_there_and_catches_up(project, url, rabbitmq, tmp_path):
    """Also when another one was killed before, whose message can only be put aside when the alarm is over.

    Row 39 of tests/pains.
    """
    project.write("hello.py", HELLO.format(url=url, results=tmp_path / "results.db"))
    pids, attempts = tmp_path / "pids", tmp_path / "attempts"
    first = project.worker("hello", "-l", "info", "-c", "1", "-n", "one@%h")
    first.until_output("ready.", timeout=60)
    project.python(f"from hello import hold; hold.delay({str(pids)!r}, 2)")
    until(lambda: lines(pids), first.output, timeout=60)
    first.send_group(signal.SIGKILL)
    said = project.python(
        f"""
        from hello import add, again
        revoked = add.delay(1, 1)
        revoked.revoke()
        print(*[add.delay(n, n).id for n in range(20)], again.delay({str(attempts)!r}).id, revoked.id)
        """
    )
    *ids, retried, revoked = said.stdout.split()
    with rabbitmq.memory_alarm():
        second = project.worker("hello", "-l", "info", "-c", "1", "-n", "two@%h")
        second.until_output("ready.", timeout=60)
        done = project.python(f"from hello import app; print(sum(app.AsyncResult(i).get(timeout=20) for i in {ids}))")
        assert done.stdout.strip() == "380", done
        until(lambda: lines(attempts) == ["0"], second.output, timeout=60)
        assert second.output().count("This worker starts all the same") == 1, second.output()
        assert len(lines(pids)) == 1
    done = project.python(
        f"""
        from hello import add, app
        print(app.AsyncResult({retried!r}).get(timeout=30), add.delay(2, 2).get(timeout=30))
        """,
        timeout=70,
    )
    assert done.stdout.strip() == "at last 4", second.output()
    assert lines(attempts) == ["0", "1", "2"]
    until(lambda: len(lines(pids)) == 2, second.output, timeout=60)
    state = project.python(f"from hello import app; print(app.AsyncResult({revoked!r}).state)")
    assert state.stdout.strip() == "REVOKED", second.output()
    assert second.stop() == 0


WANT = Want(("q",), 10)


def parcel(name):
    return Parcel("q", name, "task", b'{"headers":{}}', name.encode())


def worker(lab):
    owner = Owner(nonce(), "worker@suite", 1, "child", time.time())
    lab.enlist(owner)
    return lab.broker().consumer(owner)


def claimed(consumer, count):
    found = []

    def enough():
        found.extend(consumer.turn([], WANT).deliveries)
        return len(found) == count

    until(enough, timeout=30)
    return found


def settled(consumer, outcomes):
    """As soon as the server takes messages again; returns what was fenced."""

    def turned():
        try:
            return [consumer.turn(outcomes, None).fenced]
        except Blocked:
            return []

    (fenced,) = until(turned, timeout=30)
    return fenced


def test_outcomes_that_send_nothing_are_settled_and_the_others_send_once(lab, publisher, rabbitmq):
    """However often they are tried meanwhile, and together with whatever."""
    publisher.publish(list(map(parcel, ["plain", "first", "second"])))
    consumer = worker(lab)
    plain, first, second = claimed(consumer, 3)
    outcomes = [Done(plain), Retry(first, parcels=(parcel("after first"),))]
    more = [*outcomes, Retry(second, parcels=(parcel("after second"),))]
    with rabbitmq.memory_alarm():
        for tried in (outcomes, more, more):
            with pytest.raises(Blocked, match="memory"):
                consumer.turn(tried, None)
        assert consumer.check(more) == [False, True, True]
    assert settled(consumer, more) == []
    assert sorted(delivery.body for delivery in claimed(consumer, 2)) == [b"after first", b"after second"]
    assert consumer.turn([], WANT).deliveries == []


def test_what_is_given_back_in_an_alarm_stays_with_its_owner_and_is_there_once(lab, publisher, rabbitmq):
    """Its child goes on claiming: nobody waits for a copy that cannot be sent."""
    publisher.publish([parcel("back")])
    consumer = worker(lab)
    with rabbitmq.memory_alarm():
        for _ in range(3):
            (delivery,) = claimed(consumer, 1)
            assert (delivery.body, delivery.redelivered) == (b"back", False)
            assert consumer.turn([Release(delivery)], None).fenced == []
            assert consumer.check([Release(delivery)]) == [False]
    (again,) = claimed(consumer, 1)
    assert consumer.turn([Release(again)], None).fenced == []
    (last,) = claimed(consumer, 1)
    assert (last.body, last.redelivered) == (b"back", False)
    assert consumer.turn([], WANT).deliveries == []


def test_a_refusal_of_what_was_sent_into_an_alarm_is_none_of_the_next(url):
    """It is answered at the alarm's end, perhaps while something else is waited for."""
    outbox = Outbox(Link(Address.parse(url, {}), "test"))
    outbox._waiting = {5, 6}
    outbox._on_confirm(Method(1, Basic.Nack(3)))
    assert (outbox._waiting, outbox._refused) == ({5, 6}, False)
    outbox._on_confirm(Method(1, Basic.Nack(5, multiple=True)))
    assert (outbox._waiting, outbox._refused) == ({6}, True)
