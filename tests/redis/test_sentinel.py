"""Sentinels: a real primary, a replica and three of them; the primary is killed while messages are sent and run."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from tests.support import scale
from tests.support.sentinel import ask, sentinels
from tests.support.shop import noted
from tests.support.until import until
from umbel import Umbel, chord
from umbel.adapters.redis import open_backend
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link
from umbel.exceptions import ImproperlyConfigured, OperationalError, StoreUnavailable
from umbel.message import Parcel
from umbel.record import Record
from umbel.testing.worker import InProcessWorker


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    with sentinels(tmp_path_factory.mktemp("sentinel")) as made:
        yield made


@pytest.mark.parametrize(
    ("url", "places", "db", "password"),
    [
        ("sentinel://a:26379;sentinel://b:26380", (("a", 26379), ("b", 26380)), 0, None),
        ("sentinel://:pw@a;sentinel://b/3", (("a", 26379), ("b", 26379)), 3, "pw"),
        ("sentinel://a/2;sentinel://:pw@[::1]:7/", (("a", 26379), ("::1", 7)), 2, "pw"),
    ],
)
def test_what_a_url_says(url, places, db, password):
    address = Address.parse(url, {"master_name": "m", "sentinel_kwargs": {"password": "hunter2"}})
    assert (address.sentinels, address.db, address.password, address.master) == (places, db, password, "m")
    assert address.guard == (None, "hunter2")
    assert "pw" not in str(address)
    assert "hunter2" not in str(address)


def test_without_a_name_it_says_what_to_write():
    with pytest.raises(ImproperlyConfigured, match="add master_name"):
        Address.parse("sentinel://a", {})


@pytest.mark.parametrize("value", [-1, "many", 1.5])
def test_a_number_of_replicas_that_is_none(value):
    with pytest.raises(ImproperlyConfigured, match="wait_replicas"):
        Address.parse("redis://a", {"wait_replicas": value})


def test_the_primary_is_found_though_a_sentinel_is_away(watched):
    url = f"sentinel://127.0.0.1:1;{watched.url}"
    with closing(Link(Address.parse(url, watched.options))) as link:
        assert link.call("ROLE")[0] == b"master"
        assert link.call("CLIENT", "INFO").decode().split("name=")[1].startswith("umbel")


def test_an_unknown_name_is_said_within_the_deadline(watched):
    address = Address.parse(watched.url, {"master_name": "nobody", "timeout": 0.5})
    with closing(Link(address)) as link, pytest.raises(StoreUnavailable, match="no primary called 'nobody'"):
        link.call("PING")


def test_a_server_that_is_no_primary_any_more_is_asked_again_until_one_is(watched):
    """The connection is open when it stops taking writes; the call goes on, and so does one that begins then."""
    port = watched.primary()
    address = Address.parse(watched.url, watched.options)
    for opened in (True, False):
        with closing(Link(address)) as link:
            if opened:
                link.call("SET", "word", "before")
            ask(port, "REPLICAOF", "127.0.0.1", "1")
            back = threading.Timer(0.5, ask, (port, "REPLICAOF", "NO", "ONE"))
            back.start()
            link.call("SET", "word", f"{opened}")
            assert link.call("GET", "word") == f"{opened}".encode()
            back.join()
    until(lambda: watched.has_replica(port), timeout=30)


def test_results_by_sentinels(watched):
    with closing(open_backend(watched.url, watched.options)) as backend, closing(backend.watch()) as watch:
        watch.add(["a"])
        backend.store([Record("a", "SUCCESS", b'{"status": "SUCCESS"}')])
        assert watch.wait(5)
        assert backend.fetch(["a"])["a"].status == "SUCCESS"


def test_a_chord_by_sentinels(watched):
    told = {"broker_transport_options": watched.options, "result_backend_transport_options": watched.options}
    with Umbel("chords", broker=watched.url, backend=watched.url, **told) as app, InProcessWorker(app) as worker:
        add, total = app.task(name="add")(lambda x, y: x + y), app.task(name="total")(lambda values: sum(values, 1))
        result = chord([add.s(n, n) for n in range(3)])(total.s())
        worker.drain()
        assert result.get(timeout=5) == 7


def test_a_message_that_no_replica_has_is_not_confirmed(own_server):
    """There is none, so nobody may be told that it is safe; sent again it is stored once."""
    broker = open_broker(own_server.url, {"wait_replicas": 1})
    with closing(broker.publisher()) as publisher, closing(broker.shelf()) as shelf:
        parcels = [Parcel("q", "a", "t", b"{}", b"")]
        for _ in range(2):
            with pytest.raises(OperationalError, match="did not confirm"):
                publisher.publish(parcels, deadline=1.0)
        assert [item.parcel.id for item in shelf.items("ready")] == ["a"]


APP = """
    from umbel import Umbel

    OPTIONS = {{"master_name": "mymaster", "wait_replicas": 1}}
    app = Umbel("shop", broker={url!r}, backend={url!r})
    app.conf.broker_transport_options = OPTIONS
    app.conf.result_backend_transport_options = OPTIONS

    @app.task
    def note(path, number):
        with open(path, "a") as file:
            file.write(f"{{number}}\\n")
        return number
"""


@pytest.mark.chaos
@scale.limit(180)
def test_a_primary_that_is_killed_under_load_loses_no_confirmed_message(watched, project, tmp_path):
    """Sent with one replica to be waited for, while a worker runs them; the killed server comes back as a replica.

    Row 14 of tests/pains.
    """
    path, total = tmp_path / "done", scale.count(full=10_000, small=400)
    project.write("shop.py", APP.format(url=watched.url))
    worker = project.worker("shop", "-c", "2", "-l", "info")
    worker.until_output("ready.", timeout=30)
    broker = open_broker(watched.url, {**watched.options, "wait_replicas": 1})
    confirmed, over = [], threading.Event()

    def send():
        with closing(broker.publisher()) as publisher:
            for number in range(total):
                if number == total // 4:
                    over.set()
                parcel = noted(number, path)
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    try:
                        publisher.publish([parcel])
                    except OperationalError:
                        continue
                    confirmed.append(number)
                    break

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert over.wait(60)
        old = watched.primary()
        killed, other = (
            (watched.first, watched.second) if watched.first.port == old else (watched.second, watched.first)
        )
        killed.kill()
        with closing(Link(Address.parse(watched.url, watched.options))) as link:
            link.call("SET", "word", "after", timeout=30)  # one call, which waits for the failover
        assert watched.primary() == other.port
        killed.start()
        # Whichever leads by then: on a busy machine the sentinels may have changed their minds once more.
        until(
            lambda: watched.has_replica(watched.primary()), lambda: ask(other.port, "INFO", "replication"), timeout=60
        )
    finally:
        sender.join(120)
    assert len(confirmed) == total

    def ran():
        return set(map(int, path.read_text().split())) if path.exists() else set()

    until(lambda: ran() >= set(confirmed), lambda: f"{len(ran())} of {total} ran\n{worker.output()}", timeout=60)
    lines = len(path.read_text().split())
    print(f"{total} confirmed, {lines - total} ran again, over a failover from {old} to {other.port}")
    with closing(open_backend(watched.url, watched.options)) as backend:
        names = [f"n{number}" for number in confirmed]

        def missing():
            return {*names} - backend.fetch(names).keys()

        def told():
            servers = {server.port: ask(server.port, "INFO", "replication") for server in (killed, other)}
            return f"without a result: {sorted(missing())}, {watched.primary()} leads of {servers}\n{worker.output()}"

        until(lambda: not missing(), told, timeout=30)
    with closing(broker.shelf()) as shelf:
        until(lambda: shelf.counts() == [], lambda: str(shelf.counts()), timeout=30)
