from __future__ import annotations

import pytest

from tests.conformance.patient import SharedSqliteLab
from umbel.adapters.sqlite import wake
from umbel.testing.conformance.shared import SharedSuite


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setattr(wake, "SWEEP", wake.SWEEP)
    lab = SharedSqliteLab()
    yield lab
    lab.close()


class TestSharedSqlite(SharedSuite):
    test_a_computing_process_stops_nobody = pytest.mark.alone(SharedSuite.test_a_computing_process_stops_nobody)
