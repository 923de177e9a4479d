"""What several processes see of one virtual host."""

from __future__ import annotations

import pytest

from tests.amqp.lab import AmqpLab
from umbel.testing.conformance.shared import SharedSuite


class SharedAmqpLab(AmqpLab):
    """One that other processes open too. What was pushed to one that is busy comes to others after two seconds."""

    patience = 30.0
    opener = "umbel.adapters.amqp.broker:open_broker"
    backend_opener = "umbel.adapters.memory:open_backend"


@pytest.fixture
def lab(rabbitmq):
    lab = SharedAmqpLab(rabbitmq)
    yield lab
    lab.close()


class TestAmqpBetweenProcesses(SharedSuite):
    test_a_computing_process_stops_nobody = pytest.mark.alone(SharedSuite.test_a_computing_process_stops_nobody)
