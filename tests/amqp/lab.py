"""A virtual host of a real server as the conformance suites want it."""

from __future__ import annotations

from umbel.adapters.amqp.broker import open_broker
from umbel.adapters.amqp.consumer import ended
from umbel.adapters.memory import discard_store, open_backend
from umbel.broker import Owner

QUEUES = ("q", "p", "first", "second", "one", "two", "other", "low", "errbacks")


class AmqpLab:
    """A virtual host of its own, whose queues tell priorities apart. What was lost comes back after a tenth of a second
    and not after two.

    A killed owner is one whose connection ends without a word; that processes are really killed is tested elsewhere.
    Results are in memory: RabbitMQ keeps none.
    """

    patience = 5.0
    histories = 2
    many = 3000

    def __init__(self, rabbitmq):
        self._rabbitmq = rabbitmq
        self.url = rabbitmq.vhost()
        self._owners = {}
        fields = {"queue_arguments": {"x-max-priority": 9}}
        self.options = {"queues": dict.fromkeys(QUEUES, fields), "redelivery_pause": 0.1}

    def broker(self, **options):
        return open_broker(self.url, {**self.options, **options})

    def backend(self):
        return open_backend(f"memory://{self.url}", {})

    def enlist(self, owner: Owner) -> None:
        owners = self._owners[owner.nonce] = self.broker().owners()
        owners.enlist(owner)

    def kill(self, owner: Owner) -> None:
        session = ended(owner.nonce)
        if session is not None:
            session.sever()
        owners = self._owners.pop(owner.nonce, None)
        if owners is not None:
            owners.close()

    def fresh(self):
        return AmqpLab(self._rabbitmq)

    def close(self) -> None:
        for nonce, owners in self._owners.items():
            session = ended(nonce)
            if session is not None:
                session.sever()
            owners.close()
        discard_store(f"memory://{self.url}")
        self._rabbitmq.drop(self.url)
