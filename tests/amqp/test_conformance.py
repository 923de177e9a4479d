"""The suite of the broker contract over a real server; what RabbitMQ cannot do is said by its abilities."""

from __future__ import annotations

from umbel.testing.conformance.broker import BrokerSuite


class TestAmqpBroker(BrokerSuite):
    pass
