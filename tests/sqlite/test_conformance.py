from __future__ import annotations

import pytest

from tests.sqlite.lab import SqliteLab
from umbel.adapters.sqlite import wake
from umbel.testing.conformance.backend import BackendSuite
from umbel.testing.conformance.broker import BrokerSuite


@pytest.fixture
def lab(monkeypatch):
    # The slow look that a sleeper takes each second would hide a wake-up that was lost.
    monkeypatch.setattr(wake, "SWEEP", 3600.0)
    lab = SqliteLab()
    yield lab
    lab.close()


class TestSqliteBroker(BrokerSuite):
    pass


class TestSqliteBackend(BackendSuite):
    pass
