"""The suite of the broker contract over a real server; what RabbitMQ cannot do is said by its abilities."""

from __future__ import annotations

import pytest

from tests.amqp.lab import AmqpLab
from umbel.testing.conformance.broker import BrokerSuite


@pytest.fixture
def lab(rabbitmq):
    lab = AmqpLab(rabbitmq)
    yield lab
    lab.close()


class TestAmqpBroker(BrokerSuite):
    pass
