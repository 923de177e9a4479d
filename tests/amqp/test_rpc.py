"""Results that are sent to whoever called: what a worker's side sends, what a client's side receives, and in need."""

from __future__ import annotations

import json
import os
import threading

import pytest

from tests.support.until import until
from umbel import clock
from umbel.adapters.amqp import mailbox
from umbel.adapters.amqp.rpc import open_backend
from umbel.exceptions import ImproperlyConfigured, OperationalError, StoreFull, StoreUnavailable
from umbel.record import Record


def record(task_id, status="SUCCESS", result=None, reply_to="here"):
    body = {"status": status, "result": result, "traceback": None, "children": [], "date_done": None}
    document = json.dumps({**body, "task_id": task_id}, separators=(",", ":")).encode()
    return Record(task_id, status, document, reply_to=reply_to)


@pytest.fixture
def opened():
    """Opens backends, and closes them."""
    made = []

    def open_(url, reply_to="here", **options):
        made.append(open_backend("rpc://", {"broker_url": url, "reply_to": reply_to, "expires": 60, **options}))
        return made[-1]

    yield open_
    for backend in made:
        backend.close()


@pytest.fixture
def worker(url, opened):
    """The side that sends; it listens nowhere."""
    return opened(url, "worker")


@pytest.fixture
def client(url, opened):
    """The side that receives."""
    client = opened(url)
    client.listen()
    return client


def arrived(backend, *ids):
    until(lambda: len(backend.fetch(ids)) == len(ids), lambda: f"{len(backend.fetch(ids))} of {len(ids)}", timeout=20)
    return backend.fetch(ids)


def test_what_is_sent_arrives_as_it_was(worker, client):
    worker.store([record("a", result=[1, "é"]), record("b", "FAILURE")])
    found = arrived(client, "a", "b")
    assert (found["a"].status, found["a"].document) == ("SUCCESS", record("a", result=[1, "é"]).document)
    assert found["b"].status == "FAILURE"
    assert clock.wall() + 50 < found["a"].expires < clock.wall() + 61
    assert worker.fetch(["a", "b"]) == {}, "a result is the caller's alone"


def test_thousands_arrive(worker, client):
    ids = [str(number) for number in range(5000)]
    worker.store([record(task_id, result=int(task_id)) for task_id in ids])
    assert [json.loads(one.document)["result"] for one in arrived(client, *ids).values()] == list(range(5000))


def test_a_big_result(worker, client):
    worker.store([record("a", result="x" * (12 << 20))])
    assert len(arrived(client, "a")["a"].document) > 12 << 20


def test_the_last_state_stands(worker, client):
    worker.store([record("a", "STARTED"), record("a", "SUCCESS", 5), record("a", "FAILURE"), record("b", "STARTED")])
    found = arrived(client, "a", "b")
    assert (found["a"].status, found["b"].status) == ("SUCCESS", "STARTED")


def test_every_thread_of_a_process_sees_all_answers(url, worker, client, opened):
    worker.store([record("a")])
    found = []
    thread = threading.Thread(target=lambda: found.append(arrived(opened(url), "a")))
    thread.start()
    thread.join(20)
    assert sorted(found[0]) == ["a"]


def test_two_processes_get_their_own(url, worker, client, opened):
    other = opened(url, "there")
    other.listen()
    worker.store([record("a"), record("b", reply_to="there")])
    arrived(client, "a")
    arrived(other, "b")
    assert (sorted(client.fetch(["a", "b"])), sorted(other.fetch(["a", "b"]))) == (["a"], ["b"])


def test_a_watch_wakes_for_its_ids(worker, client):
    watch = client.watch()
    watch.add(["a"])
    worker.store([record("other")])
    arrived(client, "other")
    assert not watch.wait(0.0)
    worker.store([record("a")])
    assert watch.wait(10)
    assert not watch.wait(0.0)
    watch.discard(["a"])
    worker.store([record("a")])
    assert not watch.wait(0.0)
    ear, rope = os.pipe()
    os.write(rope, b"!")
    assert not watch.wait(20, ear)
    os.close(ear)
    os.close(rope)
    watch.close()


def test_an_answer_that_nobody_waits_for_is_no_error(worker):
    worker.store([record("a", reply_to="nobody"), record("b", reply_to="")])
    assert worker.known("a") is None


def test_known_and_forgotten(worker, client):
    assert client.known("a") is None
    worker.store([record("a")])
    arrived(client, "a")
    assert client.known("a") is True
    client.forget(["a", "unknown"])
    assert client.fetch(["a"]) == {}


def test_no_more_is_kept_than_there_is_room(url, worker, opened, caplog):
    client = opened(url, results_in_memory=10)
    client.listen()
    worker.store([record(str(number)) for number in range(30)])
    arrived(client, "29")
    assert caplog.text.count("More than 10 results wait") == 1
    assert sorted(client.fetch([str(number) for number in range(30)]), key=int) == [str(n) for n in range(20, 30)]


def test_what_has_expired_is_gone(url, worker, opened):
    client = opened(url, expires=0.2)
    client.listen()
    worker.store([record("a")])
    arrived(client, "a")
    assert until(lambda: client.fetch(["a"]) == {})
    box = client._box
    assert until(lambda: not box._letters)


def test_what_cannot_be_read_is_thrown_away_and_the_next_one_is_read(url, worker, client):
    from pika import BasicProperties

    with worker._link as link:
        channel = link.channel(link.until())
        channel.basic_publish("", "here", b"\x00 no document", BasicProperties(content_type="application/json"))
        channel.basic_publish("", "here", b"anything", BasicProperties(content_type="text/x-own", correlation_id="odd"))
        channel.basic_publish("", "here", b"anything", BasicProperties(content_type="text/x-own"))
    worker.store([record("a")])
    arrived(client, "a")
    assert sorted(client.fetch(["a", "odd"])) == ["a", "odd"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_listens_for_itself(url, worker, client, opened):
    worker.store([record("mine")])
    arrived(client, "mine")
    pid = os.fork()
    if not pid:
        code = 1
        try:
            own = open_backend("rpc://", {"broker_url": url, "reply_to": "child", "expires": 60})
            assert own.fetch(["mine"]) == {}
            own.listen()
            worker.store([record("a"), record("b", reply_to="child")])
            arrived(own, "b")
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    arrived(client, "a")


def test_it_ends_when_nobody_uses_it_any_more(url, opened, monkeypatch):
    monkeypatch.setattr(mailbox, "LINGER", 0.0)
    client = opened(url, "short")
    client.listen()
    thread = client._box._thread
    client.close()
    until(lambda: not thread.is_alive())
    client.listen()
    assert client._box._thread.is_alive()


def test_a_queue_that_somebody_deleted_is_declared_again(rabbitmq, url, worker, client):
    with worker._link as link:
        link.ask(lambda channel, reply: channel.queue_delete("here", callback=reply), link.until())

    def answered():
        worker.store([record("a")])
        return client.fetch(["a"])

    assert until(answered)


@pytest.mark.chaos
def test_a_server_that_goes_and_comes_back(own_rabbitmq, opened):
    """Row 20 of tests/pains."""
    client, worker = opened(own_rabbitmq.url), opened(own_rabbitmq.url, "worker")
    client.listen()
    worker.store([record("a")])
    arrived(client, "a")
    own_rabbitmq.kill()
    with pytest.raises(StoreUnavailable):
        worker.store([record("b")])
    until(lambda: not client._box._listening.is_set())
    assert sorted(client.fetch(["a"])) == ["a"], "what has arrived stays"
    own_rabbitmq.start()
    client.listen()
    worker.store([record("b")])
    arrived(client, "b")


@pytest.mark.chaos
def test_without_a_server_the_call_ends_with_a_sentence(own_rabbitmq, opened):
    client = opened(own_rabbitmq.url, timeout=0.5)
    own_rabbitmq.kill()
    began = clock.monotonic()
    with pytest.raises(OperationalError):
        client.listen()
    assert clock.monotonic() - began < 10


@pytest.mark.chaos
def test_a_server_without_memory_takes_no_answers_until_it_has_some(own_rabbitmq, opened):
    """Whoever has to send one hears it at once, and goes on with what needs no answer."""
    client, worker = opened(own_rabbitmq.url), opened(own_rabbitmq.url, "worker", timeout=60.0)
    client.listen()
    worker.store([record("a")])
    with own_rabbitmq.memory_alarm():
        began = clock.monotonic()
        for _ in range(3):
            with pytest.raises(StoreFull, match="memory"):
                worker.store([record("b")])
        assert clock.monotonic() - began < 30
    assert until(lambda: not _raises(worker))
    arrived(client, "a", "b")


def _raises(worker):
    try:
        worker.store([record("b")])
    except OperationalError:
        return True
    return False


@pytest.mark.parametrize("most", [0, -5, "many"])
def test_a_number_of_results_that_cannot_work_is_one_sentence(most):
    with pytest.raises(ImproperlyConfigured, match="write how many results"):
        open_backend("rpc://", {"broker_url": "amqp://", "reply_to": "me", "results_in_memory": most})


def test_another_broker_than_rabbitmq_is_one_sentence():
    with pytest.raises(ImproperlyConfigured, match="sends results over RabbitMQ, but the broker is") as caught:
        open_backend("rpc://", {"broker_url": "redis://:hunter2@host", "reply_to": "me"})
    assert "hunter2" not in str(caught.value)
