"""The suite of the broker contract over a real server, results in the same database."""

from __future__ import annotations

import pytest

from tests.redis.lab import RedisLab
from umbel.testing.conformance.broker import BrokerSuite


@pytest.fixture
def lab(url):
    lab = RedisLab(url)
    yield lab
    lab.close()


class TestRedisBroker(BrokerSuite):
    pass
