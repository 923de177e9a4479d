"""The suite of what several processes see of one store, over a real server; leases end by the server's own clock."""

from __future__ import annotations

import pytest

from tests.redis.lab import RedisLab
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.layout import Layout
from umbel.testing.conformance.shared import SharedSuite


class SharedRedisLab(RedisLab):
    """A whole database: other processes open it by its URL alone."""

    opener = "umbel.adapters.redis.broker:open_broker"
    backend_opener = "umbel.adapters.redis:open_backend"

    def __init__(self, url):
        super().__init__(url)
        self.options = {}
        self.address = Address.parse(url, {})
        self.layout = Layout.of(self.address, {})


@pytest.fixture
def lab(url):
    lab = SharedRedisLab(url)
    yield lab
    lab.close()


class TestRedisBetweenProcesses(SharedSuite):
    test_a_computing_process_stops_nobody = pytest.mark.alone(SharedSuite.test_a_computing_process_stops_nobody)
