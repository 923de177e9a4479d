"""A server that is short of memory takes no messages, and goes on delivering: what works meanwhile, and afterwards."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from textwrap import dedent

import pytest
from pika.frame import Method
from pika.spec import Basic

from tests.amqp.hello import HELLO, lines
from tests.support.until import until
from umbel.adapters.amqp.address import Address
from umbel.adapters.amqp.broker import open_broker
from umbel.adapters.amqp.link import Link
from umbel.adapters.amqp.outbox import Outbox
from umbel.broker import Owner, Want
from umbel.ids import nonce
from umbel.message import Parcel
from umbel.outcome import Done, Release, Retry


@pytest.mark.long
def test_a_worker_that_starts_in_an_alarm_runs_what_is_there_and_catches_up(project, url, rabbitmq, tmp_path):
    """Also when another one was killed before, whose message can only be put aside when the alarm is over. Its only
    child goes on, whatever has to be sent: a retry, the next step of a chain, the word about an early acknowledgement.

    Row 39 of tests/pains.
    """
    project.write("hello.py", HELLO.format(url=url, results=tmp_path / "results.db"))
    pids, attempts, steps = tmp_path / "pids", tmp_path / "attempts", tmp_path / "steps"
    first = project.forked_worker("hello", "-l", "info", "-c", "1", "-n", "one@%h")
    first.until_output("ready.", timeout=60)
    project.client(f"from hello import hold; hold.delay({str(pids)!r}, 2)")
    until(lambda: lines(pids), first.output, timeout=60)
    first.send_group(signal.SIGKILL)
    said = project.client(
        f"""
        from hello import add, again, jot, jot_early
        revoked = add.delay(1, 1)
        revoked.revoke()
        retried, step = again.delay({str(attempts)!r}), (add.s(2, 3) | jot.s({str(steps)!r})).delay()
        jot_early.delay("early", {str(steps)!r})
        print(*[add.delay(n, n).id for n in range(20)], step.parent.id, retried.id, revoked.id)
        """
    )
    *ids, step, retried, revoked = said.stdout.split()
    with rabbitmq.memory_alarm():
        second = project.forked_worker("hello", "-l", "info", "-c", "1", "-n", "two@%h")
        second.until_output("ready.", timeout=60)
        done = project.client(f"from hello import app; print(sum(app.AsyncResult(i).get(timeout=20) for i in {ids}))")
        assert done.stdout.strip() == "380", done
        done = project.client(f"from hello import app; print(app.AsyncResult({step!r}).get(timeout=20))")
        assert (done.stdout.strip(), lines(attempts), lines(steps)) == ("5", ["0"], []), second.output()
        assert second.output().count("other tasks go on") == 1, second.output()
        assert second.output().count("This worker starts all the same") == 1, second.output()
        assert len(lines(pids)) == 1
    done = project.client(
        f"""
        from hello import add, app
        print(app.AsyncResult({retried!r}).get(timeout=30), add.delay(2, 2).get(timeout=30))
        """,
        timeout=70,
    )
    assert done.stdout.strip() == "at last 4", second.output()
    assert lines(attempts) == ["0", "1", "2"]
    until(lambda: len(lines(pids)) == 2 and len(lines(steps)) == 2, second.output, timeout=60)
    assert sorted(lines(steps)) == ["5", "early"], second.output()
    state = project.client(f"from hello import app; print(app.AsyncResult({revoked!r}).state)")
    assert state.stdout.strip() == "REVOKED", second.output()
    assert second.stop() == 0


def test_a_worker_that_stops_in_an_alarm_hands_back_what_it_could_not_send(project, url, rabbitmq, tmp_path):
    """After its grace period, and without being killed for it."""
    attempts = tmp_path / "attempts"
    grace = "app.conf.worker_shutdown_grace = 1\n"
    project.write("hello.py", dedent(HELLO.format(url=url, results=tmp_path / "results.db")) + grace)
    project.client(f"from hello import again; again.delay({str(attempts)!r})")
    with closing(open_broker(url, {}).shelf()) as shelf, rabbitmq.memory_alarm():
        worker = project.forked_worker("hello", "-l", "info", "-c", "1")
        worker.until_output("other tasks go on", timeout=60)
        assert (lines(attempts), shelf.counts()) == (["0"], [])
        assert worker.stop() == 0, worker.output()
        assert "1 outcome(s) could not be sent before the end" in worker.output()
        assert "was killed" not in worker.output()
        until(lambda: [count.ready for count in shelf.counts()] == [1], worker.output)


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
    """As soon as the server takes messages again."""

    def turned():
        turn = consumer.turn(outcomes, None)
        return not (turn.waiting or turn.fenced)

    until(turned, timeout=30)


def test_outcomes_that_send_nothing_are_settled_and_the_others_send_once(lab, publisher, rabbitmq):
    """However often they are tried meanwhile, together with whatever, and in whatever order afterwards."""
    publisher.publish(list(map(parcel, ["plain", "first", "second"])))
    consumer = worker(lab)
    plain, first, second = claimed(consumer, 3)
    outcomes = [Done(plain), Retry(first, parcels=(parcel("after first"),))]
    more = [*outcomes, Retry(second, parcels=(parcel("after second"),))]
    with rabbitmq.memory_alarm():
        turn = consumer.turn(outcomes, None)
        assert (turn.waiting, turn.fenced) == (outcomes[1:], [])
        assert "memory" in turn.reason
        for tried in (more[1:], more[2:]):
            assert consumer.turn(tried, None).waiting == tried
        assert consumer.check(more) == [False, True, True]
    settled(consumer, more[2:])
    settled(consumer, more[1:2])
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
