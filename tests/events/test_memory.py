"""Events inside one process."""

from __future__ import annotations

import pytest

from umbel import ids
from umbel.adapters.memory import open_broker
from umbel.testing.conformance.monitor import MonitorSuite


class TestMemoryMonitor(MonitorSuite):
    @pytest.fixture
    def broker(self):
        return open_broker(f"memory://{ids.new_id()}", {})
