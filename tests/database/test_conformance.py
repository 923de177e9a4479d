"""The suite of the backend contract over real databases; the messages are elsewhere."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from umbel.adapters.database import open_backend, writing
from umbel.adapters.memory import MemoryBroker, MemoryStore
from umbel.testing.conformance.backend import BackendSuite

_numbers = itertools.count()


class Elsewhere(MemoryBroker):
    """A broker whose results are kept by another store."""

    @property
    def abilities(self):
        return msgspec.structs.replace(super().abilities, results=False)


class DatabaseLab:
    """Results in a database, each lab in a table of its own."""

    patience = 10.0
    histories = 20
    many = 3000

    def __init__(self, url):
        self.url = url
        self.table = f"results{next(_numbers)}"
        self.store = MemoryStore()

    def broker(self):
        return Elsewhere(self.store)

    def backend(self):
        return open_backend(self.url, {"table": self.table, "timeout": 20})

    def enlist(self, owner):
        self.broker().owners().enlist(owner)

    def kill(self, owner):
        self.store.kill(owner.nonce)

    def fresh(self):
        return DatabaseLab(self.url)

    def close(self):
        """The database goes with the test's folder, or with the session."""


@pytest.fixture
def lab(url):
    return DatabaseLab(url)


class TestDatabaseBackend(BackendSuite):
    pass


class TestDatabaseWithoutUpsert(BackendSuite):
    """As any other database is written."""

    @pytest.fixture(autouse=True)
    def _plain_statements_only(self, monkeypatch):
        monkeypatch.setattr(writing, "NATIVE", {})
