"""The result store beyond its contract: what stands in the server, sizes, a server in need, many ids over one watch."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from tests.support.until import until
from umbel import clock
from umbel.adapters.redis import watch as watching
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.adapters.redis.standing import note, standing
from umbel.exceptions import StoreUnavailable
from umbel.record import Record


def opened(url, **options):
    return RedisBackend(Address.parse(url, options))


def record(task_id, status="SUCCESS", size=0, expires=0.0):
    body = {"status": status, "result": "x" * size, "task_id": task_id}
    return Record(task_id, status, json.dumps(body).encode(), expires)


@pytest.fixture
def backend(url):
    backend = opened(url)
    yield backend
    backend.close()


def test_one_key_with_celery_s_document_and_its_expiry(backend, link):
    moment = float(int(clock.wall()) + 600)
    backend.store([record("a", expires=moment), record("b")])
    assert sorted(link.call("KEYS", "*")) == [b"celery-task-meta-a", b"celery-task-meta-b"]
    assert link.call("GET", "celery-task-meta-a") == record("a").document
    assert 590 < link.call("TTL", "celery-task-meta-a") <= 600
    assert link.call("TTL", "celery-task-meta-b") == -1


def test_a_document_that_does_not_say_its_state_has_a_note_beside_it_that_lives_as_long(backend, link):
    moment = float(int(clock.wall()) + 600)
    backend.store([Record("a", "SUCCESS", b"\x00packed", moment)])
    assert 590 < link.call("TTL", "umbel-task-state-a") <= 600
    backend.store([Record("b", "STARTED", b"\x00packed"), record("b")])
    assert link.call("EXISTS", "umbel-task-state-b") == 0
    backend.forget(["a"])
    assert link.call("EXISTS", "umbel-task-state-a", "celery-task-meta-a") == 0


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b'{"status": "RETRY", "result": null}', "RETRY"),
        (b'{"status":"my state","result":"status SUCCESS"}', "my state"),
        (b"\x86\xa6status\xa7SUCCESS\xa6result\x05", "SUCCESS"),
        (b"\x80\x02}q\x00(X\x06\x00\x00\x00statusq\x01X\x07\x00\x00\x00FAILUREq\x02", "FAILURE"),
        (b"nothing that says it", ""),
    ],
)
def test_what_a_document_says_by_itself(document, status):
    assert standing(document, None) == status


def test_a_note_counts_for_its_own_document_only():
    beside = note(b"packed", "SUCCESS")
    assert standing(b"packed", beside) == "SUCCESS"
    assert standing(b"pakced", beside) == ""
    assert standing(b'{"status": "STARTED"}', beside) == "STARTED"


def test_a_note_says_nothing_about_what_another_program_stored_over_its_document(backend, link):
    backend.store([Record("a", "STARTED", b"\x00packed")])
    link.call("SET", "celery-task-meta-a", record("a").document)
    assert backend.fetch(["a"])["a"].status == "SUCCESS"
    backend.store([record("a", "FAILURE")])
    assert backend.fetch(["a"])["a"].status == "SUCCESS"


def test_the_script_and_the_reader_agree_on_notes(backend):
    """The one decides what may be written over, the other what is told."""
    odd = [bytes(range(256)), b"%s%d%", b"\n\r\x00", b"status: SUCCESS", "é".encode() * 200, b"x" * 96, b""]
    ids = [str(number) for number in range(len(odd))]
    backend.store([Record(task_id, "FAILURE", data) for task_id, data in zip(ids, odd, strict=True)])
    backend.store([Record(task_id, "STARTED", b"late") for task_id in ids[:-1]])
    found = backend.fetch(ids)
    assert [found[task_id].status for task_id in ids[:-1]] == ["FAILURE"] * (len(odd) - 1)
    assert [found[task_id].document for task_id in ids[:-1]] == odd[:-1]


def test_a_big_result(backend):
    big = record("a", size=48 << 20)
    backend.store([record("before"), big, record("after")])
    assert backend.fetch(["before", "a", "after"])["a"] == big


def test_thousands_in_one_call(backend):
    ids = [str(number) for number in range(5000)]
    backend.store([record(task_id, size=100) for task_id in ids])
    assert len(backend.fetch(ids)) == 5000
    backend.forget(ids)
    assert backend.fetch(ids) == {}


def test_known_is_true_or_not_to_be_told(backend):
    assert backend.known("a") is None
    backend.store([record("a", "STARTED")])
    assert backend.known("a") is True


def test_a_server_without_room_still_takes_the_results_of_what_is_done(own_server):
    backend = opened(own_server.url)
    backend.store([record("a", "STARTED")])
    backend._link.call("CONFIG", "SET", "maxmemory", 1)
    backend.store([record("a"), record("b")])
    assert backend.fetch(["a", "b"])["a"].status == "SUCCESS"
    backend.close()


def test_forgotten_scripts_are_given_again(backend, link):
    backend.store([record("a", "STARTED")])
    link.call("SCRIPT", "FLUSH")
    backend.store([record("a")])
    link.call("SCRIPT", "FLUSH")
    assert backend.fetch(["a"])["a"].status == "SUCCESS"


def test_thousands_of_ids_over_one_connection(backend, link):
    before = len(link.call("CLIENT", "LIST").splitlines())
    watch = backend.watch()
    ids = [str(number) for number in range(20_000)]
    watch.add(ids)
    assert len(link.call("CLIENT", "LIST").splitlines()) == before + 1
    assert not watch.wait(0.0)
    backend.store([record("19999")])
    assert watch.wait(5)
    watch.discard(ids[:19_000])
    until(lambda: len(link.call("PUBSUB", "CHANNELS")) == 1000)
    watch.close()
    until(lambda: not link.call("PUBSUB", "CHANNELS"))


def test_a_watch_goes_on_after_its_connection_was_cut(backend, link):
    watch = backend.watch()
    watch.add(["a"])
    link.call("CLIENT", "KILL", "TYPE", "pubsub")
    assert watch.wait(5), "something may have been told meanwhile"
    assert not watch.wait(0.0)
    backend.store([record("a")])
    assert watch.wait(5)
    link.call("CLIENT", "KILL", "TYPE", "pubsub")
    backend.store([record("a")])
    watch.add(["b"])
    assert watch.wait(0.0), "what was told before the new connection is looked for"
    backend.store([record("b")])
    assert watch.wait(5)
    watch.close()


def test_what_was_told_of_a_discarded_id_wakes_nobody(backend):
    watch = backend.watch()
    watch.add(["a", "b"])
    backend.store([record("a")])
    watch.discard(["a"])
    assert not watch.wait(0.2)
    watch.close()


def test_a_watch_survives_its_server(own_server):
    backend = opened(own_server.url)
    watch = backend.watch()
    watch.add(["a"])
    own_server.kill()
    started = clock.monotonic()
    assert not watch.wait(0.2)
    assert not watch.wait(0.2), "it sleeps, it does not spin"
    assert clock.monotonic() - started > 0.3
    with pytest.raises(StoreUnavailable):
        watch.add(["b"])
    own_server.start()
    assert until(lambda: watch.wait(0.2))
    backend.store([record("a")])
    assert watch.wait(5)
    watch.close()
    backend.close()


def test_a_sleeper_over_a_dead_server_is_woken_by_its_descriptor(own_server):
    watch = opened(own_server.url).watch()
    watch.add(["a"])
    own_server.kill()
    ear, rope = os.pipe()
    os.write(rope, b"!")
    started = clock.monotonic()
    assert not watch.wait(20, ear)
    assert clock.monotonic() - started < 5
    watch.close()
    os.close(ear)
    os.close(rope)


def test_a_silent_connection_is_asked_for_a_sign_of_life(own_server, monkeypatch):
    """A peer that vanished without a word would otherwise cost each wait its whole time, for ever."""
    monkeypatch.setattr(watching, "_SILENCE", 0.0)
    watch = opened(own_server.url, timeout=0.2).watch()
    watch.add(["a"])
    for _ in range(5):
        assert not watch.wait(0.01)
    wire = watch._wire
    os.kill(own_server.pid, signal.SIGSTOP)
    until(lambda: (watch.wait(0.05), watch._wire)[1] is not wire)
    os.kill(own_server.pid, signal.SIGCONT)
    assert until(lambda: watch.wait(0.2))
    watch.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_watch_and_a_backend_in_a_forked_child(backend):
    watch = backend.watch()
    watch.add(["a"])
    backend.store([record("b")])
    pid = os.fork()
    if not pid:
        code = 1
        try:
            assert watch.wait(5), "it had to connect again"
            assert sorted(backend.fetch(["a", "b"])) == ["b"]
            backend.store([record("a")])
            assert watch.wait(5)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert watch.wait(5), "the parent's own connection goes on"
    assert backend.fetch(["a"])["a"].status == "SUCCESS"
    watch.close()


def test_many_watchers_and_writers_at_once(url):
    """Subscribe, look, wait: no reader misses its result, with looks only when it was woken."""
    ids = [str(number) for number in range(200)]
    ready = threading.Barrier(5)
    lost = []

    def read(mine):
        backend = opened(url)
        watch = backend.watch()
        ready.wait(20)
        for task_id in mine:
            watch.add([task_id])
            while task_id not in backend.fetch([task_id]):
                if not watch.wait(5):
                    lost.append(task_id)
                    break
            watch.discard([task_id])
        watch.close()
        backend.close()

    readers = [threading.Thread(target=read, args=(ids[first::4],)) for first in range(4)]
    for reader in readers:
        reader.start()
    writer = opened(url)
    ready.wait(20)
    for task_id in ids:
        writer.store([record(task_id)])
    for reader in readers:
        reader.join(30)
    writer.close()
    assert lost == []
