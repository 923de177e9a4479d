"""The memory and the SQLite store keep schedules as the contract says."""

from __future__ import annotations

import pytest

from umbel.adapters.memory import discard_store, open_broker
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.testing.conformance.coordinator import CoordinatorSuite


class TestMemoryCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self):
        yield open_broker("memory://coordinator", {})
        discard_store("memory://coordinator")


class TestSqliteCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self, tmp_path):
        return open_sqlite(f"sqlite:///{tmp_path}/store.db", {})
