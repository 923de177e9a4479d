"""A real redis-server: one for the session, emptied for each test, or one of a test's own to be hurt."""

from __future__ import annotations

import pytest

from tests.support import clusters, servers
from tests.support.certificates import made
from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A server that all tests of this process share; do not stop it."""
    with servers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def url(redis_server):
    """URL of an empty database."""
    cleaner = Link(Address.parse(redis_server.url, {}))
    cleaner.call("FLUSHALL")
    cleaner.call("SCRIPT", "FLUSH")
    cleaner.close()
    return redis_server.url


@pytest.fixture
def own_server(tmp_path_factory):
    """A server of this test alone, to be stopped, killed and started again."""
    with servers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority, a server certificate for localhost, and an authority that nobody asked."""
    return made(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A cluster that all tests of this process share; whoever hurts it waits until it is whole again."""
    with clusters.cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def cluster_url(cluster):
    """URL of the cluster, whole and without a key."""
    until(cluster.is_whole, cluster.told, timeout=30)
    for server in cluster.masters_now():
        clusters.ask(server, "FLUSHALL")
        clusters.ask(server, "SCRIPT", "FLUSH")
    return cluster.url


@pytest.fixture
def link(url):
    """A link to the empty database, closed at the end."""
    link = Link(Address.parse(url, {}))
    yield link
    link.close()
