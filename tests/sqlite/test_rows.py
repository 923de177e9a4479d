"""Whatever is written, and however much at once, it is one statement and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sqlite.store import done, parcel, record
from umbel import clock
from umbel.adapters.sqlite import rows, values
from umbel.adapters.sqlite.consumer import SqliteConsumer
from umbel.message import Delivery, Parcel
from umbel.outcome import Bury, Done, Fail, Hold, Park, Release, Replace, Retry

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
blobs = st.binary(max_size=200)
parcels = st.builds(
    Parcel,
    queue=texts,
    id=texts,
    name=texts,
    head=blobs,
    body=blobs,
    priority=st.integers(0, 9),
    due=st.floats(0, 4e9).map(lambda due: due if due > 1 else 0.0),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(parcels, min_size=1, max_size=8), bounded=st.booleans())
def test_parcels_come_back_as_they_were_sent(store, sent, bounded):
    publisher, shelf = store.publisher(), store.shelf()
    publisher.publish(sent, limits={"none": 5} if bounded else None)
    found = [item.parcel for place in ("ready", "delayed") for item in shelf.items(place)]
    key = lambda each: (each.queue, each.id, each.name, each.head, each.body, each.priority, each.due)  # noqa: E731
    assert sorted(map(key, found)) == sorted(map(key, sent))
    for each in sent:
        shelf.purge(each.queue)


@pytest.mark.parametrize("count", [1, 2, 12, 13, 500, 501, 1000, 3640, 3641, 7000])
def test_any_number_of_parcels_is_published_in_order(store, count):
    store.publish(*[parcel(str(number), body=b"\0%d\xff" % number) for number in range(count)])
    worker = store.worker()
    deliveries = worker.claim(count)
    assert [each.body for each in deliveries] == [b"\0%d\xff" % number for number in range(count)]
    assert [each.head for each in deliveries] == [b'{"headers":{}}'] * count


@pytest.mark.parametrize("count", [1, 2, 499, 500, 501, 1600, 3639, 3640, 5000])
def test_any_number_of_outcomes_is_settled_at_once(store, count):
    store.publish(*[parcel() for _ in range(count + 3)])
    worker = store.worker()
    deliveries = worker.claim(count)
    turn = worker.turn(*map(done, deliveries))
    assert (len(turn.deliveries), turn.fenced) == (3, [])
    found = store.backend().fetch([f"of-{each.tag}" for each in deliveries])
    assert len(found) == count


@pytest.mark.parametrize("count", [1, 700, 1819, 1820, 4000])
def test_any_number_of_follow_ups_is_sent_in_the_same_step(store, count):
    store.publish(parcel(), parcel("second"))
    worker = store.worker()
    (delivery,) = worker.claim(1)
    follow = tuple(parcel(str(number), body=b"%d" % number, due=0.0 if number % 2 else 4e9) for number in range(count))
    turn = worker.turn(Replace(delivery, None, follow), limit=1)
    assert [each.tag for each in turn.deliveries] != [delivery.tag]
    shelf = store.shelf()
    ready = [item.parcel.body for item in shelf.items("ready", limit=10_000)]
    delayed = [item.parcel.body for item in shelf.items("delayed", limit=10_000)]
    assert ready == [b"%d" % number for number in range(count) if number % 2]
    assert delayed == [b"%d" % number for number in range(count) if not number % 2]


def test_a_turn_of_every_kind_is_one_step(store):
    store.publish(*[parcel(str(number)) for number in range(8)])
    worker = store.worker()
    done_, failed, retried, replaced, released, parked, buried, held = worker.claim()
    turn = worker.turn(
        Done(done_, record("0")),
        Fail(failed, record("1", "FAILURE"), (parcel("errback"),)),
        Retry(retried, record("2", "RETRY"), (parcel("2", due=4e9),)),
        Replace(replaced, None, (parcel("instead"),)),
        Release(released),
        Park(parked, due=4e9),
        Bury(buried, record("6", "FAILURE"), reason="why", detail="all of it"),
        Hold(held, record("7", "STARTED")),
        limit=1,
    )
    assert (turn.fenced, len(turn.deliveries)) == ([], 1)
    assert turn.deliveries[0].tag == released.tag
    shelf = store.shelf()
    assert {item.parcel.id for item in shelf.items("ready")} == {"errback", "instead"}
    assert {item.parcel.id for item in shelf.items("delayed")} == {"2", "5"}
    (dead,) = shelf.items("dead")
    assert (dead.parcel.id, dead.reason, dead.detail) == ("6", "why", "all of it")
    found = store.backend().fetch([str(number) for number in range(8)])
    assert {task_id: each.status for task_id, each in found.items()} == {
        "0": "SUCCESS", "1": "FAILURE", "2": "RETRY", "6": "FAILURE", "7": "STARTED",
    }  # fmt: skip


def test_few_statements_are_compiled():
    """Turns of any size share the compiled forms that the library can keep."""
    delivery = Delivery(1, 1, "q", b"", b"")
    finished = Done(delivery, record("1"))
    texts = {rows.turn(7, [finished] * count, (1, 1, "[]"), 0.0, {1: {1}}).statement[0] for count in range(1, 600)}
    assert len(texts) <= 24
    kept = [text for text in texts if text.count("(") - 1 <= 501]
    assert all(len(text) < 16_384 for text in kept)


def test_padding_changes_nothing(store):
    store.publish(*[parcel() for _ in range(6)])
    worker = store.worker()
    assert worker.settle(*map(done, worker.claim())) == []
    link = worker.consumer._link
    assert link.read("SELECT count(*) FROM message") == [(0,)]
    assert link.read("SELECT count(*), sum(count) FROM result") == [(1, 6)]


def test_numbers_and_hashes_are_those_of_every_version():
    """Other processes, older and newer, read what these write."""
    assert values.hash_of("5b1a5e3c-0000-4000-8000-000000000001") == 0x51031C28
    assert (rows.RESULTS, rows.WHOLE, rows.SOME, rows.CLAIM) == (1, 2, 3, 4)
    assert (rows.RELEASE, rows.PARK, rows.BURY, rows.HOLD, rows.SEND, rows.LIMIT) == (5, 6, 7, 8, 9, 10)


def test_a_message_that_came_while_the_clock_was_ahead_is_not_overtaken(store, monkeypatch):
    real = clock.wall
    publisher, worker = store.publisher(), store.worker()
    monkeypatch.setattr(clock, "wall", lambda: real() + 3600)
    publisher.publish([parcel("ahead")])
    monkeypatch.setattr(clock, "wall", real)
    publisher.publish([parcel("a"), parcel("b")])
    tags = [item.tag for item in store.shelf().items("ready")]
    assert [item.parcel.id for item in store.shelf().items("ready")] == ["ahead", "a", "b"]
    assert len(set(tags)) == 3
    assert [each.tag for each in worker.claim()] == tags


def test_of_two_outcomes_for_one_message_the_first_counts(store):
    store.publish(parcel())
    worker = store.worker()
    (delivery,) = worker.claim()
    first, second = Done(delivery, record("first")), Done(delivery, record("second"))
    assert worker.settle(Hold(delivery), first, second) == [second]
    assert store.backend().fetch(["first", "second"]).keys() == {"first"}
    assert worker.settle(first) == [first]


def kinds(worker, outcomes):
    """The kinds of rows of the view `turn` that settling these outcomes takes."""
    written = rows.turn(worker.owner.nonce, outcomes, None, 0.0, worker.consumer._held)
    return [kind for kind in written.statement[1][:: rows._TURN_WIDTH] if kind is not None]


def test_a_claim_that_goes_as_a_whole_goes_in_one_row(store):
    store.publish(*[parcel(str(number)) for number in range(4)])
    worker = store.worker()
    claimed = worker.claim(4)
    first, rest = [Done(each) for each in claimed[:1]], [Done(each) for each in claimed[1:]]
    assert kinds(worker, first) == [rows.SOME]
    assert worker.settle(*first) == []
    assert kinds(worker, rest) == [rows.WHOLE]
    assert worker.settle(*rest) == []
    assert not store.shelf().counts()
    assert worker.consumer._held == {}


def test_an_outcome_that_comes_again_takes_no_other_message_with_it(store):
    """One is left under the claim, and the outcome of the other one is settled a second time: a lost answer."""
    store.publish(parcel("first"), parcel("second"))
    worker = store.worker()
    first, second = worker.claim(2)
    assert worker.settle(Done(first)) == []
    assert worker.settle(Done(first)) == [Done(first)]
    assert [item.parcel.id for item in store.shelf().items("leased")] == ["second"]
    assert worker.settle(Done(second)) == []


def test_what_another_thread_settled_does_not_go_as_a_whole(store):
    """The keeper gave back one of three; nothing of it is lost, and the two that are held are settled."""
    store.publish(*[parcel(str(number)) for number in range(3)])
    worker = store.worker()
    claimed = worker.claim(3)
    keeper = SqliteConsumer(worker.consumer._address, worker.owner)
    assert keeper.turn([Release(claimed[1])], None).fenced == []
    keeper.close()
    outcomes = [Done(each, record(str(each.tag))) for each in claimed]
    assert kinds(worker, outcomes).count(rows.WHOLE) == 1
    assert worker.settle(*outcomes) == [outcomes[1]]
    assert [item.parcel.id for item in store.shelf().items("ready")] == ["1"]
    assert store.backend().fetch([str(each.tag) for each in claimed]).keys() == {
        str(claimed[0].tag), str(claimed[2].tag)
    }  # fmt: skip


def test_a_follow_up_of_a_fenced_outcome_is_not_sent(store):
    store.publish(parcel("1"), parcel("2"))
    worker = store.worker()
    lost, kept = worker.claim(2)
    keeper = SqliteConsumer(worker.consumer._address, worker.owner)
    assert keeper.turn([Done(lost)], None).fenced == []
    keeper.close()
    outcomes = [Done(lost, record("1"), (parcel("no"),)), Done(kept, record("2"), (parcel("yes"),))]
    assert worker.settle(*outcomes) == outcomes[:1]
    assert [item.parcel.id for item in store.shelf().items("ready")] == ["yes"]
    assert store.backend().fetch(["1", "2"]).keys() == {"2"}


@pytest.mark.parametrize("kind", [Done, Fail, Retry, Replace])
@pytest.mark.parametrize("kept", [None, record("id \u00e9", document=b'{"a":1}'), record("", "RETRY", 4e9, b"")])
def test_a_message_that_ends_alone_leaves_the_file_as_one_of_many_does(store, monkeypatch, kind, kept):
    def files():
        worker = store.worker()
        store.publish(*[parcel() for _ in range(6)])
        first, second, third, *rest = worker.claim(6)
        settled = [[first], [second], [first], rest, [third]]
        turns = [worker.consumer.turn([kind(each, kept) for each in part], None) for part in settled]
        assert [len(turn.fenced) for turn in turns] == [0, 0, 1, 0, 0]
        assert store.sizes() == (0, 0, 0, 0)
        link = worker.consumer._link
        packs, keys = (link.read(f"SELECT * FROM {table} ORDER BY seq") for table in ("result", "result_key"))
        start = packs[0][0] if packs else 0
        store.backend().forget([kept.id] if kept else [])
        return [(seq - start, *pack) for seq, *pack in packs], [(key, seq - start, at) for _, key, seq, at in keys]

    alone = files()
    monkeypatch.setattr(rows, "one", lambda *_: None)
    together = files()
    assert alone == together
    assert len(alone[0]) == (4 if kept else 0)
