"""A cluster: which node is found, what is refused in which words, and what waits while a slot is on its way."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from tests.support import clusters, servers
from tests.support.until import until
from umbel.adapters.redis import checks, open_backend, watch
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.cluster import _place
from umbel.adapters.redis.ear import Ear
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.slots import slot, tagged
from umbel.drain import Drain
from umbel.exceptions import ImproperlyConfigured, StoreUnavailable, StoreUnsuitable
from umbel.message import Parcel
from umbel.record import Record

MOVING = {"global_keyprefix": "moving"}
"""A store of its own, whose slot is moved."""


def linked(url, **options):
    return closing(Link(Address.parse(url, options)))


def parcels(*ids):
    return [Parcel("q", each, "t", b"{}", b"") for each in ids]


@pytest.fixture
def away(cluster):
    """The moving store's slot, and a master that does not have it; afterwards it is back."""
    number = slot(tagged("moving"))
    home = cluster.master_of(number)
    other = next(server for server in cluster.masters_now() if server is not home)
    yield number, other
    for server in cluster.masters_now():
        clusters.ask(server, "CLUSTER", "SETSLOT", number, "STABLE")  # whatever became of the test
    if cluster.master_of(number) is not home:
        list(cluster.move(number, home))
    until(lambda: cluster.master_of(number) is home, cluster.told)


@pytest.fixture(scope="module")
def alone(certificates, tmp_path_factory):
    """A cluster of one node, which has all slots and no replica; it speaks TLS at the port `secure` as well."""
    secure = servers.free_port()
    with servers.redis_server(
        tmp_path_factory.mktemp("alone"), "--cluster-enabled", "yes", "--cluster-port", str(servers.free_port()),
        "--tls-cluster", "yes", "--tls-port", str(secure), "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificates / "server.pem"), "--tls-key-file", str(certificates / "server.key"),
        "--tls-ca-cert-file", str(certificates / "ca.pem"),
    ) as server:  # fmt: skip
        clusters.ask(server, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: "cluster_state:ok" in clusters.said(server, "CLUSTER", "INFO"))
        server.secure = secure
        yield server


# what is written


@pytest.mark.parametrize(
    ("url", "nodes", "password", "shown"),
    [
        ("redis+cluster://", (("localhost", 6379),), None, "redis+cluster://localhost:6379"),
        ("redis+cluster://a,b:7", (("a", 6379), ("b", 7)), None, "redis+cluster://a:6379,b:7"),
        ("redis+cluster://:hunter2@a:1,[::1]:2/0", (("a", 1), ("::1", 2)), "hunter2", "redis+cluster://:**@a:1,[::1]:2"),
        ("rediss+cluster://ann:hunter2@a?timeout=2", (("a", 6379),), "hunter2", "rediss+cluster://ann:**@a:6379"),
    ],
)  # fmt: skip
def test_what_a_url_says(url, nodes, password, shown):
    address = Address.parse(url, {})
    assert (address.nodes, address.password, str(address)) == (nodes, password, shown)
    assert bool(address.tls) is url.startswith("rediss")


@pytest.mark.parametrize(
    ("prefix", "found"),
    [("", "{umbel}:"), ("shop", "{shop}"), ("shop:", "{shop}:"), ("{eu}a:", "{eu}a:"), ("{}", "{{}}")],
)  # fmt: skip
def test_all_keys_of_a_store_have_one_tag(prefix, found, cluster):
    assert Address.parse("redis+cluster://", {"global_keyprefix": prefix}).prefix == found
    with linked(cluster.url) as link:
        assert {link.call("CLUSTER", "KEYSLOT", found + key) for key in ("", "celery", "x{y}")} == {slot(found)}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+cluster://:hunter2@a/3", "a cluster has the database 0 only"),
        ("redis+cluster://:hunter2@a/mail", "Redis numbers them"),
        ("redis+cluster://:hunter2@a:port,b", "cannot be read"),
        ("redis+cluster://:hunt/hunter2@a:1", "cannot be read"),
        ("redis+cluster://:hunter2@a:1,b:99999", "cannot be read"),
    ],
)
def test_what_cannot_work_is_told_without_the_password(url, words):
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        Address.parse(url, {})
    assert "hunt" not in str(caught.value)


# what is found


def test_the_node_is_found_though_others_are_away(cluster, cluster_url):
    with linked(cluster_url.replace("//", "//127.0.0.1:1,")) as link:
        link.call("SET", "{umbel}:word", "here")
        assert clusters.ask(cluster.master_of(clusters.STORE), "GET", "{umbel}:word") == b"here"


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        (b"evil host", 1, "which can be none"),
        (b"?", 1, "which can be none"),
        (b"a\r\nQUIT", 1, "which can be none"),
        (b"a" * 300, 1, "which can be none"),
        (b"a", 0, "a node's port"),
        (b"a", 65_536, "a node's port"),
    ],
)
def test_a_node_that_can_be_none_is_not_followed(host, port, words):
    address = Address.parse("redis+cluster://:hunter2@a", {})
    with pytest.raises(StoreUnavailable, match=words) as caught:
        _place([[0, 16383, [host, port, b"id"]]], Address.parse("redis://a", {}), address)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "found"), [(b"", "a"), (None, "a"), (b"10.0.0.7", "10.0.0.7"), (b"fe80::1", "fe80::1")]
)
def test_a_node_that_does_not_know_its_host_is_where_it_was_asked(host, found):
    address = Address.parse("redis+cluster://a", {})
    place = _place([[0, 16383, [host, 7, b"id"]]], Address.parse("redis://a", {}), address)
    assert (place.host, place.port, place.nodes) == (found, 7, ())


def test_a_server_that_is_in_no_cluster(url):
    with (
        linked(url.replace("redis:", "redis+cluster:")) as link,
        pytest.raises(StoreUnsuitable, match="write redis://"),
    ):
        link.call("PING")


def test_a_node_under_a_url_of_a_single_server(alone, cluster):
    for server in (alone, *cluster.masters):
        backend = RedisBackend(Address.parse(server.url, {}))
        with closing(backend), pytest.raises(StoreUnsuitable, match=r"write redis\+cluster://"):
            backend.store([Record("a", "SUCCESS", b"{}")])
    for server in cluster.masters:
        with (
            closing(open_broker(server.url, {}).publisher()) as publisher,
            pytest.raises(StoreUnsuitable, match=r"write redis\+cluster://"),
        ):
            publisher.publish(parcels("a"))


def test_a_slot_that_nobody_serves_is_said_within_the_deadline(alone):
    clusters.ask(alone, "CLUSTER", "DELSLOTS", clusters.STORE)
    with linked(alone.url.replace("redis:", "redis+cluster:"), timeout=0.5) as link:
        with pytest.raises(StoreUnavailable, match=f"serves slot {clusters.STORE}"):
            link.call("GET", "{umbel}:word")
        clusters.ask(alone, "CLUSTER", "ADDSLOTS", clusters.STORE)
        until(lambda: "cluster_state:ok" in clusters.said(alone, "CLUSTER", "INFO"))
        assert link.call("GET", "{umbel}:word") is None


def test_a_wrong_password_is_refused_at_once_and_not_shown(alone):
    clusters.ask(alone, "CONFIG", "SET", "requirepass", "right")
    place = f"127.0.0.1:{alone.port}"
    began = time.monotonic()
    with (
        linked(f"redis+cluster://:hunter2@{place}", timeout=30) as link,
        pytest.raises(StoreUnavailable, match="refused the user name or password") as caught,
    ):
        link.call("PING")
    assert "hunter2" not in str(caught.value)
    assert time.monotonic() - began < 15
    with linked(f"redis+cluster://:right@{place}") as link:
        assert link.call("CONFIG", "SET", "requirepass", "") == b"OK"


def test_what_its_operator_should_know(alone, caplog, monkeypatch):
    monkeypatch.setattr(checks, "_seen", set())
    clusters.ask(alone, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    with linked(alone.url.replace("redis:", "redis+cluster:")) as link:
        checks.look_over(link, "messages")
        checks.look_over(link, "messages")
    said = [entry.getMessage() for entry in caplog.records if entry.name == "umbel.redis"]
    assert [word in line for word, line in zip(("drop keys", "to disk", "no replica"), said, strict=True)] == [True] * 3


def test_tls(certificates, alone):
    place = f"rediss+cluster://localhost:{alone.secure}"
    with linked(f"{place}?ssl_ca_certs={certificates / 'ca.pem'}") as link:
        assert link.call("SET", "{umbel}:word", "kept") == b"OK"
    distrusting = linked(f"{place}?ssl_ca_certs={certificates / 'other.pem'}", timeout=2)
    with distrusting as link, pytest.raises(StoreUnavailable, match=r"TLS: .*certificate verify failed"):
        link.call("PING")


# what happens while a slot moves


def test_an_open_connection_follows_a_slot(cluster, cluster_url, away):
    number, other = away
    with linked(cluster_url, **MOVING) as link:
        link.call("SET", "{moving}:word", "before")
        list(cluster.move(number, other))
        assert link.call("GET", "{moving}:word") == b"before"
        link.call("SET", "{moving}:word", "after")
    assert clusters.ask(other, "GET", "{moving}:word") == b"after"


def test_a_message_waits_for_the_end_of_a_move_and_is_stored_once(cluster, cluster_url, away):
    """Half of the store is here and half there: nothing may be written to it before all of it is in one place."""
    number, other = away
    broker = open_broker(cluster_url, MOVING)
    with closing(broker.publisher()) as publisher, closing(broker.shelf()) as shelf:
        publisher.publish(parcels(*"abc"))
        steps = cluster.move(number, other)
        assert [next(steps), next(steps)] == ["begun", "moved"]
        coming = parcels("d")
        with pytest.raises(StoreUnavailable, match="being moved to another node"):
            publisher.publish(coming, deadline=0.5)
        assert clusters.ask(other, "CLUSTER", "COUNTKEYSINSLOT", number) > 0
        late = threading.Thread(target=publisher.publish, args=(coming,), kwargs={"deadline": 30})
        late.start()
        assert list(steps)[-1] == "over"
        late.join(30)
        assert not late.is_alive()
        assert sorted(item.parcel.id for item in shelf.items("ready")) == list("abcd")


def test_a_sleeper_follows_a_slot(cluster, cluster_url, away):
    number, other = away
    address = Address.parse(cluster_url, MOVING)
    with closing(Ear(Link(address))) as ear, closing(Link(address)) as link:
        link.call("SET", "{moving}:word", "before")
        assert ear.read(("EXISTS", "{moving}:word")) == [1]
        list(cluster.move(number, other))
        ear.sleep(30)  # the key went away from where it was read
        assert ear.read(("EXISTS", "{moving}:word", "{moving}:other")) == [1]
        link.call("SET", "{moving}:other", "after")
        ear.sleep(30)
        assert ear.read(("EXISTS", "{moving}:word", "{moving}:other")) == [2]


def test_a_result_is_told_over_a_move(cluster, cluster_url, away):
    number, other = away
    backend = open_backend(cluster_url, MOVING)
    with closing(backend), closing(backend.watch()) as waiting:
        waiting.add(["a"])
        list(cluster.move(number, other))
        backend.store([Record("a", "SUCCESS", b'{"status": "SUCCESS"}')])
        assert waiting.wait(30)
        assert backend.fetch(["a"])["a"].status == "SUCCESS"


def test_who_waits_for_results_asks_whether_its_node_still_has_them(cluster, cluster_url, away, monkeypatch):
    """A node that was taken out of a cluster answers, and hears of nothing."""
    monkeypatch.setattr(watch, "_SILENCE", 0.0)
    number, other = away
    with closing(open_backend(cluster_url, MOVING).watch()) as waiting:
        waiting.add(["a"])
        old = waiting._wire
        assert not waiting.wait(0.5)
        assert waiting._wire is old
        list(cluster.move(number, other))
        assert waiting.wait(30)  # something may have been told meanwhile
        assert waiting._wire is not old


# what is moved out of it and into it


def test_drain_back_to_celery_says_why_not(cluster_url):
    broker = open_broker(cluster_url, {"task_delay_in_broker": True})
    with closing(broker.publisher()) as publisher:
        publisher.publish([Parcel("q", "a", "t", b"{}", b"", due=time.time() + 1000)])
    with closing(Drain(broker)) as work, pytest.raises(ImproperlyConfigured, match="Celery cannot use a cluster"):
        work.to_celery()


@pytest.mark.parametrize("there", [True, False])
def test_drain_between_a_cluster_and_a_single_server(url, cluster_url, there):
    options = {"task_delay_in_broker": True}
    source, target = (open_broker(each, options) for each in ((url, cluster_url) if there else (cluster_url, url)))
    with closing(source.publisher()) as publisher:
        publisher.publish(parcels("a", "b"))
        publisher.publish([Parcel("q", "c", "t", b"{}", b"", due=time.time() + 1000)])
    with closing(Drain(source)) as work:
        done = work.elsewhere(target)
    assert (done.moved.total(), done.delayed, done.leased) == (3, 0, 0)
    with closing(source.shelf()) as left, closing(target.shelf()) as shelf:
        assert left.counts() == []
        assert [(count.ready, count.delayed) for count in shelf.counts()] == [(2, 1)]


def test_a_failover_by_hand_is_followed(cluster, cluster_url):
    old = cluster.master_of(clusters.STORE)
    replica = next(each for each in cluster.servers if each not in cluster.masters_now())
    broker = open_broker(cluster_url, {"wait_replicas": 1})
    with closing(broker.publisher()) as publisher, closing(broker.shelf()) as shelf:
        publisher.publish(parcels("a"))
        clusters.ask(replica, "CLUSTER", "FAILOVER")
        until(lambda: "role:master" in clusters.said(replica, "INFO", "replication"), cluster.told, timeout=30)
        until(cluster.is_whole, cluster.told, timeout=30)
        publisher.publish(parcels("b"))
        assert cluster.master_of(clusters.STORE) is replica is not old
        assert sorted(item.parcel.id for item in shelf.items("ready")) == ["a", "b"]
