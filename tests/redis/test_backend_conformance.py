"""The suite of the backend contract over a real server; the messages are elsewhere, as with any other broker."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from umbel.adapters.memory import MemoryBroker, MemoryStore
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.testing.conformance.backend import BackendSuite

_numbers = itertools.count()


class Elsewhere(MemoryBroker):
    """A broker whose results are kept by another store."""

    @property
    def abilities(self):
        return msgspec.structs.replace(super().abilities, results=False)


class RedisLab:
    """Results in a database, each lab under a prefix of its own."""

    patience = 5.0
    histories = 20
    many = 3000

    def __init__(self, url):
        self.url = url
        self.prefix = f"lab{next(_numbers)}"
        self.store = MemoryStore()

    def broker(self):
        return Elsewhere(self.store)

    def backend(self):
        return RedisBackend(Address.parse(self.url, {"global_keyprefix": self.prefix}))

    def enlist(self, owner):
        self.broker().owners().enlist(owner)

    def kill(self, owner):
        self.store.kill(owner.nonce)

    def fresh(self):
        return RedisLab(self.url)

    def close(self):
        """The database is emptied for the next test."""


@pytest.fixture
def lab(url):
    return RedisLab(url)


class TestRedisBackend(BackendSuite):
    pass
