"""Which result of an id is seen: what `states.may_replace` says, wherever its rows are and whatever was tidied."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sqlite.store import done, parcel, record
from umbel.adapters.sqlite import packs
from umbel.adapters.sqlite.values import hash_of
from umbel.record import Record
from umbel.states import may_replace

STATES = ("PENDING", "STARTED", "RETRY", "PROGRESS", "FAILURE", "REVOKED", "SUCCESS")
ERA = 1 << 13


def expected(history):
    """The states of one id, folded."""
    stored = None
    for number, status in history:
        if may_replace(stored and stored[1], status):
            stored = (number, status)
    return stored


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(STATES), st.booleans()), max_size=25),
    tidied=st.booleans(),
)
def test_the_visible_state_is_the_fold_of_all_writes(store, writes, tidied):
    backend, worker, owners = store.backend(), store.worker(), store.owners()
    backend.forget("abc")
    histories = {}
    for number, (task_id, status, settled) in enumerate(writes):
        written = record(task_id, status, document=b"%d" % number)
        if settled:
            store.publish(parcel(task_id))
            (delivery,) = worker.claim()
            worker.settle(done(delivery) if written is None else _outcome(delivery, written))
        else:
            backend.store([written])
        histories.setdefault(task_id, []).append((number, status))
        if tidied:
            owners.tidy({})
    found = backend.fetch("abc")
    assert {task_id: (int(each.document), each.status) for task_id, each in found.items()} == {
        task_id: expected(history) for task_id, history in histories.items()
    }
    for _ in range(3):
        owners.tidy({})
    assert backend.fetch("abc") == found
    passing = [task_id for task_id, status in everything(backend) if status not in ("SUCCESS", "FAILURE", "REVOKED")]
    assert len(passing) == len(set(passing))
    assert all(found[task_id].status not in ("SUCCESS", "FAILURE", "REVOKED") for task_id in passing)
    worker.owners.retire(worker.owner.nonce)


def _outcome(delivery, written):
    outcome = done(delivery)
    outcome.record = written
    return outcome


def spread_over_eras(backend, task_id, statuses):
    """Results of one id, each in an era of its own, as after tens of thousands of results."""
    for era, status in enumerate(statuses):
        backend.store([record(task_id, status, document=b"%d" % era)])
        for table in ("result_key", "result"):
            backend._link.write(f"UPDATE {table} SET seq = seq + ? WHERE seq >= ?", (ERA, era * ERA))
        backend._link.write("UPDATE result_key SET era = seq >> 13")


def everything(backend):
    """(id, status) of all that is stored, what no reader would see included."""
    rows = backend._link.read("SELECT seq, expires, meta, docs FROM result ORDER BY seq")
    return [(entry.record.id, entry.record.status) for row in rows for entry in packs.unpacked(*row)]


def test_rows_of_an_id_are_found_in_every_era(store):
    backend, owners = store.backend(), store.owners()
    spread_over_eras(backend, "a", ["STARTED", "FAILURE", "SUCCESS", "FAILURE", "SUCCESS", "STARTED"])
    backend.store([record("b")])
    assert backend.fetch(["a", "b"])["a"].document == b"2"
    owners.tidy({})
    assert backend.fetch(["a", "b", "c"]).keys() == {"a", "b"}
    assert "STARTED" not in [status for _, status in everything(backend)]
    backend.forget(["a"])
    assert everything(backend) == [("b", "SUCCESS")]
    assert backend._link.read("SELECT count(*) FROM result_key") == [(1,)]


def test_ids_with_one_hash_are_kept_apart(store):
    seen = {}
    one = two = ""
    for number in range(300_000):
        other = seen.setdefault(hash_of(str(number)), str(number))
        if other != str(number):
            one, two = other, str(number)
            break
    else:  # 32 bits: make a pair by hand instead
        one, two = "plumless", "buckeroo"
    assert hash_of(one) == hash_of(two)
    backend = store.backend()
    backend.store([record(one, "SUCCESS", document=b"one")])
    assert backend.fetch([two]) == {}
    assert backend.known(two) is False
    backend.store([record(two, "FAILURE", document=b"two")])
    backend.forget([one])
    assert {task_id: each.document for task_id, each in backend.fetch([one, two]).items()} == {two: b"two"}


def test_documents_are_opaque(store):
    backend = store.backend()
    documents = [b"", b"\0", bytes(range(256)), b"{" * 100_000]
    backend.store([Record(str(number), "SUCCESS", document, 0.0) for number, document in enumerate(documents)])
    assert [backend.fetch([str(number)])[str(number)].document for number in range(4)] == documents


def test_expired_results_are_gone_at_once(store):
    backend = store.backend()
    backend.store([record("old", expires=time.time() - 1), record("new", expires=time.time() + 60), record("ever")])
    assert backend.fetch(["old", "new", "ever"]).keys() == {"new", "ever"}
    assert [backend.known(task_id) for task_id in ("old", "new", "ever", "never")] == [False, True, True, False]


def test_known_is_what_is_stored_waiting_or_running(store):
    backend, worker = store.backend(), store.worker()
    store.publish(parcel("running"), parcel("waiting"), parcel("later", due=4e9))
    worker.claim(1)
    assert [backend.known(task_id) for task_id in ("running", "waiting", "later", "unknown")] == [
        True,
        True,
        True,
        False,
    ]


def test_many_results_are_fetched_at_once(store):
    backend = store.backend()
    ids = [f"id-{number}" for number in range(5000)]
    backend.store([record(task_id) for task_id in ids])
    assert backend.fetch(ids).keys() == set(ids)
    assert backend.fetch([]) == {}
