"""Real processes that die, stop, fork: who is alive, and what becomes of what they held."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.sqlite.store import done, parcel
from tests.support.until import until
from umbel import ids
from umbel.broker import Death, Owner
from umbel.exceptions import StoreUnavailable

HOLDER = """
import os, sys, time
from umbel.adapters.sqlite import open_broker
from umbel.broker import Owner, Want
broker = open_broker("sqlite:///" + sys.argv[1], {})
owner = Owner(int(sys.argv[2]), "holder@test", os.getpid(), "child", 0.0)
owners = broker.owners()
owners.enlist(owner)
consumer = broker.consumer(owner)
turn = consumer.turn([], Want(("q",), int(sys.argv[3])))
print("holds", len(turn.deliveries), flush=True)
extra = sys.argv[4:]
if "copy" in extra:
    import multiprocessing
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    print("forked", child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(store, processes, tmp_path):
    """Starts a process that claims messages and then sleeps; returns it and its nonce."""
    script = tmp_path / "holder.py"
    script.write_text(HOLDER)

    def start(limit, *extra):
        nonce = ids.nonce()
        process = processes.python(script, store.path, str(nonce), str(limit), *extra)
        process.until_output("holds")
        return process, nonce

    return start


def test_a_killed_process_is_dead_at_once(store, holder):
    store.publish(*[parcel() for _ in range(1000)])
    process, _ = holder(1000)
    owners = store.owners()
    assert owners.rescue() == 0
    process.stop(signal.SIGKILL)
    before = time.monotonic()
    assert owners.rescue() == 1000
    assert time.monotonic() - before < 1
    assert owners.roll() == []
    assert store.sizes() == (1000, 0, 0, 0)


def test_a_stopped_process_lives(store, holder):
    store.publish(parcel())
    process, nonce = holder(1)
    process.send(signal.SIGSTOP)
    owners = store.owners()
    assert owners.rescue() == 0
    assert [owner.nonce for owner in owners.roll()] == [nonce]
    process.send(signal.SIGCONT)
    process.stop(signal.SIGKILL)
    assert owners.rescue() == 1


def test_a_fork_of_an_owner_does_not_keep_it_alive(store, holder):
    store.publish(parcel())
    process, _ = holder(1, "copy")
    process.until_output("forked")
    process.stop(signal.SIGKILL)
    assert until(lambda: store.owners().rescue() == 1)


def test_a_message_that_kills_three_workers_gets_a_verdict(store, holder):
    store.publish(parcel("poison"), *[parcel() for _ in range(3)])
    shelf, owners = store.shelf(), store.owners()
    for limit, alone in ((4, False), (4, True), (4, True), (4, True)):
        process, _ = holder(limit)
        (tag,) = [item.tag for item in shelf.items("leased") if item.parcel.id == "poison"]
        assert len(shelf.items("leased")) == (1 if alone else 4)
        process.stop(signal.SIGKILL)
        owners.rescue()
    worker = store.worker()
    (found,) = worker.claim()
    assert (found.tag, found.deaths, found.alone) == (tag, 3, True)
    assert found.verdict == "WorkerLostError:its process is gone"
    assert worker.settle(done(found)) == []
    innocent = []
    while taken := worker.claim():
        innocent += taken
    assert [each.deaths for each in innocent] == [0, 0, 0]
    assert all(each.redelivered and not each.verdict for each in innocent)


def test_many_rescuers_free_a_message_once(store, holder):
    store.publish(*[parcel() for _ in range(50)])
    process, _ = holder(50)
    process.stop(signal.SIGKILL)
    assert sorted(store.owners().rescue() for _ in range(3)) == [0, 0, 50]


def test_an_owner_that_was_declared_dead_stays_dead(store):
    store.publish(parcel("a"), parcel("b"))
    worker = store.worker()
    (delivery,) = worker.claim(1)
    assert store.owners().rescue([Death(worker.owner.nonce, (), "stopped for too long")]) == 1
    turn = worker.turn(done(delivery))
    assert (turn.refused, turn.deliveries, len(turn.fenced)) == (True, [], 1)
    assert worker.turn().refused
    assert store.sizes() == (2, 0, 0, 0)
    assert store.backend().fetch([f"of-{delivery.tag}"]) == {}


def test_one_process_can_have_many_owners_and_lose_one(store):
    store.publish(*[parcel() for _ in range(4)])
    workers = [store.worker() for _ in range(4)]
    for worker in workers:
        worker.claim(1)
    workers[1].owners.retire(workers[1].owner.nonce)
    owners = store.owners()
    assert len(owners.roll()) == 3
    assert owners.rescue() == 0
    assert store.sizes() == (1, 0, 3, 0)


def test_a_nonce_lives_once(store):
    worker = store.worker()
    with pytest.raises(StoreUnavailable, match="alive already"):
        store.owners().enlist(worker.owner)
    assert store.owners().rescue() == 0, "the failed attempt must not have freed the lock"
    assert len(store.owners().roll()) == 1


def test_an_owner_that_could_not_be_written_down_is_not_alive(store):
    worker = store.worker()
    bad = Owner(ids.nonce(), b"no text", os.getpid(), "child", 0.0)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="TEXT"):
        store.owners().enlist(bad)
    assert [owner.nonce for owner in store.owners().roll()] == [worker.owner.nonce]
    good = Owner(bad.nonce, "text", os.getpid(), "child", 0.0)
    store.owners().enlist(good)
    assert len(store.owners().roll()) == 2
