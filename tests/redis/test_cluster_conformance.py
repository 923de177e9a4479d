"""The suites of the contracts over a real cluster. Each lab has a hash tag of its own, so all masters have some."""

from __future__ import annotations

import pytest

from tests.redis import test_backend_conformance
from tests.redis.lab import RedisLab
from umbel.adapters.redis.broker import open_broker
from umbel.testing.conformance.backend import BackendSuite
from umbel.testing.conformance.broker import BrokerSuite
from umbel.testing.conformance.coordinator import CoordinatorSuite
from umbel.testing.conformance.overrides import OverridesSuite


class ClusterLab(RedisLab):
    """What histories show is in the scripts, which are those of a single server: a few are enough."""

    histories = 5


@pytest.fixture
def lab(cluster_url):
    lab = ClusterLab(cluster_url)
    yield lab
    lab.close()


@pytest.fixture
def results(cluster_url):
    return test_backend_conformance.RedisLab(cluster_url)


class TestClusterBroker(BrokerSuite):
    pass


class TestClusterCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self, cluster_url):
        return open_broker(cluster_url, {})


class TestClusterOverrides(OverridesSuite):
    @pytest.fixture
    def broker(self, cluster_url):
        return open_broker(cluster_url, {})


class TestClusterBackend(BackendSuite):
    @pytest.fixture
    def lab(self, results):
        return results
