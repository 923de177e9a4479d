from __future__ import annotations

from itertools import count

import pytest

from umbel.adapters.memory import discard_store, open_backend, open_broker
from umbel.testing.conformance.backend import BackendSuite
from umbel.testing.conformance.broker import BrokerSuite

_numbers = count()


class MemoryLab:
    patience = 5.0
    histories = 40
    many = 3000

    def __init__(self):
        self.url = f"memory://conformance-{next(_numbers)}"

    def broker(self):
        return open_broker(self.url, {})

    def backend(self):
        return open_backend(self.url, {})

    def enlist(self, owner):
        self.broker().owners().enlist(owner)

    def kill(self, owner):
        self.broker().store.kill(owner.nonce)

    def fresh(self):
        return MemoryLab()

    def close(self):
        discard_store(self.url)


@pytest.fixture
def lab():
    lab = MemoryLab()
    yield lab
    lab.close()


class TestMemoryBroker(BrokerSuite):
    pass


class TestMemoryBackend(BackendSuite):
    pass
