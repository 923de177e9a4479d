"""What is refused and what is warned of before the first write, over servers that really are so."""

from __future__ import annotations

import logging

import pytest

from tests.support import servers
from umbel.adapters.redis import checks
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.adapters.redis.checks import Facts, gathered, look_over, refusal, warnings
from umbel.adapters.redis.link import Link
from umbel.exceptions import StoreReadOnly, StoreUnavailable, StoreUnsuitable
from umbel.record import Record

ADDRESS = Address.parse("redis://:hunter2@cache", {})


@pytest.fixture(autouse=True)
def _unseen(monkeypatch):
    monkeypatch.setattr(checks, "_seen", set())


@pytest.fixture
def own(own_server):
    """A link to a server of this test alone."""
    link = Link(Address.parse(own_server.url, {}))
    yield link
    link.close()


def test_a_read_only_replica_is_refused_by_the_name_of_its_primary(own, own_server):
    port = servers.free_port()
    own.call("REPLICAOF", "127.0.0.1", port)
    with pytest.raises(StoreReadOnly, match=f"read-only replica of 127.0.0.1:{port}; name the primary"):
        look_over(own, "results")
    backend = RedisBackend(Address.parse(own_server.url, {}))
    with pytest.raises(StoreReadOnly, match="name the primary"):
        backend.store([Record("a", "SUCCESS", b"{}")])
    own.call("REPLICAOF", "NO", "ONE")
    backend.store([Record("a", "SUCCESS", b"{}")])
    backend.close()


def test_a_node_of_a_cluster_is_refused(tmp_path):
    port = str(servers.free_port())  # by itself it takes the server's and 10,000, which there may not be
    with servers.redis_server(tmp_path, "--cluster-enabled", "yes", "--cluster-port", port) as server:
        link = Link(Address.parse(server.url, {}))
        with pytest.raises(StoreUnsuitable, match="node of a cluster"):
            look_over(link, "messages")
        link.close()


@pytest.mark.parametrize(("version", "refused"), [("5.0.14", True), ("6.0.16", True), ("6.2.0", False), ("7.0", False)])
def test_an_old_server_is_refused(version, refused):
    error = refusal(Facts({"redis_version": version}), ADDRESS)
    assert (error is not None) is refused
    assert not refused or "6.2 or newer; upgrade it" in str(error)
    assert "hunter2" not in str(error)


def test_a_wrong_password_is_refused_with_the_words_of_the_link(own, own_server):
    own.call("CONFIG", "SET", "requirepass", "right")
    link = Link(Address.parse(own_server.url.replace("//", "//:hunter2@"), {}))
    with pytest.raises(StoreUnavailable, match="refused the user name or password") as caught:
        look_over(link, "results")
    assert "hunter2" not in str(caught.value)


def test_a_server_that_may_drop_keys_or_keeps_nothing_is_told_of_once(own, caplog):
    own.call("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    with caplog.at_level(logging.WARNING, logger="umbel.redis"):
        look_over(own, "messages")
        look_over(own, "messages")
        look_over(own, "results")  # the same server
    said = [entry.getMessage() for entry in caplog.records]
    assert len(said) == 2
    assert "may drop keys" in said[0]
    assert "maxmemory-policy to noeviction" in said[0]
    assert "writes nothing to disk" in said[1]
    assert "appendonly to yes" in said[1]


def test_a_server_that_keeps_all_is_not_told_of(own):
    own.call("CONFIG", "SET", "appendonly", "yes")
    assert warnings(gathered(own), own.address, "messages") == []
    own.call("CONFIG", "SET", "appendonly", "no", "save", "3600 1")
    assert warnings(gathered(own), own.address, "messages") == []


@pytest.mark.parametrize(("drift", "words"), [(90.0, "90 s ahead of"), (-90.0, "90 s behind"), (1.0, "")])
def test_a_clock_that_is_far_away(drift, words):
    said = warnings(Facts({}, None, drift), ADDRESS, "results")
    assert len(said) == bool(words)
    assert words in "".join(said)


def test_a_user_who_may_not_ask_is_let_through(own, own_server):
    own.call("ACL", "SETUSER", "ann", "on", ">pw", "~*", "&*", "+@all", "-info", "-config")
    link = Link(Address.parse(own_server.url.replace("//", "//ann:pw@"), {}))
    look_over(link, "results")
    assert gathered(link).info == {}
    assert gathered(link).save is None
    link.close()
