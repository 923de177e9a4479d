from __future__ import annotations

import pytest

from tests.sqlite.lab import SqliteLab
from umbel.testing.conformance.backend import BackendSuite
from umbel.testing.conformance.broker import BrokerSuite


@pytest.fixture
def lab():
    lab = SqliteLab()
    yield lab
    lab.close()


class TestSqliteBroker(BrokerSuite):
    pass


class TestSqliteBackend(BackendSuite):
    pass
